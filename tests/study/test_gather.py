"""From the metrics of runs to one table."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from recorded import record

from tcwae.config.run import check
from tcwae.config.runs import runs
from tcwae.config.study import Study
from tcwae.errors import InputError
from tcwae.study.gather import SCORES, columns, gather
from tcwae.study.results import Results

STUDY = check(
    Study,
    {
        "study": "example",
        "seeds": [0, 1],
        "experiments": {
            "table": {
                "dataset": "dsprites",
                "methods": {"tcwae_mws": {"beta": 4, "gamma": 2}, "wae_mmd": {"lambda": 3}},
            },
            "grid": {"dataset": "dsprites", "seeds": [0], "methods": {"tcwae_mws": {"beta": [1, 4], "gamma": 2}}},
        },
    },
    "test",
)


@pytest.fixture
def results(tmp_path):
    for identifier, run in runs(STUDY).items():
        folder = tmp_path / "runs" / identifier
        folder.mkdir(parents=True)
        (folder / "metrics.json").write_text(json.dumps(record(run)))
    return tmp_path


def test_one_row_a_run(results):
    gather(STUDY, results)
    table = pd.read_csv(results / "metrics.csv")
    assert list(table) == columns()
    assert table["run"].tolist() == list(runs(STUDY))
    shared = table.set_index("run").loc["dsprites/tcwae_mws/cross_entropy/beta=4_gamma=2/seed=0"]
    assert shared["experiments"] == "table/tcwae_mws grid/tcwae_mws"
    assert (shared["beta"], shared["gamma"], shared["seed"]) == (4, 2, 0)
    assert shared["setting"] == "beta=4_gamma=2"
    assert np.isnan(shared["lambda"])
    assert shared[SCORES].tolist() == list(range(len(SCORES)))
    assert table["iterations"].unique() == [600_000]


def test_study_is_written_beside_it(results):
    gather(STUDY, results)
    assert check(Study, json.loads((results / "study.json").read_text()), "again") == STUDY


def test_diverged_runs_stay(results):
    identifier, run = next(iter(runs(STUDY).items()))
    diverged = record(run, status="diverged", step=1234, term="mmd")
    (results / "runs" / identifier / "metrics.json").write_text(json.dumps(diverged))
    gather(STUDY, results)
    row = pd.read_csv(results / "metrics.csv").iloc[0]
    assert (row["status"], row["diverged_step"], row["diverged_term"]) == ("diverged", 1234, "mmd")
    assert row[SCORES].isna().all()


def test_why_a_score_cannot_be_had_is_in_the_table(results):
    identifier, run = next(iter(runs(STUDY).items()))
    why = {
        "mig": "expected 2 classes; found: 1",
        "sap": "expected 2 classes; found: 1",
        "factor_vae": "mig: too few rows",
    }
    lacking = record(run) | {"reasons": why, "scores": {"log_reconstruction": 2.0}}
    (results / "runs" / identifier / "metrics.json").write_text(json.dumps(lacking))
    gather(STUDY, results)
    table = pd.read_csv(results / "metrics.csv")
    assert table["reasons"][0] == "; ".join(f"{score}: {reason}" for score, reason in why.items())
    assert table["reasons"][1:].isna().all()
    assert table.loc[0, ["mig", "sap", "factor_vae"]].isna().all()
    read = Results(results, STUDY, table, pd.DataFrame())
    assert read.reasons(table.iloc[0]) == {"mig": why["mig"], "sap": why["sap"], "factor_vae": why["factor_vae"]}
    assert read.reasons(table.iloc[1]) == {}


def test_metrics_of_another_run_are_refused(results):
    identifier, run = next(iter(runs(STUDY).items()))
    other = record(run)
    other["training"]["settings"]["learning_rate"] = 0.5
    (results / "runs" / identifier / "metrics.json").write_text(json.dumps(other))
    with pytest.raises(InputError, match=rf"{identifier}/metrics.json: expected learning_rate 0.0004, found 0.5"):
        gather(STUDY, results)


@pytest.mark.parametrize("damage", ["", "{", "[]", "{}", '{"settings": 3}', "\x00"])
def test_damaged_metrics_are_named(results, damage):
    identifier = next(iter(runs(STUDY)))
    (results / "runs" / identifier / "metrics.json").write_text(damage)
    with pytest.raises(InputError, match=rf"{identifier}/metrics.json: expected .*; make it again, .* snakemake -R"):
        gather(STUDY, results)
    assert not (results / "metrics.csv").exists()


def test_every_column_is_documented():
    page = (Path(__file__).parents[2] / "docs" / "results.md").read_text()
    table = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    documented = re.findall(r"`(\w+)`", " ".join(table))
    assert sorted(documented) == sorted(columns())


def test_a_partial_table_has_the_runs_that_there_are(results):
    gone = next(iter(runs(STUDY)))
    (results / "runs" / gone / "metrics.json").unlink()
    with pytest.raises(OSError, match="No such file"):
        gather(STUDY, results)
    gather(STUDY, results, partial=True)
    assert pd.read_csv(results / "metrics.csv")["run"].tolist() == [run for run in runs(STUDY) if run != gone]


def test_what_a_training_warned_of_is_in_its_row(results):
    identifier, run = next(iter(runs(STUDY).items()))
    warning = {"kind": "collapsed_latents", "term": "active_units", "step": 300, "value": 0.0}
    terms = {"total_correlation": 1.5, "dimension_wise_kl": -2.0}
    written = record(run)
    written["training"] |= {"warnings": [warning], "terms": terms}
    (results / "runs" / identifier / "metrics.json").write_text(json.dumps(written))
    gather(STUDY, results)
    first, *others = pd.read_csv(results / "metrics.csv").to_dict("records")
    assert first["warnings"] == "collapsed_latents from step 300"
    assert (first["total_correlation_trained"], first["dimension_wise_kl_trained"]) == (1.5, -2.0)
    assert all(pd.isna(row["warnings"]) for row in others)
