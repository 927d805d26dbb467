"""Which latent carries which factor: the matrices of each method's best run, of information and of importance."""

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tcwae import records
from tcwae.errors import InputError
from tcwae.figures import style
from tcwae.figures.images import note, runs
from tcwae.study.results import Results

__all__ = ["data", "draw", "note", "order", "runs", "silent"]

LEFT, TOP, GAP, HEADER, AXIS, BAR = 24.0, 5.0, 5.0, 5.0, 5.5, 11.0
"""Millimetres: for the factors' names, for the matrices' names, between two, for a method's name above its own, for the latents
below them, and for the colour bar."""

CELL, READABLE = 6.5, 4.4
"""Millimetres: of a cell at most, and of a cell whose number can be read at least."""

MATRICES = {"share": "Mutual information / entropy of the factor", "importance": "DCI's importance"}


def data(results: Results, experiment: str) -> pd.DataFrame:
    """One row a latent and factor of each method's best run; `place` is the latent's column in the figure.

    `share` is the mutual information over the factor's entropy; `importance` is empty if the study does not have DCI.

    Raises:
        InputError: no method has a finished run whose data have factors, or a file is missing or damaged.
    """
    tables = [table for best in results.best(experiment).itertuples() if (table := _of_run(results, best)) is not None]
    if not tables:
        raise InputError(f"{experiment}: expected a finished run on data with factors for its matrices, found none")
    return pd.concat(tables, ignore_index=True)


def silent(results: Results, experiment: str) -> str | None:
    """Only data with factors have matrices."""
    known = any(_of_run(results, best) is not None for best in results.best(experiment).itertuples())
    return None if known else "no record of a best run has what its latents know of factors"


def _of_run(results: Results, best: tuple) -> pd.DataFrame | None:
    matrices = records.read(records.MetricsRecord, results.folder / "runs" / best.best_run / "metrics.json").matrices
    if matrices is None:
        return None
    mutual = np.array(matrices.mutual_information)
    share = np.divide(mutual, matrices.entropy, out=np.zeros_like(mutual), where=np.array(matrices.entropy) > 0)
    importance = np.full_like(share, np.nan) if matrices.importance is None else np.array(matrices.importance)
    places = np.argsort(order(share, [matrices.matched.get(factor) for factor in matrices.factors]))
    latent, factor = (index.ravel() for index in np.indices(share.shape))
    return pd.DataFrame(
        {
            **{key: getattr(best, key) for key in ("row", "name", "method", "shown", "setting")},
            "run": best.best_run,
            "factor": np.array(matrices.factors, object)[factor],
            "latent": latent,
            "place": places[latent],
            "mutual_information": mutual.ravel(),
            "share": share.ravel(),
            "importance": importance.ravel(),
            "matched": [matrices.matched.get(matrices.factors[k]) == d for d, k in zip(latent, factor, strict=True)],
        }
    )


def order(share: np.ndarray, matched: list[int | None]) -> list[int]:
    """The latents: those of the factors in the factors' order, then the others, the most informative first."""
    first = [latent for latent in matched if latent is not None]
    others = np.argsort(-share.sum(axis=1), kind="stable").tolist()
    return [*first, *(latent for latent in others if latent not in first)]


def draw(cells: pd.DataFrame, note: str) -> Figure:
    """A line of matrices for each row of the study, a latent a column and a factor a row; the matched pairs are framed."""
    shown = [matrix for matrix in MATRICES if cells[matrix].notna().any()]
    rows = cells.drop_duplicates("row")
    factors, latents = cells["factor"].nunique(), cells["place"].max() + 1
    wide = min((style.WIDTH - LEFT - GAP) / 2 - 1, CELL * 1.1 * latents)
    cell = min(CELL, ((style.TALLEST - TOP - BAR) / len(rows) - HEADER - AXIS) / factors)
    step = HEADER + cell * factors + AXIS
    figure = style.new(TOP + step * len(rows) + BAR, note)
    numbers = wide / latents >= READABLE and cell >= READABLE * 0.75
    for column, matrix in enumerate(shown):
        left = LEFT + column * (wide + GAP)
        style.text(figure, left + wide / 2, 3.5, MATRICES[matrix], ha="center")
        for line, row in enumerate(rows.itertuples()):
            top = TOP + line * step + HEADER
            axes = style.axes(figure, left, top, wide, cell * factors)
            _panel(axes, cells[cells["row"] == row.row], matrix, numbers)
            if column:
                axes.set_yticks([])
            else:
                style.text(figure, left, top - 1.2, row.name, weight="bold", fontsize=8)
        if column + 1 == len(shown):
            for line, row in enumerate(rows.itertuples()):
                style.small(figure, LEFT + 34, TOP + line * step + HEADER - 1.2, [row.shown])
    bar = style.axes(figure, LEFT, TOP + step * len(rows) + 1.5, wide, 2.5)
    _colour_bar(bar)
    return figure


def _panel(axes: Axes, cells: pd.DataFrame, matrix: str, numbers: bool) -> None:
    grid = cells.pivot(index="factor", columns="place", values=matrix).loc[list(dict.fromkeys(cells["factor"]))]
    latents = cells.drop_duplicates("place").sort_values("place")["latent"]
    colours = _colours()
    seaborn.heatmap(
        grid, ax=axes, vmin=0, vmax=1, cmap=colours, cbar=False, linewidths=0.4, annot=False,
        xticklabels=[f"$z_{{{latent}}}$" for latent in latents],
        yticklabels=[factor.replace("_", " ") for factor in grid.index],
    )  # fmt: skip
    for (row, column), value in np.ndenumerate(grid.to_numpy()):
        if numbers and np.isfinite(value):
            text, size = f"{value:.2f}".removeprefix("0"), 6.5
            axes.text(
                column + 0.5, row + 0.5, text, size=size, color=style.ink(colours(value)), ha="center", va="center"
            )
    for pair in cells[cells["matched"]].itertuples():
        place = pair.place, grid.index.get_loc(pair.factor)
        axes.add_patch(Rectangle(place, 1, 1, fill=False, edgecolor="#E69F00", linewidth=1.3, clip_on=False, zorder=3))
    axes.tick_params(length=0, pad=1.5, labelrotation=0, labelsize=7)
    axes.set(xlabel="", ylabel="")


def _colours() -> Colormap:
    """From nearly white for zero to dark blue."""
    return seaborn.light_palette("#1C4A73", as_cmap=True)


def _colour_bar(axes: Axes) -> None:
    bar = axes.figure.colorbar(
        ScalarMappable(Normalize(0, 1), _colours()), cax=axes, orientation="horizontal", ticks=[0, 0.5, 1]
    )
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=2, pad=1, labelsize=7)
    bar.solids.set_rasterized(True)
