"""A ray caster for parallel rays: balls, boxes and tubes under affine maps, each met exactly.

A part is the unit ball, the cube [-1, 1]^3 or the capped tube x^2 + y^2 <= 1, |z| <= 1, moved into the world; its `map`
takes a point of the world back into these coordinates. A ray (u, v) is o + u a + v b + t d, so in the coordinates of a
part whose centre it passes at (u0, v0, t0) it is, with the images A, B, D of a, b, d,

    p = (u - u0) A + (v - v0) B + (t - t0) D

and |p|^2 = 1 (over x and y only for a tube) is quadratic in t with a discriminant quadratic in u and v, while |p_i| = 1
is linear. Each part is met only in the smallest rectangle of rays around it.

The same bytes come out everywhere: what enters is rounded to single precision, which hides the last bits of sines, and
all that follows is + - * / and square roots of single elements, which IEEE 754 defines to the last bit.
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32, Int16

__all__ = ["Assembly", "PartHits", "Rays", "camera", "hits", "mean_of_four", "shaded", "sunbeams", "turned"]

Vector = Sequence[float | int]
Kind = Literal["ball", "box", "tube"]
Turn = tuple[Vector, Vector, Vector]
"""Where the axes x, y and z point after a rotation."""

UPRIGHT: Turn = ((1, 0, 0), (0, 1, 0), (0, 0, 1))

_ROUND = {"ball": (0, 1, 2), "box": (), "tube": (0, 1)}
_FLAT = {"ball": (), "box": (0, 1, 2), "tube": (2,)}
_TINY = 1e-6


class Assembly:
    """A thing made of parts; lengths are in the units of the world, z is up."""

    def __init__(self) -> None:
        self.kinds: list[Kind] = []
        self.colours: list[Vector] = []
        self._maps: list[list[list[float]]] = []

    def ball(self, centre: Vector, radii: Vector, colour: Vector, turn: Turn = UPRIGHT) -> None:
        """An ellipsoid."""
        self._add("ball", centre, radii, colour, turn)

    def box(self, centre: Vector, halves: Vector, colour: Vector, turn: Turn = UPRIGHT) -> None:
        """A box, by half its sides."""
        self._add("box", centre, halves, colour, turn)

    def tube(self, start: Vector, end: Vector, radius: float, colour: Vector, flat: float = 1.0) -> None:
        """A capped cylinder; `flat` times as wide in its second direction across."""
        centre, half, turn = _between(start, end)
        self._add("tube", centre, (radius, radius * flat, half), colour, turn)

    def limb(self, start: Vector, end: Vector, radius: float, colour: Vector) -> None:
        """A slender ellipsoid, a little longer than from `start` to `end`."""
        centre, half, turn = _between(start, end)
        self._add("ball", centre, (radius, radius, 1.15 * half), colour, turn)

    def _add(self, kind: Kind, centre: Vector, sizes: Vector, colour: Vector, turn: Turn) -> None:
        rows = [[a / size for a in axis] for axis, size in zip(turn, sizes, strict=True)]
        self._maps.append([[*row, -sum(r * c for r, c in zip(row, centre, strict=True))] for row in rows])
        self.kinds.append(kind)
        self.colours.append(colour)

    @property
    def maps(self) -> Float[np.ndarray, "parts 3 4"]:
        """From the world into the coordinates of each part."""
        return np.array(self._maps, np.float32).astype(float)


def turned(axis: Literal["x", "y", "z"], degrees: float | int) -> Turn:
    """A rotation about an axis, counter-clockwise as seen from its end."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turns = {
        "x": ((1, 0, 0), (0, c, s), (0, -s, c)),
        "y": ((c, 0, -s), (0, 1, 0), (s, 0, c)),
        "z": ((c, s, 0), (-s, c, 0), (0, 0, 1)),
    }
    return turns[axis]


def _between(start: Vector, end: Vector) -> tuple[Vector, float, Turn]:
    """Centre, half length and axes of a stick."""
    centre = [(p + q) / 2 for p, q in zip(start, end, strict=True)]
    z = [q - p for p, q in zip(start, end, strict=True)]
    length = math.hypot(*z)
    z = [a / length for a in z]
    x = (z[2], 0, -z[0]) if abs(z[1]) < 0.9 else (-z[1], z[0], 0)
    scale = math.hypot(*x)
    x = [a / scale for a in x]
    y = (z[1] * x[2] - z[2] * x[1], z[2] * x[0] - z[0] * x[2], z[0] * x[1] - z[1] * x[0])
    return centre, length / 2, (x, y, z)


