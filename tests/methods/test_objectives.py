"""Objectives against the equations, and against each other where they must agree."""

import pytest
import torch
from torch.distributions import Normal

from tcwae.config.methods import METHODS
from tcwae.methods.costs import COSTS
from tcwae.methods.divergences import gaussian_kl, imq_mmd, minibatch_weighted_log_density, total_correlation
from tcwae.methods.networks import Autoencoder
from tcwae.methods.objectives import OBJECTIVES, Noise, discriminator_loss, draw_noise, loss

N, BATCH = 737_280, 6
EXAMPLES = {
    "wae_mmd": {"lambda": 10},
    "tcwae_mws": {"beta": 4, "gamma": 2},
    "tcwae_gan": {"beta": 4, "gamma": 2},
    "beta_tcvae": {"beta": 4},
    "factor_vae": {"gamma": 5},
    "beta_vae": {"beta": 4},
}


def objective(name, **coefficients):
    method = METHODS[name](**(coefficients or EXAMPLES[name]))
    return OBJECTIVES[name](method, N)


@pytest.fixture(scope="module")
def model():
    return Autoencoder(1, 5, ["total_correlation", "dimension_wise_kl"], seed=3)


@pytest.fixture(scope="module")
def images():
    generator = torch.Generator().manual_seed(1)
    return (torch.rand((BATCH, 1, 64, 64), generator=generator) < 0.1).float()


@pytest.fixture(scope="module")
def noise():
    return draw_noise(BATCH, 5, torch.Generator().manual_seed(2))


def value_and_gradient(objective, model, images, noise, cost="cross_entropy"):
    total, terms, _ = loss(objective, cost, model, images, noise)
    weights = [*model.encoder.parameters(), *model.decoder.parameters()]
    return total, torch.autograd.grad(total, weights), terms


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("cost", COSTS)
def test_loss_is_the_weighted_sum_of_its_terms(name, cost, model, images, noise):
    made = objective(name)
    total, terms, codes = loss(made, cost, model, images, noise)
    assert set(terms) == {"reconstruction", *made.weights}
    expected = COSTS[cost](model.decoder(codes), images).mean()
    torch.testing.assert_close(terms["reconstruction"], expected)
    torch.testing.assert_close(total, expected + sum(made.weights[term] * terms[term] for term in made.weights))


@pytest.mark.parametrize("name", METHODS)
def test_is_a_pure_function(name, model, images, noise):
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    first, second = (value_and_gradient(objective(name), model, images, noise)[:2] for _ in range(2))
    assert torch.equal(first[0], second[0])
    assert all(torch.equal(a, b) for a, b in zip(first[1], second[1], strict=True))
    assert all(torch.equal(before[key], tensor) for key, tensor in model.state_dict().items())


def test_tcwae_mws_with_gamma_1_is_beta_tcvae_without_mutual_information(model, images, noise):
    """Section 4.1: gamma = 1 with the cross-entropy is equation (9) with alpha = 0; gradients included."""
    ours = value_and_gradient(objective("tcwae_mws", beta=7, gamma=1), model, images, noise)
    theirs = value_and_gradient(objective("beta_tcvae", alpha=0, beta=7, gamma=1), model, images, noise)
    assert torch.equal(ours[0], theirs[0])
    for a, b in zip(ours[1], theirs[1], strict=True):
        torch.testing.assert_close(a, b)


def test_beta_tcvae_with_equal_weights_is_beta_vae_with_a_sampled_kl(model, images, noise):
    _, terms, codes = loss(objective("beta_tcvae", alpha=3, beta=3, gamma=3), "cross_entropy", model, images, noise)
    mean, variance = model.encoder(images)
    sampled = (Normal(mean, variance.sqrt()).log_prob(codes) - Normal(0, 1).log_prob(codes)).sum(1).mean()
    found = terms["index_code_mi"] + terms["total_correlation"] + terms["dimension_wise_kl"]
    torch.testing.assert_close(found, sampled, rtol=1e-4, atol=1e-3)


def test_beta_tcvae_is_kl_plus_excess_total_correlation():
    """alpha = gamma = 1 is E KL(q(z|x) || p) + (beta - 1) TC in expectation over the noise, as in its authors' code."""
    generator = torch.Generator().manual_seed(0)
    model, images = Autoencoder(1, 2, seed=1), torch.rand((4, 1, 64, 64), generator=generator)
    made, differences = objective("beta_tcvae", beta=5), []
    with torch.no_grad():
        for _ in range(300):
            noise = draw_noise(4, 2, generator)
            total, terms, codes = loss(made, "cross_entropy", model, images, noise)
            mean, variance = model.encoder(images)
            tc = total_correlation(*minibatch_weighted_log_density(codes, mean, variance.log(), N))
            other = terms["reconstruction"] + gaussian_kl(mean, variance.log()) + (5 - 1) * tc
            differences.append(total - other)
    differences = torch.stack(differences)
    assert abs(differences.mean()) < 4 * differences.std() / 300**0.5


