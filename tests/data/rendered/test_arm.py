"""The robot arm drawn here: its grid, what each factor moves, and how near it comes to MPI3D's colours."""

import numpy as np
import pytest

from tcwae.data.rendered import arm
from tcwae.data.rendered.arm_models import SIZES, held, things

CONE, CUBE, CYLINDER, HEXAGON, PYRAMID, BALL = range(6)


def stacked(views):
    return arm.Views(*map(np.stack, zip(*(arm.draw_view(*view) for view in views), strict=True)))


@pytest.fixture(scope="module")
def some():
    """Camera, first axis, second axis: three, four and three classes of each."""
    return stacked(
        [(height, first, second) for height in range(3) for first in (0, 9, 20, 39) for second in (0, 18, 39)]
    )


def whole(views, layer):
    """A layer of things in the whole picture: view, thing, row, column."""
    pictures = np.zeros((len(layer), 12, 64, 64), int)
    for picture, content, (row, column) in zip(pictures, layer, views.corner, strict=True):
        picture[:, row : row + 20, column : column + 20] = content
    return pictures


def test_the_set_is_the_published_grid():
    prepared = arm.render(processes=1)
    assert prepared.images.shape == (1_036_800, 64, 64, 3)
    steps = np.cumprod([1, 40, 40, 3, 3, 2, 6])
    np.testing.assert_array_equal(prepared.factors[steps], np.eye(7, dtype=np.uint8)[::-1])
    assert prepared.factors.max(axis=0).tolist() == [5, 5, 1, 2, 2, 39, 39]


def test_images_are_what_covers_the_scene_times_its_colour(some):
    cover, share, gloss = (whole(some, layer)[..., None] / 256 for layer in (some.cover, some.colour, some.gloss))
    for which, colour, background in ((0, 1, 2), (7, 4, 0), (11, 0, 1)):
        exact = some.scene[:, background] * (1 - cover[:, which]) + gloss[:, which]
        exact += share[:, which] * np.array(arm._COLOURS[colour])
        np.testing.assert_allclose(arm.coloured(some, which, colour, background), exact, atol=0.5)


def test_a_colour_changes_the_thing_and_nothing_else(some):
    cover = whole(some, some.cover)
    for which in range(12):
        change = np.ptp(np.stack([arm.coloured(some, which, colour, 1) for colour in range(6)]), axis=0).max(axis=-1)
        assert not change[cover[:, which] == 0].any()
        assert (change[cover[:, which] > 32] > 10).all()


def test_a_background_changes_a_band_of_the_wall_and_nothing_else(some):
    change = np.ptp(some.scene, axis=1).max(axis=-1).reshape(3, 12, 64, 64)
    empty = change.max(axis=1)  # where no arm is in the way
    rows = (empty > 20).mean(axis=2) > 0.8  # the foot is always in the way
    assert (rows.sum(axis=1) >= 7).all()
    for camera in range(3):
        first, last = np.nonzero(rows[camera])[0][[0, -1]]
        assert rows[camera, first : last + 1].all()
        assert not change[camera, :, : first - 1].any()
        assert not change[camera, :, last + 2 :].any()


def test_the_first_axis_goes_from_left_to_right_and_the_second_up(some):
    x, y, z = np.array([[held(first, second) for second in range(40)] for first in range(40)]).transpose(2, 0, 1)
    assert (np.diff(x, axis=0) > 0).all()
    assert (np.diff(z, axis=1) > 0).all()
    assert (y < 1e-6).all()
    cover = whole(some, some.cover)[:, 2 * BALL + 1].reshape(3, 4, 3, 64, 64)
    total = cover.sum(axis=(-1, -2))
    column = (cover * np.arange(64)).sum(axis=(-1, -2)) / total
    row = (cover * np.arange(64)[:, None]).sum(axis=(-1, -2)) / total
    assert (np.diff(column, axis=1) > 0.5).all()
    assert (np.diff(row, axis=2) < -5).all()


def test_what_points_to_the_right_is_the_mirror_image_of_what_points_to_the_left():
    for first, second in ((0, 18), (8, 5), (15, 30)):
        views = stacked([(1, first, second), (1, 39 - first, second)])
        left, right = whole(views, views.cover)
        assert np.abs(left - right[:, :, ::-1]).mean() < 0.1  # 256ths; a few of 16 rays, at an edge


def test_things_differ_in_outline_and_size(some):
    area = whole(some, some.cover).sum(axis=(-1, -2)).reshape(-1, 6, 2)
    in_view = area.min(axis=(1, 2)) > 0
    assert in_view.mean() > 0.9
    assert (area[in_view, :, 1] > 1.4 * area[in_view, :, 0]).all()
    cover = whole(some, some.cover).reshape(-1, 6, 2, 64, 64)
    for one, other in zip(*np.triu_indices(6, 1), strict=True):
        assert (np.abs(cover[:, one, 1] - cover[:, other, 1]).max(axis=(-1, -2)) > 40).all()


def test_a_thing_is_within_its_size_of_the_hand():
    for first, second in ((0, 0), (13, 22), (39, 39)):
        for which, solid in enumerate(things(first, second)):
            offset = np.subtract(solid.centre, held(first, second))
            assert np.linalg.norm(offset) + solid.reach < 2.2 * SIZES[which % 2]


def test_higher_cameras_see_more_floor_below_the_band(some):
    band = np.ptp(some.scene, axis=1).max(axis=(-1, -2)).reshape(3, 12, 64).max(axis=1) > 20
    lowest = [np.nonzero(rows)[0].max() for rows in band]
    assert lowest[0] > lowest[1] > lowest[2]


def test_a_thing_behind_the_arm_is_partly_hidden():
    """From above, an arm that points up and at the camera hides nothing; nor does the thing cover more than its outline."""
    views = stacked([(0, 20, 39), (2, 20, 0)])
    assert (views.colour <= views.cover).all()
    hidden, free = views.cover.astype(int).sum(axis=(-1, -2))
    assert (hidden < free).all()


def test_neighbours_on_the_axes_differ():
    for some in (0, 20, 38):
        for views in ([(1, some, 24), (1, some + 1, 24)], [(1, 12, some), (1, 12, some + 1)]):
            images = arm.coloured(stacked(views), 2 * CUBE, 1, 0).astype(int)
            assert np.abs(np.diff(images, axis=0)).max() > 20


def test_the_colours_are_near_those_of_the_original(some):
    images = np.stack([arm.coloured(some, k % 12, k % 6, k % 3) for k in range(36)]) / np.float32(255)
    mean, deviation = images.mean(axis=(0, 1, 2, 3), dtype=float), images.std(axis=(0, 1, 2, 3), dtype=float)
    np.testing.assert_allclose(
        mean, (0.1285, 0.1648, 0.1397), atol=0.015
    )  # MPI3D-real, published in disent, as the next
    np.testing.assert_allclose(deviation, (0.0933, 0.0920, 0.1032), atol=0.015)
