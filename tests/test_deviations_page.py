"""docs/deviations.md: its numbers are those of the files beside it, and these agree with each other and with the study."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tcwae.config import flatten
from tcwae.figures import KINDS, names, style
from tcwae.runs import experiment_runs, runs

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def page():
    specification = importlib.util.spec_from_file_location("page", DOCS / "deviations" / "page.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def results(page):
    return page.kept()


def test_the_pages_numbers_are_those_of_the_files(page, results):
    text = page.PAGE.read_text()
    assert page.filled(text, results) == text
    assert {(found[2], found[3]) for found in page.MARKS.finditer(text)} == {
        ("budget", None),
        *((part, name) for part in ("scores", "departures") for name in results.study.experiments),
        *((part, "low_weights") for part in ("estimators", "fronts")),
    }


def test_its_pictures_and_files_are_there(page):
    links = re.findall(r"\]\(([^)#]*)\)", page.PAGE.read_text())
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


def test_the_figures_tables_are_of_these_runs(page, results):
    tables = sorted((page.HERE / "figures").glob("*-deviations.csv"))
    assert tables
    for path in tables:
        own = results.metrics.merge(
            pd.Series(list(experiment_runs(results.study, path.stem.removesuffix("-deviations"))), name="run")
        )
        for row in pd.read_csv(path).itertuples():
            its = own[(own["method"] == row.method) & (own["seed"] == row.seed)]
            assert np.isclose(its[row.score], row.default).any()
            assert row.difference == pytest.approx(row.deviating - row.default)
            if row.deviation == "sampled codes in the scores":
                default = its[np.isclose(its[row.score], row.default)]
                assert default[f"{row.score}_sampled"].iloc[0] == pytest.approx(row.deviating)
            elif row.score == "log_reconstruction":
                assert np.isclose(its[row.score], row.deviating).any()
        assert set(pd.read_csv(path)["score"]) <= set(names.SCORES)


def test_nothing_in_its_figures_is_cut_off(page, results):
    tables = sorted((page.HERE / "figures").glob("*.csv"))
    assert tables
    for path in tables:
        kind = KINDS[path.stem.rsplit("-", 1)[1]]
        with style.look():
            figure = kind.draw(pd.read_csv(path), "")
            drawn = figure.get_tightbbox()
        assert drawn.x0 >= 0, path
        assert drawn.x1 <= figure.get_figwidth(), path
