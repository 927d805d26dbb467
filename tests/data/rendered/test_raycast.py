"""The ray caster against solids whose pictures are known, and against rays followed one by one."""

import math

import numpy as np
import pytest

from tcwae.data.rendered.raycast import Assembly, Rays, camera, hits, mean_of_four, shaded, sunbeams, turned

GREY = (0.5,)
FRONT = camera(0.0, 0.0, (0, 0, 0))


def picture(add, view=FRONT, size=200, half=1.0):
    model = Assembly()
    add(model)
    return hits(model, view, size, half)


def grid(size, half):
    centres = half * (2 * np.arange(size) + 1 - size) / size
    return np.meshgrid(centres, -centres)


def test_a_ball_is_a_disc_and_its_normals_are_its_points():
    seen = picture(lambda model: model.ball((0, 0.1, -0.2), (0.5, 0.5, 0.5), GREY))
    u, v = grid(200, 1.0)
    y, z = u - 0.1, v + 0.2
    inside = y**2 + z**2 <= 0.25
    np.testing.assert_array_equal(seen.part >= 0, inside)
    x = np.sqrt(np.maximum(0.25 - y**2 - z**2, 0))
    expected = np.stack([x, y, z], axis=-1) / 0.5
    np.testing.assert_allclose(seen.normal[inside], expected[inside], atol=2e-3)


def test_a_box_shows_the_faces_that_look_at_the_camera():
    seen = picture(lambda model: model.box((0, 0, 0), (0.3, 0.3, 0.3), GREY), camera(45.0, 0.0, (0, 0, 0)))
    normals = {tuple(normal) for normal in seen.normal[seen.part >= 0].round(5).tolist()}
    assert normals == {(1, 0, 0), (0, 1, 0)}
    u, v = grid(200, 1.0)
    np.testing.assert_array_equal(seen.part >= 0, (abs(u) < 0.3 * math.sqrt(2)) & (abs(v) < 0.3))


def test_a_turned_box_is_the_box_seen_from_elsewhere():
    turned_box = picture(lambda model: model.box((0, 0, 0), (0.5, 0.2, 0.3), GREY, turned("z", 30.0)))
    plain = picture(lambda model: model.box((0, 0, 0), (0.5, 0.2, 0.3), GREY), camera(-30.0, 0.0, (0, 0, 0)))
    assert np.mean(turned_box.part != plain.part) < 1e-3


def test_a_tube_has_caps_and_a_round_side():
    def add(model):
        model.tube((0, 0, 0), (0, 0, 0.6), 0.2, GREY)

    u, v = grid(200, 1.0)
    np.testing.assert_array_equal(picture(add).part >= 0, (abs(u) < 0.2) & (v > 0) & (v < 0.6))
    above = picture(add, camera(0.0, 89.9, (0, 0, 0.3)))
    normal = above.normal[(above.part >= 0) & (u**2 + v**2 < 0.035)]
    np.testing.assert_allclose(normal, np.broadcast_to((0, 0, 1), normal.shape), atol=1e-6)


def test_the_nearer_part_hides_the_farther_whatever_their_order():
    def near(model):
        model.ball((0.5, 0, 0), (0.1, 0.3, 0.3), GREY)

    def far(model):
        model.box((-0.5, 0, 0), (0.1, 0.6, 0.6), GREY)

    one = picture(lambda model: (near(model), far(model))).part
    other = picture(lambda model: (far(model), near(model))).part
    assert one[100, 100] == 0
    np.testing.assert_array_equal(one, np.where(other < 0, -1, 1 - other))


def random_model(seed):
    random = np.random.default_rng(seed)
    model = Assembly()
    for _ in range(6):
        centre, size = random.uniform(-0.5, 0.5, 3).tolist(), random.uniform(0.05, 0.4, 3).tolist()
        turn = turned("xyz"[random.integers(3)], random.uniform(0, 360))
        (model.ball if random.random() < 0.5 else model.box)(centre, size, GREY, turn)
        model.tube(centre, random.uniform(-0.5, 0.5, 3).tolist(), size[0] / 3, GREY, flat=size[1] + 0.5)
    return model


def entry(kind, start, along):
    """Where one ray enters one part, in the part's coordinates: the least t with every constraint met."""
    low, high = -math.inf, math.inf
    groups = {"ball": [(0, 1, 2)], "box": [(0,), (1,), (2,)], "tube": [(0, 1), (2,)]}[kind]
    for group in groups:
        p, d = start[list(group)], along[list(group)]
        a, b, c = d @ d, p @ d, p @ p - 1
        if b * b < a * c:
            return math.inf
        root = math.sqrt(b * b - a * c)
        low, high = max(low, (-b - root) / a), min(high, (-b + root) / a)
    return low if low <= high else math.inf


@pytest.mark.parametrize("seed", range(4))
def test_every_ray_agrees_with_one_followed_alone(seed):
    model, view, size, half = random_model(seed), camera(5.0 + 37 * seed, 20.0 + 10 * seed, (0.1, 0, 0.05)), 24, 1.1
    seen = hits(model, view, size, half)
    u, v = grid(size, half)
    differ = 0
    for row, column in np.ndindex(size, size):
        start = view.origin + u[row, column] * view.across + v[row, column] * view.up
        entries = [
            entry(kind, one[:, :3] @ start + one[:, 3], one[:, :3] @ view.direction)
            for kind, one in zip(model.kinds, model.maps, strict=True)
        ]
        first = int(np.argmin(entries)) if min(entries) < math.inf else -1
        differ += first != seen.part[row, column]
        assert seen.part[row, column] < 0 or np.linalg.norm(seen.normal[row, column]) == pytest.approx(1, abs=1e-5)
        assert seen.normal[row, column] @ view.direction <= 1e-5
    assert differ <= 1  # a ray along an edge


def test_a_shadow_is_what_a_camera_in_the_light_would_see():
    model, light = random_model(7), (0.3, 0.5, 0.8)
    scale = math.sqrt(sum(a * a for a in light))
    beams = sunbeams(camera(20.0, 50.0, (0, 0, 0)), [a / scale for a in light], -1.0)
    np.testing.assert_array_equal(shaded(model, beams, 64, 2.0), hits(model, beams, 64, 2.0).part >= 0)
    across, up = np.cross(beams.across, beams.direction), np.cross(beams.up, beams.direction)
    assert beams.origin[2] == pytest.approx(-1, abs=1e-6)
    assert np.allclose([beams.across[2], beams.up[2]], 0, atol=1e-6)
    assert np.linalg.norm(np.cross(across, up)) > 0


def test_a_ball_on_the_ground_throws_an_ellipse():
    model = Assembly()
    model.ball((0, 0, 0.3), (0.3, 0.3, 0.3), GREY)
    above = Rays(*(np.array(v, float) for v in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, -1))))
    height = math.radians(30)
    shadow = shaded(model, sunbeams(above, (math.cos(height), 0, math.sin(height)), 0.0), 400, 1.5)
    assert shadow.sum() * (3 / 400) ** 2 == pytest.approx(math.pi * 0.3 * 0.3 / math.sin(height), rel=0.01)


def test_the_mean_of_four_keeps_the_mean():
    samples = np.random.default_rng(0).random((8, 12, 3), np.float32)
    assert mean_of_four(samples).shape == (4, 6, 3)
    np.testing.assert_allclose(mean_of_four(samples)[1, 2], samples[2:4, 4:6].mean(axis=(0, 1)), rtol=1e-6)
