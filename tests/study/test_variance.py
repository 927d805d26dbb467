"""Shares of variance: planted ones are found, and intervals cover them."""

import numpy as np
import pandas as pd
import pytest

from tcwae.study.variance import SOURCES, shares


def planted(rng, method, coefficient, seed, seeds=4, methods=5, settings=3):
    """Runs whose methods, coefficients within methods and seeds have these deviations, and the true shares."""
    means = method * np.linspace(-1, 1, methods)[:, None] + coefficient * np.linspace(-1, 1, settings)
    y = means[..., None] + seed * rng.normal(size=(methods, settings, seeds))
    at = np.indices(y.shape).reshape(3, -1)
    runs = pd.DataFrame({"method": at[0].astype(str), "setting": at[1].astype(str), "mig": y.ravel()})
    parts = [y.size * np.var(np.linspace(-1, 1, n)) * sd**2 for n, sd in ((methods, method), (settings, coefficient))]
    parts.append((y.size - 1) * seed**2)
    return runs, dict(zip(SOURCES, np.array(parts) / sum(parts), strict=True))


@pytest.mark.parametrize("deviations", [(2, 1, 0.5), (0, 1, 1), (1, 0, 2), (0, 0, 1), (1, 1, 1)])
def test_planted_shares_are_found(deviations):
    runs, truth = planted(np.random.default_rng(0), *deviations, seeds=400)
    found = shares(runs, "mig")
    for source in SOURCES:
        assert found[source].share == pytest.approx(truth[source], abs=0.02)
        assert found[source].low <= found[source].high
    assert sum(source.share for source in found.values()) == pytest.approx(1)


def test_intervals_cover_planted_shares():
    """In 95 % of samples if seeds are normal: of 30, at least 25 (P = 0.997)."""
    rng, covered = np.random.default_rng(1), dict.fromkeys(SOURCES, 0)
    for _ in range(30):
        runs, truth = planted(rng, 0.8, 0.5, 0.7)
        for source, found in shares(runs, "mig").items():
            covered[source] += found.low <= truth[source] <= found.high
    assert min(covered.values()) >= 25


def test_chance_is_no_share():
    """Methods and coefficients that do nothing have a mean share of 0, though eta squared gives them (df / (n - 1))."""
    rng = np.random.default_rng(2)
    found = [shares(planted(rng, 0, 0, 1, seeds=3)[0], "mig") for _ in range(15)]
    for source in ("method", "coefficient"):
        assert np.mean([each[source].share for each in found]) == pytest.approx(0, abs=0.1)


def test_by_hand():
    """Two methods with two settings of two seeds: SS 8 = 4.5 + 1.5 + 2, MS of seeds 2 / 4."""
    runs = pd.DataFrame({"method": list("aaaabbbb"), "setting": list("ccddccdd"), "mig": np.nan})
    seeds, settings, methods = (
        np.tile([-0.5, 0.5], 4),
        np.repeat([-1, 1, -1, 1], 2) * 3**0.5 / 4,
        np.repeat([-0.75, 0.75], 4),
    )
    found = shares(runs.assign(mig=seeds + settings + methods), "mig")
    assert found["method"].share == pytest.approx((4.5 - 0.5) / 8)
    assert found["coefficient"].share == pytest.approx((1.5 - 2 * 0.5) / 8)
    assert found["seed"].share == pytest.approx(7 * 0.5 / 8)


def test_a_setting_of_the_same_name_is_of_its_method():
    rng = np.random.default_rng(0)
    runs, _ = planted(rng, 1, 1, 0.1)
    renamed = runs.assign(setting=runs["method"] + runs["setting"])
    assert shares(runs, "mig") == shares(renamed, "mig")


def test_without_noise_the_seed_decides_nothing():
    runs, truth = planted(np.random.default_rng(0), 2, 1, 0)
    for source, found in shares(runs, "mig").items():
        assert found.low == found.high == found.share == pytest.approx(truth[source])


def test_nothing_is_known_without_repeats_or_differences():
    runs, _ = planted(np.random.default_rng(0), 1, 1, 1)
    for unknown in (runs.drop_duplicates(["method", "setting"]), runs.assign(mig=0.5)):
        assert np.isnan([value for source in shares(unknown, "mig").values() for value in source]).all()


def test_one_method_has_no_interval_of_methods():
    runs, _ = planted(np.random.default_rng(0), 0, 1, 1, methods=2)
    found = shares(runs[runs["method"] == "0"], "mig")
    assert found["method"].share == pytest.approx(0)
    assert np.isnan(found["method"].low)
    assert found["seed"].high < 1
