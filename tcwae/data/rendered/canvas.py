"""Many pictures painted at once, each layer a soft ellipse with its own place, size, colour and opacity in each."""

import numpy as np
from jaxtyping import Float32, UInt8

__all__ = ["Canvas", "Colour", "Column"]

Column = Float32[np.ndarray, " pictures"]
Colour = Float32[np.ndarray, "pictures 3"]

_SIDE = 64


class Canvas:
    """Square pictures over u, v in [-1, 1], u to the right and v up.

    Only single elements are added, multiplied and divided, in single precision, so every machine paints the same.
    """

    def __init__(self, count: int) -> None:
        self.pixels = np.zeros((count, 3, _SIDE, _SIDE), np.float32)
        self._grid = ((2 * np.arange(_SIDE) + 1 - _SIDE) / _SIDE).astype(np.float32)

    def slope(self, left: Colour, right: Colour, bend: Column) -> None:
        """Cover all with a change from left to right, which `bend` tilts towards the top."""
        along = 0.5 + 0.5 * self._grid[None, None, :] - 0.25 * bend[:, None, None] * self._grid[None, :, None]
        along = np.clip(along, 0, 1)[:, None]
        self.pixels[:] = left[:, :, None, None] + (right - left)[:, :, None, None] * along

    def ellipse(
        self,
        place: tuple[Column, Column],
        radii: tuple[Column, Column],
        colour: Colour,
        turn: tuple[Column, Column],
        opacity: Column,
        sharp: float = 1.0,
        shade: tuple[Column, Column] | None = None,
        hollow: float = 0.0,
    ) -> None:
        """Blend an ellipse over what is there.

        `turn` is cosine and sine of its lean to the left. Its edge is one pixel wide at `sharp` = 1 and wider below.
        `shade` brightens it by so much per radius to the right and up; `hollow` is the share of the radii left empty.
        """
        visible = np.flatnonzero((opacity > 0) & (np.minimum(*radii) > 0))
        if not len(visible):
            return
        x, y, a, b, cosine, sine = (column[visible] for column in (*place, *radii, *turn))
        edge = 32 * sharp * np.minimum(a, b) / 2
        rows, columns = self._window(x, y, a, b, edge)
        u = self._grid[columns] - x[:, None, None]
        v = -self._grid[rows][:, None] - y[:, None, None]
        p, q, r = self._form(cosine, sine, a, b)
        inside = 1 - ((q * u) * v + p * u * u + r * v * v)
        cover = np.clip(inside * edge[:, None, None] + 0.5, 0, 1)
        if hollow:
            cover *= np.clip(0.5 - (inside - (1 - hollow * hollow)) / hollow * edge[:, None, None], 0, 1)
        cover *= opacity[visible, None, None]
        paint = colour[visible, :, None, None]
        if shade is not None:
            across, up = (s[visible, None, None] for s in shade)
            light = 1 + across * (u / a[:, None, None]) + up * (v / b[:, None, None])
            paint = paint * light[:, None]
        self._blend(visible, rows, columns, cover, paint)

    def _blend(self, visible: np.ndarray, rows: slice, columns: slice, cover: np.ndarray, paint: np.ndarray) -> None:
        whole = len(visible) == len(self.pixels)
        part = self.pixels[:, :, rows, columns] if whole else self.pixels[visible, :, rows, columns]
        change = paint - part
        change *= cover[:, None]
        part += change
        if not whole:
            self.pixels[visible, :, rows, columns] = part

    @staticmethod
    def _form(cosine: Column, sine: Column, a: Column, b: Column) -> tuple[np.ndarray, ...]:
        """The quadratic form p u^2 + q u v + r v^2 that is 1 on the ellipse."""
        wide, high = 1 / (a * a), 1 / (b * b)
        p = cosine * cosine * wide + sine * sine * high
        q = 2 * cosine * sine * (wide - high)
        r = sine * sine * wide + cosine * cosine * high
        return p[:, None, None], q[:, None, None], r[:, None, None]

    def _window(self, x: Column, y: Column, a: Column, b: Column, edge: Column) -> tuple[slice, slice]:
        """The rows and columns that any of the ellipses can touch."""
        reach = np.maximum(a, b) * np.sqrt(1 + 0.5 / edge)
        spans = []
        for low, high in (((-y - reach).min(), (-y + reach).max()), ((x - reach).min(), (x + reach).max())):
            first, last = int((low + 1) * _SIDE / 2) - 1, int((high + 1) * _SIDE / 2) + 2
            spans.append(slice(min(max(0, first), _SIDE), max(0, min(_SIDE, last))))
        return spans[0], spans[1]

    def bytes(self) -> UInt8[np.ndarray, "pictures 64 64 3"]:
        """The pictures from 0 to 255."""
        return (255 * np.clip(self.pixels, 0, 1) + np.float32(0.5)).astype(np.uint8).transpose(0, 2, 3, 1)