class Rays(NamedTuple):
    """The parallel rays of one picture: ray (u, v) is origin + u across + v up + t direction."""

    origin: Float[np.ndarray, "3"]
    across: Float[np.ndarray, "3"]
    up: Float[np.ndarray, "3"]
    direction: Float[np.ndarray, "3"]


def camera(azimuth: float | int, elevation: float | int, centre: Vector) -> Rays:
    """A camera that looks at `centre` from an azimuth and an elevation in degrees."""
    a, e = math.radians(azimuth), math.radians(elevation)
    direction = [-math.cos(e) * math.cos(a), -math.cos(e) * math.sin(a), -math.sin(e)]
    up = [-math.sin(e) * math.cos(a), -math.sin(e) * math.sin(a), math.cos(e)]
    return Rays(_vector(centre), _vector([-math.sin(a), math.cos(a), 0.0]), _vector(up), _vector(direction))


def sunbeams(view: Rays, light: Vector, ground: float) -> Rays:
    """The rays towards `light` from where each ray of `view` meets the plane z = `ground`."""
    origin, across, up, direction = view
    down = 1 / direction[2]
    return Rays(
        origin + (ground - origin[2]) * down * direction,
        across - across[2] * down * direction,
        up - up[2] * down * direction,
        _vector(light),
    )


def _vector(values: Vector) -> Float[np.ndarray, "3"]:
    return np.array(values, np.float32).astype(float)


class PartHits(NamedTuple):
    """What the rays of a picture meet first: which part (-1: none) and the outward unit normal there."""

    part: Int16[np.ndarray, "rows columns"]
    normal: Float32[np.ndarray, "rows columns 3"]


def hits(model: Assembly, view: Rays, size: int, half: float) -> PartHits:
    """Follow `size` x `size` rays, evenly over [-half, half]^2; the first row is the uppermost."""
    part = np.full((size, size), -1, np.int16)
    normal = np.zeros((size, size, 3), np.float32)
    depth = np.full((size, size), np.inf, np.float32)
    for seen in _seen(model, view, size, half):
        near, far = seen.span()
        before = depth[seen.window]
        first = (near <= far) & (near < before)
        if first.any():
            row, column = first.nonzero()
            before[row, column] = distance = near[row, column]
            part[seen.window][row, column] = seen.index
            normal[seen.window][row, column] = seen.normals(row, column, distance)
    return PartHits(part, normal)


def shaded(model: Assembly, beams: Rays, size: int, half: float) -> Bool[np.ndarray, "rows columns"]:
    """Which rays meet anything."""
    shadow = np.zeros((size, size), bool)
    for seen in _seen(model, beams, size, half):
        near, far = seen.span()
        shadow[seen.window] |= near <= far
    return shadow


def mean_of_four(samples: Float32[np.ndarray, "rows columns ..."]) -> Float32[np.ndarray, "half_rows half_columns ..."]:
    """Two samples by two make a pixel."""
    a, b, c, d = samples[::2, ::2], samples[::2, 1::2], samples[1::2, ::2], samples[1::2, 1::2]
    return ((a + b) + (c + d)) * np.float32(0.25)


