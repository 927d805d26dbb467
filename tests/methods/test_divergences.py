"""Estimators against Gaussians whose divergences are known, identities, and slow references."""

import itertools
import math
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from tcwae.methods import divergences
from tcwae.methods.divergences import (
    aggregated_log_density,
    density_ratio,
    dimension_wise_kl,
    gaussian_kl,
    imq_mmd,
    index_code_mi,
    minibatch_stratified_log_density,
    minibatch_weighted_log_density,
    total_correlation,
)
from tcwae.methods.networks import Discriminator

N = 737_280


def posteriors(batch, latent=10, seed=0, dtype=torch.float64):
    """Random codes, means and log-variances."""
    generator = torch.Generator().manual_seed(seed)
    codes, mean, log_variance = torch.randn((3, batch, latent), generator=generator, dtype=dtype)
    return codes, mean, log_variance


def pairs(correlation, active=10):
    """Covariance of ten latents, of which the first `active` are correlated two by two."""
    covariance = torch.eye(10, dtype=torch.float64)
    for i in range(0, active, 2):
        covariance[i, i + 1] = covariance[i + 1, i] = correlation
    return covariance


class Toy:
    """q(z|x) = N(mean, diag sd^2) with means such that q(z) = N(0, covariance) exactly."""

    def __init__(self, covariance, sd, seed=0):
        self.covariance, self.sd = covariance, sd
        self.generator = torch.Generator().manual_seed(seed)
        eigenvalues, vectors = torch.linalg.eigh(covariance - sd.square().diag())
        self.root = vectors * eigenvalues.clamp_min(0).sqrt()

    def draw(self, batch):
        noise = torch.randn((2, batch, 10), generator=self.generator, dtype=torch.float64)
        mean = noise[0] @ self.root.T
        codes = mean + self.sd * noise[1]
        return codes.float(), mean.float(), self.sd.square().log().expand_as(mean).float()

    def log_ratio(self, codes):
        """log q(z) - sum_d log q_d(z_d), whose expectation is the total correlation."""
        joint = MultivariateNormal(torch.zeros(10, dtype=torch.float64), self.covariance).log_prob(codes.double())
        return joint - Normal(0, 1).log_prob(codes.double()).sum(1)


TOYS = {
    "E": lambda: Toy(pairs(0.5), torch.full((10,), 0.5, dtype=torch.float64)),
    "F": lambda: Toy(pairs(0.5), torch.full((10,), 0.3, dtype=torch.float64)),
    "G": lambda: Toy(pairs(0.5, active=6), torch.tensor([0.2] * 6 + [1.0] * 4, dtype=torch.float64)),
}
# Bias of the total correlation and its standard error, in nats, of rtqichen/beta-tcvae's MWS without its constant, and of
# the stratified weights with 1/N on the diagonal, on these toys with N = 737,280.
BIAS = {
    ("E", "mws"): {64: (2.146, 0.011), 256: (1.356, 0.011), 2048: (0.517, 0.007)},
    ("F", "mws"): {64: (6.762, 0.015), 256: (5.697, 0.017), 2048: (3.817, 0.013)},
    ("G", "mws"): {64: (4.711, 0.011), 256: (3.652, 0.014), 2048: (1.942, 0.010)},
    ("E", "mss"): {64: (-2.066, 0.012), 256: (-1.153, 0.010), 2048: (-0.383, 0.006)},
    ("F", "mss"): {64: (-1.402, 0.016), 256: (-1.498, 0.015), 2048: (-0.939, 0.012)},
    ("G", "mss"): {64: (-2.984, 0.015), 256: (-2.693, 0.016), 2048: (-1.402, 0.014)},
}
ESTIMATORS = {"mws": minibatch_weighted_log_density, "mss": minibatch_stratified_log_density}
BATCHES = {64: 200, 256: 50, 2048: 3}


@pytest.mark.parametrize("estimator", ["mws", "mss"])
@pytest.mark.parametrize("name", ["E", "F", "G"])
def test_bias_of_the_total_correlation_is_the_published_one(name, estimator):
    toy, biases = TOYS[name](), []
    for batch, (expected, error) in BIAS[name, estimator].items():
        differences = []
        for _ in range(BATCHES[batch]):
            codes, mean, log_variance = toy.draw(batch)
            joint, marginals = ESTIMATORS[estimator](codes, mean, log_variance, N)
            constant = 9 * math.log(N) if estimator == "mws" else 0
            differences.append((joint - marginals.sum(1)).double() - constant - toy.log_ratio(codes))
        bias = torch.cat(differences)
        # codes of a batch share their posteriors, so the error is taken between batches
        spread = torch.stack([some.mean() for some in differences]).std() / math.sqrt(len(differences))
        assert abs(bias.mean() - expected) < 4 * math.hypot(error, spread)
        biases.append(abs(bias.mean()))
    assert biases[0] > biases[-1]


