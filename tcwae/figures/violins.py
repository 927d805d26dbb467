"""The distribution of each score over seeds, by the value of each method's tuned coefficient, as in Figure 10."""

import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tcwae.config.methods import METHODS, symbol
from tcwae.figures import style
from tcwae.figures.scores_vs_reconstruction import data as all_data
from tcwae.figures.scores_vs_reconstruction import note, runs
from tcwae.study.results import Results

__all__ = ["data", "draw", "note", "runs"]

LEFT, TOP, GAP, HEIGHT, AXIS, TALLEST = 13.5, 5.0, 2.5, 36.0, 9.0, 210.0
"""Millimetres: for the scores' axes, for the methods' names, between panels, of a panel at most, for the values below, and of
the whole figure at most."""

FEWEST = 3
"""Seeds that have a distribution; of fewer only the points are shown."""


def data(results: Results, experiment: str) -> pd.DataFrame:
    """One row a finished run, of the methods that have several values of their tuned coefficient.

    Raises:
        InputError: no run of the experiment finished.
    """
    table = all_data(results, experiment)
    return table[table.groupby("row")["coefficient"].transform("nunique") > 1]


def draw(runs: pd.DataFrame, note: str) -> Figure:
    """A column for each method, a row for each score, which its panels share as axis."""
    rows = runs.drop_duplicates("row")
    wide = (style.WIDTH - LEFT - GAP * (len(rows) - 1)) / len(rows)
    titles = [style.wrap(row.name, wide, "bold") for row in rows.itertuples()]
    head = TOP + style.NOTE_LINE * (max(map(len, titles)) - 1)
    scores = style.scores(runs)
    high = min(HEIGHT, (TALLEST - head - AXIS) / len(scores) - GAP)
    figure = style.new(head + (high + GAP) * len(scores) + AXIS, note)
    for line, score in enumerate(scores):
        shared: Axes | None = None
        for column, row in enumerate(rows.itertuples(index=False)):
            axes = style.axes(
                figure, LEFT + column * (wide + GAP), head + line * (high + GAP), wide, high, sharey=shared
            )
            shared = shared or axes
            _panel(axes, runs[runs["row"] == row.row], score, style.colour(row.method, row.twin))
            last = line == len(scores) - 1
            axes.set(
                xlabel=symbol(METHODS[row.method].tuned) if last else "",
                ylabel="" if column else style.label(score, row.cost),
            )
            axes.yaxis.set_label_coords(-9.8 / wide, 0.5)
            axes.tick_params(labelleft=not column, labelbottom=last)
    for column, title in enumerate(titles):
        for place, words in enumerate(reversed(title)):
            style.text(
                figure, LEFT + column * (wide + GAP) + wide / 2, head - 1.5 - style.NOTE_LINE * place, words,
                ha="center", weight="bold", fontsize=7.5,
            )  # fmt: skip
    return figure


def _panel(axes: Axes, runs: pd.DataFrame, score: str, colour: str) -> None:
    values = [f"{value:g}" for value in sorted(runs["coefficient"].unique())]
    shown = runs.assign(value=pd.Categorical([f"{value:g}" for value in runs["coefficient"]], values))
    several = shown[shown.groupby("value", observed=True)[score].transform("count") >= FEWEST]
    if len(several):
        seaborn.violinplot(
            several, x="value", y=score, order=values, ax=axes, color=colour, inner=None, cut=0, density_norm="width",
            width=0.85, linewidth=0.4, alpha=0.4,
        )  # fmt: skip
    seaborn.stripplot(shown, x="value", y=score, order=values, ax=axes, color=colour, size=2, jitter=False)
    axes.tick_params(axis="x", labelsize=6.5, labelrotation=90 if len(values) > 4 else 0)
    axes.grid(axis="y", linewidth=0.3, color="0.85")
    axes.set_axisbelow(True)
