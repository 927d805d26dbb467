"""Scores against reconstruction: where the points stand, and which runs they are."""

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer

from figures import synthetic
from tcwae.config.methods import METHODS
from tcwae.figures import scores_vs_reconstruction, style
from tcwae.study.results import load


def parts(setting):
    return dict(part.split("=") for part in setting.split("_"))


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return load(synthetic.write(tmp_path_factory.mktemp("scores") / "small"))


@pytest.fixture(scope="module")
def axes(results):
    with style.look():
        figure = scores_vs_reconstruction.draw(scores_vs_reconstruction.data(results, "grid"), "")
    return dict(zip(("mig", "factor_vae", "sap"), figure.axes, strict=True))


def bars(axes, colour):
    """Points and half lengths of the error bars of one colour: x, y, dx, dy."""
    found = []
    for container in (own for own in axes.containers if isinstance(own, ErrorbarContainer)):
        line, _, (across, up) = container
        if line.get_color() == colour:
            for (x, y), one, two in zip(line.get_xydata(), across.get_segments(), up.get_segments(), strict=True):
                found.append((x, y, np.ptp(one[:, 0]) / 2, np.ptp(two[:, 1]) / 2))
    return np.array(sorted(found))


@pytest.mark.parametrize("score", ["mig", "factor_vae", "sap"])
def test_points_are_means_and_bars_are_sample_deviations(results, axes, score):
    runs = results.metrics[results.metrics["method"] == "beta_tcvae"]
    expected = []
    for _, seeds in runs.groupby("setting"):
        (x0, x1), (y0, y1) = seeds["log_reconstruction"], seeds[score]
        # of two numbers: half their sum, and their distance over the square root of two
        expected.append(((x0 + x1) / 2, (y0 + y1) / 2, abs(x0 - x1) / np.sqrt(2), abs(y0 - y1) / np.sqrt(2)))
    np.testing.assert_allclose(bars(axes[score], METHODS["beta_tcvae"].colour), sorted(expected))


def test_of_a_grid_only_the_selected_gamma_is_shown(results):
    shown = scores_vs_reconstruction.data(results, "grid")
    for method in ("tcwae_mws", "tcwae_gan"):
        chosen = results.best("grid").set_index("method").loc[method, "gamma"]
        settings = shown.loc[shown["method"] == method, "setting"].map(
            lambda setting: dict(part.split("=") for part in setting.split("_"))
        )
        assert {float(setting["gamma"]) for setting in settings} == {chosen}
        assert {float(setting["beta"]) for setting in settings} == {1, 4, 10}


def test_labels_are_the_tuned_coefficients(axes):
    labels = {(text.get_color(), text.get_text()) for text in axes["mig"].texts}
    assert {label for colour, label in labels if colour == METHODS["wae_mmd"].colour} == {"10", "100"}
    assert {label for colour, label in labels if colour == METHODS["factor_vae"].colour} == {"10", "40"}
    assert len(labels) == 12


def test_a_setting_that_lost_a_run_is_hollow(tmp_path):
    lost = ("dsprites/beta_tcvae/cross_entropy/beta=2/seed=0",)
    results = load(synthetic.write(tmp_path / "small", {"beta_tcvae": {"beta": [2.0, 8.0]}}, lost))
    data = scores_vs_reconstruction.data(results, "grid")
    assert dict(zip(data["setting"], data["diverged"], strict=True)) == {"beta=2": 1, "beta=8": 0}
    axes = scores_vs_reconstruction.draw(data, "").axes[0]
    assert sorted(own[0].get_markerfacecolor() for own in axes.containers) == ["#009E73", "white"]
    assert "1 run diverged" in scores_vs_reconstruction.note(results, "grid")
