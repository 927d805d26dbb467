"""The matrices are those of the runs' records, latents in the order of their factors."""

import json

import numpy as np
import pytest

from figures import synthetic
from tcwae.errors import InputError
from tcwae.figures import agreement, analysis_of_variance, matrix, style
from tcwae.study.results import load


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return load(synthetic.write(tmp_path_factory.mktemp("matrix") / "small"))


def test_it_is_what_the_record_says(results):
    found = matrix.data(results, "grid")
    assert found["row"].nunique() == len(synthetic.METHODS)
    for _, own in found.groupby("row"):
        record = json.loads((results.folder / "runs" / own["run"].iloc[0] / "metrics.json").read_text())["matrices"]
        grid = own.pivot(index="latent", columns="factor", values="mutual_information")[list(record["factors"])]
        np.testing.assert_allclose(grid, record["mutual_information"])
        np.testing.assert_allclose(own["share"] * np.tile(record["entropy"], 10), own["mutual_information"])
        assert dict(own.loc[own["matched"], ["factor", "latent"]].values) == record["matched"]


def test_matched_latents_come_first_in_the_factors_order(results):
    found = matrix.data(results, "grid")
    own = found[found["row"] == "wae_mmd"]
    first = own[own["matched"]].sort_values("place")
    assert first["factor"].tolist() == ["shape", "scale", "posX"]
    assert first["place"].tolist() == [0, 1, 2]
    sums = own[own["place"] > 2].groupby("place")["share"].sum()
    assert (np.diff(sums) <= 0).all()


@pytest.mark.parametrize(
    ("matched", "order"), [([2, 0], [2, 0, 3, 1]), ([None, 1], [1, 3, 0, 2]), ([None, None], [3, 0, 1, 2])]
)
def test_order_of_latents(matched, order):
    share = np.array([[0.3, 0.1], [0.2, 0.1], [0.1, 0.0], [0.4, 0.4]])
    assert matrix.order(share, matched) == order


def test_the_drawn_colours_are_the_numbers(results):
    found = matrix.data(results, "grid")
    with style.look():
        figure = matrix.draw(found, "note")
    panels = figure.axes[:-1]
    assert len(panels) == 2 * len(synthetic.METHODS)  # information and importance of each method
    drawn = panels[0].collections[0].get_array().reshape(3, 10)
    own = found[found["row"] == found["row"].iloc[0]]
    grid = own.pivot(index="factor", columns="place", values="share").loc[["shape", "scale", "posX"]]
    np.testing.assert_allclose(drawn, grid)
    latents = own.drop_duplicates("place").sort_values("place")["latent"]
    assert [label.get_text() for label in panels[0].get_xticklabels()] == [f"$z_{{{latent}}}$" for latent in latents]


def test_a_run_without_matrices_is_refused(results, tmp_path):
    folder = synthetic.write(tmp_path / "small", {"wae_mmd": {"lambda": [10.0]}}, ())
    for path in folder.rglob("metrics.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"matrices": None}))
    with pytest.raises(InputError, match="grid: expected a finished run on data with factors"):
        matrix.data(load(folder), "grid")


def test_correlations_are_of_every_finished_run(results):
    found = agreement.data(results, "grid")
    assert (found["runs"] == (results.metrics["status"] == "finished").sum()).all()
    assert len(found) == 4 * 3 / 2


def test_variance_is_of_every_finished_run(results):
    found = analysis_of_variance.data(results, "grid")
    assert (found["runs"] == (results.metrics["status"] == "finished").sum()).all()
    np.testing.assert_allclose(found.groupby("score")["share"].sum(), 1)


def test_variance_of_one_seed_is_refused(tmp_path):
    folder = synthetic.write(tmp_path / "small", {"wae_mmd": {"lambda": [10.0, 100.0]}}, ())
    results = load(folder)
    alone = results.metrics[results.metrics["seed"] == 0]
    alone.to_csv(folder / "metrics.csv", index=False)
    selection = (folder / "selection" / "grid.csv").read_text().replace("seed=1", "seed=0")
    (folder / "selection" / "grid.csv").write_text(selection)
    with pytest.raises(InputError, match="expected a setting with two finished runs"):
        analysis_of_variance.data(load(folder), "grid")