def test_large_sample_recovers_the_total_correlation():
    toy = TOYS["E"]()
    codes, mean, log_variance = toy.draw(N)
    joint, marginals = aggregated_log_density(codes[:150], mean, log_variance)
    error = (joint - marginals.sum(1)).double() - toy.log_ratio(codes[:150])
    assert -0.5 * toy.covariance.logdet() == pytest.approx(0.7192, abs=1e-4)
    assert abs(error.mean()) < 4 * error.std() / math.sqrt(150)
    assert error.std() < 0.3


@pytest.mark.parametrize("batch", [2, 7, 64])
def test_printed_mws_differs_from_log_mean_exp_by_its_constant(batch):
    codes, mean, log_variance = posteriors(batch)
    printed = minibatch_weighted_log_density(codes, mean, log_variance, N)
    log_mean_exp = aggregated_log_density(codes, mean, log_variance)
    shift = total_correlation(*printed) - total_correlation(*log_mean_exp)
    torch.testing.assert_close(shift.item(), 9 * math.log(N), rtol=1e-12, atol=1e-9)
    shift = dimension_wise_kl(codes, printed[1]) - dimension_wise_kl(codes, log_mean_exp[1])
    torch.testing.assert_close(shift.item(), -10 * math.log(N), rtol=1e-12, atol=1e-9)


def test_constant_for_dsprites_is_121_6_nats():
    assert 9 * math.log(N) == pytest.approx(121.6, abs=0.05)


def test_mss_is_unbiased_for_the_aggregated_posterior():
    """Averaged over every batch that holds x_0, exp(log q) is q(z) exactly."""
    images, batch = 6, 4
    codes, mean, log_variance = posteriors(images, latent=3)
    estimates = [
        torch.stack(densities, 0) if isinstance(densities, list) else densities
        for others in itertools.permutations(range(1, images), batch - 1)
        for chosen in [[0, *others]]
        for densities in [
            minibatch_stratified_log_density(codes[chosen], mean[chosen], log_variance[chosen], images)[0][0]
        ]
    ]
    exact = aggregated_log_density(codes[:1], mean, log_variance)[0].exp()
    torch.testing.assert_close(torch.stack(estimates).exp().mean(), exact[0], rtol=1e-12, atol=0)


def test_estimators_against_written_out_loops():
    codes, mean, log_variance = posteriors(5, latent=3)
    density = [
        [Normal(mean[j], (log_variance[j] / 2).exp()).log_prob(codes[i]).exp() for j in range(5)] for i in range(5)
    ]
    joint, marginals = minibatch_weighted_log_density(codes, mean, log_variance, 100)
    for i in range(5):
        expected = sum(density[i][j].prod() for j in range(5)) / (100 * 5)
        torch.testing.assert_close(joint[i].exp(), expected)
        torch.testing.assert_close(marginals[i].exp(), sum(density[i]) / (100 * 5))
    joint, marginals = minibatch_stratified_log_density(codes, mean, log_variance, 100)
    for i in range(5):
        weights = [1 / 4] * 5
        weights[i], weights[(i + 1) % 5] = 1 / 100, (100 - 4) / (100 * 4)
        assert sum(weights) == pytest.approx(1)
        torch.testing.assert_close(joint[i].exp(), sum(weights[j] * density[i][j].prod() for j in range(5)))
        torch.testing.assert_close(marginals[i].exp(), sum(weights[j] * density[i][j] for j in range(5)))


@pytest.mark.parametrize("estimator", ["mws", "mss"])
def test_blocks_change_neither_values_nor_gradients(monkeypatch, estimator):
    inputs = [tensor.requires_grad_() for tensor in posteriors(23)]

    def value_and_gradients():
        joint, marginals = ESTIMATORS[estimator](*inputs, N)
        value = total_correlation(joint, marginals) + 0.3 * dimension_wise_kl(inputs[0], marginals)
        return value, *torch.autograd.grad(value, inputs)

    whole = value_and_gradients()
    monkeypatch.setattr(divergences, "BLOCK", 4 * 230)
    torch.testing.assert_close(value_and_gradients(), whole, rtol=1e-12, atol=1e-12)


