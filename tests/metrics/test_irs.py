"""The interventional robustness score against its definition, and its known values."""

import numpy as np
import pytest

from tcwae.metrics.irs import irs
from tcwae.metrics.table import CodeTable

from .tables import cells, perfect, standardised

SIZES = (3, 6, 10)


def reference(codes, factors, quantile):
    """Suter et al.'s loop over factors, classes and latents."""
    latents, matrix = codes.shape[1], np.empty((codes.shape[1], factors.shape[1]))
    largest = np.array([max(abs(z - z.mean())) for z in codes.T])
    for d in range(latents):
        for k, factor in enumerate(factors.T):
            spreads = [np.quantile(abs(z - z.mean()), quantile) for v in set(factor) for z in [codes[factor == v, d]]]
            matrix[d, k] = 1 - np.mean(spreads) / largest[d]
    return matrix, np.average(matrix.max(axis=1), weights=largest)


def test_it_equals_the_definition_on_equal_samples():
    rng = np.random.default_rng(0)
    factors = standardised(cells(SIZES))
    codes = factors * [1, 5, 0.1] + 0.3 * rng.normal(size=factors.shape)
    table = CodeTable.of_grid(codes, SIZES)
    score = irs(table, np.random.default_rng(1), samples=2000)
    matrix, value = reference(*table.sample(np.random.default_rng(1), 2000), 0.99)
    np.testing.assert_allclose(score.matrix, matrix, atol=1e-12)
    assert score.value == pytest.approx(value, abs=1e-12)


def test_a_perfect_code_scores_one():
    score = irs(perfect(SIZES), np.random.default_rng(0))
    assert score.value == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(score.matrix.diagonal(), 1, atol=1e-6)


def test_noise_scores_what_its_tails_leave():
    """Normal codes: 1 minus the 0.99 quantile of |z|, 2.576, over the largest of 10,000, about 3.9."""
    nothing = np.zeros((180, 4))
    score = irs(CodeTable.of_grid(nothing, SIZES, deviations=nothing + 1), np.random.default_rng(0))
    assert score.value == pytest.approx(1 - 2.576 / 3.9, abs=0.08)


def test_constant_latents_do_not_count():
    codes = np.concatenate([standardised(cells(SIZES)), np.full((180, 2), 0.1)], axis=1)
    score = irs(CodeTable.of_grid(codes, SIZES), np.random.default_rng(0))
    assert score.value == pytest.approx(1)
    assert (score.matrix[3:] == 0).all()
    assert irs(CodeTable.of_grid(np.full((180, 2), 0.1), SIZES), np.random.default_rng(0)).value == 0
