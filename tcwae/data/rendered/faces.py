"""Cartoon faces in CelebA's frame, drawn here: with hair, pose, light and the like, but none of CelebA's images.

Features sit on an ellipsoid that turns; the point between the eyes stays where CelebA's alignment and its crop of 140
pixels put it: the middle of the picture. Units are half the side of the picture: x to the right, y up, z to the viewer.
"""

import numpy as np
from jaxtyping import Float32, UInt8

from tcwae.data import celeba
from tcwae.data.parallel import in_order
from tcwae.data.prepared import Blocks, Prepared
from tcwae.data.rendered.canvas import Canvas, Colour, Column
from tcwae.data.rendered.face_attributes import NAMES, sampled
from tcwae.errors import InputError

__all__ = ["draw", "render"]

_BATCH = 64

_SKINS = ((1.0, 0.83, 0.72), (0.97, 0.76, 0.63), (0.88, 0.64, 0.49), (0.68, 0.46, 0.33), (0.42, 0.27, 0.19))
_HAIRS = (
    (0.05, 0.04, 0.04),
    (0.13, 0.08, 0.06),
    (0.27, 0.16, 0.1),
    (0.45, 0.25, 0.13),
    (0.74, 0.56, 0.34),
    (0.6, 0.58, 0.56),
)
_BLUSH = np.array((1.04, 0.88, 0.86), np.float32)
_RED = np.array((1.0, 0.25, 0.3), np.float32)
Point = tuple[Column, Column]
Value = float | int | Column

_EYES = (0.0, -0.03, 0.53)
"""The point between the eyes that stays in place."""


def render(count: int = celeba.COUNT, processes: int | None = None) -> Prepared:
    """The first `count` faces, with what was drawn as attributes.

    Raises:
        InputError: there is no such number.
    """
    if not 1 <= count <= 10**7:
        raise InputError(f"expected from 1 to 10,000,000 faces, found {count}")
    attributes = sampled(count)
    tasks = [attributes[start : start + 8 * _BATCH] for start in range(0, count, 8 * _BATCH)]
    blocks = in_order(draw, tasks, "CelebA", processes)
    origin = {"drawn": f"{count} cartoon faces of soft ellipses; not the images of CelebA"}
    return celeba.prepared("rendered", Blocks((count, 64, 64, 3), blocks), origin, NAMES, attributes)


def draw(attributes: Float32[np.ndarray, "faces attributes"]) -> UInt8[np.ndarray, "faces 64 64 3"]:
    """Faces with these attributes, in the order of `tcwae.data.face_attributes.NAMES`."""
    batches = range(0, len(attributes), _BATCH)
    return np.concatenate([_Faces(attributes[start : start + _BATCH]).drawn() for start in batches])


def _between(table: tuple[tuple[float, float, float], ...], where: Column) -> Colour:
    """A colour on the way from the first (0) to the last (1) of a table."""
    colours = np.array(table, np.float32)
    place = np.clip(where, 0, 1) * np.float32(len(table) - 1)
    low = np.minimum(place.astype(int), len(table) - 2)
    return colours[low] + (colours[low + 1] - colours[low]) * (place - low).astype(np.float32)[:, None]


def _tinted(lightness: Column, warmth: Column) -> Colour:
    """A grey, made a little orange or blue."""
    tint = np.clip(0.12 * warmth, -0.25, 0.25)
    channels = [lightness * (1 + k * tint) for k in (1.0, 0.1, -1.0)]
    return np.stack(channels, axis=1).astype(np.float32)


