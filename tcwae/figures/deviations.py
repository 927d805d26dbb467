"""The effect of each departure from the default setting: paired differences of the scores, seed by seed.

The first row of a method is its default. Every other row of the method departs from it in an option or in its training, and its
seeds are paired with the default's. Departures that change only the scores (sampled codes, fewer votes, fewer factors) are
computed from the default's runs by `tcwae rescore`.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from tcwae.config.methods import METHODS
from tcwae.config.run import flatten
from tcwae.config.scores import PAPER
from tcwae.errors import InputError
from tcwae.figures import style
from tcwae.study import names
from tcwae.study.results import Results, source_note
from tcwae.study.tables import read_csv

__all__ = ["COLUMNS", "CONFIDENCE", "data", "draw", "first_runs", "note", "runs", "summary"]

LEFT, RIGHT, TOP, GAP, LINE, AXIS = 46.0, 2.5, 6.0, 4.0, 7.0, 12.0
"""Millimetres: for the departures' names, for half a number at the right, above and between panels, for a departure, and for
the axis below."""

COLUMNS = ("method", "deviation", "score", "seed", "default", "deviating", "difference")
CONFIDENCE = 0.95
RESCORED = ("protocol", "score", "value")


def runs(results: Results, experiment: str) -> pd.DataFrame:
    """The runs that are compared."""
    return results.runs(experiment)


def note(results: Results, experiment: str) -> str:
    """The origin of the differences."""
    return source_note(runs(results, experiment))


def data(results: Results, experiment: str) -> pd.DataFrame:
    """One row a departure, score and seed: value of the default, of the departure, and their difference.

    Raises:
        InputError: no pair of runs finished.
    """
    table = runs(results, experiment)
    table["deviation"] = _called(results, table, experiment)
    finished = table[table["status"] == "finished"]
    pairs = [pair for _, runs in finished.groupby("method", sort=False) for pair in _of_method(results, runs)]
    if not pairs:
        raise InputError(
            f"{results.folder / 'metrics.csv'}: expected pairs of finished runs of {experiment!r}, found none"
        )
    table = pd.DataFrame(pairs, columns=COLUMNS[:-1]).dropna()  # scores that cannot be had
    return table.assign(difference=table["deviating"] - table["default"])


def first_runs(results: Results, experiment: str) -> dict[tuple[str, str | None], str]:
    """A run of each departure that has its own, by method and departure; of each method's default by the method and None."""
    table = runs(results, experiment)
    called = np.where(table["twin"] > 0, _called(results, table, experiment), None)
    return dict(reversed([*zip(zip(table["method"], called, strict=True), table["run"], strict=True)]))


def _called(results: Results, runs: pd.DataFrame, experiment: str) -> list[str]:
    """The name of each run's row, else the settings in which it differs from its method's default."""
    typed, rows, defaults = results.typed(experiment), results.experiment(experiment).methods, {}
    calls = []
    for run in runs.itertuples():
        settings = flatten(typed[run.row, run.setting])
        usual = defaults.setdefault(run.method, settings)
        changed = {key: value for key, value in settings.items() if key != "seed" and usual.get(key) != value}
        calls.append(rows[run.row].name or names.setting(changed) or run.name)
    return calls


def _of_method(results: Results, runs: pd.DataFrame) -> Iterator[tuple]:
    default = runs[runs["twin"] == 0].set_index("seed")
    for _, other in runs[runs["twin"] > 0].groupby("row", sort=False):
        for run in other[other["seed"].isin(default.index)].itertuples():
            for score in PAPER:
                yield run.method, run.deviation, score, run.seed, default.loc[run.seed, score], getattr(run, score)
    for seed, run in default.iterrows():
        for protocol, score, value in _scored_otherwise(results, run):
            yield run["method"], protocol, score, seed, run[score], value


def _scored_otherwise(results: Results, run: pd.Series) -> Iterator[tuple[str, str, float]]:
    """Protocol, score and value of a run by other protocols than the default one."""
    for score in ("mig", "factor_vae", "sap"):
        yield "sampled codes in the scores", score, run[f"{score}_sampled"]
    for other in read_csv(results.run(run["run"]) / "rescored.csv", RESCORED).itertuples():
        yield other.protocol, other.score, other.value


def summary(pairs: pd.DataFrame) -> pd.DataFrame:
    """One row a departure and score: mean difference over the pairs and its 95% interval by Student's t; NaN for one pair."""
    groups = pairs.groupby(["method", "deviation", "score"], sort=False)["difference"]
    table = groups.agg(["mean", "std", "size"]).reset_index()
    half = stats.t.ppf(0.5 + CONFIDENCE / 2, table["size"] - 1) * table["std"] / np.sqrt(table["size"])
    return table.assign(low=table["mean"] - half, high=table["mean"] + half).drop(columns="std")


def draw(pairs: pd.DataFrame, note: str) -> list[Figure]:
    """A panel for each score: mean differences with their intervals, single pairs as faint points, zero as a line."""
    lines = list(dict.fromkeys(zip(pairs["method"], pairs["deviation"], strict=True)))
    most = int((style.TALLEST - TOP - AXIS) / LINE)
    return [_page(pairs, part, len({method for method, _ in lines}) > 1, note) for part in style.pages(lines, most)]


def _page(pairs: pd.DataFrame, lines: Sequence[tuple[str, str]], several: bool, note: str) -> Figure:
    pairs = pairs[[pair in lines for pair in zip(pairs["method"], pairs["deviation"], strict=True)]]
    height = LINE * len(lines)
    figure = style.new(TOP + height + AXIS, note)
    wide = (style.WIDTH - LEFT - RIGHT - GAP * (len(PAPER) - 1)) / len(PAPER)
    said = [f"{deviation} ({names.method(method)})" if several else deviation for method, deviation in lines]
    said = [style.shown("\n".join(style.wrap(words, LEFT - 2, lines=2))) for words in said]
    for column, (key, score) in enumerate(PAPER.items()):
        axes = style.axes(figure, LEFT + column * (wide + GAP), TOP, wide, height)
        _panel(axes, pairs[pairs["score"] == key], list(lines))
        axes.set(xlabel=f"Δ {score.label}", ylim=(len(lines) - 0.5, -0.5))
        axes.locator_params(axis="x", nbins=4)
        axes.tick_params(axis="x", labelsize=7)
        axes.tick_params(axis="y", length=0)
        axes.set_yticks(range(len(lines)), said if column == 0 else [], fontsize=7.5)
        style.text(figure, LEFT + column * (wide + GAP) + wide / 2, TOP - 2, f"{score.arrow}", ha="center")
    return figure


def _panel(axes: Axes, pairs: pd.DataFrame, lines: list[tuple[str, str]]) -> None:
    place: Callable[[pd.DataFrame], list[int]] = lambda table: [  # noqa: E731
        lines.index(pair) for pair in zip(table["method"], table["deviation"], strict=True)
    ]
    means = summary(pairs)
    axes.axvline(0, color="0.6", linewidth=0.6)
    axes.plot(pairs["difference"], place(pairs), linestyle="", marker="o", markersize=2, color="0.6", alpha=0.7)
    for at, mean in zip(place(means), means.itertuples(), strict=True):
        colour = METHODS[mean.method].colour
        axes.errorbar(
            mean.mean, at, xerr=[[mean.mean - mean.low], [mean.high - mean.mean]], marker="o", markersize=4, color=colour,
            linewidth=1.0, capsize=2,
        )  # fmt: skip
