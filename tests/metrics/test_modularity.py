"""Modularity by hand, and explicitness against scikit-learn's area under the curve."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import mutual_info_score, roc_auc_score

from tcwae.metrics.modularity import areas, explicitness, modularity, modularity_of
from tcwae.metrics.table import CodeTable

from .tables import DSPRITES, cells, perfect, standardised

SIZES = (2, 3, 8)


def test_the_formula_by_hand():
    """Of squares 9, 1, 4 the others' share is 5 / (9 * 2); equal ones leave 0, a single one 1; no information is 0."""
    information = np.array([[3.0, 1.0, 2.0], [1.0, 1.0, 1.0], [0.0, 0.2, 0.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(modularity_of(information), [1 - 5 / 18, 0, 1, 0])


def test_it_equals_the_definition_on_equal_samples():
    rng = np.random.default_rng(0)
    factors = standardised(cells(SIZES))
    codes = factors + 0.5 * np.roll(factors, 1, axis=1) + 0.2 * rng.normal(size=factors.shape)
    table = CodeTable.of_grid(codes.astype(np.float32), SIZES)
    x, v = table.sample(np.random.default_rng(1), 10_000)
    binned = [np.digitize(z, np.histogram(z, 20)[1][:-1]) for z in x.T]
    squared = np.array([[mutual_info_score(b, z) for b in v.T] for z in binned]) ** 2
    largest = squared.max(axis=1)
    expected = 1 - (squared.sum(axis=1) - largest) / (largest * 2)
    score = modularity(table, np.random.default_rng(1))
    np.testing.assert_allclose(score.per_latent, expected, rtol=0, atol=1e-9)
    assert score.value == pytest.approx(expected.mean(), abs=1e-9)


def test_a_perfect_code_scores_one_until_noise_joins_it():
    """Latents that know nothing count as much as the others, and what their sample pretends decides their terms."""
    assert modularity(perfect((3, 6, 40)), np.random.default_rng(0)).value == pytest.approx(1, abs=1e-3)
    mixed = modularity(perfect(DSPRITES, noise=3), np.random.default_rng(0))
    np.testing.assert_allclose(mixed.per_latent[:5], 1, atol=1e-3)
    assert (mixed.per_latent[5:] < 0.9).all()


def test_constant_latents_score_zero():
    score = modularity(CodeTable.of_grid(np.full((48, 2), 4.0), SIZES), np.random.default_rng(0))
    assert score.per_latent.tolist() == [0, 0]


def test_areas_are_scikit_learns_ties_included():
    rng = np.random.default_rng(0)
    scores, classes = np.round(rng.normal(size=(200, 4)), 1), rng.integers(3, size=200)
    members = classes[:, None] == np.arange(4)
    expected = [roc_auc_score(members[:, k], scores[:, k]) for k in range(3)]
    np.testing.assert_allclose(areas(scores, members), expected, atol=1e-12)


def test_explicitness_equals_the_definition_on_equal_samples():
    table = CodeTable.of_grid(perfect(SIZES).codes * 3 + 7, SIZES, deviations=np.ones((48, 3)))
    score = explicitness(table, np.random.default_rng(1), train=600, test=300)
    rng = np.random.default_rng(1)
    (x, v), (test_x, test_v) = table.sample(rng, 600), table.sample(rng, 300)
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    for k in range(3):
        model = LogisticRegression().fit((x - mean) / deviation, v[:, k])
        for part, z, labels in ((score.parts["train"], x, v), (score, test_x, test_v)):
            probability = model.predict_proba((z - mean) / deviation)
            expected = roc_auc_score(labels[:, k, None] == model.classes_, probability)
            assert part.per_factor[k] == pytest.approx(expected, abs=2e-3)


def test_explicit_codes_score_one_and_noise_one_half():
    factors = cells((2, 3)).astype(int)
    one_hot = np.concatenate([np.eye(2)[factors[:, 0]], np.eye(3)[factors[:, 1]]], axis=1)
    assert explicitness(CodeTable.of_grid(one_hot, (2, 3)), np.random.default_rng(0)).value == pytest.approx(1)
    nothing = np.zeros((48, 3))
    noise = CodeTable.of_grid(nothing, SIZES, deviations=nothing + 1)
    assert explicitness(noise, np.random.default_rng(0)).value == pytest.approx(0.5, abs=0.03)


def test_constant_latents_explain_nothing():
    score = explicitness(CodeTable.of_grid(np.full((48, 2), 4.0), SIZES), np.random.default_rng(0))
    assert score.value == pytest.approx(0.5)


def test_a_class_that_is_missing_from_a_sample_is_left_out_of_the_average():
    factors = np.random.default_rng(0).integers(2, size=(60, 2))
    factors[5] = 2
    codes = standardised(factors + 0.0)
    values = [
        explicitness(CodeTable(codes, factors), np.random.default_rng(s), train=30, test=15).value for s in range(8)
    ]
    assert np.isfinite(values).all()
    factors[:, 0] = 0
    factors[7, 0] = 1
    score = explicitness(CodeTable(codes, factors), np.random.default_rng(0), train=4, test=4)
    assert score.per_factor[0] == 0.5
