"""Cars3D's tar.gz made small: cars in the order of the list, reduced as disentanglement_lib does, or refused in one line."""

import gzip
import hashlib
import io
import re
import struct
import tarfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy.io import loadmat

from benchmarks.archives import CARS, car_members, matlab, tarred
from tcwae.data import cars3d
from tcwae.data.archives import ARCHIVES
from tcwae.data.prepared import factor_grid

from .samples import refusal

MATS = sorted(name for name in car_members() if "/cars/" in name and name.endswith(".mat"))


def archive(tmp_path, **changes):
    return tarred(tmp_path / "nips2015-analogy-data.tar.gz", car_members() | changes)


def expected():
    """Image by image, in C order of elevation, azimuth and car, from the files as scipy reads them."""
    members = car_members()
    cars = [loadmat(io.BytesIO(members[f"data/cars/{name}.mat"]))["im"] for name in listed()]
    images = []
    for elevation, azimuth, car in np.ndindex(CARS):
        picture = Image.fromarray(np.ascontiguousarray(cars[car][:, :, :, azimuth, elevation]))
        picture.thumbnail((64, 64), Image.Resampling.LANCZOS)
        images.append(np.asarray(picture))
    return np.array(images)


def listed():
    return car_members()["data/cars/list.txt"].decode().split()


def test_the_factors_are_those_of_the_published_set():
    assert cars3d.FACTOR_SIZES == (4, 24, 183)
    assert np.prod(cars3d.FACTOR_SIZES) == 17_568
    assert cars3d.PUBLISHED["cars3d"].latent_factor_indices == (0, 1, 2)


def test_the_list_orders_the_cars_and_neither_their_names_nor_the_archive(tmp_path):
    assert listed() != sorted(listed())
    assert [name for name in car_members() if name in MATS] != [f"data/cars/{name}.mat" for name in listed()]
    np.testing.assert_array_equal(cars3d.read_tar(archive(tmp_path), CARS, processes=1), expected())


def test_two_processes_and_members_with_a_leading_dot_give_the_same(tmp_path):
    members = {f"./{name}": whole for name, whole in car_members().items()}
    path = tarred(tmp_path / "cars.tar.gz", members)
    np.testing.assert_array_equal(cars3d.read_tar(path, CARS, processes=2), expected())


def test_only_the_published_archive_is_read(tmp_path, monkeypatch):
    path = archive(tmp_path)
    monkeypatch.setattr(cars3d, "FACTOR_SIZES", CARS)
    published = ARCHIVES["cars3d"][0]
    assert f"md5 {published.md5}, found" in refusal(lambda: cars3d.read(path, processes=1))
    md5, sha256 = (hashlib.new(kind, path.read_bytes()).hexdigest() for kind in ("md5", "sha256"))
    monkeypatch.setitem(ARCHIVES, "cars3d", (replace(published, md5=md5),))
    prepared = cars3d.read(path, processes=1)
    assert (prepared.name, prepared.factor_names) == ("cars3d", ("elevation", "azimuth", "object_type"))
    assert prepared.provenance == {"archive": path.name, "archive_sha256": sha256, "resize": "Lanczos, 128 to 64"}
    np.testing.assert_array_equal(prepared.factors, factor_grid(CARS))
    np.testing.assert_array_equal(prepared.images, expected())


def car(shape=(128, 128, 3, 3, 2), name="im", compressed=True):
    return matlab({name: np.zeros(shape, np.uint8)}, compressed)


DOUBLES = struct.pack("<2I", 9, 0), struct.pack("<2I", 6, 0)
LIST = "\n".join(listed()).encode()
WRONG = [
    ({MATS[0]: car((128, 128, 3, 3, 3))}, r"expected 2 elevations and 3 azimuths, found \(3, 3, 64, 64, 3\)"),
    ({MATS[0]: car((64, 64, 3, 3, 2))}, r"found: im of shape \(64, 64, 3, 3, 2\)"),
    ({MATS[0]: car((128, 128, 3, 6))}, r"found: im of shape \(128, 128, 3, 6\)"),
    ({MATS[0]: car(name="images")}, "found: no variable im"),
    ({MATS[0]: b""}, "expected a MATLAB 5 file"),
    ({MATS[0]: b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(512)}, "expected a MATLAB 5 file"),
    ({MATS[0]: car()[:-100]}, "expected a MATLAB 5 file"),
    ({MATS[0]: car(compressed=False).replace(*DOUBLES)}, "found: im of class 6"),
    ({"data/cars/list.txt": b""}, "list.txt with 0 lines"),
    ({"data/cars/list.txt": LIST + b"\nmore"}, "list.txt with 5 lines"),
    ({"data/cars/list.txt": LIST.replace(b"007", b"000")}, "4 lines, 3 of them different"),
    ({"data/cars/list.txt": LIST.replace(b"007", b"009")}, r"0 files data/cars/car_009_mesh\.mat"),
    ({"data/cars/list.txt": b"\xff\xfe"}, "ascii"),
    ({f"./{MATS[0]}": car()}, "2 files data/cars/"),
]


@pytest.mark.parametrize(("changes", "message"), WRONG)
def test_wrong_members_are_refused(tmp_path, changes, message):
    path = archive(tmp_path, **changes)
    assert re.search(message, refusal(lambda: cars3d.read_tar(path, CARS, processes=1)))


@pytest.mark.parametrize("gone", [MATS[0], "data/cars/list.txt"])
def test_a_missing_member_and_a_link_in_its_place_are_refused(tmp_path, gone):
    rest = {name: whole for name, whole in car_members().items() if name != gone}
    path = tarred(tmp_path / "cars.tar.gz", rest)
    assert gone in refusal(lambda: cars3d.read_tar(path, CARS, processes=1))
    (tmp_path / "cars.tar").write_bytes(gzip.decompress(path.read_bytes()))
    with tarfile.open(tmp_path / "cars.tar", "a") as tar:
        link = tarfile.TarInfo(gone)
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    path.write_bytes(gzip.compress((tmp_path / "cars.tar").read_bytes()))
    assert gone in refusal(lambda: cars3d.read_tar(path, CARS, processes=1))


def test_damage_behind_the_last_car_is_noticed(tmp_path):
    """gzip's checksum, at the end of the file."""
    path = archive(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-8] + bytes(8))
    assert "CRC" in refusal(lambda: cars3d.read_tar(path, CARS, processes=1))


def test_damaged_archives_are_refused_or_read_right(tmp_path, survives):
    path, right = archive(tmp_path), expected()

    def read():
        return cars3d.read_tar(path, CARS, processes=1)

    assert survives(path, read, lambda images: np.testing.assert_array_equal(images, right), 60) > 50
