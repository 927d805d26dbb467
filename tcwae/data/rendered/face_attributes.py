"""What distinguishes one drawn face from another: 28 numbers, each with a name, a meaning and a distribution."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32

__all__ = ["ATTRIBUTES", "NAMES", "Attribute", "sampled"]

Uniform = Float[np.ndarray, " faces"]
"""Numbers from 0 to 1."""

DRAWS = 4
"""Uniform numbers behind each attribute."""


class Attribute(NamedTuple):
    """`value` makes it from `DRAWS` uniform numbers; `low` and `high` are where a sweep begins and ends."""

    name: str
    meaning: str
    low: float
    high: float
    value: Callable[..., Uniform]


def _even(name: str, meaning: str, low: float, high: float) -> Attribute:
    return Attribute(name, meaning, low, high, lambda a, b, c, d: low + (high - low) * a)


def _bell(name: str, meaning: str, width: float) -> Attribute:
    """Nearly Gaussian: the sum of four uniform numbers, which has a variance of 1/3; at most 3.5 standard deviations."""
    return Attribute(
        name, meaning, -2 * width, 2 * width, lambda a, b, c, d: width * np.sqrt(3.0) * ((a + b) + (c + d) - 2)
    )


def _some(name: str, meaning: str, share: float, least: float = 0.4) -> Attribute:
    """0 for all but a share of the faces, which have from `least` to 1."""
    return Attribute(name, meaning, 0, 1, lambda a, b, c, d: np.where(a < share, least + (1 - least) * b, 0))


ATTRIBUTES = (
    _bell("yaw", "degrees the head is turned to the right of the picture", 16.0),
    _bell("pitch", "degrees the head is raised", 6.0),
    _bell("roll", "degrees the head leans", 2.5),
    Attribute("skin", "from fair to dark", 0, 1, lambda a, b, c, d: a * np.sqrt(a)),
    Attribute("hair_colour", "black, brown, auburn, blond, grey", 0, 1, lambda a, b, c, d: 0.3 * a + 0.7 * a * b),
    _even("hair_length", "from above the ears to the shoulders", 0.0, 1.0),
    _even("hair_volume", "how far hair stands off the head", 0.0, 1.0),
    _some("fringe", "hair over the forehead", 0.3, 0.3),
    _even("parting", "the side on which hair falls higher", -1.0, 1.0),
    _some("smile", "the corners of the mouth rise", 0.55, 0.3),
    Attribute("mouth_open", "and the teeth show", 0, 1, lambda a, b, c, d: np.where(a < 0.5, b, 0)),
    _even("lips", "from the colour of the skin to red", 0.0, 1.0),
    _some("beard", "how thick", 0.18, 0.3),
    _some("glasses", "how dark", 0.08, 0.15),
    _some("hat", "present or not", 0.05, 1.0),
    _bell("face_width", "narrow to wide", 1.0),
    _bell("face_length", "short to long", 1.0),
    _bell("eye_size", "small to large", 1.0),
    _bell("brow_weight", "thin to thick", 1.0),
    _bell("brow_tilt", "sad to stern", 1.0),
    _bell("nose_width", "narrow to wide", 1.0),
    _even("light", "from the left or from the right", -1.0, 1.0),
    _bell("exposure", "dark to bright", 1.0),
    Attribute("background", "dark to bright", 0, 1, lambda a, b, c, d: a * np.sqrt(a)),
    _bell("background_warmth", "blue to orange", 1.0),
    _even("background_slope", "brighter on the left or on the right", -1.0, 1.0),
    _even("clothes", "dark to bright", 0.0, 1.0),
    _bell("clothes_warmth", "blue to red", 1.0),
)

NAMES = tuple(attribute.name for attribute in ATTRIBUTES)


def sampled(count: int) -> Float32[np.ndarray, "faces attributes"]:
    """The attributes of the first `count` faces; those of a face do not depend on `count`."""
    random = np.random.RandomState(0)  # its stream is frozen, numpy's newer ones are not
    uniform = random.random_sample((count, len(ATTRIBUTES), DRAWS))
    columns = [attribute.value(*uniform[:, k].T) for k, attribute in enumerate(ATTRIBUTES)]
    return np.stack(columns, axis=1).astype(np.float32)
