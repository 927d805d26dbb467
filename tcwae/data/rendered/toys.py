"""Fifty toys in smallNORB's grid of views and lightings, drawn here: its factors and look, but none of its images.

Animals, humans, planes, trucks and cars, ten of each, of one grey. The light stands still while the toy turns, as on
smallNORB's turntable. A lighting is the grey of the ground, the direction of the light and how much of it is diffuse.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, UInt8

from tcwae.data import smallnorb
from tcwae.data.parallel import in_order
from tcwae.data.prepared import Blocks, Prepared
from tcwae.data.rendered.raycast import Assembly, PartHits, Rays, camera, hits, mean_of_four, shaded, sunbeams
from tcwae.data.rendered.toy_models import CATEGORIES

__all__ = ["LIGHTINGS", "Lighting", "draw", "draw_view", "render", "toy"]

HALF = 1.25
"""Half the side of the picture, in the units of the toys."""

CENTRE = (0.0, 0.0, 0.28)


class Lighting(NamedTuple):
    """Greys from 0 to 1; the light's azimuth, from the camera's, and its height are in degrees."""

    ground: float
    azimuth: int
    height: int
    ambient: float
    diffuse: float


LIGHTINGS = (
    Lighting(0.88, 40, 55, 0.38, 0.60),
    Lighting(0.71, -60, 50, 0.34, 0.44),
    Lighting(0.83, 150, 60, 0.42, 0.50),
    Lighting(0.77, 0, 80, 0.40, 0.46),
    Lighting(0.95, 100, 42, 0.46, 0.66),
    Lighting(0.65, -130, 45, 0.32, 0.40),
)


def render(processes: int | None = None) -> Prepared:
    """All 48,600 images, a toy a task."""
    toys = [(category, instance) for category in range(5) for instance in range(10)]
    blocks = in_order(draw, toys, "smallNORB", processes)
    origin = {"drawn": "50 toys of balls, boxes and tubes, 4 rays a pixel; not smallNORB's images"}
    return smallnorb.prepared("rendered", Blocks((48600, 64, 64, 1), blocks), origin)


def draw(which: tuple[int, int]) -> UInt8[np.ndarray, "views 64 64 1"]:
    """One toy, by category and instance, in C order of elevation, azimuth and lighting."""
    model = toy(*which)
    views = [(elevation, azimuth) for elevation in range(9) for azimuth in range(18)]
    return np.concatenate([draw_view(model, *view) for view in views])


def draw_view(model: Assembly, elevation: int, azimuth: int) -> UInt8[np.ndarray, "lightings 64 64 1"]:
    """A toy from one side, by the classes of the factors, under every lighting."""
    view = camera(20 * azimuth, 30 + 5 * elevation, CENTRE)
    seen = hits(model, view, 128, HALF)
    return np.stack([_shade(model, view, seen, lighting, 20 * azimuth)[..., None] for lighting in LIGHTINGS])


def _shade(model: Assembly, view: Rays, seen: PartHits, lighting: Lighting, azimuth: int) -> UInt8[np.ndarray, "64 64"]:
    """Lambert's law, a sky that is brighter above, a weak light at the camera, and a soft shadow on the ground."""
    around, up = math.radians(azimuth + lighting.azimuth), math.radians(lighting.height)
    light = (math.cos(up) * math.cos(around), math.cos(up) * math.sin(around), math.sin(up))
    beams = sunbeams(view, light, 0.0)
    shadow = _soften(_soften(_soften(shaded(model, beams, 64, HALF).astype(np.float32))))
    ground = np.float32(lighting.ground) * (1 - np.float32(0.26) * shadow)
    x, y, z = (seen.normal[..., i] for i in range(3))
    (lx, ly, lz), (dx, dy, dz) = beams.direction.tolist(), view.direction.tolist()
    brightness = lighting.ambient * (0.8 + 0.2 * z) + lighting.diffuse * np.maximum(lx * x + ly * y + lz * z, 0)
    brightness += 0.2 * np.maximum(-(dx * x + dy * y + dz * z), 0)
    covered = seen.part >= 0
    grey = np.float32(model.colours[0][0])
    colour = mean_of_four(np.where(covered, np.minimum(grey * brightness, 1), 0).astype(np.float32))
    image = colour + (1 - mean_of_four(covered.astype(np.float32))) * ground
    return (255 * image + np.float32(0.5)).astype(np.uint8)


def _soften(image: Float32[np.ndarray, "64 64"]) -> Float32[np.ndarray, "64 64"]:
    """The mean over 3 x 3 pixels; outside is 0."""
    wide = np.pad(image, 1)
    rows = (wide[:-2] + wide[1:-1]) + wide[2:]
    return ((rows[:, :-2] + rows[:, 1:-1]) + rows[:, 2:]) * np.float32(1 / 9)


def toy(category: int, instance: int) -> Assembly:
    """A toy, which stands on z = 0 and looks along x."""
    random = np.random.RandomState(10 * category + instance)  # its stream is frozen, numpy's newer ones are not

    def between(low: float | int, high: float | int) -> float:
        return float(random.uniform(low, high))

    grey = between(0.62, 0.78)
    model = Assembly()
    CATEGORIES[category](model, instance, (grey,), between)
    return model
