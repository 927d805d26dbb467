"""3Dchairs' tar: found, cropped, reduced and put in order right, or refused in one line."""

import hashlib
import re

import numpy as np
import pytest

from benchmarks.archives import CHAIRS, chair_members, picture, tarred
from tcwae.data import chairs3d

from .samples import LANCZOS, joined, refusal, same


def chair_images(crop=None):
    """Sorted by chair, azimuth and elevation."""
    images = []
    for c in (1, 0):
        for a in range(3):
            for e in range(2):
                image = picture(100 * c + 10 * e + a, (600, 600))
                image = image if crop is None else image.crop((100, 100, 500, 500))
                images.append(np.asarray(image.resize((64, 64), LANCZOS)))
    return np.array(images)


def test_azimuths_are_those_of_the_archive():
    published = (0, 11, 23, 34, 46, 58, 69, 81, 92, 104, 116, 127, 139, 150, 162, 174)
    published += (185, 197, 209, 220, 232, 243, 255, 267, 278, 290, 301, 313, 325, 336, 348)
    assert [f"{azimuth:03}" for azimuth in published] == chairs3d._AZIMUTHS


@pytest.mark.parametrize(("crop", "expected"), [("squash", None), ("400", 400)])
def test_chairs_come_in_the_order_of_their_factors(tmp_path, crop, expected):
    path = tarred(tmp_path / "rendered_chairs.tar", chair_members())
    images = joined(chairs3d.read_tar(path, CHAIRS, crop, processes=1))
    np.testing.assert_array_equal(images, chair_images(expected))


def test_another_checksum_of_the_chairs_is_told_and_not_refused(tmp_path, monkeypatch):
    path = tarred(tmp_path / "rendered_chairs.tar", chair_members())
    monkeypatch.setattr(chairs3d, "FACTOR_SIZES", CHAIRS)
    with pytest.warns(UserWarning, match="7941bff4d19665ed2dd8c82e88293e1b"):
        prepared = chairs3d.read(path, processes=1)
    assert prepared.latent_factor_indices == ()
    assert prepared.provenance["archive_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    np.testing.assert_array_equal(joined(prepared.images), chair_images())


def test_missing_and_misnamed_chairs_are_refused(tmp_path):
    members = chair_members()
    gone = next(iter(members))
    rest = {name: whole for name, whole in members.items() if name != gone}
    for others in (rest, rest | {gone.replace("t000", "t007"): members[gone]}, rest | {gone + "~": members[gone]}):
        path = tarred(tmp_path / "chairs.tar", others)
        message = refusal(lambda path=path: chairs3d.read_tar(path, CHAIRS, "squash"))
        assert re.search("expected 2 chairs in 6 views each, found 2, 1 of them with other views", message)


def test_chairs_of_another_size_are_refused(tmp_path):
    path = tarred(tmp_path / "chairs.tar", chair_members((64, 64)))
    assert "64 x 64" in refusal(lambda: joined(chairs3d.read_tar(path, CHAIRS, "squash", processes=1)))


def test_damaged_tars_of_chairs_are_refused_or_read_right(tmp_path, survives):
    path = tarred(tmp_path / "chairs.tar", {name: whole for name, whole in chair_members().items() if "_t000_" in name})

    def read():
        return joined(chairs3d.read_tar(path, (2, 1, 2), "squash", processes=1))

    assert survives(path, read, same(read()), 120) > 40
