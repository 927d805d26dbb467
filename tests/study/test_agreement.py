"""Rank correlations: their known values, and intervals that cover what they should."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tcwae.config.scores import facts
from tcwae.study.agreement import agreement


def of(table, *scores):
    return agreement(table, {score: facts(score) for score in scores})


def test_scores_that_agree_have_one_and_opposite_ones_minus_one():
    mig = np.random.default_rng(0).random(30)
    table = pd.DataFrame({"mig": mig, "sap": np.exp(5 * mig), "dci": -mig})
    found = of(table, "mig", "sap", "dci").set_index(["one", "other"])
    assert found["rho"].to_dict() == {("mig", "sap"): 1, ("mig", "dci"): -1, ("sap", "dci"): -1}
    assert (found["low"] == found["rho"]).all()
    assert (found["high"] == found["rho"]).all()


def test_less_reconstruction_error_is_better():
    """So a score that rises as the reconstruction gets worse disagrees with it."""
    table = pd.DataFrame({"log_reconstruction": [3.0, 4, 5, 6], "mig": [0.1, 0.2, 0.3, 0.4]})
    assert of(table, "log_reconstruction", "mig")["rho"].item() == -1


def test_it_is_spearmans_with_ties():
    rng = np.random.default_rng(1)
    table = pd.DataFrame(rng.integers(0, 5, (40, 2)), columns=["mig", "sap"])
    assert of(table, "mig", "sap")["rho"].item() == pytest.approx(stats.spearmanr(table["mig"], table["sap"]).statistic)


def test_runs_without_one_of_the_scores_and_constant_scores_are_left_out():
    table = pd.DataFrame({"mig": [0.1, 0.2, np.nan, 0.3], "sap": [1, 2, 3, 4.0], "dci": 0.5})
    found = of(table, "mig", "sap", "dci").set_index(["one", "other"])
    assert found.loc[("mig", "sap"), "runs"] == 3
    assert found.loc[("mig", "sap"), "rho"] == 1
    assert np.isnan(found.loc[("mig", "sap"), "low"])  # of three runs
    assert np.isnan(found.loc[("mig", "dci"), "rho"])


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.8])
def test_the_interval_covers_the_truth_as_often_as_it_says(rho):
    """Of normal pairs, whose Spearman correlation is 6 / pi arcsin(rho / 2): in 95 % of 400 samples, within 4 sigma."""
    rng, truth = np.random.default_rng(0), 6 / np.pi * np.arcsin(rho / 2)
    covered = 0
    for _ in range(400):
        one, noise = rng.normal(size=(2, 40))
        found = of(pd.DataFrame({"mig": one, "sap": rho * one + np.sqrt(1 - rho**2) * noise}), "mig", "sap")
        covered += found["low"].item() < truth < found["high"].item()
    assert covered / 400 == pytest.approx(0.95, abs=0.045)
