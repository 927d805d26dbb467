"""The selected best runs' images, and how images are laid out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tcwae.errors import InputError
from tcwae.figures import style
from tcwae.study.results import Results, read_images, source_note

__all__ = ["Shown", "best", "mosaic", "note", "place", "rows", "runs"]

LABEL = 29.0
"""Millimetres for the names at the left of the rows."""

COLUMNS, LARGEST, GAP = 12, 14.0, 1.2
"""Images in a row at most; millimetres of an image's side at most, and between rows."""

SEAM = 4
"""Pixels of white between two images."""


@dataclass(frozen=True)
class Shown:
    """The best run of a row of the study, and the arrays of it that a figure shows; `said` is its setting for readers."""

    row: str
    name: str
    setting: str
    run: str
    said: str
    arrays: dict[str, np.ndarray]


def best(results: Results, experiment: str, arrays: Sequence[str]) -> list[Shown]:
    """Each method's selected best run with some arrays of its images.h5.

    Raises:
        InputError: no method has a finished run, or a file is missing or damaged.
    """
    chosen = results.best(experiment)
    if chosen.empty:
        raise InputError(f"{results.folder / 'selection.csv'}: expected a best_run in {experiment!r}, found none")
    return [
        Shown(
            row.row, row.name, row.setting, row.best_run, row.shown,
            read_images(results.run(row.best_run) / "images.h5", arrays),
        )
        for row in chosen.itertuples()
    ]  # fmt: skip


def runs(results: Results, experiment: str) -> pd.DataFrame:
    """The runs among which the best were chosen."""
    return results.runs(experiment)


def note(results: Results, experiment: str) -> str:
    """The origin of the images."""
    return source_note(runs(results, experiment), shown=len(results.best(experiment)))


def mosaic(images: UInt8[np.ndarray, "rows columns height width channel"]) -> UInt8[np.ndarray, "high wide 3"]:
    """All images as one, white seams between them; grey ones as RGB."""
    rows, columns, height, width, _ = images.shape
    whole = np.full((rows * (height + SEAM) - SEAM, columns * (width + SEAM) - SEAM, 3), 255, dtype=np.uint8)
    for row in range(rows):
        for column in range(columns):
            top, left = row * (height + SEAM), column * (width + SEAM)
            whole[top : top + height, left : left + width] = images[row, column]
    return whole


def place(axes: Axes, images: UInt8[np.ndarray, "rows columns height width channel"]) -> None:
    """Fill the axes with a mosaic without resampling; one unit of the axes is one image."""
    rows, columns = images.shape[:2]
    axes.imshow(mosaic(images), extent=(0, columns, rows, 0), aspect="auto", interpolation="none")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def rows(shown: Sequence[Shown], array: str, note: str) -> list[Figure]:
    """The inputs in the first row, then for each method a row of one of its arrays; as many figures as it takes."""
    columns = min(COLUMNS, *(len(model.arrays[name]) for model in shown for name in ("inputs", array)))
    side = min((style.WIDTH - LABEL) / columns, LARGEST)
    stack = [(_called(model), model.arrays[array]) for model in shown]
    tallest = style.NOTE_LINE * max(len(name) + len(said) for (name, said), _ in stack)
    height = max(side, tallest) + GAP
    most = int((style.TALLEST - 2 * GAP) / height) - 1
    inputs = (["data"], []), shown[0].arrays["inputs"]
    return [_stack([inputs, *part], side, height, columns, note) for part in style.pages(stack, most)]


def _called(model: Shown) -> tuple[list[str], list[str]]:
    """Name and setting, in at most two lines each."""
    return style.wrap(model.name, LABEL - 1, "bold", lines=2), style.wrap(model.said, LABEL - 1, lines=2)


def _stack(stack: Sequence[tuple], side: float, height: float, columns: int, note: str) -> Figure:
    figure = style.new(height * len(stack) + 2 * GAP, note)
    for index, ((name, said), images) in enumerate(stack):
        top = index * height + (GAP if index else 0)
        place(style.axes(figure, LABEL, top, side * columns, side), images[None, :columns])
        first = top + (side - style.NOTE_LINE * (len(name) + len(said))) / 2 + 2.6
        for line, words in enumerate(name):
            style.text(figure, 0.0, first + style.NOTE_LINE * line, words, weight="bold", fontsize=8)
        style.small(figure, 0.0, first + style.NOTE_LINE * len(name), said)
    return figure
