"""The networks' layers (Table 3), without torch: `methods.networks` builds modules from them, and the report prints them.

Two entries of the table are read otherwise, because they cannot be meant: the decoder's last layer has no ReLU (its output
is a logit), and its 4x4 convolutions are transposed ones. The table's ReLU of the discriminator is open
(`discriminator_slope`).
"""

from typing import Literal, NamedTuple

__all__ = ["Layer", "decoder", "discriminator", "encoder"]


class Layer(NamedTuple):
    """A layer with weights and the activation after it: a ReLU with that slope below 0, or none."""

    kind: Literal["FC", "conv.", "transposed conv."]
    outputs: int
    """Units, or channels of the output."""
    kernel: int = 0
    """Pixels along the side of a convolution's kernel; the stride is 2."""
    slope: float | None = 0.0

    def __str__(self) -> str:
        words = [str(self.outputs), "FC"]
        if self.kernel:
            words = [f"{self.kernel}×{self.kernel}", self.kind, str(self.outputs), "stride 2"]  # noqa: RUF001
        if self.slope is not None:
            words.append(f"leaky ReLU ({self.slope:g})" if self.slope else "ReLU")
        return " ".join(words)


def encoder(latent_dimension: int, kernel: int = 4) -> tuple[Layer, ...]:
    """From images to the mean and the raw variance of each latent.

    The last two convolutions have 4x4 kernels, or `kernel` x `kernel` ones: disentanglement_lib has 2x2 (Locatello et al.,
    2019, Table 1 of the appendix).
    """
    convolutions = (Layer("conv.", channels, side) for channels, side in ((32, 4), (32, 4), (64, kernel), (64, kernel)))
    return *convolutions, Layer("FC", 256), Layer("FC", 2 * latent_dimension, slope=None)


def decoder(channels: int) -> tuple[Layer, ...]:
    """From codes to the logits of images with so many channels."""
    convolutions = (Layer("transposed conv.", width, 4) for width in (64, 32, 32))
    last = Layer("transposed conv.", channels, 4, slope=None)
    return Layer("FC", 256), Layer("FC", 64 * 4 * 4), *convolutions, last


def discriminator(slope: float) -> tuple[Layer, ...]:
    """From codes to two logits."""
    return *(Layer("FC", 1000, slope=slope) for _ in range(6)), Layer("FC", 2, slope=None)