def test_aggregated_density_in_blocks(monkeypatch):
    codes, mean, log_variance = posteriors(50)
    whole = aggregated_log_density(codes[:9], mean, log_variance)
    monkeypatch.setattr(divergences, "BLOCK", 90 * 7)
    torch.testing.assert_close(aggregated_log_density(codes[:9], mean, log_variance), whole)


def test_terms_add_up_to_the_sampled_kl():
    """I + TC + DW = E log q(z|x) - log p(z): every estimate of q(z) cancels (equations (4) and (5))."""
    codes, mean, log_variance = posteriors(12)
    joint, marginals = minibatch_weighted_log_density(codes, mean, log_variance, N)
    terms = (
        index_code_mi(codes, mean, log_variance, joint)
        + total_correlation(joint, marginals)
        + dimension_wise_kl(codes, marginals)
    )
    sampled = Normal(mean, (log_variance / 2).exp()).log_prob(codes) - Normal(0, 1).log_prob(codes)
    torch.testing.assert_close(terms, sampled.sum(1).mean())


@pytest.mark.parametrize("estimator", ["mws", "mss"])
def test_invariance_to_the_order_of_latents(estimator):
    codes, mean, log_variance = posteriors(16)
    order = torch.randperm(10, generator=torch.Generator().manual_seed(1))
    joint, marginals = ESTIMATORS[estimator](codes, mean, log_variance, N)
    permuted = ESTIMATORS[estimator](codes[:, order], mean[:, order], log_variance[:, order], N)
    torch.testing.assert_close(permuted, (joint, marginals[:, order]))


def test_invariance_to_the_order_of_the_batch():
    codes, mean, log_variance = posteriors(16)
    order = torch.randperm(16, generator=torch.Generator().manual_seed(1))
    joint, marginals = minibatch_weighted_log_density(codes, mean, log_variance, N)
    permuted = minibatch_weighted_log_density(codes[order], mean[order], log_variance[order], N)
    torch.testing.assert_close(permuted, (joint[order], marginals[order]))
    torch.testing.assert_close(imq_mmd(codes[order], mean), imq_mmd(codes, mean))
    torch.testing.assert_close(gaussian_kl(mean[order], log_variance[order]), gaussian_kl(mean, log_variance))


def test_gradients():
    inputs = [tensor.requires_grad_() for tensor in posteriors(4, latent=3)]
    for estimator in ESTIMATORS.values():
        for term in (
            lambda c, m, v, e=estimator: total_correlation(*e(c, m, v, 50)),
            lambda c, m, v, e=estimator: dimension_wise_kl(c, e(c, m, v, 50)[1]),
            lambda c, m, v, e=estimator: index_code_mi(c, m, v, e(c, m, v, 50)[0]),
        ):
            assert torch.autograd.gradcheck(term, inputs)
    assert torch.autograd.gradcheck(lambda c, m, v: imq_mmd(c, m) + gaussian_kl(m, v), inputs)


def test_gaussian_kl_against_torch_distributions():
    _, mean, log_variance = posteriors(9)
    expected = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(1).mean()
    torch.testing.assert_close(gaussian_kl(mean, log_variance), expected)
    zero = torch.zeros_like(mean)
    assert gaussian_kl(zero, zero) == 0


def test_density_ratio_of_the_optimal_discriminator_is_the_kl():
    """Logits log a(z), log b(z) give E_a log a/b, here 1/2 |m|^2 between N(m, I) and N(0, I)."""
    m = torch.tensor([0.6, -0.8], dtype=torch.float64)
    codes = m + torch.randn((200_000, 2), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    logits = torch.stack([Normal(m, 1.0).log_prob(codes).sum(1), Normal(0, 1).log_prob(codes).sum(1)], 1)
    assert density_ratio(logits).item() == pytest.approx(0.5, abs=4 / math.sqrt(200_000))
    assert density_ratio(torch.full((5, 2), 0.3)) == 0


def test_trained_discriminator_recovers_the_kl():
    """Table 3's discriminator, trained on the log loss, between N(m, I) and N(0, I), whose KL is 1/2."""
    torch.manual_seed(0)
    m, network = torch.tensor([0.6, -0.8]), Discriminator(2, slope=0.2)
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-4)
    classes = torch.arange(2).repeat_interleave(128)
    for _ in range(60):
        logits = network(torch.cat([m + torch.randn(128, 2), torch.randn(128, 2)]))
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(logits, classes).backward()
        optimiser.step()
    with torch.no_grad():
        estimates = [density_ratio(network(m + torch.randn(1000, 2))).item() for _ in range(4)]
    assert sum(estimates) / 4 == pytest.approx(0.5, abs=0.15)


