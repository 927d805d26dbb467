"""Each score against the reconstruction for every run, with the front of each method: who wins at equal reconstruction?"""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tcwae.config.methods import METHODS
from tcwae.config.runs import coefficients_of
from tcwae.config.runs import runs as all_runs
from tcwae.errors import InputError
from tcwae.figures import style
from tcwae.study import names
from tcwae.study.results import Results, source_note

__all__ = ["COLUMNS", "data", "draw", "front", "levels", "note", "runs", "shares", "silent"]

LEFT, TOP, GAP, BETWEEN, HEIGHT, LEGEND = 13.0, 3.0, 14.5, 5.0, 62.0, 17.0
"""Millimetres: for the first panel's axis, above, between panels sideways and downwards, of a panel at most, and for the axis
and the legend below."""

PANELS = 3
"""Panels side by side at most."""

COLUMNS = ("run", "method", "cost", "setting", "seed", "log_reconstruction")


def runs(results: Results, experiment: str) -> pd.DataFrame:
    """All runs of the study on the experiment's data and with its cost, from any experiment."""
    declared = results.experiment(experiment)
    table = results.metrics
    return table[(table["dataset"] == declared.dataset) & (table["cost"] == declared.cost)].assign(
        row=lambda table: table["method"]
    )


def note(results: Results, experiment: str) -> str:
    """The origin of the points."""
    table, typed = runs(results, experiment), all_runs(results.study)
    return source_note(
        table.assign(
            name=table["method"].map(names.method),
            shown=[names.setting(coefficients_of(typed[run])) for run in table["run"]],
        )
    )


def silent(results: Results, experiment: str) -> str | None:
    """A front of a single run is that run."""
    return "one run is compared with nothing" if len(data(results, experiment)) == 1 else None


def data(results: Results, experiment: str) -> pd.DataFrame:
    """One row a finished run; front_<score> says whether it is on its method's front, best_<score> on the front of all.

    Raises:
        InputError: no run finished.
    """
    table = runs(results, experiment)
    table = table[table["status"] == "finished"]
    if table.empty:
        raise InputError(f"{results.folder / 'metrics.csv'}: expected a finished run for {experiment!r}, found none")
    table = table[[*COLUMNS, *results.study.scores]]
    for score in results.study.scores:
        fronts = pd.concat([front(runs, score) for _, runs in table.groupby("method", sort=False)])
        table = table.assign(**{f"front_{score}": fronts, f"best_{score}": front(table, score)})
    return table


def front(runs: pd.DataFrame, score: str) -> pd.Series:
    """Whether no other run reconstructs at least as well and scores at least as well, one of the two better."""
    lost, gained = runs["log_reconstruction"].to_numpy(), runs[score].to_numpy()
    as_good = (lost[None] <= lost[:, None]) & (gained[None] >= gained[:, None])
    better = (lost[None] < lost[:, None]) | (gained[None] > gained[:, None])
    return pd.Series(~(as_good & better).any(axis=1), index=runs.index)


def levels(runs: pd.DataFrame) -> np.ndarray:
    """The log-reconstructions of the runs that reconstruct no better than every method can: at each, every method has a run.

    There is at least one, that of the best run of the method that reconstructs worst.
    """
    start = runs.groupby("method")["log_reconstruction"].min().max()
    return runs.loc[runs["log_reconstruction"] >= start, "log_reconstruction"].to_numpy()


def shares(runs: pd.DataFrame, score: str) -> dict[str, float]:
    """By method the share of `levels` at which it has the highest score of all runs that reconstruct as well or better.

    Ties share a level.
    """
    methods, equal = list(dict.fromkeys(runs["method"])), levels(runs)
    best = np.array([_reached(runs[runs["method"] == method], score, equal) for method in methods])
    wins = best == best.max(axis=0)
    return dict(zip(methods, (wins / wins.sum(axis=0)).mean(axis=1).tolist(), strict=True))


def _reached(runs: pd.DataFrame, score: str, levels: np.ndarray) -> np.ndarray:
    """The best score of the runs that lose at most each level."""
    lost, gained = runs["log_reconstruction"].to_numpy(), runs[score].to_numpy()
    return np.where(lost[None] <= levels[:, None], gained[None], -np.inf).max(axis=1)


def draw(runs: pd.DataFrame, note: str) -> Figure:
    """A panel for each score: faint runs, and each method's front as a line through its filled markers."""
    scores = [score for score in style.scores(runs) if score != "log_reconstruction"]
    columns, lines = min(PANELS, len(scores)), math.ceil(len(scores) / PANELS)
    high = min(HEIGHT, (style.TALLEST - LEGEND - TOP) / lines - BETWEEN)
    bottom = TOP + lines * (high + BETWEEN) - BETWEEN
    figure = style.new(bottom + LEGEND, note)
    wide = (style.WIDTH - LEFT - GAP * (columns - 1) - 1) / columns
    methods = [method for method in METHODS if method in set(runs["method"])]
    for place, score in enumerate(scores):
        line, column = divmod(place, columns)
        axes = style.axes(figure, LEFT + column * (wide + GAP), TOP + line * (high + BETWEEN), wide, high)
        for method in methods:
            _draw_method(axes, runs[runs["method"] == method], method, score)
        cost = runs["cost"].iloc[0]
        axes.set(ylabel=style.label(score, cost))
        if place + columns >= len(scores):
            axes.set(xlabel=style.label("log_reconstruction", cost))
        axes.yaxis.set_label_coords(-9.5 / wide, 0.5)
        style.room(axes)
    handles = [Line2D([], [], **style.line(method, 0), label=names.method(method)) for method in methods]
    style.legend(figure, bottom + LEGEND - 4, handles)
    return figure


def _draw_method(axes: Axes, runs: pd.DataFrame, method: str, score: str) -> None:
    look = style.line(method, 0)
    axes.plot(runs["log_reconstruction"], runs[score], **look | {"linestyle": "", "markersize": 2, "alpha": 0.35})
    best = runs[runs[f"front_{score}"]].sort_values("log_reconstruction")
    axes.plot(best["log_reconstruction"], best[score], drawstyle="steps-post", **look)
