"""A report with further scores, and with published runs beside ours."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from figures import synthetic

from tcwae.errors import InputError
from tcwae.figures.plot import plot
from tcwae.report.content import contents
from tcwae.report.document import report
from tcwae.study.compare import compare
from tcwae.study.results import load
from tcwae.study.select import best_settings

TEMPLATE = Path(__file__).parents[2] / "workflow" / "report" / "report.typ"
SCORES = ["mig", "factor_vae", "sap", "dci", "infom", "modularity"]
FIGURES = ["heatmap", "scores_vs_reconstruction", "pareto", "violins", "agreement"]
METHODS = {"beta_tcvae": {"beta": [2.0, 4.0, 8.0]}, "tcwae_mws": {"beta": [1.0, 4.0], "gamma": [1.0, 10.0]}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A study with six scores that is selected by DCI, and published runs that are its own."""
    results = synthetic.write(tmp_path_factory.mktemp("further") / "small", METHODS, ())
    metrics, noise = pd.read_csv(results / "metrics.csv"), np.random.default_rng(0)
    for score in SCORES[3:]:
        metrics[score] = noise.random(len(metrics))
    metrics.to_csv(results / "metrics.csv", index=False)
    table = best_settings(metrics.assign(row=metrics["method"], udr=np.nan), ("log_reconstruction", *SCORES), ("dci",))
    table.to_csv(results / "selection" / "grid.csv", index=False)
    study = json.loads((results / "study.json").read_text())
    study |= {"scores": SCORES, "selected_by": ["dci"], "published": ["elsewhere"]}
    study["experiments"]["grid"]["shows"] = ["scores_table", *FIGURES]
    (results / "study.json").write_text(json.dumps(study))
    compare(results, [results / "metrics.csv"], results / "comparison.csv")
    for kind in FIGURES:
        plot("grid", kind, results, results / "figures" / f"grid-{kind}.pdf")
    return results


def test_every_score_is_shown_and_dci_selects(folder):
    said, metrics = contents(load(folder)), pd.read_csv(folder / "metrics.csv")
    assert [score["name"] for score in said["scores"]][3:6] == ["SAP", "DCI", "InfoM (modularity)"]
    for row in said["experiments"][0]["table"]:
        assert len(row["cells"]) == len(row["intervals"]) == len(row["ranks"]) == 7
    means = metrics.groupby(["method", "setting"])["dci"].mean()
    for method in METHODS:
        best = load(folder).selected("grid").set_index("row").loc[method]
        assert best["dci_mean"] == pytest.approx(means[method].max())
    (outcome,) = [outcome for outcome in said["experiments"][0]["outcomes"] if outcome["score"] == "DCI"]
    assert f" has {means.max():.3f}" in outcome["words"]


@pytest.mark.parametrize("kind", FIGURES)
def test_figures_show_every_score(folder, kind):
    table = pd.read_csv(folder / "figures" / f"grid-{kind}.csv")
    shown = set(table["one"]) | set(table["other"]) if kind == "agreement" else {c.removesuffix("_mean") for c in table}
    assert {"log_reconstruction", *SCORES} <= shown


def test_runs_beside_themselves_do_not_differ(folder):
    compared = contents(load(folder))["published"]
    assert compared["tests"] == len(compared["rows"]) == 7 * 6
    assert compared["different"] == 0
    assert {row["verdict"] for row in compared["rows"]} == {"no difference shown"}
    assert {row["superiority"] for row in compared["rows"]} == {"0.50"}


def test_it_is_typeset(folder, tmp_path):
    report(folder, TEMPLATE, tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    if shutil.which("pdftotext"):
        read = subprocess.run(["pdftotext", "-layout", tmp_path / "report.pdf", "-"], capture_output=True, text=True)
        for words in (
            "Further scores",
            "Ours against published runs",
            "DCI ↑",
            "by its importance in gradient boosted",
        ):
            assert words in " ".join(read.stdout.split())


def test_a_comparison_that_is_missing_is_named(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "comparison.csv").unlink()
    with pytest.raises(InputError, match=r"comparison\.csv, found none"):
        contents(load(copy))
