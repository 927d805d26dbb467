"""Each score against the reconstruction, as in Figure 3 of the paper."""

import math

import matplotlib.patheffects
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tcwae.config.methods import METHODS, symbol
from tcwae.errors import InputError
from tcwae.figures import style
from tcwae.figures.heatmap import grids
from tcwae.study.results import Results, source_note

__all__ = ["data", "draw", "note", "runs", "silent"]

LEFT, TOP, GAP, LOWER, LEGEND = 13.0, 3.0, 14.5, 5.0, 17.0
"""Millimetres: for the first panel's axis, above, between panels sideways and downwards, for the axis and the legend below."""

SIDE_BY_SIDE, PANELS, BESIDE, BELOW = 8, 3, 45.0, 58.0
"""Settings of which three panels beside each other stay readable, as many as there are at most; millimetres of a panel's height
there, and where each has a line of its own."""

LABELLED = 40
"""Settings that all have their coefficient written beside them; of more only the lowest and the highest of a row."""

OFFSETS = [(6, 4), (-6, 4), (6, -8), (-6, -8), (0, 6), (0, -10), (9, -2), (-9, -2)]
"""Points: where a label may stand beside its point, in order of preference."""


def data(results: Results, experiment: str) -> pd.DataFrame:
    """One row a finished run, with the value of its method's tuned coefficient and how many of its setting diverged.

    Of a method with a grid only the settings at the selected gamma are kept, as in the paper.

    Raises:
        InputError: no run of the experiment finished.
    """
    shown = runs(results, experiment)
    lost = (shown["status"] == "diverged").groupby([shown["row"], shown["setting"]]).transform("sum")
    finished = shown.assign(diverged=lost)[shown["status"] == "finished"]
    if finished.empty:
        raise InputError(f"{results.folder / 'metrics.csv'}: expected a finished run of {experiment!r}, found none")
    columns = ["row", "name", "twin", "method", "cost", "setting", "coefficient", "seed", "diverged"]
    return finished[[*columns, *results.study.shown]]


def silent(results: Results, experiment: str) -> str | None:
    """A single setting is a point, which the tables have."""
    shown = data(results, experiment)
    return "one setting is compared with nothing" if shown.groupby(["row", "setting"]).ngroups == 1 else None


def note(results: Results, experiment: str) -> str:
    """The origin of the points."""
    return source_note(runs(results, experiment))


def runs(results: Results, experiment: str) -> pd.DataFrame:
    """The runs of the experiment's own cost that are shown, or would be had they not diverged.

    Of a row with a grid only those at the selected gamma, as in the paper; with `coefficient`, the value that is tuned.
    """
    table, best = results.runs(experiment), results.best(experiment).set_index("row")
    table = table[table["cost"] == results.experiment(experiment).cost]
    for row in grids(results, experiment):
        if row in best.index:
            table = table[(table["row"] != row) | (table["gamma"] == best.loc[row, "gamma"])]
    return table.assign(coefficient=[run[METHODS[run["method"]].tuned] for _, run in table.iterrows()])


def draw(runs: pd.DataFrame, note: str) -> Figure:
    """A panel for each score: settings as means and standard deviations over seeds, single runs as faint points."""
    scores = [score for score in style.scores(runs) if score != "log_reconstruction"]
    cost = runs["cost"].iloc[0]
    few = runs.groupby("row")["setting"].nunique().sum() <= SIDE_BY_SIDE
    handles = [
        Line2D([], [], **style.line(row.method, row.twin), label=f"{row.name} ({symbol(METHODS[row.method].tuned)})")
        for row in runs.drop_duplicates("row").itertuples(index=False)
    ]
    further = style.legend_height([handle.get_label() for handle in handles])
    columns, height = (min(PANELS, len(scores)), BESIDE) if few or len(scores) > PANELS else (1, BELOW)
    lines = math.ceil(len(scores) / columns)
    height = min(height, (style.TALLEST - TOP - LEGEND - further) / lines - LOWER)
    legend = TOP + lines * (height + LOWER) - LOWER + LEGEND
    figure = style.new(legend + further, note)
    width = (style.WIDTH - LEFT - GAP * (columns - 1) - 1) / columns
    for index, score in enumerate(scores):
        left, top = LEFT + index % columns * (width + GAP), TOP + index // columns * (height + LOWER)
        axes = style.axes(figure, left, top, width, height)
        for _, of_row in runs.groupby("row", sort=False):
            _draw_row(axes, of_row, score)
        axes.set(ylabel=style.label(score, cost))
        if index + columns >= len(scores):
            axes.set(xlabel=style.label("log_reconstruction", cost))
        axes.yaxis.set_label_coords(-9.5 / width, 0.5)
        axes.margins(0.12)
        style.room(axes)
        _draw_labels(axes, runs, score)
    style.legend(figure, legend - 4, handles)
    return figure


