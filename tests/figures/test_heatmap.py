"""Heat maps: true numbers, one colour scale a score, better is darker."""

import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from figures import synthetic
from figures.readable import faults
from tcwae.config.methods import METHODS
from tcwae.config.scores import PAPER, SCORES
from tcwae.errors import InputError
from tcwae.figures import heatmap, style
from tcwae.study import names
from tcwae.study.results import load


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return load(synthetic.write(tmp_path_factory.mktemp("heatmap") / "small"))


@pytest.fixture(scope="module")
def cells(results):
    return heatmap.data(results, "grid")


@pytest.fixture(scope="module")
def panels(cells):
    """(method, score) -> axes."""
    with style.look():
        (figure,) = heatmap.draw(cells, "")
    maps = [axes for axes in figure.axes if axes.get_xlabel()]
    keys = [(method, score) for score in PAPER for method in ("tcwae_mws", "tcwae_gan")]
    return dict(zip(keys, maps, strict=True))


def mesh(axes):
    drawn = next(artist for artist in axes.collections if isinstance(artist, QuadMesh))
    drawn.update_scalarmappable()  # colours are else computed when the figure is drawn
    return drawn


def labels(panels, method):
    """Values along a row's axes; gamma is written beside its first panel only."""
    axes = panels[method, "log_reconstruction"]
    return [[float(tick.get_text()) for tick in ticks] for ticks in (axes.get_xticklabels(), axes.get_yticklabels())]


def luminance(colours):
    return np.asarray(colours)[..., :3] @ (0.2126, 0.7152, 0.0722)


def linear(colour):
    """Relative luminance: of the sRGB channels made linear."""
    channels = np.asarray(to_rgb(colour))
    return luminance(np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4))


def test_only_methods_with_several_beta_and_gamma_are_shown(cells):
    assert list(cells["method"].unique()) == ["tcwae_mws", "tcwae_gan"]


@pytest.mark.parametrize("score", PAPER)
def test_methods_share_the_scale_of_a_score(panels, cells, score):
    low, high = cells[f"{score}_mean"].min(), cells[f"{score}_mean"].max()
    for method in ("tcwae_mws", "tcwae_gan"):
        norm = mesh(panels[method, score]).norm
        assert (norm.vmin, norm.vmax) == (low, high)


@pytest.mark.parametrize("score", PAPER)
def test_darker_is_better_in_every_panel(panels, score):
    for method in ("tcwae_mws", "tcwae_gan"):
        drawn = mesh(panels[method, score])
        values, shown = np.ma.compressed(drawn.get_array()), ~np.ma.getmaskarray(drawn.get_array()).ravel()
        shade = luminance(drawn.get_facecolors())[shown]
        order = np.argsort(values if PAPER[score].higher_is_better else -values)
        assert (np.diff(shade[order]) <= 1e-9).all()


def test_each_number_stands_out_from_its_cell(panels):
    """By the ratio of contrast that WCAG 2.2 asks of small text."""
    for axes in panels.values():
        drawn = mesh(axes)
        shades = drawn.get_facecolors().reshape(*drawn.get_array().shape, 4)
        for text in axes.texts:
            x, y = text.get_position()
            dark, light = sorted(linear(colour) + 0.05 for colour in (text.get_color(), shades[int(y), int(x)]))
            assert light / dark >= 4.5


def test_each_cell_is_the_mean_of_its_runs(panels, results):
    runs = results.metrics[results.metrics["method"] == "tcwae_mws"]
    axes = panels["tcwae_mws", "mig"]
    betas, gammas = labels(panels, "tcwae_mws")
    assert betas == sorted(betas)
    assert gammas == sorted(gammas, reverse=True)
    for text in axes.texts:
        x, y = text.get_position()
        own = runs[(runs["beta"] == betas[int(x)]) & (runs["gamma"] == gammas[int(y)])]
        assert float(text.get_text()) == pytest.approx(own["mig"].mean(), abs=5e-4)
    assert len(axes.texts) == 6


def test_a_diverged_setting_is_hatched_and_named(panels, results):
    hatched = [patch for patch in panels["tcwae_gan", "sap"].patches if patch.get_hatch()]
    assert [patch.get_xy() for patch in hatched] == [(2, 1)]
    assert not [patch for patch in panels["tcwae_mws", "sap"].patches if patch.get_hatch()]
    note = heatmap.note(results, "grid").replace(names.NO_BREAK, " ")
    assert (
        f"1 run diverged (TCWAE-GAN, {names.setting({'beta': 10.0, 'gamma': 1.0})}, seed 1)".replace(
            names.NO_BREAK, " "
        )
        in note
    )
    assert "dSprites, rendered" in note
    assert "24 runs" in note


def test_the_frame_is_around_the_selected_cell(panels, cells):
    for method in ("tcwae_mws", "tcwae_gan"):
        chosen = cells[(cells["method"] == method) & cells["selected"]].iloc[0]
        axes = panels[method, "mig"]
        frame = [patch for patch in axes.patches if isinstance(patch, Rectangle) and not patch.get_fill()]
        (x, y), (betas, gammas) = frame[0].get_xy(), labels(panels, method)
        assert (betas[int(x)], gammas[int(y)], len(frame)) == (chosen["beta"], chosen["gamma"], 1)


def test_without_a_grid_it_says_so(tmp_path):
    results = load(synthetic.write(tmp_path / "small", {"wae_mmd": {"lambda": [10.0, 100.0]}}, ()))
    with pytest.raises(InputError, match="grid: expected a grid of beta and gamma for its heat maps"):
        heatmap.data(results, "grid")


def test_scores_are_ranked_and_coloured_the_same_way():
    from tcwae.study.select import UDR, less_is_better

    assert [score for score in (*PAPER, *SCORES, UDR) if less_is_better(score)] == ["log_reconstruction"]


def test_every_method_has_its_own_colour_and_marker():
    for fact in ("colour", "marker", "label"):
        assert len({getattr(method, fact) for method in METHODS.values()}) == len(METHODS)


@pytest.mark.parametrize("highest", [0.051, 0.0649, 0.0655, 0.0999, 1.0])
def test_the_numbers_of_a_colour_scale_are_within_the_figure(cells, highest):
    with style.look():
        (figure,) = heatmap.draw(cells.assign(sap_mean=np.linspace(0.009, highest, len(cells))), "note")
        assert faults(figure) == []
