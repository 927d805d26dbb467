"""Convex solids, as what half-spaces n . p <= c and at most one quadric have in common.

The quadric is, with q = p - centre and a unit vector `axis`,

    |q|^2 - m (q . axis)^2 <= s

a ball (m = 0, s = r^2), a cylinder (m = 1, s = r^2) or a cone below its apex (m = 1 + (radius / height)^2, s = 0).

Lengths are in the units of the scene, z is up. Numbers are rounded to single precision, so that the last bits of sines, which
differ between machines, do not count.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

__all__ = [
    "Field",
    "Quadric",
    "Samples",
    "Solid",
    "Vector",
    "along",
    "ball",
    "cone",
    "cylinder",
    "dot",
    "heading",
    "normalised",
    "prism",
    "pyramid",
    "rounded",
    "unit",
]

Vector = tuple[float, float, float]
Samples = Float32[np.ndarray, "*samples"]
Field = tuple[Samples, Samples, Samples]
"""A vector of every sample."""


class Quadric(NamedTuple):
    """|q|^2 - m (q . axis)^2 <= s with q = p - centre."""

    centre: Vector
    axis: Vector
    m: float
    s: float


class Solid(NamedTuple):
    """Half-spaces (n, c), n of length 1, and perhaps a quadric; all of it within `reach` of `centre`."""

    planes: tuple[tuple[Vector, float], ...]
    quadric: Quadric | None
    centre: Vector
    reach: float


def rounded(*values: float) -> Vector:
    """A vector in single precision."""
    return tuple(float(np.float32(value)) for value in values)


def along(start: Vector, direction: Vector, distance: float) -> Vector:
    """The point start + distance direction."""
    return rounded(*(p + distance * d for p, d in zip(start, direction, strict=True)))


def unit(vector: Sequence[float]) -> Vector:
    """The vector of length 1 in this direction."""
    length = math.hypot(*vector)
    return rounded(*(a / length for a in vector))


def dot(a: Vector | Field, b: Vector | Field) -> float | Samples:
    """Of two vectors, or of vectors a sample."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def normalised(vectors: Field) -> Field:
    """The vectors at length 1."""
    scale = 1 / np.sqrt(dot(vectors, vectors))
    return tuple(v * scale for v in vectors)


def ball(centre: Vector, radius: float) -> Solid:
    """All points within `radius` of `centre`."""
    return Solid((), Quadric(centre, (0.0, 0.0, 1.0), 0.0, radius**2), centre, radius)


def cylinder(start: Vector, end: Vector, radius: float) -> Solid:
    """A cylinder with flat ends."""
    middle, half, axis = _stick(start, end)
    return Solid(_slab(middle, axis, half), Quadric(middle, axis, 1.0, radius**2), middle, math.hypot(half, radius))


def cone(base: Vector, apex: Vector, radius: float) -> Solid:
    """A cone of this radius at `base`."""
    middle, half, axis = _stick(base, apex)
    quadric = Quadric(apex, axis, 1 + (radius / (2 * half)) ** 2, 0.0)
    return Solid(_slab(middle, axis, half), quadric, middle, math.hypot(half, radius))


def prism(base: Vector, height: float, radius: float, sides: int, degrees: float) -> Solid:
    """An upright prism over a regular polygon whose corners have this distance from its centre, turned about z."""
    middle = along(base, (0.0, 0.0, 1.0), height / 2)
    normals = [heading(degrees + 360 * (side + 0.5) / sides) for side in range(sides)]
    inner = radius * math.cos(math.pi / sides)
    planes = [(normal, float(np.float32(dot(normal, middle) + inner))) for normal in normals]
    return Solid((*planes, *_slab(middle, (0.0, 0.0, 1.0), height / 2)), None, middle, math.hypot(height / 2, radius))


def pyramid(base: Vector, height: float, radius: float, sides: int, degrees: float) -> Solid:
    """An upright pyramid over such a polygon."""
    apex = along(base, (0.0, 0.0, 1.0), height)
    inner = radius * math.cos(math.pi / sides)
    headings = [heading(degrees + 360 * (side + 0.5) / sides) for side in range(sides)]
    normals = [unit((height * x, height * y, inner)) for x, y, _ in headings]
    planes = [(normal, float(np.float32(dot(normal, apex)))) for normal in normals]
    return Solid((*planes, ((0.0, 0.0, -1.0), -base[2])), None, base, max(height, radius))


def heading(degrees: float) -> Vector:
    """The level direction of an angle from x towards y."""
    return rounded(math.cos(math.radians(degrees)), math.sin(math.radians(degrees)), 0.0)


def _stick(start: Vector, end: Vector) -> tuple[Vector, float, Vector]:
    """Middle, half length and direction."""
    step = [q - p for p, q in zip(start, end, strict=True)]
    return rounded(*((p + q) / 2 for p, q in zip(start, end, strict=True))), math.hypot(*step) / 2, unit(step)


def _slab(middle: Vector, axis: Vector, half: float) -> tuple[tuple[Vector, float], tuple[Vector, float]]:
    """The two half-spaces |axis . (p - middle)| <= half."""
    offset = dot(axis, middle)
    back = tuple(-a for a in axis)
    return (axis, float(np.float32(offset + half))), (back, float(np.float32(half - offset)))