class _Seen(NamedTuple):
    """One part as the rays meet it: `u` and `v` are relative to its centre, `axes` the columns A, B, D."""

    index: int
    kind: Kind
    window: tuple[slice, slice]
    u: Float32[np.ndarray, "1 columns"]
    v: Float32[np.ndarray, "rows 1"]
    centre: float
    axes: list[list[float]]
    map: Float[np.ndarray, "3 3"]

    def span(self) -> tuple[Float32[np.ndarray, "rows columns"], Float32[np.ndarray, "rows columns"]]:
        """Where each ray enters and leaves; it misses the part where it would leave before it enters."""
        spans = [self._slab(axis) for axis in _FLAT[self.kind]]
        if _ROUND[self.kind]:
            spans.append(self._quadric())
        near, far = spans[0]
        for other_near, other_far in spans[1:]:
            np.maximum(near, other_near, out=near)
            np.minimum(far, other_far, out=far)
        return near, far

    def _slab(self, axis: int) -> tuple[Float32[np.ndarray, "rows columns"], Float32[np.ndarray, "rows columns"]]:
        """|p_i| <= 1."""
        a, b, d = self.axes[axis]
        d = math.copysign(max(abs(d), _TINY), d)
        middle = (self.centre - a / d * self.u) - b / d * self.v
        return middle - 1 / abs(d), middle + 1 / abs(d)

    def _quadric(self) -> tuple[Float32[np.ndarray, "rows columns"], Float32[np.ndarray, "rows columns"]]:
        """The sum of p_i^2 <= 1 over the round directions i."""
        rows = [self.axes[i] for i in _ROUND[self.kind]]
        aa, ab, ad, bb, bd, dd = (sum(r[i] * r[j] for r in rows) for i, j in _PAIRS)
        dd = max(dd, _TINY**2)
        across, up = ad / dd, bd / dd
        u, v = self.u, self.v
        square = (2 * (across * up - ab / dd) * u) * v
        square += (across * across - aa / dd) * u * u + 1 / dd
        square += (up * up - bb / dd) * v * v
        missed = square < 0
        root = np.sqrt(np.maximum(square, 0, out=square), out=square)
        middle = (self.centre - across * u) - up * v
        far = middle + root
        far[missed] = -np.inf
        return np.subtract(middle, root, out=middle), far

    def normals(
        self, row: np.ndarray, column: np.ndarray, distance: Float32[np.ndarray, " samples"]
    ) -> Float32[np.ndarray, "samples 3"]:
        """The outward unit normals where some rays enter."""
        u, v, t = self.u[0, column], self.v[row, 0], distance - np.float32(self.centre)
        local = [a * u + b * v + d * t for a, b, d in self.axes]
        if self.kind == "tube":
            cap = np.abs(local[2]) > 0.9995
            local = [np.where(cap, 0, local[0]), np.where(cap, 0, local[1]), np.where(cap, local[2], 0)]
        elif self.kind == "box":
            size = np.abs(local)
            top = np.maximum(np.maximum(size[0], size[1]), size[2])
            local = [np.where(s == top, p, 0) for s, p in zip(size, local, strict=True)]
        rows = self.map.tolist()
        world = [sum(rows[i][j] * local[i] for i in range(3)) for j in range(3)]
        scale = 1 / np.sqrt(world[0] * world[0] + world[1] * world[1] + world[2] * world[2])
        return np.stack([w * scale for w in world], axis=1).astype(np.float32)


_PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))


def _seen(model: Assembly, rays: Rays, size: int, half: float) -> list[_Seen]:
    """The parts that `rays` can meet, the nearest first."""
    maps = model.maps
    a, b, d = (_times(maps[:, :, :3], vector) for vector in rays[1:])
    start = _times(maps[:, :, :3], rays.origin) + maps[:, :, 3]
    inverse = np.stack([np.cross(b, d), np.cross(d, a), np.cross(a, b)], axis=1)
    inverse /= _dot(inverse[:, 0], a)[:, None, None]
    u0, v0, t0 = (-_dot(row, start) for row in inverse.swapaxes(0, 1))
    reach = [[_reach(kind, row) for row in rows] for kind, rows in zip(model.kinds, inverse.tolist(), strict=True)]
    axes = np.stack([a, b, d], axis=2).tolist()
    grid = half * (2 * np.arange(size) + 1 - size) / size
    seen = []
    for k in np.argsort(t0 - np.array(reach)[:, 2], kind="stable").tolist():
        columns = _indices(u0[k], reach[k][0], size, half)
        rows = _indices(-v0[k], reach[k][1], size, half)
        if columns.start < columns.stop and rows.start < rows.stop:
            u = (grid[columns] - u0[k]).astype(np.float32)[None]
            v = (-grid[rows] - v0[k]).astype(np.float32)[:, None]
            seen.append(_Seen(k, model.kinds[k], (rows, columns), u, v, float(t0[k]), axes[k], maps[k, :, :3]))
    return seen


def _reach(kind: Kind, row: list[float]) -> float:
    """The largest r.p over a part."""
    return math.hypot(*(row[i] for i in _ROUND[kind])) + sum(abs(row[i]) for i in _FLAT[kind])


def _indices(centre: float, reach: float, size: int, half: float) -> slice:
    """The samples within `reach` of `centre`, and one more on either side."""
    first, last = ((x / half + 1) * size / 2 for x in (centre - reach, centre + reach))
    return slice(max(0, math.floor(first) - 1), min(size, math.ceil(last) + 1))


def _times(matrices: Float[np.ndarray, "parts 3 3"], vector: Float[np.ndarray, "3"]) -> Float[np.ndarray, "parts 3"]:
    """Matrix times vector; a matrix product of numpy's may round differently on another machine."""
    x, y, z = vector.tolist()
    return matrices[:, :, 0] * x + matrices[:, :, 1] * y + matrices[:, :, 2] * z


def _dot(a: Float[np.ndarray, "parts 3"], b: Float[np.ndarray, "parts 3"]) -> Float[np.ndarray, " parts"]:
    return a[:, 0] * b[:, 0] + a[:, 1] * b[:, 1] + a[:, 2] * b[:, 2]
