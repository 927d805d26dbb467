"""MPI3D's npz on a smaller grid: both shapes of the array and the older size, read as a stream or refused in one line."""

import hashlib
import re
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.archives import ARM, arm_images, zipped
from tcwae.config.datasets import PUBLISHED
from tcwae.data import mpi3d
from tcwae.data.archives import ARCHIVES
from tcwae.data.prepared import factor_grid

from .samples import joined, npy, refusal, same

OLDER = (2, 2, *ARM[2:])
FLAT = (72 * 2, 64, 64, 3)
VARIANTS = ("mpi3d_toy", "mpi3d_realistic", "mpi3d_real")


@pytest.fixture
def small(monkeypatch):
    """The published grids are as small as the tests' arrays."""
    monkeypatch.setattr(mpi3d, "FACTOR_SIZES", ARM)
    monkeypatch.setattr(mpi3d, "OLDER_SIZES", OLDER)


def images(grid=ARM):
    return arm_images(grid).reshape(-1, 64, 64, 3)


def saved(tmp_path, array, save=np.savez_compressed):
    save(tmp_path / "mpi3d.npz", images=array)
    return tmp_path / "mpi3d.npz"


def known(monkeypatch, name, path):
    """Make the file at `path` the published one."""
    md5 = hashlib.md5(path.read_bytes()).hexdigest()
    monkeypatch.setitem(ARCHIVES, name, (replace(ARCHIVES[name][0], md5=md5),))


def test_the_factors_are_those_of_the_published_sets():
    """Seven factors, all scored; the older toy set has 460,800 images."""
    assert np.prod(mpi3d.FACTOR_SIZES) == 1_036_800
    assert np.prod(mpi3d.OLDER_SIZES) == 460_800
    assert all(PUBLISHED[name].latent_factor_indices == tuple(range(7)) for name in VARIANTS)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("shape", [FLAT, (*ARM, 64, 64, 3)])
@pytest.mark.parametrize("step", [1, 50, 1024])
def test_both_shapes_give_the_images_in_order(tmp_path, monkeypatch, shape, save, step):
    monkeypatch.setattr(mpi3d, "_STEP", step)
    path = saved(tmp_path, images().reshape(shape), save)
    sizes, blocks = mpi3d.read_npz(path, [ARM], "MPI3D")
    assert sizes == ARM
    np.testing.assert_array_equal(joined(blocks), images())


@pytest.mark.parametrize("name", VARIANTS)
def test_only_the_published_files_are_read(small, tmp_path, monkeypatch, name):
    path = saved(tmp_path, images())
    published = ARCHIVES[name][0]
    assert f"expected {name}.npz, md5 {published.md5}, found" in refusal(lambda: mpi3d.read(name, path))
    known(monkeypatch, name, path)
    prepared = mpi3d.read(name, path)
    assert (prepared.name, prepared.source, prepared.factor_sizes) == (name, "real", ARM)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert prepared.provenance == {"archive": "mpi3d.npz", "archive_sha256": sha256}
    np.testing.assert_array_equal(prepared.factors, factor_grid(ARM))
    np.testing.assert_array_equal(joined(prepared.images), images())


@pytest.mark.parametrize("name", ["mpi3d_toy", "mpi3d_realistic"])
def test_the_older_rendered_sets_are_read_with_a_warning(small, tmp_path, name):
    path = saved(tmp_path, images(OLDER))
    with pytest.warns(UserWarning, match="2 colours and 2 shapes; no checksum of it is known"):
        prepared = mpi3d.read(name, path)
    assert prepared.factor_sizes == OLDER
    np.testing.assert_array_equal(joined(prepared.images), images(OLDER))


def test_there_are_no_older_photographs(small, tmp_path):
    message = refusal(lambda: mpi3d.read("mpi3d_real", saved(tmp_path, images(OLDER))))
    assert "uint8 (144, 64, 64, 3), found: images of type uint8 and shape (64, 64, 64, 3)" in message


WRONG = [
    (images()[:-1], r"shape \(143, 64, 64, 3\)"),
    (images()[..., 0], r"shape \(144, 64, 64\)"),
    (images().reshape(*ARM[::-1], 64, 64, 3), "shape"),
    (images().astype(np.float32), "float32"),
    (images().astype(np.int8), "int8"),
    (np.asfortranarray(images()), "in Fortran order"),
]


@pytest.mark.parametrize(("array", "message"), WRONG)
def test_other_arrays_are_refused(tmp_path, array, message):
    path = saved(tmp_path, array)
    assert re.search(message, refusal(lambda: mpi3d.read_npz(path, [ARM], "MPI3D")))


def test_another_key_is_refused(tmp_path):
    np.savez(tmp_path / "mpi3d.npz", imgs=images())
    assert "images.npy" in refusal(lambda: mpi3d.read_npz(tmp_path / "mpi3d.npz", [ARM], "MPI3D"))


def test_more_and_fewer_bytes_than_the_header_says_are_refused(tmp_path):
    whole = npy(images())
    for other in (whole + b"\0", whole[:-1]):
        path = zipped(tmp_path / "mpi3d.npz", {"images.npy": other})
        assert "bytes" in refusal(lambda path=path: mpi3d.read_npz(path, [ARM], "MPI3D"))


def test_files_beyond_4_gb_are_read_by_their_64_bit_headers(tmp_path):
    """An npz of 12 GB has sizes that only zip64 holds; numpy writes its extra field whatever the size."""
    path = saved(tmp_path, images(), np.savez)
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("images.npy").file_size == len(npy(images()))
    head = path.read_bytes()[:64]
    assert head[18:26] == b"\xff" * 8
    np.testing.assert_array_equal(joined(mpi3d.read_npz(path, [ARM], "MPI3D")[1]), images())


def test_damaged_files_are_refused_or_read_right(tmp_path, survives):
    path = saved(tmp_path, images())

    def read():
        return joined(mpi3d.read_npz(path, [ARM], "MPI3D")[1])

    assert survives(path, read, same(images()), 100) > 60
