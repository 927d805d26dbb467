"""What holds for every score."""

import subprocess
import sys

import numpy as np
import pytest

from tcwae.metrics.registry import METRICS, measure
from tcwae.metrics.table import CodeTable, UnavailableScoreError

from .tables import cells, standardised

SIZES = (2, 3, 5)
SMALL = {
    "mig": {"samples": 500},
    "factor_vae": {"train_votes": 200, "test_votes": 100, "variance_samples": 500},
    "sap": {"train": 300, "test": 150},
    "dci": {"train": 60, "test": 30},
    "modularity": {"samples": 500},
    "explicitness": {"train": 300, "test": 150},
    "beta_vae": {"train": 200, "test": 100},
    "irs": {"samples": 500},
    "infom": {"samples": 20},
    "infoe": {"samples": 20},
    "infoc": {"samples": 20},
    "mig_chen": {"samples": 500},
    "mig_yanndubs": {"samples": 20},
}


def score(name, table, seed=0):
    return METRICS[name](table, np.random.default_rng(seed), **SMALL[name])


def table(codes, sampled=False):
    """With deviations, which only the scores that read off densities use where codes are not sampled."""
    spread = np.maximum(np.ptp(codes, axis=0), np.abs(codes).max() * 1e-3)
    return CodeTable.of_grid(codes, SIZES, deviations=np.broadcast_to(0.1 * spread, codes.shape), sampled=sampled)


def mixed_codes():
    factors = standardised(cells(SIZES))
    return factors + 0.5 * np.roll(factors, 1, axis=1) + 0.3 * np.random.default_rng(0).normal(size=factors.shape)


def test_the_settings_here_are_for_every_score():
    assert SMALL.keys() == METRICS.keys()


@pytest.mark.parametrize("sampled", [False, True])
@pytest.mark.parametrize("name", METRICS)
def test_a_seed_gives_the_same_bits_and_another_seed_others(name, sampled):
    codes = mixed_codes().astype(np.float32)
    one, again, other = (score(name, table(codes, sampled), s) for s in (0, 0, 1))
    assert one.value == again.value
    assert np.array_equal(one.matrix, again.matrix)
    assert one.value != other.value or not np.array_equal(one.matrix, other.matrix)


@pytest.mark.parametrize("name", METRICS)
def test_the_order_of_latents_does_not_matter(name):
    codes = mixed_codes()
    one, other = (score(name, table(z)) for z in (codes, codes[:, [2, 0, 1]]))
    # ties, iterations that stop, and noise that another latent gets
    tolerances = {"dci": 0.05, "beta_vae": 0.02, "explicitness": 1e-3, "infoe": 1e-2, "mig_chen": 0.1}
    if name == "mig_yanndubs":  # mixes latents up by their order
        one, other = one.parts["transposed"], other.parts["transposed"]
    assert other.value == pytest.approx(one.value, abs=tolerances.get(name, 1e-9))
    assert one.matrix is None or other.matrix.shape == one.matrix.shape == (3, 3)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("scale", "shift"), [(1e-30, 0), (1e-6, 1), (1, 1e6), (1e8, -50), (1e14, 0)])
def test_any_finite_code_gives_a_finite_score_between_zero_and_one(name, dtype, scale, shift):
    codes = np.concatenate([mixed_codes(), np.ones((30, 1)), np.eye(30)[:, :2]], axis=1) * scale + shift
    result = score(name, table(codes.astype(dtype)))
    numbers = [result.value, *(part.value for part in result.parts.values() if part.per_factor is not None)]
    above = 0.1 if name.startswith("mig_") else 1e-9  # the drawn classes may have more entropy than all rows have
    assert all(-1e-9 <= number <= 1 + above for number in numbers)
    for array in (result.matrix, result.per_factor, result.per_latent):
        assert array is None or np.isfinite(array).all()


@pytest.mark.parametrize("name", METRICS)
def test_constant_codes_have_a_score(name):
    result = score(name, table(np.full((30, 3), -2.5)))
    chance = {"explicitness": 0.5, "beta_vae": pytest.approx(1 / 3, abs=0.15)}
    assert result.value == chance.get(name, pytest.approx(0, abs=1e-6))


@pytest.mark.parametrize("name", METRICS)
def test_the_arrays_handed_in_are_left_as_they_are(name):
    codes, deviations, factors = mixed_codes(), np.full((30, 3), 0.2), cells(SIZES).astype(int)
    copies = codes.copy(), deviations.copy(), factors.copy()
    score(name, CodeTable(codes, factors, deviations))
    for array, copy in zip((codes, deviations, factors), copies, strict=True):
        assert np.array_equal(array, copy)


@pytest.mark.parametrize("name", METRICS)
def test_a_factor_of_one_class_costs_the_score_and_says_so(name):
    factors = np.random.default_rng(0).integers(2, size=(30, 2)) * [0, 1]
    with pytest.raises(UnavailableScoreError, match="at least 2 classes of 'factor_0', found 1"):
        score(name, CodeTable(mixed_codes(), factors))


def test_a_score_that_cannot_be_had_is_left_out_with_its_reason():
    factors = np.random.default_rng(0).integers(2, size=(30, 2))
    factors[3, 0] = 2
    rare = CodeTable(mixed_codes(), factors)
    names = ["factor_vae", "mig", "mig_chen", "infom", "infoc"]
    scores, reasons = measure(rare, names, 0)
    assert list(scores) == ["mig", "infom", "infoc"]
    assert reasons["factor_vae"].startswith("expected at least 2 rows of every class of 'factor_0', found 1 of class 2")
    assert reasons["mig_chen"].startswith("expected the posteriors' deviations beside the codes")
    for name, one in scores.items():
        assert one.value == METRICS[name](rare, np.random.default_rng(0)).value


def test_scores_need_no_torch():
    code = "import sys, tcwae.evaluation.score; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
