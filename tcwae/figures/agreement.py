"""How scores agree on which runs are good: their rank correlations over all runs on a data set."""

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tcwae.config.scores import ScoreFacts, facts
from tcwae.errors import InputError
from tcwae.figures import style
from tcwae.figures.pareto import note, runs
from tcwae.study import names
from tcwae.study.agreement import agreement
from tcwae.study.results import Results

__all__ = ["data", "draw", "note", "runs", "silent"]

LEFT, TOP, RIGHT, AXIS, CELL = 34.0, 2.0, 20.0, 20.0, 18.0
"""Millimetres: for the scores' names at the left, above, at the right of the cells for slanted names, below them, and of a
cell at most."""


def data(results: Results, experiment: str) -> pd.DataFrame:
    """One row a pair of scores: see `tcwae.study.agreement.agreement`.

    Raises:
        InputError: fewer than two scores differ between finished runs.
    """
    table, scores = runs(results, experiment), _differing(results, experiment)
    if len(scores) < 2:
        path = results.folder / "metrics.csv"
        raise InputError(f"{path}: expected two scores that differ between the finished runs of {experiment!r}")
    return agreement(table[table["status"] == "finished"], scores)


def silent(results: Results, experiment: str) -> str | None:
    """Ranks need two scores that differ between runs."""
    return None if len(_differing(results, experiment)) > 1 else "fewer than two scores differ between the runs"


def _differing(results: Results, experiment: str) -> dict[str, ScoreFacts]:
    table = runs(results, experiment)
    table = table[table["status"] == "finished"]
    return {score: facts for score, facts in results.scores.items() if table[score].nunique() > 1}


def draw(pairs: pd.DataFrame, note: str) -> Figure:
    """The lower triangle of the correlations: blue where two scores agree, red where they disagree; intervals below."""
    scores = [pairs["one"].iloc[0], *dict.fromkeys(pairs["other"])]
    columns, rows = scores[:-1], scores[1:]
    cell = min(CELL, (style.WIDTH - LEFT - RIGHT) / len(columns))
    high = min(cell, 10.0)
    figure = style.new(TOP + high * len(rows) + AXIS, note)
    axes = style.axes(figure, LEFT, TOP, cell * len(columns), high * len(rows))
    grid = pairs.pivot(index="other", columns="one", values="rho").reindex(index=rows, columns=columns)
    colours = seaborn.color_palette("vlag_r", as_cmap=True)
    seaborn.heatmap(
        grid, ax=axes, vmin=-1, vmax=1, cmap=colours, cbar=False, linewidths=0.6,
        xticklabels=[facts(score).label for score in columns], yticklabels=[facts(score).label for score in rows],
    )  # fmt: skip
    for pair in pairs.itertuples():
        _write(axes, columns.index(pair.one), rows.index(pair.other), pair, colours, cell)
    axes.set(xlabel="", ylabel="")
    axes.tick_params(length=0, pad=2, labelsize=8)
    axes.tick_params(axis="x", labelrotation=35)
    axes.tick_params(axis="y", labelrotation=0)
    for label in axes.get_xticklabels():
        label.set(ha="right", rotation_mode="anchor")
    return figure


def _write(axes: Axes, column: int, row: int, pair: tuple, colours: object, cell: float) -> None:
    if np.isnan(pair.rho):
        axes.text(column + 0.5, row + 0.5, "–", size=8, color="0.4", ha="center", va="center")  # noqa: RUF001
        return
    ink = style.ink(colours((pair.rho + 1) / 2))
    known = np.isfinite(pair.low)
    axes.text(
        column + 0.5, row + (0.36 if known else 0.5), _text(pair.rho), size=8, color=ink, ha="center", va="center"
    )
    if known:
        interval = f"{_text(pair.low)} to {_text(pair.high)}"
        axes.text(column + 0.5, row + 0.74, interval, size=min(6, 0.5 * cell), color=ink, ha="center", va="center")


def _text(value: float) -> str:
    return names.minus(f"{value:z.2f}".replace("0.", ".", 1))