def test_vae_is_the_special_case_of_beta_vae_and_of_factor_vae(model, images, noise):
    vae = value_and_gradient(objective("beta_vae", beta=1), model, images, noise)
    factor = value_and_gradient(objective("factor_vae", gamma=0), model, images, noise)
    torch.testing.assert_close(vae[:2], factor[:2])
    mean, variance = model.encoder(images)
    torch.testing.assert_close(vae[2]["kl"], gaussian_kl(mean, variance.log()))


def test_wae_mmd_compares_codes_with_the_prior(model, images, noise):
    _, terms, codes = loss(objective("wae_mmd"), "cross_entropy", model, images, noise)
    torch.testing.assert_close(terms["mmd"], imq_mmd(codes, noise.prior))


def test_smoothed_kernel_takes_the_variance_for_its_logarithm(model, images, noise):
    made = objective("tcwae_mws", beta=1, gamma=1, mws_kernel="smoothed")
    _, terms, codes = loss(made, "cross_entropy", model, images, noise)
    mean, variance = model.encoder(images)
    width = variance.exp().sqrt()
    density = Normal(mean[None], width[None]).log_prob(codes[:, None])
    joint = density.sum(2).logsumexp(1) - torch.tensor(float(N * BATCH)).log()
    marginals = density.logsumexp(1) - torch.tensor(float(N * BATCH)).log()
    torch.testing.assert_close(terms["total_correlation"], (joint - marginals.sum(1)).mean(), rtol=1e-4, atol=1e-3)


def test_sigma_penalty(model, images, noise):
    plain, penalised = (
        loss(objective("tcwae_mws", beta=4, gamma=2, sigma_penalty=p), "cross_entropy", model, images, noise)
        for p in (0, 0.5)
    )
    variance = model.encoder(images)[1]
    expected = variance.log().abs().sum(1).mean()
    torch.testing.assert_close(penalised[1]["sigma"], expected)
    torch.testing.assert_close(penalised[0] - plain[0], 0.5 * expected, rtol=1e-3, atol=0)
    assert "sigma" not in plain[1]


def test_shuffled_codes_keep_their_marginals():
    noise = draw_noise(50, 4, torch.Generator().manual_seed(0))
    codes = torch.randn(50, 4)
    shuffled = codes.gather(0, noise.shuffle)
    torch.testing.assert_close(shuffled.sort(0).values, codes.sort(0).values)
    assert not torch.equal(shuffled[:, 0].argsort(), shuffled[:, 1].argsort())


def test_contrasts_of_the_adversarial_methods(noise):
    codes = torch.randn(BATCH, 5)
    shuffled = codes.gather(0, noise.shuffle)
    gan, factor = objective("tcwae_gan").contrasts(codes, noise), objective("factor_vae").contrasts(codes, noise)
    torch.testing.assert_close(gan["total_correlation"], (codes, shuffled))
    torch.testing.assert_close(gan["dimension_wise_kl"], (shuffled, noise.prior))
    torch.testing.assert_close(factor["total_correlation"], (codes, shuffled))
    for name in OBJECTIVES:
        assert tuple(objective(name).contrasts(codes, noise)) == OBJECTIVES[name].discriminators


@pytest.mark.parametrize("name", ["tcwae_gan", "factor_vae"])
def test_encoder_learns_through_the_codes_and_discriminator_does_not_move_it(name, model, images, noise):
    made = objective(name)
    total, terms, codes = loss(made, "cross_entropy", model, images, noise)
    encoder = list(model.encoder.parameters())
    through = torch.autograd.grad(terms["total_correlation"], encoder, retain_graph=True, allow_unused=True)
    assert any(gradient is not None and gradient.abs().sum() > 0 for gradient in through)
    losses = discriminator_loss(made, model, codes, noise)
    still = torch.autograd.grad(sum(losses.values()), encoder, allow_unused=True)
    assert all(gradient is None for gradient in still)
    # after the discriminators moved, the graph of the encoder's loss must still be whole
    total.backward(inputs=encoder)
    for parameter in encoder:
        parameter.grad = None


def test_discriminator_loss_is_half_of_each_log_loss(model, noise):
    codes = torch.randn(BATCH, 5)
    made = objective("factor_vae")
    (found,) = discriminator_loss(made, model, codes, noise).values()
    numerator, denominator = made.contrasts(codes, noise)["total_correlation"]
    network = model.discriminators["total_correlation"]
    first = -network(numerator).log_softmax(1)[:, 0].mean()
    second = -network(denominator).log_softmax(1)[:, 1].mean()
    torch.testing.assert_close(found, (first + second) / 2)


def test_noise_is_the_generators():
    generator = torch.Generator().manual_seed(4)
    first, second = draw_noise(3, 2, generator), draw_noise(3, 2, generator)
    again = draw_noise(3, 2, torch.Generator().manual_seed(4))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first.posterior, second.posterior)
    assert not torch.equal(first.posterior, first.prior)
    assert isinstance(first, Noise)


def test_every_method_of_the_configuration_has_its_objective():
    assert list(OBJECTIVES) == list(METHODS)
