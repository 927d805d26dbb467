"""The shares of each score's variance over runs that are due to the method, the coefficients and the seed."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tcwae.config.scores import facts
from tcwae.errors import InputError
from tcwae.figures import style
from tcwae.figures.pareto import note, runs
from tcwae.study.results import Results
from tcwae.study.variance import SOURCES, shares

__all__ = ["data", "draw", "note", "runs", "silent"]

LEFT, RIGHT, TOP, GAP, LINE, AXIS = 34.0, 2.5, 6.0, 5.0, 6.5, 12.0
"""Millimetres: for the scores' names, half a number at the right, above and between panels, for a score, and for the axis."""

COLOURS = {"method": "#0072B2", "coefficient": "#E69F00", "seed": "#595959"}


def data(results: Results, experiment: str) -> pd.DataFrame:
    """One row a score and source of variance: its share with the interval; see `tcwae.study.variance.shares`.

    Raises:
        InputError: no score has shares, for example because no setting has two finished seeds.
    """
    shares = _shares(results, experiment)
    if shares["share"].isna().all():
        expected = f"expected a setting with two finished runs that score differently for {experiment!r}"
        raise InputError(f"{results.folder / 'metrics.csv'}: {expected}, found none; give the study more seeds")
    return shares[shares.groupby("score")["share"].transform("count") > 0]


def silent(results: Results, experiment: str) -> str | None:
    """The share of seeds is unknown if no setting has two."""
    return "no setting has two seeds that differ" if _shares(results, experiment)["share"].isna().all() else None


def _shares(results: Results, experiment: str) -> pd.DataFrame:
    table = runs(results, experiment)
    table = table[table["status"] == "finished"]
    rows = [
        (score, source, *share, int(table[score].notna().sum()))
        for score in results.scores
        for source, share in shares(table, score).items()
    ]
    return pd.DataFrame(rows, columns=["score", "source", "share", "low", "high", "runs"])


def draw(shares: pd.DataFrame, note: str) -> Figure:
    """A panel for each source, a line for each score: its share, and the interval."""
    scores = list(dict.fromkeys(shares["score"]))
    height = LINE * len(scores)
    figure = style.new(TOP + height + AXIS, note)
    wide = (style.WIDTH - LEFT - RIGHT - GAP * (len(SOURCES) - 1)) / len(SOURCES)
    for column, source in enumerate(SOURCES):
        axes = style.axes(figure, LEFT + column * (wide + GAP), TOP, wide, height)
        of_source = shares[shares["source"] == source].set_index("score").loc[scores]
        value, low, high = (of_source[key].clip(0, 1).to_numpy() for key in ("share", "low", "high"))
        lines = np.arange(len(scores))
        axes.barh(lines, value, height=0.55, color=COLOURS[source], alpha=0.35, linewidth=0)
        axes.hlines(lines, low, high, color=COLOURS[source], linewidth=1.2)
        axes.plot(value, lines, linestyle="", marker="o", markersize=3.5, color=COLOURS[source])
        axes.set(xlim=(0, 1), ylim=(len(scores) - 0.5, -0.5), xlabel="share of the variance")
        axes.set_yticks(lines, [facts(score).label for score in scores] if column == 0 else [], fontsize=8)
        axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", linewidth=0.3, color="0.85")
        axes.set_axisbelow(True)
        style.text(figure, LEFT + column * (wide + GAP) + wide / 2, TOP - 2, source, ha="center", weight="bold")
    return figure
