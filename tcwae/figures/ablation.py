"""What the latent regularisation costs and achieves, by its weight: the four panels of Figure 6."""

from collections.abc import Callable

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tcwae.figures import style
from tcwae.figures.scores_vs_reconstruction import note, runs
from tcwae.study.results import Results

__all__ = ["data", "draw", "note", "runs"]

LEFT, RIGHT, TOP, GAP, LOWER, HEIGHT, LOW, LEGEND = 14.0, 15.0, 5.0, 18.0, 17.0, 46.0, 38.0, 17.0
"""Millimetres: for an axis at the left and at the right, above, between panels sideways and downwards, of a panel with lines
and of one with points alone, and for the axis and legend below."""

FEWEST = 3
"""Weights that make a line; for fewer, only the points are shown."""

TRAINED, HONEST = "trained_kl", "aggregated_kl"


def data(results: Results, experiment: str) -> pd.DataFrame:
    """One row a finished run with the value of its weight (lambda, or beta = gamma) and three measures of its regulariser.

    trained_kl is the sum of the total correlation and the dimension-wise KL as the training estimated them at its end, in
    nats: that of TCWAE-MWS lacks log N by the bias of equation (10). aggregated_kl is the same sum of the aggregated
    posterior over all encoded images, which has no such bias. mmd is that to the prior (equation 7), on held-out images.
    """
    table = runs(results, experiment)
    table = table[table["status"] == "finished"]
    table = table.assign(
        trained_kl=table["total_correlation_trained"] + table["dimension_wise_kl_trained"],
        aggregated_kl=table["total_correlation"] + table["dimension_wise_kl"],
    )
    columns = ["row", "name", "twin", "method", "cost", "setting", "coefficient", "seed"]
    return table[[*columns, "log_reconstruction", TRAINED, HONEST, "mmd"]]


def draw(runs: pd.DataFrame, note: str) -> Figure:
    """Four panels: (a) reconstruction and (b) KL by weight, (c) reconstruction against KL and (d) against MMD."""
    wide = (style.WIDTH - LEFT - GAP - RIGHT) / 2
    handles = _handles(runs.drop_duplicates("row"))
    high = HEIGHT if runs.groupby("row")["coefficient"].nunique().max() >= FEWEST else LOW
    legend = TOP + 2 * high + LOWER + LEGEND
    figure = style.new(legend + style.legend_height([handle.get_label() for handle in handles]), note)
    reconstruction = style.label("log_reconstruction", runs["cost"].iloc[0])
    kl, weight, mmd = "KL(q(z), p(z)) / nats", "weight ($\\lambda$, or $\\beta = \\gamma$)", "MMD(q(z), p(z))"
    panels: list[tuple[str, str, str, Callable[[Axes, pd.DataFrame, dict], None]]] = [
        ("a", weight, f"{reconstruction}", lambda axes, of_row, look: _band(axes, of_row, "log_reconstruction", look)),
        ("b", weight, kl, _draw_kl),
        ("c", kl, f"{reconstruction}", _draw_reconstruction_against_kl),
        ("d", mmd, f"{reconstruction}", lambda axes, of_row, look: _path(axes, of_row, "mmd", look)),
    ]
    for place, (letter, xlabel, ylabel, draw_row) in enumerate(panels):
        left, top = LEFT + place % 2 * (wide + GAP), TOP + place // 2 * (high + LOWER)
        axes = style.axes(figure, left, top, wide, high)
        for _, of_row in runs.groupby("row", sort=False):
            draw_row(axes, of_row, _look(of_row))
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel, fontsize=8)
        if letter != "c":
            axes.set_xscale("log")
            style.log_ticks(axes.xaxis)
        if letter == "b":
            _draw_mmd(axes, runs[runs["method"] == "wae_mmd"])
        style.text(figure, left - 11, top - 1, f"({letter})", weight="bold")
    style.legend(figure, legend - 4, handles)
    return figure


def _means(runs: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """By weight, mean and standard deviation over seeds (0 of one seed) of some columns."""
    seeds = runs.groupby("coefficient")[list(columns)]
    return seeds.mean().join(seeds.std().fillna(0).add_suffix("_sd"))


def _band(axes: Axes, runs: pd.DataFrame, column: str, look: dict) -> None:
    """A mean by weight, and a band of one standard deviation to either side."""
    means = _means(runs, column).dropna()
    if not look["linestyle"]:
        axes.errorbar(means.index, means[column], yerr=means[f"{column}_sd"], elinewidth=0.5, **look)
        return
    axes.plot(means.index, means[column], **look)
    low, high = means[column] - means[f"{column}_sd"], means[column] + means[f"{column}_sd"]
    axes.fill_between(means.index, low, high, color=look["color"], alpha=0.15, linewidth=0)


def _draw_kl(axes: Axes, runs: pd.DataFrame, look: dict) -> None:
    _band(axes, runs, HONEST, look)
    _band(axes, runs, TRAINED, _own(look))


def _draw_mmd(axes: Axes, runs: pd.DataFrame) -> None:
    """The MMD, which WAE-MMD minimises instead of a KL, on its own axis at the right."""
    if len(runs):
        right = axes.twinx()
        right.spines["right"].set_visible(True)
        _band(right, runs, "mmd", _own(_look(runs)))
        right.set_ylabel("MMD(q(z), p(z)) of WAE-MMD", fontsize=8)


def _draw_reconstruction_against_kl(axes: Axes, runs: pd.DataFrame, look: dict) -> None:
    _path(axes, runs, HONEST, look)
    _path(axes, runs, TRAINED, _own(look))


def _look(runs: pd.DataFrame) -> dict:
    """How a row looks: without a line if it has too few weights for one."""
    look = style.line(runs["method"].iloc[0], int(runs["twin"].iloc[0]))
    return look if runs["coefficient"].nunique() >= FEWEST else look | {"linestyle": ""}


def _own(look: dict) -> dict:
    """How a method's own regulariser looks: hollow, and dashed where there is a line."""
    return look | {"linestyle": look["linestyle"] and "--", "markerfacecolor": "white"}


def _path(axes: Axes, runs: pd.DataFrame, column: str, look: dict) -> None:
    """Mean log-reconstruction against the mean of a column, joined in the order of weights, bars of one sd."""
    means = _means(runs, column, "log_reconstruction").dropna()
    axes.errorbar(
        means[column], means["log_reconstruction"], xerr=means[f"{column}_sd"], yerr=means["log_reconstruction_sd"],
        elinewidth=0.5, **look,
    )  # fmt: skip


def _handles(rows: pd.DataFrame) -> list[Line2D]:
    handles = [
        Line2D([], [], **style.line(row.method, row.twin), label=row.name) for row in rows.itertuples(index=False)
    ]
    grey = {"color": "0.3", "linewidth": 0.9}
    return [
        *handles,
        Line2D([], [], **grey, label="KL over all encoded images"),
        Line2D([], [], **grey, linestyle="--", label="own regulariser, in training"),
    ]
