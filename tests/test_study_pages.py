"""The pages that tell of studies: their numbers are those of the kept files, which agree with each other and the studies."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tcwae.config.run import flatten
from tcwae.config.runs import experiment_runs, runs
from tcwae.config.scores import PAPER
from tcwae.figures import style
from tcwae.figures.plot import KINDS
from tcwae.report import paper

DOCS = Path(__file__).parents[1] / "docs"


def _module():
    specification = importlib.util.spec_from_file_location("studies", DOCS / "studies.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


studies = _module()


@pytest.fixture(scope="module", params=list(studies.PAGES))
def name(request):
    return request.param


@pytest.fixture(scope="module")
def results(name):
    return studies.kept(name)


def marks(name):
    return {(found[2], found[3]) for found in studies.MARKS.finditer((DOCS / f"{name}.md").read_text())}


def test_the_pages_numbers_are_those_of_the_files(name, results):
    text = (DOCS / f"{name}.md").read_text()
    assert studies.filled(text, results) == text


def test_all_that_is_kept_of_the_departures_is_told():
    assert marks("deviations") == {
        ("budget", None),
        *((part, row) for part in ("scores", "departures") for row in studies.kept("deviations").study.experiments),
        *((part, "low_weights") for part in ("estimators", "fronts")),
    }


def test_all_that_is_kept_of_the_reference_run_is_told():
    parts = {(part, None) for part in ("budget", "measures", "losses")}
    assert marks("reference-run") == parts | {("beside", "table1a"), ("estimators", "table1a")}


def test_the_reference_run_stands_beside_the_papers_row():
    """Its row is the one of Table 1a with these coefficients, and no other."""
    results = studies.kept("reference-run")
    (run,) = results.metrics.itertuples()
    (row,) = [row for row in paper.TABLE_1A if row.method == run.method]
    ours, printed = studies.beside(results, "table1a").splitlines()[2:]
    assert row.setting == {"beta": run.beta, "gamma": run.gamma}
    for score, cell, paper_cell in zip(PAPER, ours.split("|")[3:], printed.split("|")[3:], strict=False):
        assert float(cell) == pytest.approx(getattr(run, score), abs=0.006)
        assert paper_cell.strip() == row.scores[score].text


def test_the_reference_runs_curves_are_its_whole_training():
    results = studies.kept("reference-run")
    curves = pd.read_csv(results.folder / "curves.csv")
    (run,) = results.metrics.itertuples()
    assert curves["step"].iloc[-1] == run.iterations
    assert (curves["step"].diff().dropna() == curves["step"].iloc[0]).all()
    assert np.isfinite(curves).all(axis=None)
    for term in ("total_correlation", "dimension_wise_kl"):
        assert curves[term].iloc[-1] == pytest.approx(getattr(run, f"{term}_trained"))


def test_what_the_page_says_of_the_reference_runs_training():
    curves = pd.read_csv(studies.kept("reference-run").folder / "curves.csv").set_index("step")
    printed = np.exp(next(row for row in paper.TABLE_1A if row.method == "tcwae_mws").scores["log_reconstruction"].mean)
    assert round(printed) == 64
    assert (curves["reconstruction"].loc[21_000:] < printed).all()
    assert curves["total_correlation"].loc[10_000:].between(121.62, 121.64).all()


def test_its_pictures_and_files_are_there(name):
    links = re.findall(r"\]\(([^)#]*)\)", (DOCS / f"{name}.md").read_text())
    assert len(links) > 3
    for link in links:
        assert (DOCS / link).exists(), link


def test_the_runs_are_the_studys(results):
    expected = runs(results.study)
    assert results.metrics["run"].is_unique
    for row in results.metrics.itertuples():
        settings = flatten(expected[row.run])
        assert (row.method, row.seed, row.iterations, row.batch_size) == tuple(
            settings[key] for key in ("method", "seed", "iterations", "batch_size")
        )


def test_the_departures_are_of_these_runs():
    results = studies.kept("deviations")
    tables = sorted((results.folder / "figures").glob("*-deviations.csv"))
    assert tables
    for path in tables:
        runs = results.metrics.merge(
            pd.Series(list(experiment_runs(results.study, path.stem.removesuffix("-deviations"))), name="run")
        )
        for row in pd.read_csv(path).itertuples():
            pair = runs[(runs["method"] == row.method) & (runs["seed"] == row.seed)]
            assert np.isclose(pair[row.score], row.default).any()
            assert row.difference == pytest.approx(row.deviating - row.default)
            if row.deviation == "sampled codes in the scores":
                default = pair[np.isclose(pair[row.score], row.default)]
                assert default[f"{row.score}_sampled"].iloc[0] == pytest.approx(row.deviating)
            elif row.score == "log_reconstruction":
                assert np.isclose(pair[row.score], row.deviating).any()
        assert set(pd.read_csv(path)["score"]) <= set(PAPER)


def test_nothing_in_its_figures_is_cut_off(results):
    tables = sorted((results.folder / "figures").glob("*.csv"))
    assert tables
    for path in tables:
        kind = KINDS[path.stem.rsplit("-", 1)[1]]
        with style.look():
            drawn = kind.draw(pd.read_csv(path), "")
            figures = drawn if isinstance(drawn, list) else [drawn]
            boxes = [figure.get_tightbbox() for figure in figures]
        for figure, box in zip(figures, boxes, strict=True):
            assert box.x0 >= 0, path
            assert box.x1 <= figure.get_figwidth(), path
