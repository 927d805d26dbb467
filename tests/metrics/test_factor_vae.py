"""The FactorVAE score against a loop in the words of its definition, and its known values."""

import numpy as np
import pytest

from tcwae.errors import InputError
from tcwae.metrics.factor_vae import factor_vae
from tcwae.metrics.table import CodeTable

from .tables import cells, perfect, standardised

SIZES = (3, 6, 10)


def reference(codes, sizes, rng, votes, batch=64):
    """disentanglement_lib's loop on a full grid: draw factors, fix one, look up the cell, take the argmin."""
    overall = codes[rng.integers(len(codes), size=10_000)].var(axis=0, ddof=1)
    active = np.flatnonzero(np.sqrt(overall) >= 0.05)
    counts = np.zeros((2, codes.shape[1], len(sizes)), int)
    for part, number in enumerate(votes):
        for _ in range(number):
            k = rng.integers(len(sizes))
            factors = rng.integers(sizes, size=(batch, len(sizes)))
            factors[:, k] = factors[0, k]
            local = codes[np.ravel_multi_index(factors.T, sizes)].var(axis=0, ddof=1)
            counts[part, active[np.argmin(local[active] / overall[active])], k] += 1
    named = counts[0].argmax(axis=1)
    return counts[1][np.arange(len(named)), named].sum() / votes[1]


def entangled(strength):
    """Each latent is a factor and `strength` of the next one, with noise."""
    factors = standardised(cells(SIZES))
    codes = factors + strength * np.roll(factors, 1, axis=1)
    codes = codes + 0.5 * np.random.default_rng(0).normal(size=codes.shape)
    return CodeTable.of_grid(codes.astype(np.float32), SIZES)


@pytest.mark.parametrize("strength", [0.9, 1.2])
def test_it_agrees_with_the_loop_within_four_standard_errors(strength):
    table = entangled(strength)
    slow = [reference(table.codes, SIZES, np.random.default_rng(s), (1500, 1500), batch=8) for s in range(4)]
    settings = {"train_votes": 1500, "test_votes": 1500, "batch": 8}
    fast = [factor_vae(table, np.random.default_rng(s), **settings).value for s in range(40)]
    assert 0.4 < np.mean(slow) < 0.97
    standard_error = np.std(fast, ddof=1) * np.sqrt(1 / 4 + 1 / 40)
    assert abs(np.mean(fast) - np.mean(slow)) < 4 * standard_error


def test_a_perfect_code_scores_one():
    score = factor_vae(perfect(SIZES, noise=2), np.random.default_rng(0))
    assert score.value == 1
    assert (score.per_factor == 1).all()
    # every vote goes to the latent of the shared factor
    assert (score.matrix.argmax(axis=0) == [0, 1, 2]).all()
    assert (score.matrix[3:] == 0).all()
    assert score.matrix.sum() == 10_000
    assert {name: part.value for name, part in score.parts.items()} == {"train_accuracy": 1, "active_latents": 5}


def test_noise_scores_one_in_k():
    """Noise drawn anew is independent of the factor; a frozen noise table is not quite, as a class is a finite set of it."""
    nothing = np.zeros((840, 5))
    table = CodeTable.of_grid(nothing, (4, 5, 6, 7), deviations=nothing + 1)
    score = factor_vae(table, np.random.default_rng(0)).value
    assert score == pytest.approx(1 / 4, abs=4 * np.sqrt(1 / 4 * 3 / 4 / 5000))


def test_it_does_not_depend_on_a_scale_or_a_shift():
    table = entangled(1.0)
    moved = CodeTable.of_grid(table.codes * np.float32([3, 100, 0.5]) + np.float32(50), SIZES)
    one, other = (factor_vae(t, np.random.default_rng(0)).value for t in (table, moved))
    assert one == pytest.approx(other, abs=2e-3)


def test_latents_that_hardly_vary_do_not_vote():
    """A latent of deviation 0.049 that knows factor 0 perfectly is not asked, one of 0.051 is."""
    codes = standardised(cells(SIZES))
    codes[:, 0] *= 0.0490
    quiet = factor_vae(CodeTable.of_grid(codes, SIZES), np.random.default_rng(0))
    codes[:, 0] *= 51 / 49
    heard = factor_vae(CodeTable.of_grid(codes, SIZES), np.random.default_rng(0))
    assert quiet.parts["active_latents"].value == 2
    assert (quiet.matrix[0] == 0).all()
    assert quiet.value < 0.8
    assert heard.value == 1


def test_constant_latents_score_zero():
    table = CodeTable.of_grid(np.full((180, 3), 7.0), SIZES)
    score = factor_vae(table, np.random.default_rng(0))
    assert (score.value, score.parts["active_latents"].value) == (0, 0)


def test_a_class_of_one_row_is_refused():
    factors = np.random.default_rng(0).integers(2, size=(50, 2))
    factors[3, 0] = 2
    with pytest.raises(InputError, match="at least 2 rows of every class of 'factor_0', found 1 of class 2"):
        factor_vae(CodeTable(np.random.default_rng(0).normal(size=(50, 2)), factors), np.random.default_rng(0))


def test_sampled_codes_lower_the_score():
    """Noise of deviation 2 beside codes of deviation 1 hides what a batch shares: variance 4 of 5 instead of 0."""
    exact, blurred = perfect(SIZES), perfect(SIZES).codes
    table = CodeTable.of_grid(blurred, SIZES, deviations=np.full_like(blurred, 2.0))
    score = factor_vae(table, np.random.default_rng(0)).value
    assert score < 0.9 < factor_vae(exact, np.random.default_rng(0)).value
