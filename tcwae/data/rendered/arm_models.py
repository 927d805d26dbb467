"""The robot arm and the things that it holds, by the classes of their factors.

Lengths are in the units of the scene; the arm stands on z = 0 at the origin, and the camera is towards -y.
"""

import math

import numpy as np

from tcwae.data.rendered.solids import Solid, Vector, along, ball, cone, cylinder, prism, pyramid, unit

__all__ = ["SIZES", "arm", "held", "thing", "things"]

SIZES = (0.19, 0.28)
"""All of a thing is within as much of its centre."""

_SHOULDER: Vector = (0.0, 0.0, 0.78)


def held(first: int, second: int) -> Vector:
    """The centre of what the arm holds."""
    return along(_SHOULDER, _direction(first, second), 1.32)


def arm(first: int, second: int) -> list[Solid]:
    """Foot, column, shoulder, upper arm, elbow and lower arm."""
    direction = _direction(first, second)
    elbow, wrist = along(_SHOULDER, direction, 0.62), along(_SHOULDER, direction, 1.2)
    across = unit((-direction[1], direction[0], 0.0))
    return [
        cylinder((0.0, 0.0, 0.0), (0.0, 0.0, 0.14), 0.42),
        cylinder((0.0, 0.0, 0.14), _SHOULDER, 0.13),
        cylinder(along(_SHOULDER, across, -0.2), along(_SHOULDER, across, 0.2), 0.17),
        cylinder(_SHOULDER, elbow, 0.10),
        ball(elbow, 0.13),
        cylinder(elbow, wrist, 0.065),
    ]


def _direction(first: int, second: int) -> Vector:
    """From the left (class 0 of the first axis) over the camera to the right; from 20 degrees down to 80 up."""
    yaw, pitch = math.radians(_yaw(first)), math.radians(-20 + 100 * second / 39)
    x, y, z = math.cos(pitch) * math.sin(yaw), -math.cos(pitch) * math.cos(yaw), math.sin(pitch)
    return float(np.float32(x)), float(np.float32(y)), float(np.float32(z))


def _yaw(first: int) -> float:
    return -90 + 180 * first / 39


def things(first: int, second: int) -> list[Solid]:
    """All twelve in the hand of the arm, in C order of shape and size."""
    return [thing(shape, size, first, held(first, second)) for shape, size in np.ndindex(6, 2)]


def thing(shape: int, size: int, first: int, centre: Vector) -> Solid:
    """A cone, a cube, a cylinder, a hexagonal prism, a pyramid or a ball; upright, and turned with the arm."""
    radius, turn = SIZES[size], _yaw(first)
    base, top = (along(centre, (0.0, 0.0, 1.0), up * radius) for up in (-0.75, 0.75))
    match shape:
        case 0:
            return cone(base, top, 0.66 * radius)
        case 1:
            return prism(base, 1.2 * radius, 0.8 * radius, 4, turn + 45)
        case 2:
            return cylinder(base, top, 0.6 * radius)
        case 3:
            return prism(base, 1.2 * radius, 0.75 * radius, 6, turn)
        case 4:
            return pyramid(base, 1.4 * radius, 0.85 * radius, 4, turn + 45)
    return ball(centre, 0.75 * radius)
