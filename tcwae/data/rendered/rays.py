"""Rays of a camera or of a lamp, and where they meet solids.

A ray o + t d is inside a half-space on a half-line of t and inside a quadric between two roots; the latest entry and the
earliest exit bound the interval that it shares with a solid.

The same bytes come out everywhere: the cameras, lamps and solids are rounded to single precision, which hides the last
bits of sines, and all that follows is + - * / and square roots of single elements, which IEEE 754 defines to the last bit.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int16

from tcwae.data.rendered.solids import (
    Field,
    Quadric,
    Samples,
    Solid,
    Vector,
    dot,
    heading,
    normalised,
    rounded,
    unit,
)

__all__ = ["Camera", "SolidHits", "averaged", "camera", "first_hits", "lamp", "lit", "shine", "span"]

_TINY = np.float32(1e-6)


class Camera(NamedTuple):
    """The ray of u, v in [-1, 1], u to the right and v up, is eye + t (forward + u right + v up)."""

    eye: Vector
    right: Vector
    up: Vector
    forward: Vector

    def rays(self, size: int) -> Field:
        """The directions of size x size rays, the uppermost first."""
        u, v = _grid(size), -_grid(size)[:, None]
        return tuple(f + u * r + v * p for f, r, p in zip(self.forward, self.right, self.up, strict=True))

    def window(self, solid: Solid, size: int) -> tuple[slice, slice]:
        """The rows and columns of `rays(size)` that can meet a solid: those that meet the ball around it."""
        towards = tuple(p - e for p, e in zip(solid.centre, self.eye, strict=True))
        depth = dot(towards, self.forward)
        columns = _extent(dot(towards, self.right), depth, solid.reach, dot(self.right, self.right))
        rows = _extent(-dot(towards, self.up), depth, solid.reach, dot(self.up, self.up))
        return _slice(*rows, size), _slice(*columns, size)


def camera(azimuth: float, distance: float, height: float, target: Vector, view: float) -> Camera:
    """A camera at `distance` on the ground from `target` and at `height`, turned by an azimuth about it.

    At azimuth 0 it looks along y, at 90 along -x; both in degrees, as is the field of `view`.
    """
    toward = heading(90 + azimuth)
    eye = rounded(target[0] - distance * toward[0], target[1] - distance * toward[1], height)
    forward = unit([p - e for p, e in zip(target, eye, strict=True)])
    right = (toward[1], -toward[0], 0.0)
    up = (right[1] * forward[2], -right[0] * forward[2], right[0] * forward[1] - right[1] * forward[0])
    half = math.tan(math.radians(view) / 2)
    return Camera(eye, rounded(*(half * a for a in right)), rounded(*(half * a for a in up)), forward)


def _grid(size: int) -> Float32[np.ndarray, " size"]:
    return ((2 * np.arange(size) + 1 - size) / size).astype(np.float32)


def _extent(x: float, z: float, radius: float, square: float) -> tuple[float, float]:
    """Between which u a ball is seen whose centre is at z forward + x right / `square`, with square = |right|^2."""
    if z <= 1.01 * radius:
        return -1.0, 1.0
    half = math.sqrt(square)
    x = x / half
    root = radius * math.sqrt(x * x + z * z - radius * radius)
    scale = half * (z * z - radius * radius)
    return (x * z - root) / scale, (x * z + root) / scale


def _slice(low: float, high: float, size: int) -> slice:
    first, last = math.floor((low + 1) * size / 2) - 1, math.ceil((high + 1) * size / 2) + 1
    return slice(min(max(first, 0), size), min(max(last, 0), size))


def span(
    solid: Solid, origin: Vector | Field, direction: Field
) -> tuple[Samples, Samples, Int16[np.ndarray, "*samples"]]:
    """Where each ray enters and leaves, and through which plane it enters (their number: through the quadric).

    A ray misses the solid where it would leave before it enters.
    """
    near = np.full(direction[0].shape, -np.inf, np.float32)
    far, face = -near, np.zeros(near.shape, np.int16)
    bounds = [_plane(normal, offset, origin, direction) for normal, offset in solid.planes]
    if solid.quadric is not None:
        bounds.append(_roots(solid.quadric, origin, direction))
    for index, (enter, leave) in enumerate(bounds):
        later = enter > near
        near[later] = enter[later]
        face[later] = index
        np.minimum(far, leave, out=far)
    return near, far, face


def _plane(normal: Vector, offset: float, origin: Vector | Field, direction: Field) -> tuple[Samples, Samples]:
    speed = dot(normal, direction)
    speed = np.where(np.abs(speed) < _TINY, np.copysign(_TINY, speed), speed)
    t = ((offset - dot(normal, origin)) / speed).astype(np.float32)
    inwards = speed < 0
    return np.where(inwards, t, np.float32(-np.inf)), np.where(inwards, np.float32(np.inf), t)


def _roots(quadric: Quadric, origin: Vector | Field, direction: Field) -> tuple[Samples, Samples]:
    """A t^2 + 2 B t + C <= 0; where A < 0, a ray steeper than a cone, the part of it that is below the apex."""
    centre, axis, m, s = quadric
    start = tuple(o - c for o, c in zip(origin, centre, strict=True))
    up, rise = dot(start, axis), dot(direction, axis)
    a = dot(direction, direction) - m * (rise * rise)
    b = dot(start, direction) - m * (up * rise)
    c = dot(start, start) - m * (up * up) - s
    a = np.where(np.abs(a) < _TINY, np.copysign(_TINY, a), a)
    square = b * b - a * c
    root = np.sqrt(np.maximum(square, 0))
    one, other = (-b - root) / a, (-b + root) / a
    low, high = np.minimum(one, other), np.maximum(one, other)
    never = (square < 0) & (a > 0)
    enter = np.where(a > 0, low, np.where(rise > 0, np.float32(-np.inf), high))
    leave = np.where(a > 0, high, np.where(rise > 0, low, np.float32(np.inf)))
    return np.where(never, np.float32(np.inf), enter), np.where(never, np.float32(-np.inf), leave)


class SolidHits(NamedTuple):
    """What the rays meet first: which solid (-1: none), at which t, and the outward unit normal there."""

    solid: Int16[np.ndarray, "rows columns"]
    distance: Samples
    normal: Field


def first_hits(solids: Sequence[Solid], view: Camera, rays: Field) -> SolidHits:
    """Follow the rays of a camera."""
    size = len(rays[0])
    which, distance = np.full((size, size), -1, np.int16), np.full((size, size), np.inf, np.float32)
    normal = tuple(np.zeros((size, size), np.float32) for _ in range(3))
    for index, solid in enumerate(solids):
        window = view.window(solid, size)
        part = tuple(d[window] for d in rays)
        near, far, face = span(solid, view.eye, part)
        row, column = np.nonzero((near <= far) & (near > 0) & (near < distance[window]))
        t, chosen = near[row, column], tuple(d[row, column] for d in part)
        distance[window][row, column], which[window][row, column] = t, index
        outward = _normals(solid, face[row, column], tuple(e + t * d for e, d in zip(view.eye, chosen, strict=True)))
        for component, value in zip(normal, outward, strict=True):
            component[window][row, column] = value
    return SolidHits(which, distance, normal)


def _normals(solid: Solid, face: Int16[np.ndarray, " hits"], point: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """The outward unit normals at points of the faces."""
    table = np.array([*(normal for normal, _ in solid.planes), (0, 0, 0)], np.float32)
    flat = table[face].T
    if solid.quadric is None:
        return tuple(flat)
    centre, axis, m, _ = solid.quadric
    q = tuple(p - c for p, c in zip(point, centre, strict=True))
    up = dot(q, axis)
    bent = tuple(x - m * (up * a) for x, a in zip(q, axis, strict=True))
    scale = 1 / np.sqrt(np.maximum(dot(bent, bent), _TINY * _TINY))
    return tuple(np.where(face == len(solid.planes), x * scale, y) for x, y in zip(bent, flat, strict=True))


def lit(solids: Sequence[Solid], point: Field, lamp: Field) -> Bool[np.ndarray, "*samples"]:
    """Which points see their place on the lamp: no solid is between the two."""
    towards = tuple(a - p for a, p in zip(lamp, point, strict=True))
    square = dot(towards, towards)
    free = np.ones(square.shape, bool)
    for solid in solids:
        offset = tuple(c - p for c, p in zip(solid.centre, point, strict=True))
        approach = dot(offset, towards)
        near_ball = (dot(offset, offset) - np.float32(1.01 * solid.reach**2)) * square <= approach * approach
        some = np.nonzero(near_ball & (approach > 0))
        start, direction = (tuple(part[some] for part in field) for field in (point, towards))
        near, far, _ = span(solid, start, direction)
        free[some] &= (near > far) | (far < 0) | (near > 1)
    return free


def lamp(centre: Vector, width: float, across: int, pixels: int) -> Field:
    """A place on a square lamp, which hangs level, for each of `across` x `across` rays a pixel: all of it over a pixel."""
    offsets = np.tile(_grid(across) * np.float32(width / 2), pixels)
    ones = np.ones((len(offsets), len(offsets)), np.float32)
    return centre[0] + offsets * ones, centre[1] + offsets[:, None] * ones, centre[2] * ones


def shine(rays: Field, towards: Field, normal: Field) -> Samples:
    """How much of the lamp a polished surface mirrors, from 0 to 1 (Blinn's model, exponent 32)."""
    half = normalised(tuple(t - d for t, d in zip(towards, normalised(rays), strict=True)))
    power = np.maximum(dot(normal, half), 0)
    for _ in range(5):
        power = power * power
    return power


def averaged(samples: Float32[np.ndarray, "rows columns *rest"], across: int) -> Float32[np.ndarray, "r c *rest"]:
    """The mean of `across` x `across` samples a pixel, added in one order everywhere."""
    total = samples[::across, ::across].copy()
    for i, j in list(np.ndindex(across, across))[1:]:
        total += samples[i::across, j::across]
    return total * np.float32(1 / across**2)
