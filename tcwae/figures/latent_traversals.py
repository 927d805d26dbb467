"""A few latents, each moved from the codes of several inputs, as in Figures 4 and 5 of the paper."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from tcwae.figures import images, style
from tcwae.figures.images import Shown, note, runs
from tcwae.study import names
from tcwae.study.results import Results

__all__ = ["data", "draw", "note", "runs"]

LATENTS = 4
"""Latents shown: those that tell most of the image."""

LABEL, HEADER, AXIS, GAP, TALLEST = 11.0, 8.5, 4.5, 5.0, 205.0
"""Millimetres: for a latent's name, a row's name, a block's axis, between blocks, and of the whole figure at most."""


def data(results: Results, experiment: str) -> list[Shown]:
    """Traversals of each row's best run, with the moves and each latent's KL to the prior.

    Raises:
        InputError: a file is missing or damaged.
    """
    return images.best(results, experiment, ("traversals", "traversal_values", "posterior_kl"))


def draw(shown: Sequence[Shown], note: str) -> Figure:
    """A column for each row of the study; below each other its latents, with an input a line."""
    inputs, latents, steps = shown[0].arrays["traversals"].shape[:3]
    count = min(LATENTS, latents)
    wide = (style.WIDTH - GAP * (len(shown) - 1)) / len(shown)
    side = min((wide - LABEL) / steps, ((TALLEST - HEADER) / count - AXIS) / inputs)
    block = side * inputs + AXIS
    figure = style.new(HEADER + block * count, note)
    for column, own in enumerate(shown):
        left = column * (wide + GAP)
        style.text(figure, left + LABEL, 3.4, own.name, weight="bold")
        style.small(figure, left + LABEL, 6.8, style.wrap(own.said, wide - LABEL)[:1])
        for line, latent in enumerate(np.argsort(-own.arrays["posterior_kl"], kind="stable")[:count]):
            top = HEADER + line * block
            axes = style.axes(figure, left + LABEL, top, side * steps, side * inputs)
            images.place(axes, own.arrays["traversals"][:, latent])
            axes.set_yticks([inputs / 2], [f"$z_{{{latent + 1}}}$"])
            values = own.arrays["traversal_values"]
            axes.set_xticks([0.5, steps - 0.5], [names.minus(f"{values[end]:.2g}") for end in (0, -1)], fontsize=7.5)
            axes.tick_params(length=0, pad=2)
    return figure
