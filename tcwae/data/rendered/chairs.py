"""1,393 chairs in the views of 3Dchairs, drawn here: its factors and look, but none of its images.

The light stands still while the chair turns; there is no ground and no shadow, as in the set.
"""

import math

import numpy as np
from jaxtyping import UInt8

from tcwae.data import chairs3d
from tcwae.data.parallel import in_order
from tcwae.data.prepared import Blocks, Prepared
from tcwae.data.rendered.chair_models import chair
from tcwae.data.rendered.raycast import camera, hits, mean_of_four

__all__ = ["draw", "render"]

HALF = 1.2
"""Half the side of the picture, in the units of the chairs."""

CENTRE = (-0.04, 0.0, 0.47)

_FRAME = slice(6, 58)  # no chair reaches farther
_LIGHT = (0.42, 0.35, 0.84)


def render(processes: int | None = None) -> Prepared:
    """All 86,366 images, a chair a task."""
    blocks = in_order(draw, range(chairs3d.FACTOR_SIZES[0]), "3Dchairs", processes)
    origin = {"drawn": "1,393 chairs of balls, boxes and tubes, 4 rays a pixel; not the images of 3Dchairs"}
    return chairs3d.prepared("rendered", Blocks((86366, 64, 64, 3), blocks), chairs3d.FACTOR_SIZES, origin)


def draw(number: int) -> UInt8[np.ndarray, "views 64 64 3"]:
    """One chair, in C order of azimuth and elevation."""
    model = chair(number)
    colours = np.array([*model.colours, (0, 0, 0)], np.float32)
    side = _FRAME.stop - _FRAME.start
    images = np.full((62, 64, 64, 3), 255, np.uint8)
    for view, image in enumerate(images):
        azimuth, elevation = 360 / 31 * (view // 2), 20.0 + 10 * (view % 2)
        rays = camera(azimuth, elevation, CENTRE)
        part, normal = hits(model, rays, 2 * side, HALF * side / 64)
        around = math.radians(azimuth)
        light = (
            _LIGHT[0] * math.cos(around) - _LIGHT[1] * math.sin(around),
            _LIGHT[0] * math.sin(around) + _LIGHT[1] * math.cos(around),
            _LIGHT[2],
        )
        diffuse = np.maximum(sum(np.float32(a) * normal[..., i] for i, a in enumerate(light)), 0)
        facing = sum(np.float32(-a) * normal[..., i] for i, a in enumerate(rays.direction.tolist()))
        brightness = np.float32(0.5) + np.float32(0.54) * diffuse + np.float32(0.12) * facing
        brightness = np.where(part >= 0, brightness, 0)
        colour = np.where((part < 0)[..., None], np.float32(1), np.minimum(colours[part] * brightness[..., None], 1))
        image[_FRAME, _FRAME] = 255 * mean_of_four(colour) + np.float32(0.5)
    return images
