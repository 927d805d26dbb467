"""dSprites drawn here, against the published images."""

import json
from pathlib import Path

import numpy as np
import pytest

from tcwae.data.dsprites import FACTOR_SIZES
from tcwae.data.prepared import factor_grid
from tcwae.data.rendered import dsprites

CELLS = [(0, 0, 0), (0, 3, 7), (1, 2, 5), (1, 5, 39), (2, 0, 21), (2, 5, 11)]


@pytest.fixture(scope="module")
def rows(dsprites_rendered):
    """The rows of all images as 64-bit words: shape, scale, orientation, posX, posY, row."""
    return np.asarray(dsprites_rendered.images).view(">u8").reshape(*FACTOR_SIZES, 64)


def unpack(words):
    return np.unpackbits(words.astype(">u8")[..., None].view(np.uint8), axis=-1)


def test_the_drawn_set_is_the_whole_grid(dsprites_rendered):
    assert dsprites_rendered.images.shape == (737_280, 64, 8)
    assert dsprites_rendered.factor_sizes == FACTOR_SIZES
    np.testing.assert_array_equal(dsprites_rendered.factors, factor_grid(FACTOR_SIZES))


def test_drawn_images_agree_with_published_ones(rows):
    known = json.loads((Path(__file__).parent / "dsprites_known.json").read_text())["rows"]
    assert len(known) == 285
    exact = 0
    for *factors, white, top, bottom, left, right in known:
        image = unpack(rows[tuple(factors)])
        y, x = np.nonzero(image)
        assert abs(len(y) - white) <= 2
        exact += (len(y), y.min(), y.max(), x.min(), x.max()) == (white, top, bottom, left, right)
    assert exact >= 279


def test_the_mean_pixel_is_the_published_one(rows):
    assert np.bitwise_count(rows).mean() / 64 == pytest.approx(0.0424944, abs=1e-6)


def test_a_full_turn_is_no_turn(rows):
    np.testing.assert_array_equal(rows[:, :, 39], rows[:, :, 0])


def test_the_last_position_is_the_first_moved_by_half_the_image(rows):
    np.testing.assert_array_equal(rows[:, :, :, 31], rows[:, :, :, 0] >> np.uint64(32))
    np.testing.assert_array_equal(rows[..., 31, 32:], rows[..., 0, :32])
    assert not rows[..., 31, :32].any()


@pytest.mark.parametrize(("shape", "scale", "orientation"), CELLS)
def test_a_mirrored_sprite_turns_the_other_way(rows, shape, scale, orientation):
    image = unpack(rows[shape, scale, orientation])
    mirrored = unpack(rows[shape, scale, 39 - orientation])
    np.testing.assert_array_equal(image[..., ::-1], mirrored[::-1])
    if shape < 2:  # square and ellipse: upside down as well
        np.testing.assert_array_equal(image[..., ::-1, :], mirrored[:, ::-1])


@pytest.mark.parametrize(("shape", "scale", "orientation"), CELLS)
def test_white_pixels_are_those_that_the_outline_winds_around(rows, shape, scale, orientation):
    x, y = 3, 17
    outline = dsprites.place(dsprites.OUTLINES[shape], scale, orientation) @ [1, 1j]
    column, row = np.meshgrid(np.arange(64), np.arange(64))
    centres = (column + 0.5 - 16 - 32 * x / 31) + 1j * (row + 0.5 - 16 - 32 * y / 31)
    seen = outline - centres[..., None]
    winding = np.angle(np.roll(seen, -1, axis=-1) / seen).sum(axis=-1) / (2 * np.pi)
    np.testing.assert_array_equal(unpack(rows[shape, scale, orientation, x, y]), np.abs(winding).round())


@pytest.mark.parametrize(("shape", "scale", "orientation"), CELLS)
def test_no_rounding_changes_a_pixel(shape, scale, orientation):
    outline = dsprites.place(dsprites.OUTLINES[shape], scale, orientation)
    images = dsprites.draw(outline)
    noise = np.random.default_rng(0)
    for direction in ([7e-8, 0], [-7e-8, 0], [0, 7e-8], [0, -7e-8]):
        np.testing.assert_array_equal(dsprites.draw(outline + np.array(direction)), images)
    np.testing.assert_array_equal(dsprites.draw(outline + noise.uniform(-4e-8, 4e-8, outline.shape)), images)
