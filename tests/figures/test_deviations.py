"""Paired differences from the default, on runs whose scores are known."""

import json

import h5py
import numpy as np
import pandas as pd
import pytest
from recorded import record
from scipy import stats

from tcwae.config.run import check
from tcwae.config.runs import runs
from tcwae.config.study import Study
from tcwae.evaluation.rescore import rescore
from tcwae.figures import deviations
from tcwae.metrics.registry import METRICS
from tcwae.metrics.table import CodeTable
from tcwae.study import names
from tcwae.study.gather import columns
from tcwae.study.results import Results

STUDY = check(
    Study,
    {
        "study": "departures",
        "seeds": [0, 1, 2],
        "experiments": {
            "one": {
                "dataset": "dsprites",
                "methods": {
                    "tcwae_mws": {"beta": 4, "gamma": 1},
                    "penalty": {
                        "method": "tcwae_mws",
                        "name": "with a penalty",
                        "beta": 4,
                        "gamma": 1,
                        "sigma_penalty": 1,
                    },
                    "epsilon": {"method": "tcwae_mws", "beta": 4, "gamma": 1, "training": {"adam_epsilon": 1e-8}},
                },
                "shows": ["deviations"],
            }
        },
    },
    "test",
)
EPSILON = names.setting({"adam_epsilon": 1e-8})  # the row has no name: what its setting has
NAMES = ("shape", "scale", "posX")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("departures")
    cells = np.stack(np.meshgrid(*map(np.arange, (3, 4, 5)), indexing="ij"), -1).reshape(-1, 3)
    random = np.random.default_rng(0)
    rows = []
    for identifier, run in runs(STUDY).items():
        shifts = {"_sigma_penalty=1": 0.25, "_adam_epsilon=1e-08": -0.5}
        shift = next((by for key, by in shifts.items() if identifier.split("/")[3].endswith(key)), 0.0)
        values = dict.fromkeys(("log_reconstruction", "mig", "factor_vae", "sap"), run.seed / 10 + shift)
        sampled = {f"{name}_sampled": value - 0.125 for name, value in values.items() if name != "log_reconstruction"}
        rows.append(
            {
                "run": identifier,
                "dataset": "dsprites",
                "source": "rendered",
                "method": run.method.name,
                "seed": run.seed,
            }
            | {"cost": run.cost, "setting": identifier.split("/")[3], "status": "finished", "iterations": 10}
            | values
            | sampled
        )
        path = folder / "runs" / identifier
        path.mkdir(parents=True)
        with h5py.File(path / "codes.h5", "w") as file:
            file["codes"] = np.repeat(cells, 40, 0) + 0.1 * random.normal(size=(len(cells) * 40, 3))
            file["deviations"] = np.full((len(cells) * 40, 3), 0.1)
            file["factors"] = np.repeat(cells, 40, 0)
            file["factor_names"] = np.array(NAMES, "S")
            file["latent_factor_indices"] = [0, 1, 2]
        (path / "metrics.json").write_text(json.dumps(record(run)), encoding="utf-8")
        rescore(path, STUDY.evaluation.seed)
    return Results(folder, STUDY, pd.DataFrame(rows).reindex(columns=columns()), pd.DataFrame())


@pytest.fixture(scope="module")
def pairs(results):
    return deviations.data(results, "one")


def test_every_departure_is_paired_with_the_default_seed_by_seed(pairs):
    assert list(pairs["deviation"].unique()) == [
        "with a penalty",
        EPSILON,
        "sampled codes in the scores",
        "5,000 training votes",
        "four factors, without the scale",
    ]
    by = pairs.set_index(["deviation", "score"])["difference"]
    for score in ("log_reconstruction", "mig", "factor_vae", "sap"):
        np.testing.assert_allclose(by["with a penalty", score], [0.25] * 3)
        np.testing.assert_allclose(by[EPSILON, score], [-0.5] * 3)
    for score in ("mig", "factor_vae", "sap"):
        np.testing.assert_allclose(by["sampled codes in the scores", score], [-0.125] * 3)


def test_departures_of_the_scores_are_those_of_the_codes(results, pairs):
    run = next(iter(runs(STUDY)))
    with h5py.File(results.folder / "runs" / run / "codes.h5") as file:
        codes, factors = file["codes"][()], file["factors"][()]
    four = CodeTable.of_rows(codes, factors[:, [0, 2]], names=("shape", "posX"))
    expected = METRICS["mig"](four, np.random.default_rng(STUDY.evaluation.seed)).value
    found = pairs.query("deviation == 'four factors, without the scale' and score == 'mig' and seed == 0")[
        "deviating"
    ].item()
    assert found == pytest.approx(expected, abs=1e-12)


def test_the_interval_is_students():
    values = np.array([0.1, 0.4, 0.2, 0.25])
    table = pd.DataFrame({"method": "tcwae_mws", "deviation": "x", "score": "mig", "difference": values})
    (row,) = deviations.summary(table).to_dict("records")
    low, high = stats.t.interval(0.95, 3, values.mean(), stats.sem(values))
    assert (row["low"], row["high"], row["size"]) == (pytest.approx(low), pytest.approx(high), 4)
    assert np.isnan(deviations.summary(table[:1])["low"]).all()


def test_a_panel_marks_the_mean_where_it_is(results, pairs):
    (figure,) = deviations.draw(pairs, "")
    means = deviations.summary(pairs)
    for axes, score in zip(figure.axes, ("log_reconstruction", "mig", "factor_vae", "sap"), strict=True):
        marks = [container.lines[0].get_xdata()[0] for container in axes.containers]
        np.testing.assert_allclose(marks, means.loc[means["score"] == score, "mean"])
