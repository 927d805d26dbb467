"""MPI3D's robot arm drawn here: a thing at the end of an arm with two axes, in the set's grid of factors.

The arm turns on its foot (first axis, from left over the front to the right) and lifts (second axis); what it holds
stays upright and turns with it. Three cameras look from below the arm to well above it, at a dark floor and a wall with
a band of the background's colour. One lamp throws the soft shadow of the arm, and of a ball in place of the thing.

What is where depends on the camera and the axes alone, 4,800 views, and for the thing on shape and size as well, 57,600. Each
is drawn once; colours are weighted sums of these in whole numbers.
"""

import math
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int64, UInt8, UInt16
from tqdm import tqdm

from tcwae.config.datasets import PUBLISHED
from tcwae.data.parallel import in_order
from tcwae.data.prepared import Blocks, Prepared, on_grid
from tcwae.data.rendered.arm_models import SIZES, arm, held, things
from tcwae.data.rendered.rays import Camera, averaged, camera, first_hits, lamp, lit, shine
from tcwae.data.rendered.solids import Field, Samples, Solid, Vector, ball, dot, normalised

__all__ = ["FACTOR_SIZES", "Views", "coloured", "draw", "draw_view", "render"]

FACTOR_SIZES = PUBLISHED["mpi3d_toy"].factor_sizes

_COLOURS = ((230, 230, 225), (25, 160, 45), (205, 30, 30), (40, 70, 215), (125, 70, 30), (140, 140, 35))
"""White, green, red, blue, brown, olive."""

_BACKGROUNDS = ((88, 50, 118), (44, 138, 106), (138, 90, 76))
"""Purple, sea green, salmon."""

_HEIGHTS = (0.7, 1.9, 3.1)
_LAMP: Vector = (-1.6, -3.0, 5.0)
_LAMP_WIDTH = 1.0
_FLOOR = (0.115, 0.185, 0.13)
_WALL = (0.065, 0.10, 0.075)
_METAL = (0.43, 0.46, 0.48)
_BEHIND = 1.9
_BAND = (0.30, 1.15)

_AMBIENT, _DIRECT = np.float32(0.5), np.float32(0.5)
_SAMPLES = 4  # rays a pixel, across and down
_SIDE = 20  # pixels: all of a thing is inside a square of as many
_ALL = (slice(None), slice(None))

_Square = tuple[slice, slice]
_Mask = Bool[np.ndarray, "*samples"]
_Layer = UInt16[np.ndarray, "20 20"]


class Views(NamedTuple):
    """The arm with nothing in its hand, before each background, and what each thing adds within a square of pixels.

    Things are in C order of shape and size. `cover` is the share of a pixel that a thing covers and `colour` that of its
    colour that arrives, in 256ths, `gloss` the white light that does, in 256ths times 255.
    """

    scene: UInt8[np.ndarray, "*views 3 64 64 3"]
    corner: Int64[np.ndarray, "*views 2"]
    cover: UInt16[np.ndarray, "*views 12 20 20"]
    colour: UInt16[np.ndarray, "*views 12 20 20"]
    gloss: UInt16[np.ndarray, "*views 12 20 20"]


def render(processes: int | None = None) -> Prepared:
    """All 1,036,800 images; a task is what one camera sees at one position of the first axis."""
    drawn = in_order(draw, list(np.ndindex(3, 40)), "robot arm", processes)
    images = Blocks((math.prod(FACTOR_SIZES), 64, 64, 3), _blocks(drawn))
    origin = {"drawn": "a thing in the hand of a robot arm, 16 rays a pixel; not MPI3D's images"}
    return on_grid("mpi3d_toy", "rendered", images, FACTOR_SIZES, origin)


def _blocks(drawn: Iterator[Views]) -> Iterator[UInt8[np.ndarray, "views 64 64 3"]]:
    """Everything in C order, by all positions of the axes."""
    tasks = list(drawn)
    cameras = [Views(*map(np.concatenate, zip(*tasks[at : at + 40], strict=True))) for at in (0, 40, 80)]
    colours = list(np.ndindex(FACTOR_SIZES[:5]))
    for colour, shape, size, height, background in tqdm(colours, desc="robot arm, colours", disable=None):
        yield coloured(cameras[height], 2 * shape + size, colour, background)


def coloured(views: Views, which: int, colour: int, background: int) -> UInt8[np.ndarray, "views 64 64 3"]:
    """Views of a thing of this colour before this background; `which` counts things in C order of shape and size."""
    images = views.scene[:, background].copy()
    squares = [
        image[row : row + _SIDE, column : column + _SIDE]
        for image, (row, column) in zip(images, views.corner.tolist(), strict=True)
    ]
    total = np.stack(squares).reshape(len(images), -1).astype(np.uint16)
    cover, share, gloss = (
        layer[:, which].reshape(len(images), -1).repeat(3, axis=1) for layer in (views.cover, views.colour, views.gloss)
    )
    total *= 256 - cover
    total += share * np.tile(np.array(_COLOURS[colour], np.uint16), _SIDE**2)
    total += gloss + np.uint16(128)
    total >>= 8
    for square, content in zip(squares, total.astype(np.uint8).reshape(-1, _SIDE, _SIDE, 3), strict=True):
        square[:] = content
    return images


