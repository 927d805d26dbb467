"""Scores over the grid of (beta, gamma), as in Figures 1 and 7 to 9 of the paper."""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from tcwae.config.scores import facts
from tcwae.errors import InputError
from tcwae.figures import style
from tcwae.study.results import Results, source_note

__all__ = ["data", "draw", "grids", "note", "runs", "scale"]

LEFT, TOP, GAP, HEADER = 10.0, 6.0, 4.0, 6.0
"""Millimetres: for gamma's axis, for the scores' names, between panels, and for a method's name above its row."""

PANELS = 4
"""Scores side by side; further ones are in blocks below."""

SIDE = (style.WIDTH - LEFT - (PANELS - 1) * GAP - 0.5) / PANELS
AXIS, BAR, CELL, LOWEST, HIGH = 9.0, 12.5, 4.8, 7.0, 24.0
"""Millimetres: for beta's axis, for the colours' scale, of a cell's height where there are many, of a panel's height at least,
and of one whose cells are that low."""

MOST_NUMBERS = 8
"""Values of beta of which a panel has the numbers of all cells and the labels of all values."""

Scale = tuple[Normalize, Colormap]


def grids(results: Results, experiment: str) -> list[str]:
    """The rows whose settings span a grid: several values of beta and several of gamma."""
    rows = results.experiment(experiment).methods
    return [name for name, row in rows.items() if {"beta", "gamma"} <= row.lists]


def data(results: Results, experiment: str) -> pd.DataFrame:
    """One row a cell: mean scores over the seeds.

    Raises:
        InputError: no row has a grid, one has two settings for a cell, or their costs differ.
    """
    settings = results.settings(experiment)
    cells = settings[settings["row"].isin(grids(results, experiment))]
    if cells.empty:
        raise InputError(f"{experiment}: expected a grid of beta and gamma for its heat maps")
    if cells.duplicated(["row", "beta", "gamma"]).any() or cells["cost"].nunique() > 1:
        raise InputError(f"{experiment}: expected one setting for each cell of its heat maps, and one cost")
    means = [f"{score}_mean" for score in results.study.shown]
    return cells[["row", "name", "method", "cost", "setting", "beta", "gamma", "seeds", "diverged", *means, "selected"]]


def runs(results: Results, experiment: str) -> pd.DataFrame:
    """The runs behind the cells."""
    table = results.runs(experiment)
    return table[table["row"].isin(grids(results, experiment))]


def note(results: Results, experiment: str) -> str:
    """The origin of the cells."""
    return source_note(runs(results, experiment))


def scale(cells: pd.DataFrame, score: str) -> Scale:
    """The colour scale that all methods' panels of a score share; its dark end is the better one."""
    means = cells[f"{score}_mean"]
    low, high = (means.min(), means.max()) if means.notna().any() else (0.0, 1.0)
    colours = seaborn.color_palette("crest", as_cmap=True)
    return Normalize(low, high), colours if facts(score).higher_is_better else colours.reversed()


def draw(cells: pd.DataFrame, note: str) -> list[Figure]:
    """A row of panels for each row of the study, a column and a colour scale for each score that there is; darker is better."""
    scales = {score: scale(cells, score) for score in style.scores(cells, "_mean")}
    blocks = math.ceil(len(scales) / PANELS)
    values, across = cells["gamma"].nunique(), cells["beta"].nunique()
    height = max(LOWEST, min(SIDE, SIDE * values / across, max(HIGH, CELL * values)))
    most = max(1, int((style.TALLEST / blocks - TOP - BAR) / (HEADER + height + AXIS)))
    parts = style.pages(list(dict.fromkeys(cells["row"])), most)
    return [_page(cells[cells["row"].isin(rows)], scales, height, note) for rows in parts]


