"""Shapes3D drawn here: its grid, what each factor moves, and how near it comes to the original's colours."""

import numpy as np
import pytest

from tcwae.data.parallel import in_order
from tcwae.data.rendered import rooms

BALL = 2


def stacked(views):
    return rooms.Layers(*map(np.stack, zip(*map(rooms.draw, views), strict=True)))


@pytest.fixture(scope="module")
def some():
    """Scale, shape and orientation, each three or four times."""
    return stacked(
        [(scale, shape, orientation) for scale in (0, 3, 7) for shape in range(4) for orientation in (0, 7, 14)]
    )


def pictures(layer):
    return layer.reshape(3, 4, 3, 64, 64, 3)


def test_the_set_is_the_published_grid():
    prepared = rooms.render(processes=1)
    assert prepared.images.shape == (480_000, 64, 64, 3)
    np.testing.assert_array_equal(prepared.factors[[1, 15, 60, 480, 4800, 48000]], np.eye(6, dtype=np.uint8)[::-1])
    assert prepared.factors.max(axis=0).tolist() == [9, 9, 9, 7, 3, 14]


def test_images_are_the_shares_times_the_colours(some):
    hues = (1, 4, 8)
    exact = some.rest.astype(float)
    for share, hue in zip(some[:3], hues, strict=True):
        exact += share.astype(float) * np.tile(rooms._COLOURS[hue], 4096)
    np.testing.assert_allclose(rooms.coloured(some, hues).reshape(36, -1), exact / 256, atol=0.5)


@pytest.mark.parametrize("material", range(3))
def test_a_hue_changes_all_of_its_material_and_nothing_else(some, material):
    hues = [2, 2, 2]
    before = rooms.coloured(some, tuple(hues)).astype(int)
    hues[material] = 7  # the complementary hue
    change = np.abs(rooms.coloured(some, tuple(hues)) - before).max(axis=-1)
    share = some[material].reshape(-1, 64, 64, 3)[..., 0]
    assert not change[share == 0].any()
    assert (change[share > 16] > 5).all()
    assert 0.02 < (share > 0).mean() < 0.8


def test_every_pixel_is_floor_wall_thing_or_sky(some):
    seen = sum(layer.astype(int) for layer in some)
    assert seen.min() > 90  # a third of full light, in 256ths, even in the shadow


def test_a_lamp_on_the_other_side_mirrors_the_view_from_the_other_side():
    x, y, z = rooms.LAMP
    for shape in range(4):
        for own, other in zip(rooms.draw((5, shape, 3)), rooms.draw((5, shape, 11), (-x, y, z)), strict=True):
            mirrored = other.reshape(64, 64, 3)[:, ::-1].astype(int)
            np.testing.assert_allclose(own.reshape(64, 64, 3), mirrored, atol=40)  # a few of 36 rays, at an edge
            assert np.abs(own.reshape(64, 64, 3) - mirrored).mean() < 0.2


def test_round_things_have_one_outline_from_all_sides(some):
    outline = pictures(some.thing)[..., 0] > 0
    for shape in (1, 2, 3):
        np.testing.assert_array_equal(outline[:, shape, 0], outline[:, shape, 1])
        np.testing.assert_array_equal(outline[:, shape, 2], outline[:, shape, 1])
    assert (outline[:, 0, 0] != outline[:, 0, 1]).any(axis=(1, 2)).all()


def test_a_ball_has_the_outline_of_its_tangent_cone():
    """The solid angle of a ball of radius r at distance d is 2 pi (1 - cos asin(r / d)); that of a pixel is known."""
    camera_height, aim, distance, radius = 1.55, 0.86, 3.7, 0.58 * 1.25
    share = rooms.draw((7, BALL, 7)).thing.reshape(64, 64, 3)[..., 0] > 0
    v, u = np.mgrid[:64, :64] + 0.5
    u, v = (u / 32 - 1) * np.tan(np.radians(22)), (1 - v / 32) * np.tan(np.radians(22))
    forward = np.array([0, distance, aim - camera_height]) / np.hypot(distance, aim - camera_height)
    up = np.cross([1, 0, 0], forward)
    rays = forward + u[..., None] * [1, 0, 0] + v[..., None] * up
    towards = np.array([0, distance, radius - camera_height])
    cosine = rays @ towards / np.linalg.norm(rays, axis=-1) / np.linalg.norm(towards)
    inside = cosine > np.sqrt(1 - (radius / np.linalg.norm(towards)) ** 2)
    assert not (inside & ~share).any()
    assert (share & ~inside).sum() < 90  # pixels on the edge


def test_things_grow_with_scale_and_stand_on_the_floor(some):
    area = (pictures(some.thing)[..., 0] > 0).sum(axis=(-1, -2))
    assert (np.diff(area, axis=0) > 30).all()
    base = [np.nonzero(rooms.draw((scale, 1, 7)).thing.reshape(64, 192).any(axis=1))[0].max() for scale in (0, 7)]
    assert base[1] - base[0] < 8  # nearer by the radius alone


def test_the_shadow_is_soft_and_falls_away_from_the_lamp(some):
    floor = rooms.draw((7, BALL, 7)).floor.reshape(64, 64, 3)[..., 0].astype(float)
    row = floor[50]
    left, right = row[:20], row[44:]
    assert np.ptp(left) < 10  # 256ths
    assert right.min() < left.min() - 40
    assert np.unique(right[(right > right.min() + 8) & (right < left.min() - 8)]).size >= 3


def test_the_colours_are_near_those_of_the_original(some):
    hues = [(i, j, (i + j) % 10) for i in range(10) for j in range(10)]  # every pair of hues of two materials once
    images = np.stack([rooms.coloured(some, each) for each in hues]) / np.float32(255)
    mean, deviation = images.mean(axis=(0, 1, 2, 3), dtype=float), images.std(axis=(0, 1, 2, 3), dtype=float)
    np.testing.assert_allclose(mean, (0.5026, 0.5788, 0.6034), atol=0.02)  # published in disent, as the next
    np.testing.assert_allclose(deviation, (0.2941, 0.3444, 0.3662), atol=0.02)


def test_two_processes_draw_the_same():
    views = [(0, 0, 0), (7, 3, 14), (4, 2, 5)]
    one, two = (list(in_order(rooms.draw, views, "rooms", processes)) for processes in (1, 2))
    for own, other in zip(one, two, strict=True):
        np.testing.assert_array_equal(own, other)
