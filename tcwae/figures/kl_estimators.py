"""The estimates of the best runs' divergences by each estimator and sample size, from the files of `tcwae estimate`."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tcwae.errors import InputError
from tcwae.figures import style
from tcwae.figures.images import note, runs
from tcwae.study.results import Results
from tcwae.study.tables import read_csv

__all__ = ["COLUMNS", "ESTIMATORS", "TERMS", "data", "draw", "note", "runs"]

ABREAST = 6
"""Runs side by side."""

ESTIMATORS = {
    "large sample": ("0.2", "-", ""),
    "MWS": ("#0072B2", "-", "o"),
    "in batch": ("#56B4E9", "--", "v"),
    "MSS": ("#009E73", "-", "s"),
    "density ratio": ("#D55E00", "-", "D"),
}
"""Colour, line and marker of each."""

LEFT, RIGHT, TOP, GAP, HEIGHT, LOWER, LEGEND = 13.0, 2.5, 5.5, 3.0, 36.0, 5.0, 17.0
"""Millimetres: for the axes, for half a number at the right, above and between panels sideways, of a panel, between its two
rows, for the axis and legend."""

TERMS = {"total_correlation": "TC / nats", "dimension_wise_kl": "dimension-wise KL / nats"}

COLUMNS = ("estimator", "size", "repeat", *TERMS, "row", "name", "run")


def data(results: Results, experiment: str) -> pd.DataFrame:
    """One row an estimate of each row's best run: estimator, size, repeat and the two terms, in nats.

    Raises:
        InputError: no row has a finished run, or its estimates are missing.
    """
    tables = [
        read_csv(results.run(best.best_run) / "estimates.csv", COLUMNS[:-3]).assign(
            row=best.row, name=best.name, run=best.best_run
        )
        for best in results.best(experiment).itertuples()
    ]
    if not tables:
        raise InputError(f"{results.folder / 'selection'}: expected a best_run in {experiment!r}, found none")
    return pd.concat(tables, ignore_index=True)


def draw(estimates: pd.DataFrame, note: str) -> list[Figure]:
    """A column for each run; above the total correlation, below the dimension-wise KL, by the size of the sample."""
    parts = style.pages(list(dict.fromkeys(estimates["row"])), ABREAST)
    return [_page(estimates[estimates["row"].isin(rows)], note) for rows in parts]


def _page(estimates: pd.DataFrame, note: str) -> Figure:
    rows = estimates.drop_duplicates("row")
    wide = (style.WIDTH - LEFT - RIGHT - GAP * (len(rows) - 1)) / len(rows)
    titles = [style.wrap(row.name, wide - 2, "bold", lines=3) for row in rows.itertuples()]
    head = TOP + 3 * (max(map(len, titles)) - 1)
    legend = head + 2 * HEIGHT + LOWER + LEGEND
    figure = style.new(legend, note)
    for line, (term, label) in enumerate(TERMS.items()):
        shared: Axes | None = None
        for column, row in enumerate(rows.itertuples(index=False)):
            left, top = LEFT + column * (wide + GAP), head + line * (HEIGHT + LOWER)
            axes = style.axes(figure, left, top, wide, HEIGHT, sharey=shared)
            shared = shared or axes
            _panel(axes, estimates[estimates["row"] == row.row], term)
            axes.set(xlabel="M" if line else "", ylabel="" if column else label)
            axes.tick_params(labelleft=not column, labelbottom=bool(line), labelsize=7)
            if not line:
                for up, words in enumerate(reversed(titles[column])):
                    middle = left + wide / 2
                    style.text(figure, middle, top - 2 - 3 * up, words, ha="center", weight="bold", fontsize=7)
    handles = [
        Line2D([], [], color=colour, linestyle=dash, marker=marker, markersize=3.5, linewidth=0.9, label=name)
        for name, (colour, dash, marker) in ESTIMATORS.items()
    ]
    style.legend(figure, legend - 4, handles)
    return figure


def _panel(axes: Axes, estimates: pd.DataFrame, term: str) -> None:
    for name, (colour, dash, marker) in ESTIMATORS.items():
        of_estimator = estimates[estimates["estimator"] == name]
        if name == "large sample":
            axes.axhline(of_estimator[term].iloc[0], color=colour, linewidth=1.0)
            continue
        means = of_estimator.groupby("size")[term].agg(["mean", "min", "max"])
        look = {"color": colour, "linestyle": dash, "linewidth": 0.9}
        axes.plot(means.index, means["mean"], marker=marker, markersize=3.5, **look)
        axes.fill_between(means.index, means["min"], means["max"], color=colour, alpha=0.15, linewidth=0)
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=1)
    style.log_ticks(axes.xaxis)
    axes.set_xticks(sorted(set(estimates["size"][estimates["estimator"] == "MWS"])))
    axes.xaxis.minorticks_off()
