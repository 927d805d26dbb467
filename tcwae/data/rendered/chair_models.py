"""Chairs drawn by lot: a seat, one of five backs, one of four kinds of legs, and for some arms."""

import math
from collections.abc import Sequence

import numpy as np

from tcwae.data.rendered.raycast import Assembly, Vector, turned

__all__ = ["chair"]

_COLOURS = (
    (0.13, 0.13, 0.13),
    (0.36, 0.21, 0.11),
    (0.56, 0.13, 0.11),
    (0.20, 0.26, 0.55),
    (0.75, 0.72, 0.65),
    (0.54, 0.55, 0.57),
    (0.17, 0.40, 0.17),
    (0.79, 0.60, 0.36),
    (0.86, 0.86, 0.86),
    (0.88, 0.37, 0.16),
)
_COLOUR_WEIGHTS = (24, 20, 6, 4, 10, 14, 3, 8, 8, 3)


def chair(number: int) -> Assembly:
    """Chair `number`, which stands on z = 0 and looks along x; it is 0.8 to 1.2 high."""
    return _Design(np.random.RandomState(number)).model  # its stream is frozen, numpy's newer ones are not


class _Design:
    """The measures and colours of one chair, and the model that grows part by part."""

    def __init__(self, random: np.random.RandomState) -> None:
        self.random, self.model = random, Assembly()
        self.body = self._colour()
        self.frame = self._colour() if self.one_of((40, 60)) else self.body
        self.width, self.depth = self.between(0.22, 0.36), self.between(0.23, 0.35)
        self.thick, self.seat = self.between(0.02, 0.09), self.between(0.36, 0.52)
        self.back, self.tilt = self.between(0.32, 0.66), self.between(0, 18)
        self._add_seat()
        (self._panel, self._slats, self._spindles, self._cushion, self._rail)[self.one_of((26, 20, 20, 18, 16))]()
        if self.one_of((58, 42)):
            self._add_arms()
        (self._four_legs, self._star, self._pedestal, self._runners)[self.one_of((56, 18, 10, 16))]()

    def between(self, low: float | int, high: float | int) -> float:
        return float(self.random.uniform(low, high))

    def one_of(self, weights: Sequence[int]) -> int:
        """An index, drawn with these weights."""
        return int(np.searchsorted(np.cumsum(weights), self.random.randint(sum(weights)), side="right"))

    def _colour(self) -> Vector:
        base = _COLOURS[self.one_of(_COLOUR_WEIGHTS)]
        return tuple(min(1.0, max(0.0, value + self.between(-0.05, 0.05))) for value in base)

    def _behind(self, height: float) -> tuple[float, float]:
        """x and z of the back, `height` above the seat."""
        return -0.92 * self.depth - height * math.tan(math.radians(self.tilt)), self.seat + height

    def _add_seat(self) -> None:
        if self.one_of((72, 28)):
            bottom, top = (0, 0, self.seat - self.thick), (0, 0, self.seat + self.thick)
            self.model.tube(bottom, top, 1.04 * self.depth, self.body, flat=self.width / self.depth)
        else:
            self.model.box((0, 0, self.seat), (self.depth, self.width, self.thick), self.body)
        if self.one_of((65, 35)):
            cushion = (0.92 * self.depth, 0.92 * self.width, self.thick)
            self.model.ball((0, 0, self.seat + 0.8 * self.thick), cushion, self.body)

    def _plate(self, height: float, halves: Vector, colour: Vector) -> None:
        """A board in the plane of the back."""
        x, z = self._behind(height)
        self.model.box((x, 0, z), halves, colour, turned("y", -self.tilt))

    def _post(self, side: float, low: float, high: float, radius: float) -> None:
        (x0, z0), (x1, z1) = self._behind(low), self._behind(high)
        self.model.tube((x0, side, z0), (x1, side, z1), radius, self.frame)

    def _panel(self) -> None:
        self._plate(0.5 * self.back, (0.03 + 0.4 * self.thick, 0.95 * self.width, 0.52 * self.back), self.body)

    def _slats(self) -> None:
        count = 2 + self.one_of((1, 1, 1))
        for height in np.linspace(0.3 * self.back, self.back, count).tolist():
            self._plate(height, (0.02, 0.9 * self.width, 0.035), self.body)
        for side in (-0.92, 0.92):
            self._post(side * self.width, 0.0, 1.05 * self.back, 0.028)

    def _spindles(self) -> None:
        for side in np.linspace(-0.9, 0.9, 4 + self.one_of((1, 1, 1))).tolist():
            self._post(side * self.width, 0.0, self.back, 0.018)
        self._plate(self.back, (0.027, self.width, 0.045), self.body)

    def _cushion(self) -> None:
        x, z = self._behind(0.52 * self.back)
        halves = (0.06 + 0.5 * self.thick, self.width, 0.56 * self.back)
        self.model.ball((x, 0, z), halves, self.body, turned("y", -self.tilt))

    def _rail(self) -> None:
        self._plate(0.76 * self.back, (0.03, 0.95 * self.width, 0.27 * self.back), self.body)
        for side in (-0.7, 0.7):
            self._post(side * self.width, 0.0, 0.75 * self.back, 0.025)

    def _add_arms(self) -> None:
        height, solid = self.between(0.15, 0.27), self.one_of((65, 35))
        for side in (-1, 1):
            if solid:
                middle = (0, side * (self.width + 0.04), self.seat + 0.5 * height)
                self.model.box(middle, (self.depth, 0.05, 0.5 * height + self.thick), self.body)
            else:
                y, front = side * (self.width + 0.02), 0.7 * self.depth
                self.model.box((0, y, self.seat + height), (0.95 * self.depth, 0.035, 0.022), self.frame)
                self.model.tube((front, y, self.seat), (front, y, self.seat + height), 0.022, self.frame)

    def _four_legs(self) -> None:
        splay, radius = self.between(-0.02, 0.1), self.between(0.018, 0.042)
        x, y = 0.86 * self.depth, 0.86 * self.width
        for front in (-1, 1):
            for side in (-1, 1):
                foot = (front * (x + splay), side * (y + splay), 0)
                self.model.tube((front * x, side * y, self.seat), foot, radius, self.frame)
        if self.one_of((65, 35)):
            height = 0.35 * self.seat
            for side in (-y, y):
                self.model.tube((-x, side, height), (x, side, height), 0.7 * radius, self.frame)

    def _star(self) -> None:
        self.model.tube((0, 0, self.seat), (0, 0, 0.08), 0.04, self.frame)
        for point in range(5):
            angle = 2 * math.pi * point / 5
            tip = (0.3 * math.cos(angle), 0.3 * math.sin(angle), 0.03)
            self.model.tube((0, 0, 0.1), tip, 0.028, self.frame)
            self.model.ball(tip, (0.035, 0.035, 0.035), _COLOURS[0])

    def _pedestal(self) -> None:
        self.model.tube((0, 0, self.seat), (0, 0, 0.03), 0.05, self.frame)
        self.model.tube((0, 0, 0), (0, 0, 0.04), 0.82 * self.depth, self.frame)

    def _runners(self) -> None:
        radius = self.between(0.02, 0.035)
        for side in (-0.9 * self.width, 0.9 * self.width):
            ends = (0.92 * self.depth, side, self.seat), (0.92 * self.depth, side, radius)
            self.model.tube(*ends, radius, self.frame)
            self.model.tube((-self.depth, side, radius), (self.depth, side, radius), radius, self.frame)
            if self.one_of((50, 50)):
                self.model.tube((-0.9 * self.depth, side, self.seat), (-0.9 * self.depth, side, 0), radius, self.frame)
