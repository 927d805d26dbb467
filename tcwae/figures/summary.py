"""The figure of page one: each method's scores at its selected setting, with intervals, and the paper's."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tcwae.config.scores import PAPER
from tcwae.figures import style
from tcwae.figures.save import save

__all__ = ["draw", "plot"]

LEFT, GAP, LINE, TOP, AXIS = 33.0, 5.0, 5.5, 2.0, 14.0
"""Millimetres: for the methods' names, between panels, of a method's line, above, and for the axis and the legend below."""


def plot(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Save the figure of `tcwae.report.answers.summary`'s rows as PDF and SVG.

    Raises:
        OSError: one cannot be written.
    """
    path.parent.mkdir(exist_ok=True)
    with style.look():
        save(draw(pd.DataFrame(rows), ""), path)


def draw(table: pd.DataFrame, note: str) -> Figure:
    """A panel a score and a line a method.

    Args:
        table: a row a method, score and seed: row, name, method, twin, score, value, and of the method and score mean,
            low and high, its interval, and paper, the paper's mean. NaN where there is none.
        note: the origin of the numbers.
    """
    scores = [score for score in PAPER if table.loc[table["score"] == score, "mean"].notna().any()]
    rows = table.drop_duplicates("row")
    high = LINE * len(rows)
    figure = style.new(TOP + high + AXIS, note)
    wide = (style.WIDTH - LEFT - GAP * (len(scores) - 1) - 1) / len(scores)
    called = [style.shown(style.wrap(name, LEFT - 2, lines=1)[0]) for name in rows["name"]]
    for column, score in enumerate(scores):
        axes = style.axes(figure, LEFT + column * (wide + GAP), TOP, wide, high)
        for line, row in enumerate(rows["row"]):
            _line(axes, table[(table["row"] == row) & (table["score"] == score)], line)
        axes.set(ylim=(len(rows) - 0.5, -0.5))
        axes.set_xlabel(f"{PAPER[score].label} {PAPER[score].arrow}", fontsize=8)
        axes.set_yticks(range(len(rows)), called if column == 0 else [], fontsize=8)
        style.room(axes, "x", 3)
        axes.tick_params(axis="x", labelsize=7)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="y", linewidth=0.3, color="0.85")
    grey = {"color": "0.3", "linestyle": ""}
    handles = [
        Line2D([], [], **grey, marker="|", markersize=6, label="mean and 95 % interval"),
        Line2D([], [], **grey, marker=".", markersize=3, label="runs"),
    ]
    if table["paper"].notna().any():
        handles.append(Line2D([], [], **grey, marker="D", markersize=4, markerfacecolor="white", label="the paper"))
    style.legend(figure, TOP + high + AXIS - 3.5, handles)
    return figure


def _line(axes: Axes, seeds: pd.DataFrame, line: int) -> None:
    first = seeds.iloc[0]
    colour = style.colour(first["method"], int(first["twin"]))
    axes.plot(seeds["value"], [line] * len(seeds), linestyle="", marker=".", markersize=3, color=colour, alpha=0.5)
    axes.plot([first["low"], first["high"]], [line, line], color=colour, linewidth=1.2)
    axes.plot(first["mean"], line, marker="|", markersize=7, markeredgewidth=1.4, color=colour)
    axes.plot(first["paper"], line, marker="D", markersize=4, markerfacecolor="white", color="0.3", markeredgewidth=0.7)
