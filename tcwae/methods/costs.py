"""Reconstruction costs c(x, x~) of equations (7) and (8), summed over pixels and channels.

The decoder gives logits; the reconstruction is x~ = sigmoid(logits), pixel values are in [0, 1]. Another cost is another
function of the same shapes, registered with `tcwae.config.costs.register`.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import softplus

from tcwae.config.costs import FUNCTIONS as COSTS

__all__ = ["COSTS", "cross_entropy", "l1", "l2_squared"]

Images = Float[Tensor, "batch channel height width"]
Costs = Float[Tensor, "batch"]


def _check_shapes(logits: Tensor, images: Tensor) -> None:
    """Broadcasting would compare pictures that do not belong together."""
    if logits.shape != images.shape:
        raise ValueError(
            f"expected logits and images of equal shapes, found {tuple(logits.shape)}, {tuple(images.shape)}"
        )


def cross_entropy(logits: Images, images: Images) -> Costs:
    """-sum [x log x~ + (1 - x) log(1 - x~)], in nats an image (section 4.1; not a metric, as the paper says).

    Written as softplus(l) - x l in the logits l, which is exact and finite for every l.
    """
    _check_shapes(logits, images)
    return _CrossEntropy.apply(logits, images)


class _CrossEntropy(torch.autograd.Function):
    """One function, because its gradient sigmoid(l) - x takes three operations and the chain rule twice as many."""

    @staticmethod
    def forward(context: Any, logits: Images, images: Images) -> Costs:  # noqa: ANN401
        context.save_for_backward(logits, images)
        return torch.addcmul(softplus(logits), images, logits, value=-1).sum((1, 2, 3))

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Costs) -> tuple[Images | None, Images | None]:  # noqa: ANN401
        logits, images = context.saved_tensors
        gradient = gradient[:, None, None, None]
        of_logits, of_images = context.needs_input_grad
        return (
            logits.sigmoid().sub_(images).mul_(gradient) if of_logits else None,
            -logits * gradient if of_images else None,
        )


def l1(logits: Images, images: Images) -> Costs:
    """sum |x - x~| an image (section 4.1)."""
    _check_shapes(logits, images)
    return (logits.sigmoid() - images).abs().sum((1, 2, 3))


def l2_squared(logits: Images, images: Images) -> Costs:
    """sum (x - x~)^2 an image (section 4.1)."""
    _check_shapes(logits, images)
    return (logits.sigmoid() - images).square().sum((1, 2, 3))


COSTS |= {
    "cross_entropy": cross_entropy,
    "l1": l1,
    "l2_squared": l2_squared,
}
