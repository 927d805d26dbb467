"""The files of a figure: the same bytes each time, its data beside it, nothing left behind."""

import subprocess
import sys
from typing import get_args
from xml.etree import ElementTree

import h5py
import matplotlib
import numpy as np
import pandas as pd
import pytest

from figures import synthetic
from tcwae.config.experiment import Shows
from tcwae.config.figures import FIGURES
from tcwae.errors import InputError
from tcwae.figures.plot import KINDS, plot
from tcwae.study.results import load


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return synthetic.write(tmp_path_factory.mktemp("plot") / "small")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("deviations", "kl_estimators")])
def test_the_same_results_give_the_same_bytes(folder, tmp_path, kind):
    for name in ("one", "two"):
        plot("grid", kind, folder, tmp_path / name / f"grid-{kind}.pdf")
    ours, theirs = (sorted((tmp_path / name).iterdir()) for name in ("one", "two"))
    assert [path.suffix for path in ours] in ([".csv", ".pdf", ".svg"], [".h5", ".pdf", ".svg"])
    assert [path.read_bytes() for path in ours] == [path.read_bytes() for path in theirs]
    assert ours[1].read_bytes().startswith(b"%PDF")
    assert ElementTree.parse(ours[2]).getroot().tag == "{http://www.w3.org/2000/svg}svg"


def test_the_data_is_what_was_measured(folder, tmp_path):
    plot("grid", "scores_vs_reconstruction", folder, tmp_path / "scores.pdf")
    saved = pd.read_csv(tmp_path / "scores.csv").set_index(["method", "setting", "seed"])
    measured = load(folder).metrics.set_index(["method", "setting", "seed"]).loc[saved.index]
    for score in ("log_reconstruction", "mig", "factor_vae", "sap"):
        np.testing.assert_allclose(saved[score], measured[score], rtol=1e-12)


def test_the_images_are_those_of_the_runs(folder, tmp_path):
    plot("grid", "samples", folder, tmp_path / "samples.pdf")
    with h5py.File(tmp_path / "samples.h5") as saved:
        for method in synthetic.METHODS:
            with h5py.File(folder / "runs" / saved[method].attrs["run"] / "images.h5") as run:
                assert (saved[method]["samples"][()] == run["samples"][()]).all()


def test_nothing_of_matplotlib_is_changed(folder, tmp_path):
    from matplotlib import pyplot

    before = dict(matplotlib.rcParams)
    plot("grid", "heatmap", folder, tmp_path / "heatmap.pdf")
    assert dict(matplotlib.rcParams) == before
    assert pyplot.get_fignums() == []


def test_unknown_names_are_refused_before_anything_is_written(folder, tmp_path):
    with pytest.raises(InputError, match=r"expected a figure of heatmap, .*, found 'pie'"):
        plot("grid", "pie", folder, tmp_path / "figure.pdf")
    with pytest.raises(InputError, match="expected an experiment of grid, found 'gird'"):
        plot("gird", "heatmap", folder, tmp_path / "figure.pdf")
    assert list(tmp_path.iterdir()) == []


def test_figures_do_not_import_torch():
    code = "import sys, tcwae.figures.plot, tcwae.report.content; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_each_kind_has_a_title_and_a_caption():
    assert list(KINDS) == list(FIGURES)
    assert set(KINDS) == {*get_args(Shows)} - {"scores_table"}
