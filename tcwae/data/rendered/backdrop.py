"""A picture to put behind sprites: a burning sky in waves over a dark fjord and a bridge.

Only single elements are added, multiplied and rounded, so every machine draws the same.
"""

import numpy as np
from jaxtyping import Float, UInt8

__all__ = ["HEIGHT", "WIDTH", "draw"]

HEIGHT, WIDTH = 350, 274

_SKY = ((0.93, 0.62, 0.20), (0.80, 0.25, 0.10), (0.95, 0.80, 0.42))
_FJORD = ((0.13, 0.20, 0.36), (0.24, 0.36, 0.45), (0.07, 0.10, 0.16))
_BRIDGE = ((0.42, 0.24, 0.13), (0.26, 0.13, 0.08), (0.58, 0.36, 0.18))

_Plane = Float[np.ndarray, "height width"]


def draw() -> UInt8[np.ndarray, "350 274 3"]:
    """The picture."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    swirl = y / 46 + 0.9 * _wave(x / 190 + y / 300) + 0.35 * _wave(x / 61 - y / 130)
    ripple = y / 23 + 1.3 * _wave(x / 150 + 0.3) + 0.3 * _wave(x / 40 + y / 60)
    plank = (x + 0.55 * y) / 21 + 0.1 * _wave(y / 37)
    shore = 150 + 36 * _wave(x / 310 + 0.1) - 12 * _wave(x / 83)
    picture = np.where((y < shore)[..., None], _stripes(swirl, _SKY), _stripes(ripple, _FJORD))
    picture = np.where((y > 130 + 0.8 * x)[..., None], _stripes(plank, _BRIDGE), picture)
    return (255 * picture + 0.5).astype(np.uint8)


def _wave(t: _Plane) -> _Plane:
    """Parabolic arcs of period 1, between 0 and 1."""
    part = t - np.floor(t)
    return 4 * part * (1 - part)


def _stripes(phase: _Plane, colours: tuple[tuple[float, float, float], ...]) -> Float[np.ndarray, "height width 3"]:
    """From the first colour to the second and back in each period, with some of the third at twice the rate."""
    first, second, third = (np.array(colour) for colour in colours)
    broad, fine = _wave(phase)[..., None], _wave(2.3 * phase + 0.2)[..., None]
    mixed = first + (second - first) * broad
    return mixed + (third - mixed) * (0.45 * fine * fine)