class _Faces:
    """A batch of faces: their attributes, the rotation of their heads, and the canvas."""

    def __init__(self, attributes: Float32[np.ndarray, "faces attributes"]) -> None:
        self.of = dict(zip(NAMES, attributes.T, strict=True))
        self.canvas = Canvas(len(attributes))
        self.one = np.ones(len(attributes), np.float32)
        turns = []
        for name in ("yaw", "pitch", "roll"):
            angle = self.of[name].astype(float) * (np.pi / 180)
            turns += [np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)]
        self.cos_yaw, self.sin_yaw, self.cos_pitch, self.sin_pitch, self.cos_roll, self.sin_roll = turns
        self.lean = (self.cos_roll, self.sin_roll)
        self.wide = 1 + 0.05 * self.of["face_width"]
        self.long = 1 + 0.04 * self.of["face_length"]
        gain = 1 + 0.09 * self.of["exposure"]
        self.skin = _between(_SKINS, self.of["skin"]) * gain[:, None]
        dark = 1 - 0.65 * np.clip(5 * self.of["skin"] - 2.2, 0, 1)
        self.hair = _between(_HAIRS, self.of["hair_colour"]) * (gain * dark)[:, None]
        self.cloth = _tinted(0.06 + 0.75 * self.of["clothes"], 1.6 * self.of["clothes_warmth"])
        self.light = (0.26 * self.of["light"], 0.1 * self.one)
        self.gloss = (self.light[0], 0.27 * self.one)

    def drawn(self) -> UInt8[np.ndarray, "faces 64 64 3"]:
        self._background()
        self._behind()
        self._head()
        self._eyes()
        self._nose()
        self._beard()
        self._mouth()
        self._extras()
        return self.canvas.bytes()

    def at(self, x: Value, y: Value, z: Value) -> Point:
        """Where a point of the head lies in the picture."""
        (ex, ey, _), (x, y, _) = self._turned(*_EYES), self._turned(x, y, z)
        return (x - ex).astype(np.float32), (y - ey - 0.03).astype(np.float32)

    def _turned(self, x: Value, y: Value, z: Value) -> tuple[Column, Column, Column]:
        x, z = x * self.cos_yaw + z * self.sin_yaw, z * self.cos_yaw - x * self.sin_yaw
        y, z = y * self.cos_pitch + z * self.sin_pitch, z * self.cos_pitch - y * self.sin_pitch
        return x * self.cos_roll - y * self.sin_roll, x * self.sin_roll + y * self.cos_roll, z

    def paint(
        self,
        place: Point,
        radii: tuple[Value, Value],
        colour: Colour,
        opacity: Value = 1.0,
        sharp: float = 1.0,
        turn: Point | None = None,
        shade: tuple[Column, Column] | None = None,
        hollow: float = 0.0,
    ) -> None:
        """An ellipse that leans with the head, or by `turn`; see `Canvas.ellipse`."""
        a, b, opacity = (np.asarray(value * self.one, np.float32) for value in (*radii, opacity))
        self.canvas.ellipse(place, (a, b), colour, turn or self.lean, opacity, sharp, shade, hollow)

    def _background(self) -> None:
        bright, warm = 0.02 + 0.95 * self.of["background"], self.of["background_warmth"]
        slope = 0.45 * self.of["background_slope"]
        self.canvas.slope(_tinted(bright * (1 - slope), warm), _tinted(bright * (1 + slope), warm), slope)
        blob = _tinted(np.clip(0.75 - bright, 0, 1), -warm)
        side = np.where(self.of["parting"] > 0, 0.75, -0.75).astype(np.float32)
        self.paint((side, 0.55 * self.one), (0.5, 0.7), blob, opacity=0.35, sharp=0.1)

    def _behind(self) -> None:
        """What the head hides: the hair at the back, the neck and the shoulders."""
        volume, length = self.of["hair_volume"], self.of["hair_length"]
        self.paint(self.at(0, 0.1, -0.2), (0.6 * self.wide + 0.12 * volume, 0.84 + 0.1 * volume), 0.8 * self.hair)
        drop = np.clip(1.6 * length - 0.5, 0, 1)
        for side in (-1, 1):
            place = self.at(side * 0.5 * self.wide, -0.25 - 0.35 * drop, -0.2)
            radii = (0.2 + 0.12 * volume, 0.35 + 0.55 * drop)
            self.paint(place, radii, 0.72 * self.hair, (drop > 0).astype(np.float32), shade=self.light)
        self.paint(self.at(0, -0.95, -0.15), (0.34 * self.wide, 0.5), 0.62 * self.skin, shade=self.light)
        self.paint(self.at(0, -1.42, -0.25), (1.2, 0.58), self.cloth, shade=self.light)

    def _head(self) -> None:
        skin, hair, volume = self.skin, self.hair, self.of["hair_volume"]
        covered = np.clip(2.2 * self.of["hair_length"] - 0.6, 0, 1)
        for side in (-1, 1):
            seen = (1 - covered) * np.clip(2 - 2.4 * side * self.sin_yaw, 0, 1)
            self.paint(self.at(side * 0.6 * self.wide, -0.12, -0.05), (0.075, 0.17), 0.86 * skin, seen)
        cap = (0.615 * self.wide + 0.06 * volume, 0.76 + 0.1 * volume)
        self.paint(self.at(0, 0.18, -0.02), cap, hair, shade=self.gloss)
        self.paint(self.at(-0.1, 0.66, 0.1), (0.26, 0.11), hair + 0.22 * (hair + 0.1), 0.6, sharp=0.3)
        round_face = (0.545 * self.wide, 0.7 * self.long)
        self.paint(self.at(0, -0.16, 0.3), round_face, skin, shade=self.light)
        jaw = (0.45 * self.wide, 0.5 * self.long)
        self.paint(self.at(0, -0.42 * self.long, 0.33), jaw, skin, sharp=0.35, shade=self.light)
        for side in (-1, 1):
            shadow = np.clip(0.4 - 0.5 * side * self.of["light"], 0, 0.75)
            self.paint(self.at(side * 0.48 * self.wide, -0.3, 0.3), (0.17, 0.5), 0.55 * skin, shadow, sharp=0.12)
            self.paint(self.at(side * 0.28, -0.3, 0.48), (0.15, 0.12), skin * _BLUSH, 0.5, sharp=0.2)
        self.paint(self.at(0, 0.3, 0.5), (0.28, 0.18), np.minimum(1.12 * skin, 1), 0.6, sharp=0.12)
        self.paint(self.at(0, -0.86 * self.long, 0.34), (0.15, 0.08), 1.08 * skin, 0.6, sharp=0.2)
        self._hairline()

    def _hairline(self) -> None:
        """Hair that falls over the forehead and beside the cheeks."""
        hair, parting, length = self.hair, self.of["parting"], self.of["hair_length"]
        for side in (-1, 1):
            low = np.clip(0.5 - 0.5 * side * parting, 0, 1)
            place = self.at(side * 0.36 * self.wide, 0.5 - 0.06 * low, 0.34)
            turn = (np.float32(0.85) * self.one, np.float32(-0.53 * side) * self.one)
            self.paint(place, (0.32, 0.13 + 0.07 * low), hair, 1, 0.7, turn, self.gloss)
            drop = np.clip(1.5 * length - 0.3, 0, 1)
            aside = self.wide + 1.5 * (1 - self.cos_yaw)  # the face that it frames does not narrow as it turns
            place = self.at(side * 0.555 * aside, 0.1 - 0.3 * drop, 0.22)
            self.paint(place, (0.085 + 0.03 * drop, 0.3 + 0.4 * drop), 0.9 * hair, sharp=0.6, shade=self.light)
        fringe = self.of["fringe"]
        place = self.at(0, 0.48 - 0.1 * fringe, 0.42)
        self.paint(place, (0.42, 0.25), hair, np.minimum(2 * fringe, 1), sharp=0.5, shade=self.gloss)

    def _eyes(self) -> None:
        size, smile = 1 + 0.09 * self.of["eye_size"], self.of["smile"]
        dark, white = np.full_like(self.skin, 0.07), np.minimum(0.45 + 0.5 * self.skin, 0.95)
        iris = 0.25 * self.hair + np.array((0.1, 0.09, 0.08), np.float32)
        brow = 0.6 * self.hair + 0.06 * self.skin
        for side in (-1, 1):
            near = np.clip(self.cos_yaw + 0.45 * side * -self.sin_yaw, 0.35, 1)
            open_ = 0.062 * size * (1 - 0.3 * smile)
            socket = self.at(side * 0.28, 0.01, 0.5)
            self.paint(socket, (0.17 * near, 0.12), 0.62 * self.skin, 0.6, sharp=0.25)
            eye = self.at(side * 0.28, -0.03, 0.5)
            self.paint(self.at(side * 0.28, 0.0, 0.5), (0.128 * near * size, 0.06), 0.4 * dark + 0.2 * self.skin)
            self.paint(eye, (0.12 * near * size, open_), white)
            self.paint(eye, (0.058 * np.sqrt(near), 0.058 * size), iris)
            self.paint(eye, (0.03 * self.one, 0.032), dark)
            self.paint(self.at(side * 0.28 + 0.02, 0.0, 0.5), (0.017, 0.017), white, 0.9)
            self.paint(self.at(side * 0.28, -0.115, 0.5), (0.11 * near, 0.022), 0.78 * self.skin, 0.6, sharp=0.5)
            tilt = side * (0.1 + 0.06 * self.of["brow_tilt"])
            turn = (1 - 0.5 * tilt * tilt, tilt.astype(np.float32))
            weight = 0.03 * (1 + 0.2 * self.of["brow_weight"])
            self.paint(self.at(side * 0.29, 0.165, 0.5), (0.16 * near, weight), brow, 0.9, turn=turn)

    def _nose(self) -> None:
        width = 1 + 0.1 * self.of["nose_width"]
        side = 0.1 * np.where(self.of["light"] > 0, -1, 1).astype(np.float32)
        self.paint(self.at(side * width, -0.22, 0.58), (0.06, 0.2), 0.72 * self.skin, 0.45, sharp=0.4)
        self.paint(self.at(0, -0.2, 0.66), (0.045, 0.24), np.minimum(1.1 * self.skin, 1), 0.7, sharp=0.35)
        self.paint(self.at(0, -0.37, 0.68), (0.1 * width, 0.075), 0.96 * self.skin, shade=self.light, sharp=0.7)
        self.paint(self.at(0, -0.36, 0.72), (0.045, 0.035), np.minimum(1.16 * self.skin, 1), 0.8, sharp=0.4)
        for nostril in (-1, 1):
            self.paint(self.at(nostril * 0.055 * width, -0.425, 0.66), (0.034, 0.018), 0.32 * self.skin, 0.85)
        self.paint(self.at(0, -0.465, 0.62), (0.09 * width, 0.025), 0.68 * self.skin, 0.5, sharp=0.4)

    def _beard(self) -> None:
        """Along the jaw from ear to ear, over the chin and above the lip."""
        stubble, thick = 0.75 * self.hair + 0.12 * self.skin, 0.8 * self.of["beard"]
        for k in (-1.0, -0.8, -0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
            height = -0.93 + 0.55 * k * k
            place = self.at(0.46 * k * self.wide, height * self.long, 0.36 - 0.1 * k * k)
            self.paint(place, (0.13, 0.15 - 0.03 * k * k), stubble, 0.55 * thick, sharp=0.35)
        self.paint(self.at(0, -0.525 * self.long, 0.58), (0.22 * self.wide, 0.05), stubble, thick, sharp=0.4)

    def _mouth(self) -> None:
        smile, red = self.of["smile"], self.of["lips"][:, None]
        lips = self.skin * (0.8 - 0.3 * red) + _RED * (0.32 * red) * (0.4 + 0.6 * self.skin[:, :1])
        gap = np.minimum(self.of["mouth_open"], 0.35 + smile) * (0.4 + 0.6 * (smile > 0).astype(np.float32))
        half = 0.19 + 0.07 * smile
        for k in (-1.0, -0.5, 0.0, 0.5, 1.0):
            thick = 0.07 * (1 - 0.5 * abs(k)) + 0.035 * gap * (1 - k * k)
            place = self._on_mouth(0.8 * k, half, -0.635 - 0.03 * gap)
            self.paint(place, (0.09 * self.cos_yaw, thick), lips, turn=self._smiling(k))
        for k in (-1.0, -0.5, 0.0, 0.5, 1.0):
            place = self._on_mouth(0.85 * k, half, -0.628)
            self.paint(place, (0.075 * self.cos_yaw, 0.016), 0.4 * lips, 0.8, 0.8, self._smiling(k))
        inner = (half * 0.78 * self.cos_yaw, 0.055 * gap)
        self.paint(self.at(0, -0.645 + 0.02 * smile, 0.56), inner, 0.3 * lips, (gap > 0.15).astype(np.float32))
        teeth = (half * 0.7 * self.cos_yaw, 0.036 * gap)
        white = np.full_like(self.skin, 0.93)
        self.paint(self.at(0, -0.632 + 0.02 * smile, 0.57), teeth, white, np.clip(3 * gap - 0.6, 0, 1))
        self.paint(self.at(0, -0.76, 0.53), (0.13, 0.03), 0.74 * self.skin, 0.55, sharp=0.4)

    def _on_mouth(self, k: float, half: Column, height: Value) -> Point:
        """A point between the left (-1) and the right (1) corner."""
        rise = (0.02 + 0.16 * self.of["smile"]) * np.float32(k * k)
        return self.at(k * half, height + rise, 0.56 - 0.24 * k * k)

    def _smiling(self, k: float) -> Point:
        """Cosine and sine of how the mouth leans there, for small angles."""
        lean = np.clip(0.8 * k * self.of["smile"], -0.6, 0.6).astype(np.float32)
        return 1 - 0.5 * lean * lean, lean

    def _extras(self) -> None:
        glasses, hat = self.of["glasses"], self.of["hat"]
        frame = np.full_like(self.skin, 0.05)
        for side in (-1, 1):
            near = np.clip(self.cos_yaw + 0.45 * side * -self.sin_yaw, 0.35, 1)
            rim, worn = self.at(side * 0.28, -0.04, 0.56), (glasses > 0).astype(np.float32)
            self.paint(rim, (0.21 * near, 0.165), frame, worn, hollow=0.86)
            self.paint(rim, (0.19 * near, 0.14), frame, np.where(glasses > 0.5, glasses, 0.25 * glasses))
        self.paint(self.at(0, -0.0, 0.62), (0.085, 0.02), frame, (glasses > 0).astype(np.float32))
        self.paint(self.at(0, 0.76, 0), (0.74 * self.wide, 0.52), 0.8 * self.cloth + 0.03, hat, shade=self.light)
        self.paint(self.at(0, 0.44, 0.2), (0.86 * self.wide, 0.15), 0.5 * self.cloth + 0.02, hat, shade=self.light)
