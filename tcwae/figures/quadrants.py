"""Reconstructions at the left and samples at the right, one row of the study below another, as in Figures 12 to 14."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from tcwae.figures import images, style
from tcwae.figures.images import Shown, note, runs
from tcwae.study.results import Results

__all__ = ["data", "draw", "note", "runs"]

FEW, NARROW, WIDE, HEADER, GAP = 3, 5, 10, 9.5, 6.0
"""Rows of the study that are few; images beside each other in a quadrant for few and for more; millimetres for a row's name,
and between the quadrants."""


def data(results: Results, experiment: str) -> list[Shown]:
    """Inputs, reconstructions and samples of each row's best run.

    Raises:
        InputError: a file is missing or damaged.
    """
    return images.best(results, experiment, ("inputs", "reconstructions", "samples"))


def draw(shown: Sequence[Shown], note: str) -> list[Figure]:
    """Left: lines of inputs, each with its reconstructions below; right: as many lines of samples."""
    count = len(shown[0].arrays["inputs"])
    columns = min(NARROW if len(shown) <= FEW else WIDE, count)
    lines = 2 * (count // columns)
    side = min((style.WIDTH - GAP) / 2 / columns, (style.TALLEST / min(FEW, len(shown)) - HEADER - 2) / lines)
    height = HEADER + side * lines + 2
    return [_page(part, columns, lines, side, note) for part in style.pages(shown, int(style.TALLEST / height))]


def _page(shown: Sequence[Shown], columns: int, lines: int, side: float, note: str) -> Figure:
    height, right = HEADER + side * lines + 2, side * columns + GAP
    figure = style.new(height * len(shown), note)
    for index, model in enumerate(shown):
        top = index * height
        inputs, reconstructions, samples = (model.arrays[name] for name in ("inputs", "reconstructions", "samples"))
        pairs = np.stack([_lines(inputs, lines // 2, columns), _lines(reconstructions, lines // 2, columns)], axis=1)
        name = style.wrap(model.name, style.WIDTH, "bold", lines=1)[0]
        style.text(figure, 0.0, top + 3.6, name, weight="bold", fontsize=8)
        style.small(figure, 0.0, top + 7.2, style.wrap(model.said, style.WIDTH, lines=1))
        places = ((0.0, pairs.reshape(lines, columns, *pairs.shape[3:])), (right, _lines(samples, lines, columns)))
        for left, pictures in places:
            images.place(style.axes(figure, left, top + HEADER, side * columns, side * lines), pictures)
    return figure


def _lines(pictures: np.ndarray, lines: int, columns: int) -> np.ndarray:
    return pictures[: lines * columns].reshape(lines, columns, *pictures.shape[1:])
