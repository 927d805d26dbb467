"""Latent traversals, as in Figure 2 of the paper."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from matplotlib.figure import Figure

from tcwae.figures import images, style
from tcwae.figures.images import Shown, note, runs
from tcwae.study import names
from tcwae.study.results import Results

__all__ = ["data", "draw", "note", "order", "runs"]

LABEL, HEADER, AXIS, GAP = 14.0, 5.8, 4.0, 3.0
"""Millimetres: for the rows' labels, a block's name, its axis, and between blocks."""

NARROWEST, SMALLEST, LARGEST = 36.0, 4.2, 9.0
"""Millimetres to which a setting is broken; of an image's side at least, where several figures can be made, and at most."""


def data(results: Results, experiment: str) -> list[Shown]:
    """Traversals of each method's best run, with the moves and each latent's KL to the prior.

    Raises:
        InputError: a file is missing or damaged.
    """
    return images.best(results, experiment, ("traversals", "traversal_values", "latent_kl"))


def order(latent_kl: Float[np.ndarray, " latent"]) -> Int[np.ndarray, " latent"]:
    """The latents by increasing KL(q(z_i) || p(z_i)), the order of rows in Figure 2."""
    return np.argsort(latent_kl, kind="stable")


def draw(shown: Sequence[Shown], note: str) -> list[Figure]:
    """A block for each method: a latent a row, moved along it from the code of the first anchor."""
    latents, steps = shown[0].arrays["traversals"].shape[1:3]
    header = HEADER + style.NOTE_LINE * max(len(style.wrap(model.said, NARROWEST, lines=2)) for model in shown)
    enough = min(SMALLEST, _fit(1, latents, steps, header)[1])
    most = next(count for count in range(len(shown), 0, -1) if _fit(count, latents, steps, header)[1] >= enough)
    return [_page(part, header, note) for part in style.pages(shown, most)]


def _page(shown: Sequence[Shown], header: float, note: str) -> Figure:
    latents, steps = shown[0].arrays["traversals"].shape[1:3]
    columns, side = _fit(len(shown), latents, steps, header)
    pitch = (style.WIDTH - LABEL - side * steps) / max(1, columns - 1)
    height = header + side * latents + AXIS
    figure = style.new(height * math.ceil(len(shown) / columns), note)
    for index, model in enumerate(shown):
        _block(figure, model, index % columns * pitch, index // columns * height, side, header)
    return figure


def _fit(blocks: int, latents: int, steps: int, header: float) -> tuple[int, float]:
    """The number of blocks side by side, and the side of their images in millimetres.

    As many as possible while images keep at least four fifths of their largest possible size.
    """

    def side(columns: int) -> float:
        wide = ((style.WIDTH + GAP) / columns - LABEL - GAP) / steps
        high = (style.TALLEST / math.ceil(blocks / columns) - header - AXIS) / latents
        return min(wide, high, LARGEST)

    largest = max(side(columns) for columns in range(1, blocks + 1))
    columns = max(columns for columns in range(1, blocks + 1) if side(columns) >= 0.8 * largest)
    return columns, side(columns)


def _block(figure: Figure, model: Shown, left: float, top: float, side: float, header: float) -> None:
    """One method's traversals with its name above and the latents' KL beside them."""
    rows = order(model.arrays["latent_kl"])
    walk = model.arrays["traversals"][0][rows]
    latents, steps = walk.shape[:2]
    wide = max(NARROWEST, side * steps)
    style.text(
        figure, left + LABEL, top + 3.4, style.wrap(model.name, wide, "bold", lines=1)[0], weight="bold", fontsize=8
    )
    style.small(figure, left + LABEL, top + 7, style.wrap(model.said, NARROWEST, lines=2))
    style.small(figure, left, top + header - 2, ["KL / nats"])
    axes = style.axes(figure, left + LABEL, top + header, side * steps, side * latents)
    images.place(axes, walk)
    divergences = model.arrays["latent_kl"]
    labels = [f"$z_{{{latent}}}$  {names.minus(f'{divergences[latent]:z.2f}')}" for latent in rows]
    axes.set_yticks(np.arange(latents) + 0.5, labels, fontsize=7.5)
    ends = sorted({0, steps // 2, steps - 1} if steps % 2 else {0, steps - 1})
    values = [names.minus(f"{model.arrays['traversal_values'][index]:.2g}") for index in ends]
    axes.set_xticks(np.array(ends) + 0.5, values, fontsize=7.5)
    axes.tick_params(length=0, pad=2)
