"""Intervals, shares and rules on tables small enough to reason about."""

import numpy as np
import pandas as pd
import pytest
from test_select import table

from tcwae.study.select import best_settings, rank
from tcwae.study.uncertainty import bootstrap, ranks, rules, selections


def test_an_interval_covers_the_mean_as_often_as_it_should():
    """Of a normal sample of 30, whose bootstrap is nearly exact, in 95 % of cases; 92 to 97 % of 400 within 3 sigma."""
    random = np.random.default_rng(0)
    covered = [low < 1.0 < high for low, high in (bootstrap(random.normal(1.0, 2.0, 30), seed=k) for k in range(400))]
    assert 0.91 < np.mean(covered) < 0.98


@pytest.mark.parametrize(("seeds", "covered"), [(3, 0.75), (5, 0.83)])
def test_with_few_seeds_it_covers_less_than_it_says(seeds, covered):
    """The docstring's figures, of 1,000 samples: within 4 sigma."""
    random = np.random.default_rng(0)
    found = [low < 0 < high for low, high in (bootstrap(random.normal(size=seeds), seed=k) for k in range(1000))]
    assert np.mean(found) == pytest.approx(covered, abs=0.055)


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
    table = ranks({"good": scores(1.0, 0.9, noise=0.01), "bad": scores(2.0, 0.1, noise=0.01)})
    assert table["best"].to_dict() == {"good": 1.0, "bad": 0.0}
    for end in ("", "_low", "_high"):
        assert (table[f"mean_rank{end}"] == [1, 2]).all()
        assert (table[f"rank_mig{end}"] == [1, 2]).all()


def test_equal_rows_share():
    same = scores(1.0, 0.5)
    table = ranks({"one": same, "two": same, "three": same})
    assert table["best"].to_list() == pytest.approx([1 / 3] * 3)
    assert (table["mean_rank"] == 2).all()
    noisy = ranks({"one": scores(1, 0.5, noise=0.1), "two": scores(1, 0.5, 4, noise=0.1)})
    assert noisy["best"].sum() == pytest.approx(1)


def test_ranks_are_those_that_select():
    random = np.random.default_rng(3)
    rows = {name: scores(random.integers(3), random.integers(3), noise=0.5) + random.normal() for name in "abcde"}
    means = pd.DataFrame({name: own.mean() for name, own in rows.items()}).T.assign(udr=np.nan)
    expected = rank(means)
    for column in ("rank_log_reconstruction", "rank_mig", "rank_factor_vae", "rank_sap", "mean_rank"):
        np.testing.assert_allclose(ranks(rows)[column], expected[column])


def test_a_rank_is_as_sure_as_its_scores_are_apart():
    """Two rows a standard error of their difference apart are told apart in 84 % of resamples: P(Z > -1)."""
    values = np.random.default_rng(0).normal(size=200)
    values = (values - values.mean()) / values.std()
    column = dict.fromkeys(("log_reconstruction", "factor_vae", "sap"), np.zeros(200))
    apart = np.sqrt(2 / 200)
    table = ranks({"a": pd.DataFrame({**column, "mig": values + apart}), "b": pd.DataFrame({**column, "mig": values})})
    assert table.loc["a", "best"] == pytest.approx(0.84, abs=0.03)
    assert (table.loc["a", "rank_mig"], table.loc["a", "rank_mig_low"], table.loc["a", "rank_mig_high"]) == (1, 1, 2)


def test_the_first_rule_is_the_one_that_selects():
    rows = [("a", 0, 3.0, 0.3, 0.6, 0.1), ("b", 0, 2.0, 0.2, 0.5, 0.2), ("c", 0, 4.0, 0.9, 0.1, 0.05)]
    settings = best_settings(table(rows))
    chosen = selections(settings)
    assert list(chosen) == list(rules())
    assert chosen["mean rank of the scores"] == settings.loc[settings["selected"], "setting"].item()
    assert (chosen["reconstruction"], chosen["MIG"], chosen["FactorVAE"], chosen["SAP"]) == ("b", "c", "a", "b")


def test_without_reconstruction_only_the_three_scores_count():
    rows = [("a", 0, 1.0, 0.1, 0.1, 0.1), ("b", 0, 9.0, 0.2, 0.2, 0.2)]
    assert selections(best_settings(table(rows)))["mean rank without reconstruction"] == "b"


def test_no_rule_takes_a_diverged_setting():
    rows = [("a", 0, np.nan, np.nan, np.nan, np.nan), ("b", 0, 9.0, 0.2, 0.2, 0.2)]
    assert set(selections(best_settings(table(rows))).values()) == {"b"}
