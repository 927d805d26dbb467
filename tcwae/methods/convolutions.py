"""Table 3's stacks of 4x4 convolutions of stride 2, each as one differentiable function that is fast on a CPU.

They compute what `nn.Conv2d`, `nn.ConvTranspose2d` and `nn.ReLU` compute one after the other, up to rounding. Three products
do all the work, between a picture, one of half its width, and the weight that connects the two:

    half = shrink(whole, weight)     a convolution; the gradient of a transposed convolution's input
    whole = grow(half, weight)       a transposed convolution; the gradient of a convolution's input
    weight_gradient(whole, half)     the gradient of the weight of either

Measurements in benchmarks/README.md support each of these choices:

- oneDNN's kernels for convolutions are faster than those for transposed ones, for the gradient of the weight three times;
- they compute sixteen channels at a time; where `whole` has one or three, `grow` is a matrix product and shifted sums;
- the gradient of a ReLU overwrites the incoming gradient, which nothing else reads;
- all pictures of a stack stay in channels-last layout.

oneDNN's operations and the ReLU's gradient in place are private to torch. Where a release lacks one, public operations
replace it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import conv2d, conv_transpose2d

__all__ = ["downwards", "upwards"]

Whole = Float[Tensor, "batch channels side side"]
Half = Float[Tensor, "batch half_channels half_side half_side"]
Weight = Float[Tensor, "half_channels channels 4 4"]


def downwards(images: Whole, parameters: Sequence[Tensor]) -> Half:
    """Convolutions with a ReLU after each; `parameters` are weight, bias, weight, bias and so on."""
    return _Down.apply(images, *parameters)


def upwards(features: Half, parameters: Sequence[Tensor]) -> Whole:
    """Transposed convolutions with a ReLU between two of them; `parameters` as in `downwards`."""
    return _Up.apply(features, *parameters)


class _Down(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, images: Whole, *parameters: Tensor) -> Half:  # noqa: ANN401
        pictures, weights = [_channels_last(images)], [_channels_last(weight) for weight in parameters[::2]]
        for weight, bias in zip(weights, parameters[1::2], strict=True):
            pictures.append(_shrink(pictures[-1], weight, bias, "relu"))
        context.save_for_backward(*pictures, *weights)
        return pictures[-1]

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Half) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        layers = len(context.saved_tensors) // 2
        pictures, weights = context.saved_tensors[: layers + 1], context.saved_tensors[layers + 1 :]
        gradient, gradients = _channels_last(gradient).clone(), []
        for whole, half, weight in zip(pictures[-2::-1], pictures[:0:-1], reversed(weights), strict=True):
            _through_relu(gradient, half)
            gradients += [_bias_gradient(gradient), _weight_gradient(whole, gradient, weight)]
            if whole is not pictures[0] or context.needs_input_grad[0]:
                gradient = _grow_gradient(gradient, weight, whole)
        return gradient if context.needs_input_grad[0] else None, *reversed(gradients)


class _Up(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, features: Half, *parameters: Tensor) -> Whole:  # noqa: ANN401
        pictures, weights = [_channels_last(features)], [_channels_last(weight) for weight in parameters[::2]]
        for weight, bias in zip(weights[:-1], parameters[1:-1:2], strict=True):
            pictures.append(_grow(pictures[-1], weight, bias))
        context.save_for_backward(*pictures, *weights)
        return _grow_few(pictures[-1], weights[-1]).add_(parameters[-1][:, None, None])

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Whole) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        layers = len(context.saved_tensors) // 2
        pictures, weights = context.saved_tensors[:layers], context.saved_tensors[layers:]
        gradient, gradients = _channels_last(gradient), []
        for half, weight in zip(reversed(pictures), reversed(weights), strict=True):
            gradients += [_bias_gradient(gradient), _weight_gradient(gradient, half, weight)]
            gradient = _shrink(gradient, weight, None, "none")
            if half is not pictures[0]:
                _through_relu(gradient, half)
        return gradient, *reversed(gradients)


def _shrink(whole: Whole, weight: Weight, bias: Tensor | None, then: str) -> Half:
    """The convolution, then "relu" or "none"."""
    fused = _fused("_convolution_pointwise")
    if fused is not None:
        return fused(whole, weight, bias, (1, 1), (2, 2), (1, 1), 1, then, (), "")
    half = conv2d(whole, weight, bias, 2, 1)
    return half.relu_() if then == "relu" else half


def _grow(half: Half, weight: Weight, bias: Tensor) -> Whole:
    """The transposed convolution and its ReLU."""
    fused = _fused("_convolution_transpose_pointwise")
    if fused is not None:
        return fused(half, weight, bias, (1, 1), (0, 0), (2, 2), (1, 1), 1, "relu", (), "")
    return conv_transpose2d(half, weight, bias, 2, 1).relu_()


def _fused(name: str) -> Callable[..., Tensor] | None:
    """oneDNN's convolution with the operation that follows it, which is private to torch; None where torch lacks it."""
    return getattr(getattr(torch.ops.mkldnn, name, None), "default", None)


