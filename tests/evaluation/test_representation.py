"""What a model makes of images, against slower ways to the same numbers and against Gaussians."""

import math

import numpy as np
import pytest
import torch

from tcwae.data.images import Images
from tcwae.data.prepared import read
from tcwae.evaluation import representation
from tcwae.evaluation.representation import Codes
from tcwae.methods.costs import COSTS
from tcwae.methods.divergences import active_units
from tcwae.methods.networks import Autoencoder


@pytest.fixture(scope="module")
def model():
    return Autoencoder(1, 4, seed=1)


@pytest.fixture(scope="module")
def images(small_data):
    return Images(read(small_data), torch.device("cpu"))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_encoding_in_batches_is_encoding_at_once(model, images):
    index = torch.arange(300).flip(0)
    codes = representation.encode(model, images, index)
    mean, variance = model.encoder(images[index])
    torch.testing.assert_close(codes.mean, mean, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(codes.variance, variance, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("cost", COSTS)
def test_reconstruction_is_the_mean_cost(model, images, cost):
    index = torch.arange(300)
    codes = torch.randn((300, 4), generator=generator())
    each = [COSTS[cost](model.decoder(codes[i : i + 1]), images[index[i : i + 1]]).item() for i in range(300)]
    assert representation.reconstruction(model, images, index, cost, codes) == pytest.approx(np.mean(each), rel=1e-4)


def test_traversals_move_one_latent_at_a_time(model):
    anchors, values = torch.randn((2, 4), generator=generator()), torch.tensor([-2.0, 0.0, 1.0])
    pictures = representation.traverse(model, anchors, values)
    assert pictures.shape == (2, 4, 3, 64, 64, 1)
    still = representation.as_bytes(model, anchors)
    for latent in range(4):
        np.testing.assert_allclose(pictures[:, latent, 1], still, atol=1)
        moved = anchors.clone()
        moved[:, latent] += 1.0
        np.testing.assert_allclose(pictures[:, latent, 2], representation.as_bytes(model, moved), atol=1)


def test_pictures_are_rounded_probabilities(model):
    codes = torch.randn((3, 4), generator=generator())
    expected = model.decoder(codes).sigmoid().detach() * 255
    np.testing.assert_allclose(representation.as_bytes(model, codes)[..., 0], expected[:, 0], atol=0.51)


def test_a_diverged_model_draws_black(model):
    broken = Autoencoder(1, 4)
    with torch.no_grad():
        broken.decoder.convolutions[-1].bias.fill_(math.nan)
    assert (representation.as_bytes(broken, torch.zeros(2, 4)) == 0).all()


def test_terms_of_the_prior_itself_are_zero():
    codes = Codes(torch.zeros(500, 3), torch.ones(500, 3))
    terms = representation.aggregated_terms(codes, torch.arange(200), generator())
    assert terms["total_correlation"] == pytest.approx(0, abs=1e-5)
    assert terms["dimension_wise_kl"] == pytest.approx(0, abs=1e-5)
    assert terms["index_code_mi"] == pytest.approx(0, abs=1e-5)


def test_terms_of_correlated_gaussians():
    """Two latents of correlation 0.6 and one of variance 4: TC, DW and I are those of Gaussians."""
    noise, sd = torch.randn((10_000, 3), generator=generator()), 0.5
    # means with covariance R - sd^2 I, so that q(z) has covariance R
    covariance = torch.tensor([[1.0, 0.6], [0.6, 1.0]]) - sd**2 * torch.eye(2)
    mean = torch.cat([noise[:, :2] @ torch.linalg.cholesky(covariance).T, math.sqrt(4 - sd**2) * noise[:, 2:]], 1)
    variance = torch.full_like(mean, sd**2)
    terms = representation.aggregated_terms(Codes(mean, variance), torch.arange(1500), generator(1))
    wide = 0.5 * (4 - 1 - math.log(4))
    assert terms["total_correlation"] == pytest.approx(-0.5 * math.log(1 - 0.6**2), abs=0.06)
    assert terms["latent_kl"] == pytest.approx([0, 0, wide], abs=0.08)
    assert terms["dimension_wise_kl"] == pytest.approx(sum(terms["latent_kl"]), rel=1e-5)
    joint_entropy = 0.5 * math.log(1 - 0.6**2) + math.log(2)
    assert terms["index_code_mi"] == pytest.approx(joint_entropy - 3 * math.log(sd), abs=0.1)


def test_terms_are_of_the_chosen_codes_under_all_posteriors():
    """A quarter of the posteriors is N(3, 0.1^2), the others are far: there log q(z) = log 1/4 + log N(z; 3, 0.1^2)."""
    mean = torch.tensor([3.0, -3.0, -3.0, -3.0]).repeat(500)[:, None].expand(-1, 2)
    codes, chosen = Codes(mean, torch.full_like(mean, 0.01)), torch.arange(0, 2000, 4)
    terms = representation.aggregated_terms(codes, chosen, generator())
    each = -math.log(4) - math.log(0.1) - 0.5 + 0.5 * (9 + 0.01)
    assert terms["latent_kl"] == pytest.approx([each, each], abs=4 * 3 * 0.1 / math.sqrt(500))
    assert terms["index_code_mi"] == pytest.approx(math.log(4), abs=1e-5)
    assert terms["total_correlation"] == pytest.approx(math.log(4), abs=1e-5)


def test_in_batch_terms_of_the_prior_and_their_two_readings():
    """Where every posterior is the prior, a batch is as good as all images; the readings differ by their constants."""
    codes, size = Codes(torch.zeros(130, 3), torch.ones(130, 3)), 737_280
    terms = representation.batch_terms(codes, 32, size, generator())
    assert terms["total_correlation_batch"] == pytest.approx(0, abs=1e-4)
    assert terms["dimension_wise_kl_batch"] == pytest.approx(0, abs=1e-4)
    assert terms["total_correlation_mws"] == pytest.approx(2 * math.log(size), rel=1e-5)
    assert terms["dimension_wise_kl_mws"] == pytest.approx(-3 * math.log(size), rel=1e-5)


def test_a_batch_overestimates_the_total_correlation_of_informative_codes():
    """The in-batch value is mostly log q(z|x) - log M; the large-sample one is lower."""
    mean = torch.randn((4000, 10), generator=generator())
    codes = Codes(mean, torch.full_like(mean, 0.01))
    batch = representation.batch_terms(codes, 64, 4000, generator())["total_correlation_batch"]
    large = representation.aggregated_terms(codes, torch.arange(500), generator())["total_correlation"]
    assert batch > large + 1


def test_mmd_to_the_prior():
    """Zero in expectation for the prior, also where the last batch is short, and not for another law."""
    values = [
        representation.mmd_to_prior(torch.randn((2100, 3), generator=generator(s)), generator(s + 99))
        for s in range(30)
    ]
    assert abs(np.mean(values)) < 4 * np.std(values) / math.sqrt(8)
    shifted = representation.mmd_to_prior(torch.randn((2100, 3), generator=generator()) + 1, generator(1))
    assert shifted > 10 * np.std(values)


def test_active_units_are_latents_whose_mean_moves():
    mean = torch.randn((1000, 3), generator=generator()) * torch.tensor([1.0, 0.05, 0.2])
    assert active_units(mean) == 2
