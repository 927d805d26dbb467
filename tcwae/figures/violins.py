"""The distribution of each score over seeds, by the value of each method's tuned coefficient, as in Figure 10."""

import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tcwae.config.methods import METHODS, symbol
from tcwae.figures import style
from tcwae.figures.scores_vs_reconstruction import data as all_data
from tcwae.figures.scores_vs_reconstruction import note, runs
from tcwae.study.results import Results

__all__ = ["data", "draw", "note", "runs", "silent"]

LEFT, TOP, GAP, HEIGHT, LOW, AXIS = 13.5, 5.0, 2.5, 36.0, 28.0, 9.0
"""Millimetres: for the scores' axes, for the methods' names, between panels, of a panel with violins and of one with points
alone at most, and for the values below."""

FEWEST, ABREAST, TICKS = 5, 6, 12
"""Seeds that have a distribution, of fewer only the points are shown; columns beside each other, and values named below one."""


def data(results: Results, experiment: str) -> pd.DataFrame:
    """One row a finished run, of the methods that have several values of their tuned coefficient.

    Raises:
        InputError: no run of the experiment finished.
    """
    table = all_data(results, experiment)
    return table[table.groupby("row")["coefficient"].transform("nunique") > 1]


def silent(results: Results, experiment: str) -> str | None:
    """One seed has no distribution, one setting is compared with nothing, and a few points are as well seen in a table."""
    shown = data(results, experiment)
    if shown.empty:
        return "no method has finished runs of several values of its coefficient"
    seeds = shown.groupby(["row", "setting"])["seed"].nunique().max()
    if seeds == 1:
        return "each setting has only one seed, and so no distribution"
    few = seeds < FEWEST and shown.groupby("row")["coefficient"].nunique().max() <= 2
    return f"two values of a coefficient with {seeds} seeds each are seen in the tables" if few else None


def draw(runs: pd.DataFrame, note: str) -> list[Figure]:
    """A column for each method, a row for each score, which its panels share as axis."""
    scores = style.scores(runs)
    seeds = runs.groupby(["row", "setting"])["seed"].nunique().max()
    high = HEIGHT if seeds >= FEWEST else LOW
    parts = style.pages(list(dict.fromkeys(runs["row"])), ABREAST)
    return [_page(runs[runs["row"].isin(rows)], scores, high, note) for rows in parts]


def _page(runs: pd.DataFrame, scores: list[str], high: float, note: str) -> Figure:
    rows = runs.drop_duplicates("row")
    wide = (style.WIDTH - LEFT - GAP * (len(rows) - 1)) / len(rows)
    titles = [style.wrap(row.name, wide, "bold", lines=3) for row in rows.itertuples()]
    head = TOP + style.NOTE_LINE * (max(map(len, titles)) - 1)
    high = min(high, (style.TALLEST - head - AXIS) / len(scores) - GAP)
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
            )
            axes.set_ylabel("" if column else style.label(score, row.cost), fontsize=7.5 if high <= LOW else 9)
            axes.yaxis.set_label_coords(-9.8 / wide, 0.5)
            axes.tick_params(labelleft=not column, labelbottom=last)
        shared.yaxis.set_major_locator(MaxNLocator(5, prune="both"))
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
    style.few_ticks(axes.xaxis, TICKS)
    axes.tick_params(axis="x", labelsize=6.5, labelrotation=90 if len(values) > 4 else 0)
    axes.grid(axis="y", linewidth=0.3, color="0.85")
    axes.set_axisbelow(True)
