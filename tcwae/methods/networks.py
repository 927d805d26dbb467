"""The networks of Table 3.

Two entries of the table are read otherwise, because they cannot be meant: the decoder's last layer has no ReLU (its output
is a logit), and its 4x4 convolutions are transposed ones. The table's ReLU of the discriminator is open
(`discriminator_slope`). Weights start at Glorot's uniform distribution, biases at zero, as in the authors' code.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from tcwae.methods.convolutions import downwards, upwards

__all__ = ["Autoencoder", "Decoder", "Discriminator", "Encoder", "Posterior"]

VARIANCE_FLOOR = 1e-6
"""Added to every variance, so that no density is infinite."""


class Posterior(NamedTuple):
    """q(z|x) = N(mean, diag variance) of a batch of images, and codes drawn from it."""

    mean: Float[Tensor, "batch latent"]
    variance: Float[Tensor, "batch latent"]
    codes: Float[Tensor, "batch latent"]

    @property
    def log_variance(self) -> Float[Tensor, "batch latent"]:
        """log variance."""
        return self.variance.log()


class Encoder(nn.Module):
    """Images (batch, channel, 64, 64) in [0, 1] to the mean and the variance of q(z|x), each (batch, latent).

    The variance is softplus of the network's output, as in the authors' code. The last two convolutions have 4x4 kernels, or
    `kernel` x `kernel` ones: disentanglement_lib has 2x2 (Locatello et al., 2019, Table 1 of the appendix).
    """

    def __init__(self, channels: int, latent_dimension: int, kernel: int = 4) -> None:
        super().__init__()
        shapes = (channels, 32, 4), (32, 32, 4), (32, 64, kernel), (64, 64, kernel)
        self.convolutions = nn.Sequential(
            *(
                layer
                for inputs, outputs, side in shapes
                for layer in (nn.Conv2d(inputs, outputs, side, stride=2, padding=side // 2 - 1), nn.ReLU(inplace=True))
            )
        )
        self._fast = kernel == 4
        self.fully_connected = nn.Sequential(
            nn.Linear(64 * 4 * 4, 256), nn.ReLU(inplace=True), nn.Linear(256, 2 * latent_dimension)
        )

    def forward(
        self, images: Float[Tensor, "batch channel 64 64"]
    ) -> tuple[Float[Tensor, "batch latent"], Float[Tensor, "batch latent"]]:
        """Mean and variance."""
        features = _stack(downwards, self.convolutions, images) if self._fast else self.convolutions(images)
        mean, raw = self.fully_connected(features.flatten(1)).to(images.dtype).chunk(2, dim=1)
        return mean, softplus(raw) + VARIANCE_FLOOR


class Decoder(nn.Module):
    """Codes (batch, latent) to logits of the pixels (batch, channel, 64, 64)."""

    def __init__(self, channels: int, latent_dimension: int) -> None:
        super().__init__()
        self.fully_connected = nn.Sequential(
            nn.Linear(latent_dimension, 256), nn.ReLU(inplace=True), nn.Linear(256, 64 * 4 * 4), nn.ReLU(inplace=True)
        )
        layers = [
            layer
            for inputs, outputs in ((64, 64), (64, 32), (32, 32), (32, channels))
            for layer in (nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1), nn.ReLU(inplace=True))
        ]
        self.convolutions = nn.Sequential(*layers[:-1])

    def forward(self, codes: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch channel 64 64"]:
        """Logits; the reconstruction is their sigmoid."""
        features = self.fully_connected(codes).unflatten(1, (64, 4, 4))
        return _stack(upwards, self.convolutions, features).to(codes.dtype)


def _stack(function: Callable[[Tensor, Sequence[Tensor]], Tensor], layers: nn.Sequential, pictures: Tensor) -> Tensor:
    """Apply `layers`; in single or reduced precision on a CPU by `function`, which computes the whole stack at once."""
    dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else torch.float32
    if pictures.device.type != "cpu" or pictures.dtype == torch.float64 or not torch.backends.mkldnn.is_available():
        return layers(pictures)
    if dtype == torch.bfloat16 and not _bfloat16_in_onednn():
        return layers(pictures)
    return function(pictures.to(dtype), [parameter.to(dtype) for parameter in layers.parameters()])


def _bfloat16_in_onednn() -> bool:
    """Whether oneDNN multiplies bfloat16 on this processor, which takes AVX-512; torch's own question is private."""
    supported = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return supported is not None and supported()


class Discriminator(nn.Module):
    """Codes (batch, latent) to two logits: the first for the numerator of a density ratio, the second for its denominator."""

    def __init__(self, latent_dimension: int, slope: float) -> None:
        super().__init__()
        widths = [latent_dimension, *[1000] * 6]
        hidden = (
            layer
            for inputs, outputs in itertools.pairwise(widths)
            for layer in (nn.Linear(inputs, outputs), nn.LeakyReLU(slope, inplace=True))
        )
        self.layers = nn.Sequential(*hidden, nn.Linear(1000, 2))

    def forward(self, codes: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch 2"]:
        """Logits."""
        return self.layers(codes).to(codes.dtype)


class Autoencoder(nn.Module):
    """Encoder, decoder, and the discriminators that an objective names, initialised from a seed."""

    def __init__(
        self,
        channels: int,
        latent_dimension: int,
        discriminators: Sequence[str] = (),
        slope: float = 0.2,
        seed: int = 0,
        encoder_kernel: int = 4,
    ) -> None:
        super().__init__()
        self.encoder = Encoder(channels, latent_dimension, encoder_kernel)
        self.decoder = Decoder(channels, latent_dimension)
        self.discriminators = nn.ModuleDict({name: Discriminator(latent_dimension, slope) for name in discriminators})
        self._initialise(torch.Generator().manual_seed(seed))

    def _initialise(self, generator: torch.Generator) -> None:
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.xavier_uniform_(parameter, generator=generator)
            else:
                nn.init.zeros_(parameter)

    def posterior(
        self, images: Float[Tensor, "batch channel 64 64"], noise: Float[Tensor, "batch latent"]
    ) -> Posterior:
        """q(z|x) and its codes = mean + sqrt(variance) noise."""
        mean, variance = self.encoder(images)
        return Posterior(mean, variance, mean + variance.sqrt() * noise)