def draw(where: tuple[int, int]) -> Views:
    """All positions of the second axis, by the classes of the camera's height and of the first axis."""
    views = [draw_view(*where, second) for second in range(40)]
    return Views(*map(np.stack, zip(*views, strict=True)))


def draw_view(height: int, first: int, second: int) -> Views:
    """One view, by the classes of the camera's height and of the two axes."""
    stage, metal, hand = _stage(height), arm(first, second), held(first, second)
    hits = first_hits(metal, stage.camera, stage.rays)
    bright, gloss = _shaded(stage, hits.distance, hits.normal, np.isfinite(hits.distance), _ALL)
    shadow = ~lit([*metal, ball(hand, sum(SIZES) / 2)], stage.point, stage.lamp)
    scene = _scene(stage, hits.solid >= 0, shadow, [bright * np.float32(m) + gloss for m in _METAL])
    rows, columns = stage.camera.window(ball(hand, SIZES[1]), 64 * _SAMPLES)
    corner = [min(max(side.start // _SAMPLES, 0), 64 - _SIDE) for side in (rows, columns)]
    square = tuple(slice(_SAMPLES * at, _SAMPLES * (at + _SIDE)) for at in corner)
    assert all(side.stop <= part.stop for side, part in zip((rows, columns), square, strict=True))
    layers = [_thing(stage, solid, hits.distance, square) for solid in things(first, second)]
    return Views(scene, np.array(corner), *map(np.stack, zip(*layers, strict=True)))


class _Stage(NamedTuple):
    """What a camera sees of an empty room: its rays, where they end, and the light there."""

    camera: Camera
    rays: Field
    lamp: Field
    point: Field
    direct: Samples
    band: _Mask
    albedo: tuple[Samples, Samples, Samples]


@cache
def _stage(height: int) -> _Stage:
    seen = camera(0.0, 4.6, _HEIGHTS[height], (0.0, 0.0, 0.85), 44.0)
    rays = seen.rays(64 * _SAMPLES)
    _, y, z = rays
    wall, floor = (_BEHIND - seen.eye[1]) / y, np.where(z < 0, -seen.eye[2] / z, np.float32(np.inf))
    on_floor = floor < wall
    point = tuple(e + np.minimum(wall, floor) * d for e, d in zip(seen.eye, rays, strict=True))
    place = lamp(_LAMP, _LAMP_WIDTH, _SAMPLES, 64)
    towards = normalised(tuple(a - p for a, p in zip(place, point, strict=True)))
    direct = np.where(on_floor, towards[2], -towards[1])
    band = ~on_floor & (_BAND[0] <= point[2]) & (point[2] <= _BAND[1])
    albedo = tuple(np.where(on_floor, np.float32(f), np.float32(w)) * ~band for f, w in zip(_FLOOR, _WALL, strict=True))
    return _Stage(seen, rays, place, point, direct, band, albedo)


def _scene(stage: _Stage, covered: _Mask, shadow: _Mask, metal: list[Samples]) -> UInt8[np.ndarray, "3 64 64 3"]:
    """The room behind what the arm covers, once for each background."""
    bright = _AMBIENT + _DIRECT * (stage.direct * ~shadow)
    fixed = np.stack([np.where(covered, m, a * bright) for m, a in zip(metal, stage.albedo, strict=True)], axis=2)
    fixed, band = 255 * averaged(fixed, _SAMPLES), averaged(bright * (stage.band & ~covered), _SAMPLES)
    scenes = [fixed + band[..., None] * np.array(colour, np.float32) for colour in _BACKGROUNDS]
    return (np.stack(scenes) + np.float32(0.5)).astype(np.uint8)


def _thing(stage: _Stage, solid: Solid, before: Samples, square: _Square) -> tuple[_Layer, _Layer, _Layer]:
    """Cover, colour and gloss of one thing within a square of the picture, where the arm is not before it."""
    hits = first_hits([solid], stage.camera, stage.rays)
    distance, normal = hits.distance[square], tuple(component[square] for component in hits.normal)
    seen = distance < before[square]
    bright, gloss = _shaded(stage, distance, normal, seen, square)
    samples = (seen, bright * (1 - gloss), 255 * gloss)
    return tuple(
        (256 * averaged(layer.astype(np.float32), _SAMPLES) + np.float32(0.5)).astype(np.uint16) for layer in samples
    )


def _shaded(stage: _Stage, distance: Samples, normal: Field, seen: _Mask, square: _Square) -> tuple[Samples, Samples]:
    """How bright a surface is and how much it mirrors the lamp, from 0 to 1; 0 where it is not seen."""
    rays, place = (tuple(part[square] for part in field) for field in (stage.rays, stage.lamp))
    distance = np.where(seen, distance, 1)
    point = tuple(e + distance * d for e, d in zip(stage.camera.eye, rays, strict=True))
    towards = normalised(tuple(a - p for a, p in zip(place, point, strict=True)))
    bright = _AMBIENT + np.float32(0.1) * normal[2] + _DIRECT * np.float32(0.8) * np.maximum(dot(normal, towards), 0)
    return bright * seen, np.float32(0.3) * shine(rays, towards, normal) * seen
