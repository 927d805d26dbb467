"""Selection by mean rank, on tables small enough to rank by hand."""

import numpy as np
import pandas as pd
import pytest

from tcwae.gather import COLUMNS
from tcwae.select import best_settings, rank


def table(rows):
    """Rows of setting, seed, log_reconstruction, mig, factor_vae, sap."""
    names = ["setting", "seed", "log_reconstruction", "mig", "factor_vae", "sap"]
    frame = pd.DataFrame(rows, columns=names).assign(
        experiments="table", dataset="dsprites", method="tcwae_mws", cost="cross_entropy", status="finished"
    )
    frame["run"] = frame["setting"] + "/" + frame["seed"].astype(str)
    return frame.reindex(columns=COLUMNS).assign(**{name: frame[name] for name in frame})


def selected(frame):
    chosen = best_settings(frame)
    return chosen.loc[chosen["selected"], "setting"].tolist()


def test_ranks_by_hand():
    scores = pd.DataFrame(
        {"log_reconstruction": [3.0, 2.0, 4.0], "mig": [0.3, 0.1, 0.3], "factor_vae": [0.5, 0.6, 0.7], "sap": [1, 2, 3]}
    )
    ranks = rank(scores)
    assert ranks["rank_log_reconstruction"].tolist() == [2, 1, 3]
    assert ranks["rank_mig"].tolist() == [1.5, 3, 1.5]
    assert ranks["rank_factor_vae"].tolist() == [3, 2, 1]
    assert ranks["mean_rank"].tolist() == [(2 + 1.5 + 3 + 3) / 4, (1 + 3 + 2 + 2) / 4, (3 + 1.5 + 1 + 1) / 4]


def test_lowest_mean_rank_is_selected():
    rows = [("a", 0, 3, 0.3, 0.5, 0.1), ("b", 0, 2, 0.1, 0.6, 0.2), ("c", 0, 4, 0.3, 0.7, 0.3)]
    assert selected(table(rows)) == ["c"]


def test_of_equal_ranks_the_better_reconstruction_is_selected():
    rows = [("a", 0, 3.0, 0.3, 0.6, 0.1), ("b", 0, 2.0, 0.2, 0.5, 0.2)]  # ranks 2 1 1 2 and 1 2 2 1
    assert selected(table(rows)) == ["b"]


def test_mean_and_sample_deviation_over_seeds():
    rows = [("a", 0, 3.0, 0.3, 0.6, 0.1), ("a", 1, 5.0, 0.1, 0.6, 0.3)]
    (row,) = best_settings(table(rows)).to_dict("records")
    assert row["seeds"] == 2
    assert row["log_reconstruction_mean"] == 4
    assert row["log_reconstruction_sd"] == pytest.approx(np.sqrt(2))
    assert row["factor_vae_sd"] == 0


def test_one_seed_has_no_deviation():
    (row,) = best_settings(table([("a", 0, 3.0, 0.3, 0.6, 0.1)])).to_dict("records")
    assert np.isnan(row["mig_sd"])


def test_best_run_is_the_best_ranked_seed():
    rows = [("a", 0, 3, 0.3, 0.6, 0.2), ("a", 1, 2, 0.4, 0.7, 0.1), ("a", 2, 4, 0.2, 0.5, 0.3)]
    assert best_settings(table(rows))["best_run"].tolist() == ["a/1"]


def test_a_setting_with_a_diverged_run_ranks_last_and_stays_in_the_table():
    rows = [("a", 0, 1, 0.9, 0.9, 0.9), ("a", 1, np.nan, np.nan, np.nan, np.nan), ("b", 0, 5, 0.1, 0.1, 0.1)]
    frame = table(rows)
    frame.loc[1, "status"] = "diverged"
    chosen = best_settings(frame).set_index("setting")
    assert chosen["selected"].to_dict() == {"a": False, "b": True}
    assert chosen["diverged"].to_dict() == {"a": 1, "b": 0}
    assert np.isnan(chosen.loc["a", "mig_mean"])
    assert chosen.loc["a", "best_run"] == "a/0"


def test_experiments_methods_and_costs_are_ranked_apart():
    frame = table([("a", 0, 3, 0.3, 0.6, 0.1), ("b", 0, 2, 0.4, 0.7, 0.2), ("c", 0, 1, 0.5, 0.8, 0.3)])
    frame["experiments"] = ["table", "table grid", "grid"]
    chosen = best_settings(frame)
    found = chosen.loc[chosen["selected"], ["experiment", "setting"]].values.tolist()
    assert found == [["table", "b"], ["grid", "c"]]
    frame["experiments"], frame["method"] = "table", ["x", "x", "y"]
    assert selected(frame) == ["b", "c"]