def _page(cells: pd.DataFrame, scales: Mapping[str, Scale], height: float, note: str) -> Figure:
    rows, step = dict(zip(cells["row"], cells["name"], strict=True)), HEADER + height + AXIS
    block = TOP + step * len(rows) + BAR
    figure = style.new(block * math.ceil(len(scales) / PANELS), note)
    for place, (score, shared) in enumerate(scales.items()):
        column, first = place % PANELS, place // PANELS * block
        left = LEFT + column * (SIDE + GAP)
        for line, (row, name) in enumerate(rows.items()):
            top = first + TOP + line * step + HEADER
            axes = style.axes(figure, left, top, SIDE, height)
            _panel(axes, cells[cells["row"] == row], score, shared)
            if column > 0:
                axes.set_yticks([])
            else:
                axes.set_ylabel("$\\gamma$", rotation=0, va="center")
                style.text(
                    figure, left, top - 2, style.wrap(name, style.WIDTH - LEFT, "bold", lines=1)[0], weight="bold"
                )
        label = style.label(score, cells["cost"].iloc[0])
        figure.text(
            (left + SIDE / 2) / style.WIDTH, 1 - (first + 4) / (figure.get_figheight() * 25.4), label, ha="center"
        )
        _colour_bar(style.axes(figure, left, first + TOP + step * len(rows) + 2, SIDE, 2.5), shared)
    return figure


def _panel(axes: Axes, cells: pd.DataFrame, score: str, shared: Scale) -> None:
    """One method's grid of one score: a number in each cell, hatching where no run finished, a frame where selected."""
    grid = cells.pivot(index="gamma", columns="beta", values=f"{score}_mean").sort_index(ascending=False)
    norm, colours = shared
    seaborn.heatmap(
        grid, ax=axes, vmin=norm.vmin, vmax=norm.vmax, cmap=colours, cbar=False, linewidths=0.6 if max(grid.shape) < 20 else 0,
        xticklabels=[f"{value:g}" for value in grid.columns], yticklabels=[f"{value:g}" for value in grid.index],
    )  # fmt: skip
    style.few_ticks(axes.xaxis, MOST_NUMBERS)
    style.few_ticks(axes.yaxis, MOST_NUMBERS)
    for (row, column), value in np.ndenumerate(grid):
        if np.isnan(value):
            missing = Rectangle((column, row), 1, 1, facecolor="0.93", edgecolor="0.6", hatch="////", linewidth=0)
            axes.add_patch(missing)
        elif grid.shape[1] <= MOST_NUMBERS and grid.shape[0] <= 2 * MOST_NUMBERS:
            number = facts(score).text(value).removeprefix("0")
            size, ink = 8 if max(grid.shape) <= 4 else 6.5, style.ink(colours(norm(value)))
            axes.text(column + 0.5, row + 0.5, number, size=size, color=ink, ha="center", va="center")
    for cell in cells[cells["selected"]].itertuples():
        place = grid.columns.get_loc(cell.beta), grid.index.get_loc(cell.gamma)
        axes.add_patch(Rectangle(place, 1, 1, fill=False, edgecolor="#E69F00", linewidth=1.6, clip_on=False, zorder=3))
    axes.tick_params(length=0, pad=2, labelrotation=0)
    axes.set(xlabel="$\\beta$", ylabel="")
    axes.xaxis.labelpad = 0


def _colour_bar(axes: Axes, shared: Scale) -> None:
    """The shared scale, from the worst mean at its left to the best at its right."""
    bar = axes.figure.colorbar(ScalarMappable(*shared), cax=axes, orientation="horizontal", ticks=MaxNLocator(3))
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=2, pad=1)
    bar.solids.set_rasterized(True)
    if shared[1].name.endswith("_r"):
        axes.invert_xaxis()
    ticks = zip(bar.ax.xaxis.get_major_ticks(), bar.ax.xaxis.get_majorticklocs(), strict=True)
    for tick, place in ticks:  # keep the numbers at the ends out of the next panel
        across = axes.transAxes.inverted().transform(axes.transData.transform((place, 0)))[0]
        tick.label1.set_horizontalalignment("left" if across < 0.1 else "right" if across > 0.9 else "center")
    axes.text(0, 1.3, "worse", transform=axes.transAxes, fontsize=7.5, color="0.35")
    axes.text(1, 1.3, "better", transform=axes.transAxes, fontsize=7.5, color="0.35", ha="right")
