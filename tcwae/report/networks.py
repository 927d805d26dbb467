"""The networks in words, layer by layer, read off the modules that are trained (Table 3)."""

from torch import nn

__all__ = ["describe"]


def describe(network: nn.Module) -> list[str]:
    """A line for each layer with weights, the activation that follows it on the same line.

    Raises:
        TypeError: a layer that has no description.
    """
    lines: list[str] = []
    for layer in network.modules():
        if isinstance(layer, nn.ReLU | nn.LeakyReLU):
            slope = getattr(layer, "negative_slope", 0)
            lines[-1] += f" leaky ReLU ({slope:g})" if slope else " ReLU"
        elif next(layer.parameters(recurse=False), None) is not None:
            lines.append(_weights(layer))
    return lines


def _weights(layer: nn.Module) -> str:
    if isinstance(layer, nn.Linear):
        return f"{layer.out_features} FC"
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        kernel, kind = "×".join(map(str, layer.kernel_size)), "conv."  # noqa: RUF001
        transposed = "transposed " if isinstance(layer, nn.ConvTranspose2d) else ""
        return f"{kernel} {transposed}{kind} {layer.out_channels} stride {layer.stride[0]}"
    raise TypeError(f"expected a linear or convolutional layer, found {type(layer).__name__}")