def _grow_few(half: Half, weight: Weight) -> Whole:
    """The transposed convolution to few channels, without bias and ReLU.

    Each place of `half` gives 4x4 pixels, all by one product; where they overlap they are added up, along columns, then rows.
    Pixel 2i + p of a row is in the reach of the places i, as the latter's pixel p + 1, and i - 1 + 2p, as pixel 3 - 3p.
    """
    (batch, inputs, side, _), channels = half.shape, weight.shape[1]
    places = half.permute(0, 2, 3, 1).reshape(batch, side * side, inputs)
    product = torch.bmm(weight.flatten(1).T.expand(batch, -1, -1), places.mT)
    patches = product.view(batch, channels, 4, 4, side, side)
    columns = patches[:, :, :, 1:3]
    columns[:, :, :, 0, :, 1:] += patches[:, :, :, 3, :, :-1]
    columns[:, :, :, 1, :, :-1] += patches[:, :, :, 0, :, 1:]
    rows = columns[:, :, 1:3]
    rows[:, :, 0, :, 1:] += columns[:, :, 3, :, :-1]
    rows[:, :, 1, :, :-1] += columns[:, :, 0, :, 1:]
    return rows.permute(0, 1, 4, 2, 5, 3).reshape(batch, channels, 2 * side, 2 * side)


def _grow_gradient(half: Half, weight: Weight, like: Whole) -> Whole:
    """The gradient of a convolution's input."""
    return _gradients(half, like, weight, (True, False, False))[0]


def _weight_gradient(whole: Whole, half: Half, weight: Weight) -> Weight:
    """Of sum(half * shrink(whole)), which is sum(whole * grow(half)), with respect to the weight of either."""
    return _gradients(half, whole, weight, (False, True, False))[1]


def _gradients(half: Half, whole: Whole, weight: Weight, which: tuple[bool, bool, bool]) -> tuple[Tensor | None, ...]:
    """By an operator of Core ATen, the set that torch documents and keeps."""
    return torch.ops.aten.convolution_backward.default(
        half, whole, weight, None, (2, 2), (1, 1), (1, 1), False, (0, 0), 1, which
    )


def _bias_gradient(gradient: Tensor) -> Tensor:
    """By a sum of its own: oneDNN's, beside the gradient of the weight, is slower where `whole` has one channel."""
    return gradient.sum((0, 2, 3))


def _through_relu(gradient: Tensor, output: Tensor) -> None:
    """Turn the gradient of a ReLU's output into that of its input, in place."""
    in_place = getattr(getattr(torch.ops.aten, "threshold_backward", None), "grad_input", None)
    if in_place is not None:
        in_place(gradient, output, 0, grad_input=gradient)
    else:
        gradient.masked_fill_(output <= 0, 0)


def _channels_last(pictures: Tensor) -> Tensor:
    """Laid out channel by channel at each place, with strides that say so where there is one channel too.

    `contiguous(memory_format=torch.channels_last)` leaves one channel's strides as they are; oneDNN then reorders whole
    pictures, there and back.
    """
    batch, channels, height, width = pictures.shape
    return pictures.permute(0, 2, 3, 1).reshape(-1).view(batch, height, width, channels).permute(0, 3, 1, 2)
