"""Shapes3D drawn here: an object on the floor of a room, in the set's grid of factors, but none of its images.

A square room under an open sky has one lamp of some width, so that shadows are soft. What is where depends on scale,
shape and orientation alone. So each of these 480 views is drawn once, as how much of the colour of the floor, the walls
and the object reaches each pixel; the 1,000 combinations of hues are weighted sums of these in whole numbers.
"""

import colorsys
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, UInt8, UInt16
from tqdm import tqdm

from tcwae.config.datasets import PUBLISHED
from tcwae.data.parallel import in_order
from tcwae.data.prepared import Blocks, Prepared, on_grid
from tcwae.data.rendered.rays import averaged, camera, first_hits, lamp, lit, shine
from tcwae.data.rendered.solids import Field, Samples, Solid, Vector, ball, cylinder, dot, normalised, prism

__all__ = ["FACTOR_SIZES", "LAMP", "Layers", "coloured", "draw", "render", "shape"]

FACTOR_SIZES = PUBLISHED["shapes3d"].factor_sizes

LAMP: Vector = (-2.4, -2.2, 5.5)
"""Where the middle of the lamp is: to the left of the camera of the middle orientation."""

_LAMP_WIDTH = 1.1
_SAMPLES = 6  # rays a pixel, across and down
_HALF, _WALL = 4.0, 1.95  # half the side of the room, and the height of its walls
_SKY = (0.55, 0.9, 1.0)
_CHUNK = 32  # views whose sums stay in a core's cache

_COLOURS = np.array([[round(255 * c) for c in colorsys.hsv_to_rgb(k / 10, 0.86, 1)] for k in range(10)], np.uint16)


class Layers(NamedTuple):
    """Views in 256ths: the share of each material's colour in a pixel, and 255 times the light that no hue changes."""

    floor: UInt16[np.ndarray, "*views 12288"]
    wall: UInt16[np.ndarray, "*views 12288"]
    thing: UInt16[np.ndarray, "*views 12288"]
    rest: UInt16[np.ndarray, "*views 12288"]


def render(processes: int | None = None) -> Prepared:
    """All 480,000 images, a view a task."""
    drawn = in_order(draw, list(np.ndindex(FACTOR_SIZES[3:])), "Shapes3D", processes)
    images = Blocks((math.prod(FACTOR_SIZES), 64, 64, 3), _blocks(drawn))
    origin = {"drawn": "an object in a room under one lamp, 36 rays a pixel; not Shapes3D's images"}
    return on_grid("shapes3d", "rendered", images, FACTOR_SIZES, origin)


def _blocks(drawn: Iterator[Layers]) -> Iterator[UInt8[np.ndarray, "views 64 64 3"]]:
    layers = Layers(*map(np.stack, zip(*drawn, strict=True)))
    for hues in tqdm(list(np.ndindex(FACTOR_SIZES[:3])), desc="Shapes3D, hues", disable=None):
        yield coloured(layers, hues)


def coloured(layers: Layers, hues: tuple[int, int, int]) -> UInt8[np.ndarray, "views 64 64 3"]:
    """Views whose floor, walls and object have these hues."""
    images = np.empty(layers.rest.shape, np.uint8)
    patterns = [np.tile(_COLOURS[hue], 4096) for hue in hues]
    for start in range(0, len(images), _CHUNK):
        some = slice(start, start + _CHUNK)
        total = layers.rest[some] + np.uint16(128)
        for shares, pattern in zip(layers[:3], patterns, strict=True):
            total += shares[some] * pattern
        images[some] = total >> 8
    return images.reshape(-1, 64, 64, 3)


def draw(view: tuple[int, ...], light: Vector = LAMP) -> Layers:
    """One view, by the classes of scale, shape and orientation."""
    scale, kind, orientation = view
    seen = camera((orientation - 7) * 30 / 7, 3.7, 1.55, (0.0, 0.0, 0.86), 44.0)
    rays = seen.rays(64 * _SAMPLES)
    solids = shape(kind, 0.75 + 0.5 * scale / 7)
    hits, room = first_hits(solids, seen, rays), _room(seen.eye, rays)
    thing = hits.solid >= 0
    floor, wall, sky = (~thing & (room.part == part) for part in range(3))
    distance = np.where(thing, hits.distance, room.distance)
    normal = tuple(np.where(thing, own, behind) for own, behind in zip(hits.normal, room.normal, strict=True))
    point = tuple(e + distance * d for e, d in zip(seen.eye, rays, strict=True))
    place = lamp(light, _LAMP_WIDTH, _SAMPLES, 64)
    towards = normalised(tuple(a - p for a, p in zip(place, point, strict=True)))
    direct = np.maximum(dot(normal, towards), 0) * (thing | lit(solids, point, place))
    brightness = np.float32(0.55) + np.float32(0.06) * normal[2] + np.float32(0.39) * direct
    gloss = np.float32(0.35) * shine(rays, towards, normal) * thing
    shares = [_in_256ths(brightness * part)[..., None].repeat(3, 2) for part in (floor, wall, thing * (1 - gloss))]
    rest = _in_256ths(np.stack([255 * (gloss + np.float32(s) * sky) for s in _SKY], axis=2))
    layers = Layers(*(layer.reshape(-1) for layer in (*shares, rest)))
    assert (255 * sum(share.astype(int) for share in layers[:3]) + layers.rest).max() + 128 < 2**16
    return layers


def _in_256ths(samples: Float32[np.ndarray, "rows columns *rest"]) -> UInt16[np.ndarray, "64 64 *rest"]:
    return (256 * averaged(samples, _SAMPLES) + np.float32(0.5)).astype(np.uint16)


class _Room(NamedTuple):
    """What is behind the object: 0 floor, 1 wall, 2 sky."""

    part: UInt8[np.ndarray, "rows columns"]
    distance: Samples
    normal: Field


def _room(eye: Vector, rays: Field) -> _Room:
    """Where rays from inside the room reach the floor or leave between the walls."""
    (x, y, z), one = rays, np.float32(1)
    sides = [(np.copysign(np.float32(_HALF), d) - e) / d for d, e in ((x, eye[0]), (y, eye[1]))]
    wall, floor = np.minimum(*sides), np.where(z < 0, -eye[2] / z, np.float32(np.inf))
    on_floor = floor < wall
    above = eye[2] + wall * z > _WALL
    facing = [(~on_floor & (side == wall)) * np.copysign(one, -d) for side, d in zip(sides, (x, y), strict=True)]
    part = np.where(on_floor, 0, np.where(above, 2, 1)).astype(np.uint8)
    return _Room(part, np.minimum(wall, floor), (*facing, on_floor.astype(np.float32)))


def shape(kind: int, scale: float) -> list[Solid]:
    """A cube, a cylinder, a ball or a capsule that stands in the middle of the floor."""
    base = (0.0, 0.0, 0.0)
    match kind:
        case 0:
            return [prism(base, 0.95 * scale, 0.67 * scale, 4, 45.0)]
        case 1:
            return [cylinder(base, (0.0, 0.0, 1.0 * scale), 0.52 * scale)]
        case 2:
            return [ball((0.0, 0.0, 0.58 * scale), 0.58 * scale)]
    radius = 0.4 * scale
    low, high = (0.0, 0.0, radius), (0.0, 0.0, 1.3 * scale - radius)
    return [cylinder(low, high, radius), ball(low, radius), ball(high, radius)]
