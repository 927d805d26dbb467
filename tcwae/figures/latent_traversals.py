"""A few latents, each moved from the codes of several inputs, as in Figures 4 and 5 of the paper."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from tcwae.figures import images, style
from tcwae.figures.images import Shown, note, runs
from tcwae.study import names
from tcwae.study.results import Results

__all__ = ["data", "draw", "note", "runs"]

LATENTS = 4
"""Number of latents shown: those that tell most about the image."""

LABEL, HEADER, AXIS, GAP, LARGEST, ABREAST = 11.0, 8.5, 4.5, 5.0, 7.0, 3
"""Millimetres: for a latent's name, a row's name, a block's axis, between columns, and of an image's side at most; and columns
beside each other."""


def data(results: Results, experiment: str) -> list[Shown]:
    """Traversals of each row's best run, with the moves and each latent's KL to the prior.

    Raises:
        InputError: a file is missing or damaged.
    """
    return images.best(results, experiment, ("traversals", "traversal_values", "posterior_kl"))


def draw(shown: Sequence[Shown], note: str) -> list[Figure]:
    """A column for each row of the study; below each other its latents, with an input a line."""
    inputs, latents, steps = shown[0].arrays["traversals"].shape[:3]
    count, abreast = min(LATENTS, latents), min(ABREAST, len(shown))
    wide = (style.WIDTH - GAP * (abreast - 1)) / abreast
    lines = min(2, math.ceil(len(shown) / ABREAST))
    side = min(LARGEST, (wide - LABEL) / steps, ((style.TALLEST / lines - HEADER) / count - AXIS) / inputs)
    height = HEADER + (side * inputs + AXIS) * count
    most = abreast * int(style.TALLEST / height)
    return [_page(part, side, height, wide + GAP, note) for part in style.pages(shown, most)]


def _page(shown: Sequence[Shown], side: float, height: float, pitch: float, note: str) -> Figure:
    figure = style.new(height * math.ceil(len(shown) / ABREAST), note)
    for index, model in enumerate(shown):
        _column(figure, model, index % ABREAST * pitch, index // ABREAST * height, side, pitch - GAP)
    return figure


def _column(figure: Figure, model: Shown, left: float, top: float, side: float, wide: float) -> None:
    inputs, latents, steps = model.arrays["traversals"].shape[:3]
    name = style.wrap(model.name, wide - LABEL - 1, "bold", lines=1)[0]
    style.text(figure, left + LABEL, top + 3.4, name, weight="bold", fontsize=8)
    style.small(figure, left + LABEL, top + 6.8, style.wrap(model.said, wide - LABEL - 1, lines=1))
    order = np.argsort(-model.arrays["posterior_kl"], kind="stable")
    for line, latent in enumerate(order[: min(LATENTS, latents)]):
        down = top + HEADER + line * (side * inputs + AXIS)
        axes = style.axes(figure, left + LABEL, down, side * steps, side * inputs)
        images.place(axes, model.arrays["traversals"][:, latent])
        axes.set_yticks([inputs / 2], [f"$z_{{{latent}}}$"])
        values = model.arrays["traversal_values"]
        axes.set_xticks([0.5, steps - 0.5], [names.minus(f"{values[end]:.2g}") for end in (0, -1)], fontsize=7.5)
        axes.tick_params(length=0, pad=2)
