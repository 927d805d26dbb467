"""The networks of Table 3, built from the layers of `config.layers`.

Weights start at Glorot's uniform distribution, biases at zero, as in the authors' code.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from tcwae.config import layers
from tcwae.config.layers import Layer
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

    The variance is softplus of the network's output, as in the authors' code.
    """

    def __init__(self, channels: int, latent_dimension: int, kernel: int = 4) -> None:
        super().__init__()
        *convolutions, hidden, last = layers.encoder(latent_dimension, kernel)
        self.convolutions = _built(convolutions, channels)
        self._fast = kernel == 4
        self.fully_connected = _built((hidden, last), 64 * 4 * 4)

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
        first, second, *convolutions = layers.decoder(channels)
        self.fully_connected = _built((first, second), latent_dimension)
        self.convolutions = _built(convolutions, 64)

    def forward(self, codes: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch channel 64 64"]:
        """Logits; the reconstruction is their sigmoid."""
        features = self.fully_connected(codes).unflatten(1, (64, 4, 4))
        return _stack(upwards, self.convolutions, features).to(codes.dtype)


def _built(network: Iterable[Layer], inputs: int) -> nn.Sequential:
    """The modules of layers, the first of which has so many inputs."""
    modules: list[nn.Module] = []
    for layer in network:
        if layer.kind == "FC":
            modules.append(nn.Linear(inputs, layer.outputs))
        else:  # half of the input's side, or twice
            kind = nn.Conv2d if layer.kind == "conv." else nn.ConvTranspose2d
            modules.append(kind(inputs, layer.outputs, layer.kernel, stride=2, padding=layer.kernel // 2 - 1))
        if layer.slope is not None:
            modules.append(nn.LeakyReLU(layer.slope, inplace=True) if layer.slope else nn.ReLU(inplace=True))
        inputs = layer.outputs
    return nn.Sequential(*modules)


def _stack(function: Callable[[Tensor, Sequence[Tensor]], Tensor], network: nn.Sequential, pictures: Tensor) -> Tensor:
    """Apply `network`; in single or reduced precision on a CPU by `function`, which computes the whole stack at once."""
    dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else torch.float32
    if pictures.device.type != "cpu" or pictures.dtype == torch.float64 or not torch.backends.mkldnn.is_available():
        return network(pictures)
    if dtype == torch.bfloat16 and not _bfloat16_in_onednn():
        return network(pictures)
    return function(pictures.to(dtype), [parameter.to(dtype) for parameter in network.parameters()])


def _bfloat16_in_onednn() -> bool:
    """Whether oneDNN multiplies bfloat16 on this processor, which takes AVX-512; torch's own question is private."""
    supported = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return supported is not None and supported()


class Discriminator(nn.Module):
    """Codes (batch, latent) to two logits: the first for the numerator of a density ratio, the second for its denominator."""

    def __init__(self, latent_dimension: int, slope: float) -> None:
        super().__init__()
        self.layers = _built(layers.discriminator(slope), latent_dimension)

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