def _settings(runs: pd.DataFrame, score: str) -> pd.DataFrame:
    """Mean (x, y) and standard deviation (dx, dy; NaN for one seed) of each setting."""
    return (
        runs.groupby(["row", "method", "twin", "setting", "coefficient", "diverged"], sort=False)
        .agg(x=("log_reconstruction", "mean"), y=(score, "mean"), dx=("log_reconstruction", "std"), dy=(score, "std"))
        .reset_index()
    )


def _draw_row(axes: Axes, runs: pd.DataFrame, score: str) -> None:
    first = runs.iloc[0]
    look = style.line(first["method"], int(first["twin"]))
    colour, marker = look["color"], look["marker"]
    means = _settings(runs, score).sort_values("coefficient")
    repeated = runs.groupby("setting")["seed"].transform("size") > 1
    axes.plot(
        runs.loc[repeated, "log_reconstruction"], runs.loc[repeated, score], linestyle="", marker=marker,
        color=colour, markersize=2.5, markeredgewidth=0, alpha=0.35,
    )  # fmt: skip
    axes.plot(means["x"], means["y"], color=colour, linewidth=0.7, alpha=0.6, linestyle=look["linestyle"])
    for whole, points in means.groupby(means["diverged"] == 0):
        axes.errorbar(
            points["x"], points["y"], xerr=points["dx"], yerr=points["dy"], linestyle="", marker=marker, color=colour,
            markersize=4.5, markerfacecolor=colour if whole else "white", markeredgewidth=0.7, elinewidth=0.6,
        )  # fmt: skip


def _draw_labels(axes: Axes, runs: pd.DataFrame, score: str) -> None:
    """Write each setting's coefficient where it overlaps the fewest points and labels."""
    means = _settings(runs, score)
    if len(means) > LABELLED:
        values = means.groupby("row")["coefficient"]
        ends = [values.transform(end) for end in ("min", "max")]
        means = means[(means["coefficient"] == ends[0]) | (means["coefficient"] == ends[1])]
    axes.autoscale_view()
    points = axes.transData.transform(means[["x", "y"]].to_numpy()) / axes.figure.dpi * 72
    labels: list[np.ndarray] = []
    outline = [matplotlib.patheffects.withStroke(linewidth=1.5, foreground="white")]
    for index, row in enumerate(means.itertuples()):
        taken = [*np.delete(points, index, axis=0), *labels]
        places = [points[index] + offset + (0, 2) for offset in OFFSETS]
        best = int(np.argmin([sum(_near(place, other) for other in taken) for place in places]))
        labels.append(places[best])
        axes.annotate(
            f"{row.coefficient:g}", (row.x, row.y), OFFSETS[best], textcoords="offset points", fontsize=7.5,
            color=style.colour(row.method, row.twin), ha="center", path_effects=outline,
        )  # fmt: skip


def _near(one: np.ndarray, other: np.ndarray) -> float:
    """How much two boxes of the size of a label, about 10 by 7 points, overlap: from 0 to 1."""
    apart = np.abs(one - other) / (10, 7)
    return float(np.prod(np.clip(1 - apart, 0, 1)))
