"""What `make bench` compares: the same work on both sides, and operations counted as by hand."""

import pandas as pd
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.growth import MOST, rows
from benchmarks.plain import BETA, PlainVAE, plain_loss
from benchmarks.steps import flops, run_of
from tcwae.methods.networks import Autoencoder
from tcwae.methods.objectives import OBJECTIVES, Noise, discriminator_loss, draw_noise, loss


def doubled(noise):
    return Noise(noise.posterior.double(), noise.prior.double(), noise.shuffle)


def test_the_plain_loop_computes_the_same_loss_and_gradients():
    """In double precision, where no unit of a layer is within rounding of its kink."""
    model, size = Autoencoder(1, 10, seed=3).double(), 1000
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(16, 1, 64, 64, generator=generator).round().double()
    noise = doubled(draw_noise(16, 10, generator))
    weights = list(model.parameters())
    objective = OBJECTIVES["beta_tcvae"](run_of("beta_tcvae", 16, beta=BETA).method, size)
    ours = loss(objective, "cross_entropy", model, images, noise)[0]
    plain = plain_loss(PlainVAE(model)(images, noise.posterior), images, size)
    torch.testing.assert_close(ours, plain, rtol=1e-12, atol=0)
    gradients = (torch.autograd.grad(total, weights) for total in (ours, plain))
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9 * other.abs().max().item())


@pytest.mark.parametrize("method", ["beta_vae", "factor_vae", "tcwae_gan"])
def test_operations_of_the_networks_as_torch_counts_them(method):
    """On the plain layers, which double precision is computed with."""
    run, batch = run_of(method, 4), 4
    objective = OBJECTIVES[method](run.method, 1000)
    model = Autoencoder(1, 10, objective.discriminators).double()
    noise = doubled(draw_noise(batch, 10, torch.Generator()))
    with FlopCounterMode(display=False) as counted:
        total, _, codes = loss(objective, run.cost, model, torch.rand(batch, 1, 64, 64).double(), noise)
        total.backward(inputs=[*model.encoder.parameters(), *model.decoder.parameters()])
        for discriminator in discriminator_loss(objective, model, codes, noise).values():
            discriminator.backward(inputs=list(model.discriminators.parameters()), retain_graph=True)
    assert counted.get_total_flops() == batch * flops(method)


def test_powers_of_growth():
    """The slope between the last two points, on logarithmic scales."""
    points = [
        (axis, 10**k, part, 3.0 * 10 ** (k * power), 1.0) for (axis, part), power in MOST.items() for k in range(3)
    ]
    table = pd.DataFrame(points, columns=["axis", "value", "part", "milliseconds", "megabytes"])
    assert [row.ratio for row in rows(table) if row.to] == pytest.approx(list(MOST.values()))
