"""A trained model for Python: images to codes, codes to images, with arrays or tensors, without Snakemake.

    model = tcwae.load("results/quick/runs/mini_dsprites/beta_tcvae/cross_entropy/beta=3/seed=0")
    mean, variance = model.encode(images)
    pictures = model.decode(mean)
    row = model.traverse(images[0], latent=3, range=(-2, 2))

Images are (images, 64, 64, channel) everywhere, as in the files of the project: uint8 from 0 to 255, or bool, or floating-point
numbers in [0, 1]. Pictures that come back are float32 in [0, 1]. Whoever gives numpy arrays gets numpy arrays, whoever gives
tensors gets tensors on the model's device. No gradients are kept; for those there is `Model.network`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor

from tcwae.config.run import Run
from tcwae.errors import InputError
from tcwae.evaluation.representation import BATCH
from tcwae.methods.networks import Autoencoder
from tcwae.training import checkpoint
from tcwae.training.device import select_device

__all__ = ["Encoding", "Model", "load"]

Values: TypeAlias = np.ndarray | Tensor
"""An array, or a tensor on any device."""


class Encoding(NamedTuple):
    """q(z|x) = N(mean, diag variance) of a batch of images, each (images, latent)."""

    mean: Values
    variance: Values


def load(path: Path | str, device: str | torch.device = "cpu") -> "Model":
    """The model that a training wrote: `path` is a run's folder or its `model.safetensors`.

    Raises:
        InputError: the file is damaged or no checkpoint of tcwae, or the device is not there.
        OSError: it cannot be read.
    """
    path = Path(path)
    network, run, record = checkpoint.load_model(
        path / "model.safetensors" if path.is_dir() else path, select_device(str(device))
    )
    return Model(network.to(memory_format=torch.channels_last).eval(), run, record["channels"], record)


@dataclass(frozen=True, eq=False)
class Model:
    """Encoder and decoder of one training, and what it was trained with."""

    network: Autoencoder
    """The torch module: `network.encoder`, `network.decoder`, images (images, channel, 64, 64), logits for pictures."""
    run: Run
    """The configuration, down to the last number."""
    channels: int
    """Of an image: 1 or 3."""
    record: dict[str, Any]
    """Steps, versions and commit, as the file has them."""

    @property
    def latent_dimension(self) -> int:
        """How many numbers a code has."""
        return self.run.latent_dimension

    @torch.no_grad()
    def encode(self, images: Values) -> Encoding:
        """The posteriors of images (images, 64, 64, channel).

        Raises:
            InputError: another shape or type, or values that are not in [0, 1] or 0..255.
        """
        tensor = _tensor(images, "images")
        shape = (64, 64, self.channels)
        if tensor.ndim != 4 or tensor.shape[1:] != shape:
            raise InputError(
                f"expected images of shape (images, {', '.join(map(str, shape))}), found {tuple(tensor.shape)}"
                + _advice(images, tensor.shape, shape)
            )
        if not (tensor.is_floating_point() or tensor.dtype in (torch.uint8, torch.bool)):
            raise InputError(f"expected images as uint8, bool or floating-point numbers, found {tensor.dtype}")
        batches = (self.network.encoder(some) for some in self._pixels(tensor))
        mean, variance = (torch.cat(parts) for parts in zip(*batches, strict=True))
        return Encoding(_like(images, mean), _like(images, variance))

    @torch.no_grad()
    def decode(self, codes: Values) -> Values:
        """Pictures (codes, 64, 64, channel) in [0, 1] of codes (codes, latent): the sigmoid of the decoder's logits.

        Raises:
            InputError: another shape or type, or codes that are not finite.
        """
        tensor = _tensor(codes, "codes")
        if tensor.ndim != 2 or tensor.shape[1] != self.latent_dimension:
            raise InputError(
                f"expected codes of shape (codes, {self.latent_dimension}), found {tuple(tensor.shape)}"
                + _advice(codes, tensor.shape, (self.latent_dimension,))
            )
        tensor = tensor.to(self._device, torch.float32)
        if not tensor.isfinite().all():
            raise InputError("expected codes that are finite numbers, found NaN or infinity")
        pictures = torch.cat([self.network.decoder(some).sigmoid() for some in tensor.split(BATCH)])
        return _like(codes, pictures.permute(0, 2, 3, 1).contiguous())

    def traverse(
        self,
        image: Values,
        latent: int,
        range: Sequence[float | int] = (-2, 2),
        steps: int = 10,
    ) -> Values:
        """Pictures (steps, 64, 64, channel) of one image (64, 64, channel) while one latent moves.

        The image's posterior mean, with `steps` evenly spaced numbers from range[0] to range[1] added to `latent` (from 0).

        Raises:
            InputError: another shape, no such latent, or a range that is not finite.
        """
        if not 0 <= latent < self.latent_dimension:
            raise InputError(f"expected a latent from 0 to {self.latent_dimension - 1}, found {latent}")
        if steps < 1:
            raise InputError(f"expected at least 1 step, found {steps}")
        code = torch.as_tensor(self.encode(image[None]).mean).repeat(steps, 1)
        code[:, latent] += torch.linspace(*range, steps, device=code.device)
        return _like(image, torch.as_tensor(self.decode(code)))

    @property
    def _device(self) -> torch.device:
        return next(self.network.parameters()).device

    def _pixels(self, images: Tensor) -> Iterator[Tensor]:
        """Batches (images, channel, 64, 64) in [0, 1] on the model's device; of bytes only a batch at a time is floats."""
        if images.dtype == torch.uint8 and len(images) and images.max() == 1:
            raise InputError(
                "expected uint8 images from 0 to 255, found none above 1; if 1 is white, give images.astype(bool)"
            )
        for some in images.split(BATCH):
            pixels = some.to(self._device, torch.float32)
            if images.dtype == torch.uint8:
                pixels = pixels / 255
            elif not ((pixels >= 0) & (pixels <= 1)).all():
                lowest, highest = pixels.min().item(), pixels.max().item()
                found = f"found values from {lowest:.9g} to {highest:.9g}"
                raise InputError(f"expected images in [0, 1], {found}{_out_by(lowest, highest)}")
            yield pixels.permute(0, 3, 1, 2)


def _tensor(values: Values, kind: str) -> Tensor:
    """As a tensor; an array's floats in the machine's byte order, and its memory torch's to use."""
    if isinstance(values, Tensor):
        return values.detach()
    array = np.asarray(values)
    if array.dtype.kind not in "fbiu":
        raise InputError(f"expected {kind} as numbers, found {array.dtype}")
    return torch.from_numpy(np.require(array, np.float32 if array.dtype.kind == "f" else None, "CW"))


def _advice(given: Values, shape: torch.Size, expected: tuple[int, ...]) -> str:
    """What to do about the two most common mistakes."""
    if tuple(shape) == expected:
        return "; for a single one give it a first axis, x[None]"
    if len(shape) == 4 and tuple(shape[2:]) == expected[:2]:
        function = "permute" if isinstance(given, Tensor) else "transpose"
        return f"; channels go last, give images.{function}(0, 2, 3, 1)"
    return ""


def _out_by(lowest: float, highest: float) -> str:
    """What to do about values that rounding or a filter put out of range, or that are bytes as floating-point numbers."""
    if -0.1 < lowest and highest < 1.1:
        return "; give images.clip(0, 1)"
    return "; give images / 255" if 0 <= lowest and 2 < highest <= 255 else ""


def _like(given: Values, result: Tensor) -> Values:
    return result if isinstance(given, Tensor) else result.cpu().numpy()
