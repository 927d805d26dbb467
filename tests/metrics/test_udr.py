"""UDR ranks models that agree, whatever the order, sign and scale of their latents, above models that do not."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Lasso

from tcwae.errors import InputError
from tcwae.methods.divergences import gaussian_kl
from tcwae.metrics.udr import posterior_kl, relative_strength, udr


def independent(samples=4000, latents=4):
    return np.random.default_rng(0).normal(size=(samples, latents))


def rotation(seed, latents=4):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(latents, latents)))[0]


KL = np.ones(4)


def test_models_that_agree_but_for_order_sign_and_scale_score_what_the_penalty_leaves():
    """The Lasso of weight 0.1 between equal standardised latents has the coefficient 0.9, and 0.9^2 / 0.9 = 0.9."""
    z = independent()
    z = np.linalg.qr(z - z.mean(axis=0))[0]  # exactly uncorrelated
    models = [z, -2 * z[:, ::-1], 5 * z[:, [1, 0, 3, 2]] + 7]
    ranking = udr(models, [KL] * 3)
    np.testing.assert_allclose(ranking.scores, 0.9, atol=1e-6)
    np.testing.assert_allclose(ranking.pairs, 0.9 * (1 - np.eye(3)), atol=1e-6)


def test_rotated_models_rank_below_those_that_agree():
    z = independent()
    ranking = udr([z, z[:, ::-1], -z, 2 * z, z @ rotation(1), z @ rotation(2)], [KL] * 6)
    assert ranking.scores[:4].min() > 0.8 > 0.6 > ranking.scores[4:].max()


def test_it_equals_the_definition():
    """disentanglement_lib's: standardise, mask by KL, Lasso, relative strength, median over the other models."""
    z = independent()
    models = [z @ rotation(seed) for seed in range(3)]
    kls = [np.array([1, 1, 0.001, 1]), KL, np.array([0.01, 1, 1, 1])]
    pairs = np.zeros((3, 3))
    for i in range(3):
        for j in range(3):
            if i != j:
                x, y = (
                    (m - m.mean(0)) / m.std(0) * (kl > 0.01) for m, kl in ((models[i], kls[i]), (models[j], kls[j]))
                )
                r = np.abs(Lasso(alpha=0.1).fit(x, y).coef_).T[kls[i] > 0.01][:, kls[j] > 0.01]
                pairs[i, j] = ((r.max(0) ** 2 / r.sum(0)).mean() + (r.max(1) ** 2 / r.sum(1)).mean()) / 2
    ranking = udr(models, kls)
    np.testing.assert_allclose(ranking.pairs, pairs, atol=1e-9)
    np.testing.assert_allclose(ranking.scores, [np.median(np.delete(pairs[:, j], j)) for j in range(3)], atol=1e-9)


def test_uninformative_latents_do_not_matter():
    z, noise = independent(), np.random.default_rng(9).normal(size=(2, 4000, 3))
    extended = [np.concatenate([z, noise[m]], axis=1) for m in range(2)]
    kl = np.concatenate([KL, np.full(3, 0.005)])
    np.testing.assert_allclose(udr(extended, [kl, kl]).scores, udr([z, z], [KL, KL]).scores)


def test_the_kl_of_a_latent_is_the_gaussians():
    """KL(N(1, e^2) || N(0, 1)) = (1 + e^2 - 1 - 2) / 2 and KL(N(0, 1) || N(0, 1)) = 0."""
    kl = posterior_kl(np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([[np.e, 1.0], [np.e, 1.0]]))
    np.testing.assert_allclose(kl, [(np.e**2 - 2) / 2, 0], atol=1e-12)


def test_the_kl_of_all_latents_is_the_one_that_trainings_report():
    """The same formula without torch, which ranking a study does not need."""
    means, deviations = np.random.default_rng(0).normal(size=(50, 3)), np.random.default_rng(1).uniform(0.1, 2, (50, 3))
    total = gaussian_kl(torch.from_numpy(means), torch.from_numpy(2 * np.log(deviations)))
    assert posterior_kl(means, deviations).sum() == pytest.approx(total.item(), rel=1e-12)


def test_relative_strength_by_hand():
    """Columns: 4/3 (max 2, sum 3) and 0 of nothing; rows: 2 and 1. Their means are 2/3 and 3/2."""
    assert relative_strength(np.array([[2.0, 0.0], [1.0, 0.0]])) == pytest.approx((2 / 3 + 3 / 2) / 2)


def test_a_model_without_informative_latents_scores_zero():
    z = independent()
    assert udr([z, z, z], [KL, KL, 0 * KL]).scores[2] == 0


@pytest.mark.parametrize(
    ("codes", "kl", "message"),
    [
        ([independent()], [KL], "at least 2 models, found 1"),
        ([independent(), independent(100)], [KL, KL], "the same images"),
        ([independent(), independent()], [KL, KL[:2]], "KL for each latent"),
        ([independent(), independent() * np.nan], [KL, KL], "finite codes and KL, found others in model 1"),
    ],
)
def test_models_that_do_not_fit_are_refused(codes, kl, message):
    with pytest.raises(InputError, match=message):
        udr(codes, kl)