def test_mmd_against_a_double_loop():
    codes, prior, _ = posteriors(6, latent=4)

    def kernel(a, b):
        constants = [2 * 4 * s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10)]
        return sum(c / (c + float((a - b).square().sum())) for c in constants)

    different = [(i, j) for i in range(6) for j in range(6) if i != j]
    within = sum(kernel(codes[i], codes[j]) + kernel(prior[i], prior[j]) for i, j in different) / 30
    between = sum(kernel(codes[i], prior[j]) for i in range(6) for j in range(6)) / 36
    assert imq_mmd(codes, prior).item() == pytest.approx(within - 2 * between, rel=1e-10)


def test_mmd_is_zero_in_expectation_for_equal_laws_only():
    generator = torch.Generator().manual_seed(0)
    draws = torch.randn((300, 2, 32, 5), generator=generator)
    equal = torch.stack([imq_mmd(a, b) for a, b in draws])
    shifted = torch.stack([imq_mmd(a + 0.5, b) for a, b in draws])
    assert abs(equal.mean()) < 4 * equal.std() / math.sqrt(300)
    assert (equal < 0).any()
    assert shifted.mean() > 10 * shifted.std() / math.sqrt(300)


@settings(max_examples=40)
@given(batch=st.integers(2, 12), latent=st.integers(1, 6), spread=st.floats(0.01, 30), size=st.integers(12, 10**9))
def test_shapes_and_ranges(batch, latent, spread, size):
    codes, mean, log_variance = posteriors(batch, latent)
    codes, mean = codes * spread, mean * spread
    for estimator in ESTIMATORS.values():
        joint, marginals = estimator(codes, mean, log_variance, size)
        assert joint.shape == (batch,)
        assert marginals.shape == (batch, latent)
        assert torch.isfinite(joint).all()
        assert torch.isfinite(marginals).all()
        if latent == 1:
            torch.testing.assert_close(joint, marginals[:, 0])
    # q(z_i) is at least its own part and at most the highest density there is
    joint, _ = minibatch_weighted_log_density(codes, mean, log_variance, size)
    own = Normal(mean, (log_variance / 2).exp()).log_prob(codes).sum(1) - math.log(size * batch)
    assert (joint >= own - 1e-9).all()
    assert gaussian_kl(mean, log_variance) >= 0


SHAPES = """
import torch
from tcwae.methods.divergences import *
c = torch.randn(4, 3)
for call in (
    lambda: minibatch_weighted_log_density(c, c[:, :2], c, 100),
    lambda: minibatch_stratified_log_density(c, c, c[:3], 100),
    lambda: imq_mmd(c, c[:2]),
    lambda: aggregated_log_density(c[:, :2], c, c),
    lambda: aggregated_log_density(c, c, c[:, :1]),
    lambda: gaussian_kl(c, c[:, :1]),
    lambda: dimension_wise_kl(c, c[:1]),
    lambda: index_code_mi(c, c, c[:1], c[:, 0]),
):
    try:
        call()
    except ValueError as error:
        print(error)
"""


def test_bad_shapes():
    """As a user meets them, without the checks of shapes that these tests run under."""
    done = subprocess.run([sys.executable, "-c", SHAPES], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == 8
    assert all(line.startswith("expected") and "found" in line for line in lines)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c, m, v: minibatch_weighted_log_density(c, m, v, 3), "dataset_size=3"),
        (lambda c, m, v: minibatch_stratified_log_density(c, m, v, 3), "dataset_size=3"),
        (lambda c, m, v: minibatch_stratified_log_density(c[:1], m[:1], v[:1], 100), "batch of 2"),
        (lambda c, m, v: imq_mmd(c[:1], m[:1]), "at least 2"),
    ],
)
def test_bad_sizes(call, message):
    with pytest.raises(ValueError, match=message):
        call(*posteriors(4, latent=3))
