"""What `make bench` compares: the same work on both sides, and operations counted as by hand."""

import pytest
import torch

from benchmarks.growth import MOST, rows
from benchmarks.plain import BETA, PlainVAE, plain_loss
from benchmarks.steps import flops, run_of
from tcwae.networks import Autoencoder
from tcwae.objectives import OBJECTIVES, draw_noise, loss


def test_the_plain_loop_computes_the_same_loss_and_gradients():
    model, size = Autoencoder(1, 10, seed=3), 1000
    images, noise = torch.rand(16, 1, 64, 64).round(), draw_noise(16, 10, torch.Generator().manual_seed(0))
    weights = list(model.parameters())
    objective = OBJECTIVES["beta_tcvae"](run_of("beta_tcvae", 16, beta=BETA).method, size)
    ours = loss(objective, "cross_entropy", model, images, noise)[0]
    plain = plain_loss(PlainVAE(model)(images, noise.posterior), images, size)
    torch.testing.assert_close(ours, plain)
    gradients = (torch.autograd.grad(total, weights) for total in (ours, plain))
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3 * other.abs().max().item())


def test_operations_of_the_networks_by_hand():
    """Forward and the gradients of weights and inputs; but for the images, and the codes that a discriminator is told."""
    convolutions = 16 * (32 * 32**2 + 32 * 32 * 16**2 + 32 * 64 * 8**2 + 64 * 64 * 4**2)
    dense = 2 * 1024 * 256 + 256 * 20 + 10 * 256
    autoencoder = 3 * (2 * convolutions + dense) - 16 * 32 * 32**2
    assert flops("beta_vae") == 2 * autoencoder
    discriminator = 10 * 1000 + 5 * 1000**2 + 1000 * 2
    theirs = 2 * discriminator + 2 * (3 * discriminator - 10 * 1000)
    assert flops("factor_vae") == 2 * (autoencoder + theirs)
    assert flops("tcwae_gan") == 2 * (autoencoder + 2 * theirs)


def test_powers_of_growth():
    """The slope between the last two points, on logarithmic scales."""
    import pandas as pd

    points = [
        (axis, 10**k, part, 3.0 * 10 ** (k * power), 1.0) for (axis, part), power in MOST.items() for k in range(3)
    ]
    table = pd.DataFrame(points, columns=["axis", "value", "part", "milliseconds", "megabytes"])
    assert [row.ratio for row in rows(table) if row.to] == pytest.approx(list(MOST.values()))
