"""The beta-VAE score against a loop in the words of its definition, and its known values."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tcwae.metrics.beta_vae import beta_vae
from tcwae.metrics.table import CodeTable

from .tables import cells, perfect, standardised

SIZES = (3, 6, 10)


def reference(codes, sizes, rng, train, test, batch):
    """disentanglement_lib's loop on a full grid."""
    points, labels = [], []
    for _ in range(train + test):
        k = rng.integers(len(sizes))
        one, other = (rng.integers(sizes, size=(batch, len(sizes))) for _ in range(2))
        other[:, k] = one[:, k]
        z, w = (codes[np.ravel_multi_index(factors.T, sizes)] for factors in (one, other))
        points.append(np.abs(z - w).mean(axis=0))
        labels.append(k)
    model = LogisticRegression().fit(points[:train], labels[:train])
    return model.score(points[train:], labels[train:])


def test_it_agrees_with_the_loop_within_four_standard_errors():
    factors = standardised(cells(SIZES))
    codes = factors + 0.8 * np.roll(factors, 1, axis=1) + 0.5 * np.random.default_rng(0).normal(size=factors.shape)
    settings = {"train": 600, "test": 600, "batch": 4}
    slow = [reference(codes, SIZES, np.random.default_rng(seed), **settings) for seed in range(5)]
    fast = [beta_vae(CodeTable.of_grid(codes, SIZES), np.random.default_rng(s), **settings).value for s in range(25)]
    assert 0.4 < np.mean(slow) < 0.95
    assert abs(np.mean(fast) - np.mean(slow)) < 4 * np.std(fast, ddof=1) * np.sqrt(1 / 5 + 1 / 25)


def test_a_perfect_code_scores_one_and_a_rotated_one_as_well():
    """A linear classifier asks only that different latents move: this score does not see a rotation."""
    score = beta_vae(perfect(SIZES, noise=2), np.random.default_rng(0))
    assert score.value == 1
    assert (score.per_factor == 1).all()
    turned = perfect(SIZES).codes @ np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0].astype(np.float32)
    assert beta_vae(CodeTable.of_grid(turned, SIZES), np.random.default_rng(0)).value > 0.95


def test_the_matrix_holds_the_mean_distance_of_each_latent():
    """A factor of two classes, 0 and 1, differs in half of the pairs, and never where it is shared."""
    table = CodeTable.of_grid(cells((2, 2)), (2, 2))
    score = beta_vae(table, np.random.default_rng(0))
    np.testing.assert_allclose(score.matrix, [[0, 0.5], [0.5, 0]], atol=4 * 0.5 / np.sqrt(5000 * 64))


def test_noise_scores_one_in_k():
    nothing = np.zeros((180, 4))
    table = CodeTable.of_grid(nothing, SIZES, deviations=nothing + 1)
    score = beta_vae(table, np.random.default_rng(0)).value
    assert score == pytest.approx(1 / 3, abs=4 * np.sqrt(2 / 9 / 5000))
