"""The toys themselves, by category: which parts they have and how far each of the ten differs."""

import math
from collections.abc import Callable

from tcwae.data.rendered.raycast import Assembly, Vector, turned

__all__ = ["CATEGORIES"]

Between = Callable[[float, float], float]
"""A number drawn evenly between two."""


def _animal(model: Assembly, instance: int, grey: Vector, between: Between) -> None:
    """Four legs, a neck, and ears, horns or a trunk."""
    length, height, width, leg = between(0.46, 0.7), between(0.18, 0.3), between(0.15, 0.25), between(0.24, 0.5)
    back = leg + 0.7 * height
    model.ball((0, 0, back), (length, width, height), grey)
    model.ball((-0.55 * length, 0, back + 0.03), (0.42 * length, 1.05 * width, 1.05 * height), grey)
    model.ball((0.55 * length, 0, back + 0.02), (0.36 * length, width, 1.1 * height), grey)
    neck, nose = between(0.05, 0.42), length + between(0, 0.15)
    head = back + 0.5 * height + neck
    model.limb((0.65 * length, 0, back + 0.2 * height), (nose, 0, head), between(0.09, 0.15), grey)
    model.ball((nose + 0.1, 0, head), (between(0.15, 0.24), between(0.08, 0.13), between(0.09, 0.13)), grey)
    for side in (-1, 1):
        for end in (-1, 1):
            thick = between(0.055, 0.09)
            knee = (end * 0.68 * length, side * 0.62 * width, 0.5 * leg)
            model.limb((end * 0.62 * length, side * 0.55 * width, back), knee, 1.35 * thick, grey)
            model.tube(knee, (end * 0.68 * length, side * 0.65 * width, 0), 0.8 * thick, grey)
    spread, rise = (between(0.16, 0.32), between(0.02, 0.1)) if instance % 3 == 0 else (0.1, between(0.14, 0.3))
    for side in (-1, 1):
        tip = (nose - 0.03, side * spread, head + rise)
        model.limb((nose + 0.02, side * 0.06, head + 0.05), tip, 0.07 if instance % 3 == 0 else 0.035, grey)
    if instance % 3 == 0:
        model.limb((nose + 0.25, 0, head), (nose + 0.32, 0, 0.45 * head), 0.05, grey)
    model.limb(
        (-0.9 * length, 0, back + 0.1), (-length - between(0.1, 0.25), 0, back + between(-0.25, 0.15)), 0.04, grey
    )


def _human(model: Assembly, instance: int, grey: Vector, between: Between) -> None:
    """A figure on a base, striding or kneeling, most of them with something long in their hands."""
    hip, lean = between(0.5, 0.66), between(-0.12, 0.2)
    model.box((0, 0, 0.012), (between(0.26, 0.36), between(0.24, 0.32), 0.012), grey)
    model.ball((0.5 * lean, 0, hip + 0.25), (0.14, 0.21, 0.33), grey)
    model.ball((0, 0, hip + 0.02), (0.14, 0.18, 0.13), grey)
    model.ball((lean, 0, hip + 0.68), (0.12, 0.11, 0.15), grey)
    model.ball((lean, 0, hip + 0.77), (0.16, 0.15, between(0.06, 0.12)), grey)
    for side in (-1, 1):
        knee = (between(-0.2, 0.32), side * between(0.12, 0.2), 0.52 * hip)
        foot = (between(-0.28, 0.28), side * between(0.14, 0.24), 0.03)
        model.limb((0, side * 0.1, hip), knee, 0.1, grey)
        model.limb(knee, foot, 0.075, grey)
        model.ball((foot[0] + 0.06, foot[1], 0.05), (0.13, 0.06, 0.055), grey)
        elbow = (between(0, 0.35), side * between(0.28, 0.4), hip + between(0.1, 0.45))
        hand = (elbow[0] + between(0.1, 0.3), side * between(0.02, 0.25), elbow[2] + between(-0.05, 0.15))
        model.limb((0.8 * lean, side * 0.22, hip + 0.45), elbow, 0.07, grey)
        model.limb(elbow, hand, 0.055, grey)
    if instance % 3 != 2:
        rise = between(0.15, 0.5)
        model.tube((-0.12, 0.2, hip + rise), (between(0.5, 0.75), -0.12, hip + rise + between(-0.1, 0.2)), 0.042, grey)
    if instance % 4 == 1:
        model.box((0.5 * lean - 0.18, 0, hip + 0.3), (0.08, 0.15, 0.18), grey)


