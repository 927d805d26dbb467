"""Selection by mean rank, on tables small enough to rank by hand."""

import json

import h5py
import numpy as np
import pandas as pd
import pytest
from recorded import record

from tcwae.config.run import check
from tcwae.config.runs import chosen, runs
from tcwae.config.study import Study
from tcwae.errors import InputError
from tcwae.study.gather import columns
from tcwae.study.select import best_settings, rank, select


def table(rows):
    """Rows of setting, seed, log_reconstruction, mig, factor_vae, sap."""
    names = ["setting", "seed", "log_reconstruction", "mig", "factor_vae", "sap"]
    frame = pd.DataFrame(rows, columns=names).assign(
        experiments="table", dataset="dsprites", method="tcwae_mws", cost="cross_entropy", status="finished"
    )
    frame["run"] = frame["setting"] + "/" + frame["seed"].astype(str)
    return frame.reindex(columns=columns()).assign(row="tcwae_mws", udr=np.nan, **{name: frame[name] for name in frame})


def selected(frame):
    found = best_settings(frame)
    return found.loc[found["selected"], "setting"].tolist()


def test_ranks_by_hand():
    scores = pd.DataFrame(
        {
            "log_reconstruction": [3.0, 2.0, 4.0],
            "mig": [0.3, 0.1, 0.3],
            "factor_vae": [0.5, 0.6, 0.7],
            "sap": [1, 2, 3],
            "udr": np.nan,
        }
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
    found = best_settings(frame).set_index("setting")
    assert found["selected"].to_dict() == {"a": False, "b": True}
    assert found["diverged"].to_dict() == {"a": 1, "b": 0}
    assert np.isnan(found.loc["a", "mig_mean"])
    assert found.loc["a", "best_run"] == "a/0"


def test_rows_are_ranked_apart():
    frame = table([("a", 0, 3, 0.3, 0.6, 0.1), ("b", 0, 2, 0.4, 0.7, 0.2), ("c", 0, 1, 0.5, 0.8, 0.3)])
    frame["row"] = ["one", "one", "another"]
    found = best_settings(frame)
    assert found.loc[found["selected"], ["row", "setting"]].values.tolist() == [["one", "b"], ["another", "c"]]


def test_without_factors_the_reconstruction_and_udr_decide():
    none = np.nan
    frame = table([("a", 0, 3, none, none, none), ("b", 0, 2, none, none, none), ("c", 0, 1, none, none, none)])
    assert selected(frame) == ["c"]
    frame["udr"] = [0.1, 0.9, 0.2]  # ranks 3 2 1 and 3 1 2: of equal mean ranks the better reconstruction
    assert selected(frame) == ["c"]
    frame["udr"] = [0.1, 0.9, 0.05]
    found = best_settings(frame)
    assert found["mean_rank"].tolist() == [(3 + 2) / 2, (2 + 1) / 2, (1 + 3) / 2]
    assert found["rank_mig"].isna().all()


def test_where_all_runs_diverged_nothing_is_chosen(tmp_path):
    frame = table([("a", 0, np.nan, np.nan, np.nan, np.nan)]).assign(status="diverged")
    best_settings(frame).to_csv(tmp_path / "grid.csv", index=False)
    assert chosen(tmp_path / "grid.csv") == {}


def test_what_is_chosen_are_the_coefficients_of_the_selected_setting(tmp_path):
    frame = table([("a", 0, 3, 0.3, 0.6, 0.1), ("b", 0, 2, 0.4, 0.7, 0.2)]).assign(beta=[1.0, 50.0], gamma=[5.0, 100.0])
    best_settings(frame).to_csv(tmp_path / "grid.csv", index=False)
    assert chosen(tmp_path / "grid.csv") == {"tcwae_mws": {"beta": 50.0, "gamma": 100.0}}


class Records:
    """A folder of results with posteriors of three seeds: two that agree, and one that has learnt something else."""

    def __init__(self, folder):
        self.folder = folder
        self.study = check(
            Study,
            {
                "study": "chairs",
                "seeds": [0, 1, 2],
                "experiments": {"chairs": {"dataset": "chairs3d", "methods": {"beta_vae": {"beta": 1}}}},
            },
            "test",
        )
        random = np.random.default_rng(0)
        shared = random.normal(size=(2000, 4))
        mixed = shared @ np.linalg.qr(random.normal(size=(4, 4)))[0]
        for (identifier, run), codes in zip(runs(self.study).items(), (shared, mixed, -shared[:, ::-1]), strict=True):
            path = folder / "runs" / identifier
            path.mkdir(parents=True)
            written = record(run)
            written["scores"] = {"log_reconstruction": 3.0, "reconstruction": 20.0}
            (path / "metrics.json").write_text(json.dumps(written))
            with h5py.File(path / "codes.h5", "w") as file:
                file["codes"], file["deviations"] = codes, np.full(codes.shape, 0.1)


def test_udr_chooses_a_seed_that_another_agrees_with(tmp_path):
    made = Records(tmp_path)
    select(made.study, "chairs", tmp_path)
    (row,) = pd.read_csv(tmp_path / "selection" / "chairs.csv").to_dict("records")
    assert row["best_run"] in {run for run in runs(made.study) if run.endswith(("seed=0", "seed=2"))}
    assert 0 < row["udr_mean"] < 0.9


def test_codes_that_are_missing_are_named(tmp_path):
    made = Records(tmp_path)
    next(tmp_path.rglob("codes.h5")).unlink()
    with pytest.raises(InputError, match=r"codes\.h5: expected codes and deviations"):
        select(made.study, "chairs", tmp_path)
