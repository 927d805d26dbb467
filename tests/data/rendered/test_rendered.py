"""The sets drawn here in place of smallNORB, 3Dchairs and CelebA: their grid, their look, and that all machines agree."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__

from tcwae.data import chairs3d, smallnorb
from tcwae.data.prepare import prepare
from tcwae.data.prepared import Blocks, read
from tcwae.data.rendered import chairs, faces, toys
from tcwae.data.rendered.chair_models import chair
from tcwae.data.rendered.face_attributes import ATTRIBUTES, NAMES, sampled
from tcwae.errors import InputError

DIGEST = """
import hashlib
from tcwae.data.rendered import arm, chairs, faces, rooms, toys
from tcwae.data.rendered.face_attributes import sampled
drawn = hashlib.sha256(sampled(32))
layers = (*rooms.draw((6, 0, 3)), *rooms.draw((2, 3, 9)), *arm.draw_view(0, 5, 20), *arm.draw_view(2, 33, 4))
for block in (toys.draw_view(toys.toy(1, 4), 2, 5), chairs.draw(3), faces.draw(sampled(32)), *layers):
    drawn.update(block.tobytes())
print(drawn.hexdigest())
"""


@pytest.fixture(scope="module")
def some_toys():
    """Two toys of each category: category, instance, elevation, azimuth, lighting, row, column."""
    views = [(elevation, azimuth) for elevation in (0, 3, 7) for azimuth in (1, 2, 7, 14)]
    models = [toys.toy(category, instance) for category in range(5) for instance in (1, 6)]
    drawn = [toys.draw_view(model, *view) for model in models for view in views]
    return np.stack(drawn).reshape(5, 2, 3, 4, 6, 64, 64)


@pytest.fixture(scope="module")
def some_chairs():
    """Chair, azimuth, elevation, row, column, channel."""
    return np.stack([chairs.draw(number) for number in range(0, 1393, 90)]).reshape(-1, 31, 2, 64, 64, 3)


@pytest.fixture(scope="module")
def some_faces():
    return faces.draw(sampled(1000))


def look(images):
    """The mean pixel, and the mean of the standard deviations of the images."""
    images = images.reshape(-1, 64 * 64 * images.shape[-1] if images.shape[-1] == 3 else 64 * 64) / 255
    return images.mean(), images.std(axis=1).mean()


def test_toys_look_like_smallnorb(some_toys):
    mean, deviation = look(some_toys)
    assert mean == pytest.approx(0.752, abs=0.02)  # published in disent for the training half, as the next
    assert deviation == pytest.approx(0.0956, abs=0.015)


def test_every_factor_of_the_toys_shows(some_toys):
    for axis in range(5):
        steps = np.abs(np.diff(some_toys.astype(np.int16), axis=axis)).mean(axis=(-1, -2))
        assert steps.min() > 0.5


def test_lightings_change_the_light_only(some_toys):
    background = some_toys[..., 0, 0].astype(float)
    expected = [255 * lighting.ground for lighting in toys.LIGHTINGS]
    np.testing.assert_allclose(np.median(background, axis=(0, 1, 2, 3)), expected, atol=1)


def test_chairs_look_like_3dchairs(some_chairs):
    mean, deviation = look(some_chairs)
    assert mean == pytest.approx(0.946, abs=0.015)  # 64 thumbnails of the set, as the next
    assert deviation == pytest.approx(0.184, abs=0.025)


def test_every_factor_of_the_chairs_shows(some_chairs):
    for axis in range(3):
        steps = np.abs(np.diff(some_chairs.astype(np.int16), axis=axis)).mean(axis=(-1, -2, -3))
        assert steps.min() > 0.05


def test_no_chair_is_cut_off(some_chairs):
    reach = np.array([np.abs(_corners(chair(number)) - chairs.CENTRE).max(axis=0) for number in range(1393)])
    half = chairs.HALF * 52 / 64
    assert np.hypot(reach[:, 0], reach[:, 1]).max() < half
    assert (some_chairs[:, :, :, :8] == 255).all()
    assert (some_chairs[:, :, :, -8:] == 255).all()


def _corners(model):
    """The corners of a box around each part."""
    corners = np.array(np.meshgrid(*[(-1, 1)] * 3)).reshape(3, -1)
    return np.concatenate([np.linalg.solve(m[:, :3], corners - m[:, 3:]).T for m in model.maps])


def test_no_two_chairs_are_alike():
    assert len({chair(number).maps.tobytes() for number in range(1393)}) == 1393


def test_faces_look_like_celeba(some_faces):
    mean, deviation = look(some_faces)
    assert mean == pytest.approx(0.373, abs=0.02)  # 12 faces of the set, cropped to 140 pixels, as the next
    assert deviation == pytest.approx(0.263, abs=0.03)
    red, green, blue = some_faces.mean(axis=(0, 1, 2)) / 255
    assert (red, green, blue) == pytest.approx((0.455, 0.355, 0.309), abs=0.03)


@pytest.mark.parametrize("name", NAMES)
def test_every_attribute_shows_and_alone(name):
    values = sampled(4)
    values[:, NAMES.index("smile")] = 0.5
    values[:, NAMES.index("clothes")] = 0.5
    low, high = values.copy(), values.copy()
    column = NAMES.index(name)
    low[:, column], high[:, column] = ATTRIBUTES[column].low, ATTRIBUTES[column].high
    change = np.abs(faces.draw(low).astype(int) - faces.draw(high)).max(axis=(1, 2, 3))
    assert (change > 8).sum() >= 3
    np.testing.assert_array_equal(faces.draw(low), faces.draw(low))


def test_a_face_depends_on_nothing_but_its_number(some_faces):
    np.testing.assert_array_equal(sampled(1000)[:7], sampled(7))
    np.testing.assert_array_equal(faces.draw(sampled(1000)[130:150]), some_faces[130:150])


def test_attributes_have_the_shares_they_state():
    values = dict(zip(NAMES, sampled(20_000).T, strict=True))
    for name, share in (("glasses", 0.08), ("hat", 0.05), ("beard", 0.18), ("smile", 0.55), ("fringe", 0.3)):
        assert (values[name] > 0).mean() == pytest.approx(share, abs=0.015)
    for name, width in (("yaw", 16), ("pitch", 6), ("exposure", 1)):
        assert values[name].mean() == pytest.approx(0, abs=0.05 * width)
        assert values[name].std() == pytest.approx(width, rel=0.03)


def test_vector_instructions_change_no_byte():
    found = set()
    for off in ("", " ".join(__cpu_dispatch__)):
        environment = os.environ | {"NPY_DISABLE_CPU_FEATURES": off}
        run = [sys.executable, "-W", "ignore", "-c", DIGEST]
        found.add(subprocess.run(run, env=environment, capture_output=True, text=True, check=True).stdout)
    assert len(found) == 1
    assert len(found.pop().strip()) == 64


def test_the_sets_have_the_published_grids():
    assert len(toys.render(processes=1)) == np.prod(smallnorb.FACTOR_SIZES) == 48_600
    assert len(chairs.render(processes=1)) == np.prod(chairs3d.FACTOR_SIZES) == 86_366
    prepared = toys.render(processes=1)
    assert [prepared.factor_names[i] for i in prepared.latent_factor_indices] == [
        "category",
        "elevation",
        "azimuth",
        "lighting",
    ]
    assert isinstance(prepared.images, Blocks)
    assert chairs.render(processes=1).latent_factor_indices == ()


def test_the_number_of_processes_changes_nothing(tmp_path):
    for processes in (1, 2):
        prepare("celeba", "rendered", tmp_path / f"{processes}.h5", count=1100, processes=processes)
    one, two = ((tmp_path / f"{processes}.h5").read_bytes() for processes in (1, 2))
    assert hashlib.sha256(one).digest() == hashlib.sha256(two).digest()
    prepared = read(tmp_path / "2.h5")
    np.testing.assert_array_equal(prepared.attributes, sampled(1100))
    np.testing.assert_array_equal(prepared.images[1098:], faces.draw(sampled(1100)[1098:]))


@pytest.mark.parametrize("count", [0, -1, 10**9])
def test_an_absurd_number_of_faces_is_refused(tmp_path, count):
    with pytest.raises(InputError, match="10,000,000"):
        prepare("celeba", "rendered", tmp_path / "faces.h5", count=count)
    assert list(tmp_path.iterdir()) == []
