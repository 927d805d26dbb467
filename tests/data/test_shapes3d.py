"""Shapes3D's HDF5 file on a smaller grid: read in C order of the factors, or refused in one line."""

import hashlib
import re
from dataclasses import replace

import h5py
import numpy as np
import pytest

from benchmarks.archives import ROOM, room_arrays, save_rooms
from tcwae.data import shapes3d
from tcwae.data.archives import ARCHIVES
from tcwae.data.prepared import factor_grid

from .samples import joined, refusal


def test_the_factors_are_those_of_the_published_set():
    """disentanglement_lib's grid; all factors are scored."""
    assert shapes3d.FACTOR_SIZES == (10, 10, 10, 8, 4, 15)
    assert np.prod(shapes3d.FACTOR_SIZES) == 480_000
    assert shapes3d.PUBLISHED["shapes3d"].latent_factor_indices == tuple(range(6))


@pytest.mark.parametrize("slab", [1, 7, 24, 4096])
def test_slabs_of_any_size_join_without_a_seam(tmp_path, monkeypatch, slab):
    monkeypatch.setattr(shapes3d, "_SLAB", slab)
    path = save_rooms(tmp_path / "3dshapes.h5", **room_arrays())
    blocks = shapes3d.read_hdf5(path, ROOM)
    np.testing.assert_array_equal(joined(blocks), room_arrays()["images"])


def test_a_file_without_chunks_is_read_as_well(tmp_path):
    with h5py.File(tmp_path / "3dshapes.h5", "w") as file:
        file.update(room_arrays())
    np.testing.assert_array_equal(joined(shapes3d.read_hdf5(tmp_path / "3dshapes.h5", ROOM)), room_arrays()["images"])


def test_only_the_published_file_is_read(tmp_path, monkeypatch):
    path = save_rooms(tmp_path / "3dshapes.h5", **room_arrays())
    monkeypatch.setattr(shapes3d, "FACTOR_SIZES", ROOM)
    published = ARCHIVES["shapes3d"][0]
    message = refusal(lambda: shapes3d.read(path))
    assert f"expected 3dshapes.h5 of 267573662 bytes, sha256 {published.sha256}, found" in message
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setitem(ARCHIVES, "shapes3d", (replace(published, sha256=sha256),))
    prepared = shapes3d.read(path)
    assert (prepared.name, prepared.source) == ("shapes3d", "real")
    assert prepared.factor_names == ("floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation")
    assert prepared.provenance == {"archive": "3dshapes.h5", "archive_sha256": sha256}
    np.testing.assert_array_equal(prepared.factors, factor_grid(ROOM))


def labels(change):
    changed = room_arrays()["labels"]
    change(changed)
    return {"labels": changed}


WRONG = [
    ({"images": room_arrays()["images"][:-1]}, r"shape \(95, 64, 64, 3\)"),
    ({"images": room_arrays()["images"][..., :1]}, r"shape \(96, 64, 64, 1\)"),
    ({"images": room_arrays()["images"].astype(np.uint16)}, "<u2"),
    ({"labels": room_arrays()["labels"].astype(np.float32)}, "<f4"),
    ({"labels": room_arrays()["labels"][:, 1:]}, r"shape \(96, 5\)"),
    ({"labels": room_arrays()["labels"][::-1]}, "values of floor_hue that are not in C order"),
    (labels(lambda all: all[0].fill(np.nan)), "values of floor_hue"),
    (labels(lambda all: all[7:8, 4].fill(4)), "3 values of shape, not 2"),
    (labels(lambda all: all[:, 5].fill(0)), "1 values of orientation, not 3"),
]


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_other_arrays_are_refused(tmp_path, change, message):
    path = save_rooms(tmp_path / "3dshapes.h5", **(room_arrays() | change))
    assert re.search(message, refusal(lambda: shapes3d.read_hdf5(path, ROOM)))


@pytest.mark.parametrize("name", ["images", "labels"])
def test_a_missing_array_and_a_group_in_its_place_are_refused(tmp_path, name):
    path = save_rooms(tmp_path / "3dshapes.h5", **room_arrays())
    with h5py.File(path, "r+") as file:
        del file[name]
    assert name in refusal(lambda: shapes3d.read_hdf5(path, ROOM))
    with h5py.File(path, "r+") as file:
        file.create_group(name)
    assert "group" in refusal(lambda: shapes3d.read_hdf5(path, ROOM))


def test_damaged_files_are_refused(tmp_path, survives, monkeypatch):
    """HDF5 has no checksum of its own here: the published one of the whole file keeps damage out."""
    path = save_rooms(tmp_path / "3dshapes.h5", **room_arrays())
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setitem(ARCHIVES, "shapes3d", (replace(ARCHIVES["shapes3d"][0], sha256=sha256),))
    assert survives(path, lambda: shapes3d.read(path), None, 100) == 100
