"""Intervals, shares and rules on tables small enough to reason about."""

import numpy as np
import pandas as pd
import pytest
from test_select import table

from tcwae.select import best_settings
from tcwae.uncertainty import RULES, best_shares, bootstrap, selections


def test_an_interval_covers_the_mean_as_often_as_it_should():
    """Of a normal sample of 30, whose bootstrap is nearly exact, in 95 % of cases; 92 to 97 % of 400 within 3 sigma."""
    random = np.random.default_rng(0)
    covered = [low < 1.0 < high for low, high in (bootstrap(random.normal(1.0, 2.0, 30), seed=k) for k in range(400))]
    assert 0.91 < np.mean(covered) < 0.98


def test_an_interval_is_as_wide_as_the_theory_says():
    """The bootstrap's standard error is the population deviation over sqrt n."""
    values = np.random.default_rng(1).normal(size=50)
    low, high = bootstrap(values)
    assert high - low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(50), rel=0.05)


def test_an_interval_moves_and_stretches_with_its_values():
    values = np.array([0.2, 0.5, 0.9, 0.4, 0.1])
    low, high = bootstrap(values)
    np.testing.assert_allclose(bootstrap(3 * values + 1), (3 * low + 1, 3 * high + 1))
    assert bootstrap(np.full(4, 0.3)) == (pytest.approx(0.3), pytest.approx(0.3))


def test_one_seed_or_a_missing_one_has_no_interval():
    assert np.isnan(bootstrap(np.array([1.0]))).all()
    assert np.isnan(bootstrap(np.array([1.0, np.nan]))).all()


def scores(reconstruction, others, seeds=5, noise=0.0):
    random = np.random.default_rng(0)
    columns = {"log_reconstruction": reconstruction, "mig": others, "factor_vae": others, "sap": others}
    return pd.DataFrame({name: value + noise * random.normal(size=seeds) for name, value in columns.items()})


def test_a_row_that_is_better_everywhere_always_wins():
    shares = best_shares({"good": scores(1.0, 0.9, noise=0.01), "bad": scores(2.0, 0.1, noise=0.01)})
    assert shares == {"good": 1.0, "bad": 0.0}


def test_equal_rows_share():
    same = scores(1.0, 0.5)
    assert best_shares({"one": same, "two": same, "three": same}) == pytest.approx(
        {"one": 1 / 3, "two": 1 / 3, "three": 1 / 3}
    )
    assert sum(
        best_shares({"one": scores(1, 0.5, noise=0.1), "two": scores(1, 0.5, 4, noise=0.1)}).values()
    ) == pytest.approx(1)


def test_the_first_rule_is_the_one_that_selects():
    rows = [("a", 0, 3.0, 0.3, 0.6, 0.1), ("b", 0, 2.0, 0.2, 0.5, 0.2), ("c", 0, 4.0, 0.9, 0.1, 0.05)]
    settings = best_settings(table(rows))
    chosen = selections(settings)
    assert list(chosen) == list(RULES)
    assert chosen["mean rank of the four scores"] == settings.loc[settings["selected"], "setting"].item()
    assert (chosen["reconstruction"], chosen["MIG"], chosen["FactorVAE"], chosen["SAP"]) == ("b", "c", "a", "b")


def test_without_reconstruction_only_the_three_scores_count():
    rows = [("a", 0, 1.0, 0.1, 0.1, 0.1), ("b", 0, 9.0, 0.2, 0.2, 0.2)]
    assert selections(best_settings(table(rows)))["mean rank without reconstruction"] == "b"


def test_no_rule_takes_a_diverged_setting():
    rows = [("a", 0, np.nan, np.nan, np.nan, np.nan), ("b", 0, 9.0, 0.2, 0.2, 0.2)]
    assert set(selections(best_settings(table(rows))).values()) == {"b"}
