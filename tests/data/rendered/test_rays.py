"""Solids against their definitions, rays against points followed one by one, shadows against similar triangles."""

import math

import numpy as np
import pytest

from tcwae.data.rendered.rays import averaged, camera, first_hits, lamp, lit, shine, span
from tcwae.data.rendered.solids import ball, cone, cylinder, prism, pyramid

SIZE = 24
VIEW = camera(25.0, 3.0, 2.0, (0.1, -0.2, 0.4), 50.0)


def in_polygon(x, y, radius, sides, degrees):
    """Within a regular polygon with a corner at this angle, by the distance from its centre to the side."""
    angle = np.arctan2(y, x) - math.radians(degrees)
    step = 2 * math.pi / sides
    off = (angle % step) - step / 2
    return np.hypot(x, y) * np.cos(off) <= radius * math.cos(step / 2)


def on_axis(p, start, end):
    """How far along from start (0) to end (1), and how far off."""
    start, axis = np.array(start), np.array(end) - np.array(start)
    t = (p - start) @ axis / (axis @ axis)
    return t, np.linalg.norm(p - start - t[..., None] * axis, axis=-1)


BASE, TOP = (0.1, -0.3, 0.2), (0.4, 0.1, 1.0)


def in_cylinder(p):
    t, off = on_axis(p, BASE, TOP)
    return (t >= 0) & (t <= 1) & (off <= 0.35)


def in_cone(p):
    t, off = on_axis(p, BASE, TOP)
    return (t >= 0) & (t <= 1) & (off <= 0.5 * (1 - t))


def in_prism(sides):
    return lambda p: (
        (p[..., 2] >= 0.2) & (p[..., 2] <= 1.1) & in_polygon(p[..., 0] - 0.1, p[..., 1] + 0.3, 0.5, sides, 20.0)
    )


def in_pyramid(p):
    height = (p[..., 2] - 0.2) / 0.9
    shrunk = 0.6 * np.maximum(1 - height, 1e-9)
    x, y = (p[..., 0] - 0.1) / shrunk, (p[..., 1] + 0.3) / shrunk
    return (height >= 0) & (height <= 1) & in_polygon(x, y, 1.0, 4, 20.0)


SOLIDS = {
    "ball": (ball(BASE, 0.5), lambda p: np.linalg.norm(p - BASE, axis=-1) <= 0.5),
    "cylinder": (cylinder(BASE, TOP, 0.35), in_cylinder),
    "cone": (cone(BASE, TOP, 0.5), in_cone),
    "prism": (prism(BASE, 0.9, 0.5, 6, 20.0), in_prism(6)),
    "cube": (prism(BASE, 0.9, 0.5, 4, 20.0), in_prism(4)),
    "pyramid": (pyramid(BASE, 0.9, 0.6, 4, 20.0), in_pyramid),
}
STEPS = np.linspace(0, 8, 4001)


@pytest.fixture(params=SOLIDS)
def solid(request):
    return SOLIDS[request.param]


@pytest.mark.parametrize("view", [VIEW, camera(-70.0, 0.9, 3.0, (0.1, -0.2, 0.4), 70.0)])
def test_a_ray_enters_and_leaves_where_the_points_along_it_do(solid, view):
    solid, inside = solid
    rays = view.rays(SIZE)
    near, far, _ = span(solid, view.eye, rays)
    points = np.array(view.eye) + STEPS[:, None, None, None] * np.stack(rays, axis=-1)
    within = inside(points)
    hit = within.any(axis=0)
    assert 0.02 < hit.mean() < 0.9
    assert np.mean(hit != (near <= far)) < 0.01  # rays that graze
    both = hit & (near <= far)
    step = STEPS[1]
    np.testing.assert_allclose(near[both], STEPS[within.argmax(axis=0)][both], atol=1.1 * step)
    np.testing.assert_allclose(far[both], STEPS[len(STEPS) - 1 - within[::-1].argmax(axis=0)][both], atol=1.1 * step)


def test_normals_point_outwards_by_one(solid):
    solid, inside = solid
    rays = np.stack(VIEW.rays(SIZE), axis=-1)
    hits = first_hits([solid], VIEW, VIEW.rays(SIZE))
    seen = hits.solid == 0
    normal = np.stack(hits.normal, axis=-1)[seen].astype(float)
    point = np.array(VIEW.eye) + hits.distance[seen][:, None] * rays[seen]
    np.testing.assert_allclose(np.linalg.norm(normal, axis=1), 1, atol=1e-5)
    assert (np.sum(normal * rays[seen], axis=1) < 1e-4).all()
    assert not inside(point + 1e-3 * normal).any()
    assert np.mean(inside(point - 1e-3 * normal)) > 0.97  # not at an edge


def test_a_window_loses_no_ray(solid):
    solid, _ = solid
    rays = VIEW.rays(96)
    near, far, _ = span(solid, VIEW.eye, rays)
    np.testing.assert_array_equal(first_hits([solid], VIEW, rays).solid == 0, (near <= far) & (near > 0))


