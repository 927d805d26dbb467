"""Reconstructions at the left, samples at the right, a row of the study below the other, as in Figures 12 to 14."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from tcwae.figures import images, style
from tcwae.figures.images import Shown, note, runs
from tcwae.study.results import Results

__all__ = ["data", "draw", "note", "runs"]

COLUMNS, HEADER, GAP, TALLEST = 5, 9.5, 6.0, 205.0
"""Images beside each other in a quadrant; millimetres for the quadrants' names, between the two, and of the whole at most."""


def data(results: Results, experiment: str) -> list[Shown]:
    """Inputs, reconstructions and samples of each row's best run.

    Raises:
        InputError: a file is missing or damaged.
    """
    return images.best(results, experiment, ("inputs", "reconstructions", "samples"))


def draw(shown: Sequence[Shown], note: str) -> Figure:
    """Left: lines of inputs, each with its reconstructions below; right: as many lines of samples."""
    columns = min(COLUMNS, len(shown[0].arrays["inputs"]))
    lines = 2 * (len(shown[0].arrays["inputs"]) // columns)
    side = min((style.WIDTH - GAP) / 2 / columns, (TALLEST / len(shown) - HEADER - 2) / lines)
    height, right = HEADER + side * lines + 2, side * columns + GAP
    figure = style.new(height * len(shown), note)
    for index, own in enumerate(shown):
        top = index * height
        inputs, reconstructions, samples = (own.arrays[name] for name in ("inputs", "reconstructions", "samples"))
        pairs = np.stack([_lines(inputs, lines // 2, columns), _lines(reconstructions, lines // 2, columns)], axis=1)
        style.text(figure, 0.0, top + 3.6, own.name, weight="bold")
        style.small(figure, 0.0, top + 7.2, [f"{own.said}; images, and below them their reconstructions"])
        style.small(figure, right, top + 7.2, ["samples"])
        places = ((0.0, pairs.reshape(lines, columns, *pairs.shape[3:])), (right, _lines(samples, lines, columns)))
        for left, pictures in places:
            images.place(style.axes(figure, left, top + HEADER, side * columns, side * lines), pictures)
    return figure


def _lines(pictures: np.ndarray, lines: int, columns: int) -> np.ndarray:
    return pictures[: lines * columns].reshape(lines, columns, *pictures.shape[1:])