def _plane(model: Assembly, instance: int, grey: Vector, between: Between) -> None:
    """Swept wings, a tail, and engines, a propeller or twin fins."""
    length, radius, height = between(0.7, 0.92), between(0.1, 0.16), 0.3
    model.ball((0, 0, height), (length, radius, radius), grey)
    model.ball((0.35 * length, 0, height + 0.6 * radius), (0.22 * length, 0.65 * radius, 0.65 * radius), grey)
    sweep, span, chord = between(-5, 38), between(0.55, 0.95), between(0.13, 0.26)
    back = math.sin(math.radians(sweep))
    for side in (-1, 1):
        turn = turned("z", side * sweep)
        model.box((0.05 - 0.5 * span * back, side * 0.5 * span, height), (chord, 0.5 * span, 0.022), grey, turn)
        model.box((-0.86 * length, side * 0.2, height + 0.04), (0.1, 0.2, 0.018), grey, turn)
        if instance % 2 == 0:
            front, rear = ((0.15 - 0.4 * span * back + end, side * 0.42 * span, height - 0.05) for end in (0.2, -0.2))
            model.limb(rear, front, 0.065, grey)
        if instance % 4 == 3:
            model.box((-0.86 * length, side * 0.38, height + 0.14), (0.09, 0.016, 0.13), grey, turned("y", -15))
        model.tube((0.1, side * 0.2, height), (0.1, side * 0.24, 0.0), 0.03, grey)
    model.tube((0.75 * length, 0, height), (0.75 * length, 0, 0), 0.03, grey)
    if instance % 4 != 3:
        model.box((-0.86 * length, 0, height + 0.18), (0.11, 0.017, 0.18), grey, turned("y", -18))
    if instance % 3 == 0:
        model.box((0.99 * length, 0, height), (0.012, 0.22, 0.025), grey, turned("x", between(0, 90)))


def _truck(model: Assembly, instance: int, grey: Vector, between: Between) -> None:
    """A cab and, behind it, a box, a tank, a flat bed or a crane."""
    length, width, cab, bed = between(0.62, 0.82), between(0.22, 0.3), between(0.18, 0.26), 0.26
    high = between(0.34, 0.5)
    model.box((0, 0, bed - 0.06), (length, 0.9 * width, 0.05), grey)
    model.box((length - cab, 0, bed + 0.5 * high), (cab, width, 0.5 * high), grey)
    model.ball((length - 0.5 * cab, 0, bed + 0.25 * high), (1.2 * cab, 0.95 * width, 0.4 * high), grey)
    end = length - 2 * cab - 0.05
    match instance % 4:
        case 0:
            model.box(
                (0.5 * (end - length), 0, bed + 0.6 * high), (0.5 * (end + length), 1.03 * width, 0.62 * high), grey
            )
        case 1:
            model.tube((-length, 0, bed + 0.9 * width), (end, 0, bed + 0.9 * width), 0.95 * width, grey)
        case 2:
            for side in (-1, 1):
                model.box((0.5 * (end - length), side * width, bed + 0.1), (0.5 * (end + length), 0.022, 0.13), grey)
            model.box((-length, 0, bed + 0.1), (0.022, width, 0.13), grey)
            model.ball((0.5 * (end - length), 0, bed), (0.4 * (end + length), 0.7 * width, between(0.05, 0.3)), grey)
        case _:
            model.box((-0.6 * length, 0, bed + 0.08), (0.2, 0.8 * width, 0.12), grey)
            model.tube(
                (-0.7 * length, 0, bed + 0.12), (between(0.2, 0.7) * length, 0, bed + between(0.5, 0.75)), 0.06, grey
            )
    for along in (-0.75 * length, -0.38 * length, 0.68 * length):
        for side in (-1, 1):
            model.tube((along, side * 0.7 * width, 0.15), (along, side * (width + 0.04), 0.15), 0.15, grey)


def _car(model: Assembly, instance: int, grey: Vector, between: Between) -> None:
    """A body and a cabin, some with a wing, an open top or a bonnet of their own."""
    length, width, high = between(0.64, 0.8), between(0.27, 0.33), between(0.1, 0.15)
    body = 0.13 + high
    model.ball((0, 0, body), (1.08 * length, 1.1 * width, 1.3 * high), grey)
    model.box((0, 0, body - 0.02), (0.93 * length, 0.94 * width, 0.8 * high), grey)
    cabin, along, roof = between(0.26, 0.44), between(-0.22, 0.02), between(0.15, 0.25)
    if instance % 4 == 2:
        model.box((along + 0.25, 0, body + 1.1 * high), (0.015, 0.75 * width, 0.1), grey, turned("y", -30))
        model.ball((along - 0.05, 0.4 * width, body + high), (0.1, 0.08, 0.12), grey)
    else:
        model.ball((along, 0, body + 0.7 * high), (cabin, 0.9 * width, roof), grey)
        model.box((along, 0, body + 0.8 * high), (0.65 * cabin, 0.76 * width, 0.74 * roof), grey)
    if instance % 3 == 1:
        model.box((-0.9 * length, 0, body + 1.5 * high), (0.08, 0.95 * width, 0.02), grey)
    if instance % 3 == 2:
        model.box((0.62 * length, 0, body + 0.6 * high), (0.3 * length, 0.5 * width, 0.6 * high), grey)
    for where in (-0.6 * length, 0.62 * length):
        for side in (-1, 1):
            model.tube((where, side * 0.75 * width, 0.14), (where, side * (width + 0.04), 0.14), 0.14, grey)


CATEGORIES = (_animal, _human, _plane, _truck, _car)
