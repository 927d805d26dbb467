"""Costs against values worked out by hand."""

import math
import subprocess
import sys

import pytest
import torch

from tcwae.config import costs
from tcwae.methods.costs import COSTS, cross_entropy, l1, l2_squared


def one_image(*pixels):
    return torch.tensor(pixels, dtype=torch.float64).reshape(1, 1, 1, -1)


def test_values_by_hand():
    logits = one_image(0.0, math.log(3), -math.log(3))  # x~ = 1/2, 3/4, 1/4
    images = one_image(1.0, 1.0, 0.5)
    expected = math.log(2) + math.log(4 / 3) + 0.5 * (math.log(4) + math.log(4 / 3))
    assert cross_entropy(logits, images).item() == pytest.approx(expected)
    assert l1(logits, images).item() == pytest.approx(0.5 + 0.25 + 0.25)
    assert l2_squared(logits, images).item() == pytest.approx(0.25 + 0.0625 + 0.0625)


@pytest.mark.parametrize("name", COSTS)
def test_sums_over_pixels_and_channels_of_each_image(name):
    logits, images = torch.randn(3, 3, 4, 4), torch.rand(3, 3, 4, 4)
    costs = COSTS[name](logits, images)
    assert costs.shape == (3,)
    each = [COSTS[name](logits[n, c, i, j].reshape(1, 1, 1, 1), images[n, c, i, j].reshape(1, 1, 1, 1)).item()
            for n in range(3) for c in range(3) for i in range(4) for j in range(4)]  # fmt: skip
    torch.testing.assert_close(costs, torch.tensor(each).reshape(3, -1).sum(1))


@pytest.mark.parametrize("name", COSTS)
def test_saturated_logits_give_finite_values_and_gradients(name):
    logits = torch.tensor([1e4, -1e4, 1e4, -1e4, 0.0]).reshape(1, 1, 1, 5).requires_grad_()
    images = torch.tensor([1.0, 0.0, 0.0, 1.0, 0.3]).reshape(1, 1, 1, 5)
    value = COSTS[name](logits, images)
    value.sum().backward()
    assert torch.isfinite(value).all()
    assert torch.isfinite(logits.grad).all()


def test_perfect_reconstruction_costs_nothing_but_the_entropy():
    images = torch.tensor([0.0, 1.0, 0.3]).reshape(1, 1, 1, 3)
    logits = torch.tensor([-100.0, 100.0, math.log(0.3 / 0.7)]).reshape(1, 1, 1, 3)
    entropy = -0.3 * math.log(0.3) - 0.7 * math.log(0.7)
    assert cross_entropy(logits, images).item() == pytest.approx(entropy, rel=1e-5)
    assert l1(logits, images).item() == pytest.approx(0, abs=1e-6)
    assert l2_squared(logits, images).item() == pytest.approx(0, abs=1e-6)


def test_gradients_of_the_cross_entropy():
    """sigmoid(l) - x and -l, in double precision, each scaled by what comes in for its image."""
    logits, images = (torch.randn(shape, dtype=torch.float64).requires_grad_() for shape in 2 * [(3, 2, 4, 4)])
    assert torch.autograd.gradcheck(cross_entropy, (logits, images))
    incoming = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    gradient = torch.autograd.grad(cross_entropy(logits, images), logits, incoming)[0]
    torch.testing.assert_close(gradient, (logits.sigmoid() - images) * incoming[:, None, None, None])


def test_every_cost_can_be_configured():
    assert set(costs.COSTS) == set(COSTS)


def test_other_shapes_are_refused():
    """As a user meets them, without the checks of shapes that these tests run under."""
    code = """
import torch
from tcwae.methods.costs import COSTS
for cost in COSTS.values():
    try:
        cost(torch.zeros(4, 1, 8, 8), torch.zeros(1, 1, 8, 8))
    except ValueError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.count("expected logits and images of equal shapes, found (4, 1, 8, 8), (1, 1, 8, 8)") == len(
        COSTS
    )
