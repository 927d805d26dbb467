"""The front: nothing beats it, everything else is beaten; and who wins at equal reconstruction."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from figures import synthetic
from tcwae.figures import pareto
from tcwae.study.results import load

POINTS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=30)


def runs(points, method="wae_mmd"):
    return pd.DataFrame(points, columns=["log_reconstruction", "mig"], dtype=float).assign(method=method)


@given(POINTS)
def test_the_front_is_what_nothing_beats(points):
    table = runs(points)
    on = pareto.front(table, "mig").to_numpy()
    for (lost, gained), mine in zip(points, on, strict=True):
        beaten = any((a <= lost and b >= gained) and (a, b) != (lost, gained) for a, b in points)
        assert mine != beaten


@given(POINTS)
def test_the_front_rises(points):
    table = runs(points)
    best = table[pareto.front(table, "mig")].drop_duplicates().sort_values("log_reconstruction")
    assert (np.diff(best["log_reconstruction"]) > 0).all()
    assert (np.diff(best["mig"]) > 0).all()


def test_shares_by_hand():
    """One reaches .2 at 1 and .3 at 4, the other .1 at 2 and .5 at 3: levels that both reach are 2, 3 and 4."""
    both = pd.concat([runs([(1, 0.2), (4, 0.3)], "wae_mmd"), runs([(2, 0.1), (3, 0.5)], "factor_vae")])
    assert sorted(pareto.levels(both)) == [2, 3, 4]
    assert pareto.shares(both, "mig") == {"wae_mmd": pytest.approx(1 / 3), "factor_vae": pytest.approx(2 / 3)}


@given(POINTS, POINTS)
def test_shares_are_shares(one, two):
    both = pd.concat([runs(one, "wae_mmd"), runs(two, "factor_vae")], ignore_index=True)
    assert sum(pareto.shares(both, "mig").values()) == pytest.approx(1)


def test_every_run_of_the_study_is_there(tmp_path):
    results = load(synthetic.write(tmp_path / "small"))
    table = pareto.data(results, "grid")
    assert set(table["run"]) == set(results.metrics.loc[results.metrics["status"] == "finished", "run"])
    assert table["best_mig"].any()
    assert (table["front_mig"] | ~table["best_mig"]).all()  # the front of all lies on the methods' own