def test_the_nearer_solid_hides_the_farther_whatever_their_order():
    solids = [solid for solid, _ in SOLIDS.values()]
    rays = VIEW.rays(SIZE)
    one, other = (first_hits(order, VIEW, rays) for order in (solids, solids[::-1]))
    alone = np.stack([first_hits([solid], VIEW, rays).distance for solid in solids])
    np.testing.assert_array_equal(one.distance, alone.min(axis=0))
    np.testing.assert_array_equal(other.distance, one.distance)


def test_a_camera_looks_at_its_target_from_its_side():
    rays = np.stack(camera(-30.0, 2.0, 1.5, (0.5, 0.25, 0.1), 40.0).rays(SIZE), axis=-1)
    eye = np.array(camera(-30.0, 2.0, 1.5, (0.5, 0.25, 0.1), 40.0).eye)
    assert eye[0] < 0.5
    np.testing.assert_allclose(np.hypot(*(eye[:2] - (0.5, 0.25))), 2, rtol=1e-6)
    middle = rays.mean(axis=(0, 1))
    np.testing.assert_allclose(np.cross(middle, np.array((0.5, 0.25, 0.1)) - eye), 0, atol=1e-5)
    left, right = rays[12, 0], rays[12, -1]
    assert np.cross(left, right)[2] < 0  # from left to right is clockwise, as seen from above
    top, bottom = rays[0].mean(axis=0), rays[-1].mean(axis=0)
    across = (SIZE - 1) / SIZE  # rays are at the middle of samples
    angle = math.acos(top @ bottom / np.linalg.norm(top) / np.linalg.norm(bottom))
    assert math.tan(angle / 2) == pytest.approx(across * math.tan(math.radians(20)), rel=1e-5)


def test_the_shadow_of_a_ball_below_a_small_lamp_is_the_disc_of_its_tangents():
    height, centre, radius = 5.0, 1.2, 0.4
    x, y = np.meshgrid(np.linspace(-1, 1, 201, dtype=np.float32), np.linspace(-1, 1, 201, dtype=np.float32))
    floor = (x, y, np.zeros_like(x))
    above = tuple(np.full_like(x, value) for value in (0, 0, height))
    dark = ~lit([ball((0.0, 0.0, centre), radius)], floor, above)
    edge = height * math.tan(math.asin(radius / (height - centre)))
    off = np.hypot(x, y)
    np.testing.assert_array_equal(dark[abs(off - edge) > 1e-4], (off < edge)[abs(off - edge) > 1e-4])


def test_the_shadow_of_a_block_is_what_the_points_on_the_way_to_the_lamp_say(solid):
    solid, inside = solid
    x, y = np.meshgrid(np.linspace(-1.5, 1.5, 30, dtype=np.float32), np.linspace(-1.5, 1.5, 30, dtype=np.float32))
    floor, place = (x, y, np.zeros_like(x)), tuple(np.full_like(x, value) for value in (-1, 0.5, 3))
    start, end = np.stack(floor, axis=-1), np.stack(place, axis=-1)
    steps = np.linspace(0, 1, 2000)[:, None, None, None]
    expected = ~inside(start + steps * (end - start)).any(axis=0)
    assert 0.5 < expected.mean() < 0.99
    assert np.mean(lit([solid], floor, place) != expected) < 0.01


def test_what_is_behind_the_lamp_throws_no_shadow():
    point, place = (
        tuple(np.array([[v]], np.float32) for v in (0, 0, 0)),
        tuple(np.array([[v]], np.float32) for v in (0, 0, 1)),
    )
    assert lit([ball((0.0, 0.0, 1.5), 0.3)], point, place).all()
    assert lit([ball((0.0, 0.0, -1.5), 0.3)], point, place).all()
    assert not lit([ball((0.0, 0.0, 0.5), 0.3)], point, place).any()


def test_each_pixel_sees_the_whole_lamp():
    x, y, z = lamp((1.0, 2.0, 3.0), 0.8, 4, 5)
    corners = {tuple(np.round(p, 5)) for p in zip(x[4:8, 8:12].ravel(), y[4:8, 8:12].ravel(), strict=True)}
    assert len(corners) == 16
    np.testing.assert_allclose([x.min(), x.max(), y.min(), y.max()], [0.7, 1.3, 1.7, 2.3], rtol=1e-6)
    assert (z == 3).all()


def test_a_mirror_shines_where_it_reflects_the_lamp():
    rays = tuple(np.array([v], np.float32) for v in (1, 0, -1))
    up = tuple(np.array([v], np.float32) for v in (0, 0, 1))
    reflected = tuple(np.array([v / math.sqrt(2)], np.float32) for v in (1, 0, 1))
    assert shine(rays, reflected, up) == pytest.approx(1, abs=1e-5)
    assert shine(rays, up, up) == pytest.approx(math.cos(math.radians(22.5)) ** 32, rel=1e-4)


def test_the_mean_over_a_pixel_keeps_the_mean():
    samples = np.random.default_rng(0).random((8, 12, 3), np.float32)
    assert averaged(samples, 4).shape == (2, 3, 3)
    np.testing.assert_allclose(averaged(samples, 4)[1, 2], samples[4:8, 8:12].mean(axis=(0, 1)), rtol=1e-6)
