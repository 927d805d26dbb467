"""smallNORB's six files, made small but with the published headers: read right or refused."""

import gzip
import hashlib
import re
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.archives import TOY_FILES, TOYS, matrix, toy_arrays
from tcwae.data import smallnorb
from tcwae.data.archives import ARCHIVES
from tcwae.data.prepared import factor_grid
from tcwae.errors import InputError


@pytest.fixture
def files(tmp_path):
    """The paths of the six files, and the images they must give."""
    arrays, expected = toy_arrays()
    for name in TOY_FILES:
        (tmp_path / name).write_bytes(gzip.compress(matrix(arrays[name]), 1))
    return [tmp_path / name for name in TOY_FILES], expected


def test_the_header_is_the_published_one():
    """The sizes of the unpacked files that four loaders state."""
    head = matrix(np.zeros((0, 2, 96, 96), np.uint8), shape=(24300, 2, 96, 96))
    assert len(head) + 24300 * 2 * 96 * 96 == 447897624
    assert head[:8] == bytes.fromhex("554c3d1e04000000")
    assert len(matrix(np.zeros(24300, np.int32))) == 97220
    assert len(matrix(np.zeros((24300, 4), np.int32))) == 388820


def test_the_first_camera_in_the_order_of_the_factors(files):
    paths, expected = files
    np.testing.assert_array_equal(smallnorb.read_matrices(paths, TOYS), expected)


@pytest.mark.parametrize("given", ["folder", "list"])
def test_the_published_files_are_read_from_a_folder_or_a_list(files, monkeypatch, given):
    paths, expected = files
    seen = [
        replace(published, sha256=hashlib.sha256(path.read_bytes()).hexdigest(), size=path.stat().st_size)
        for published, path in zip(ARCHIVES["smallnorb"], paths, strict=True)
    ]
    monkeypatch.setitem(ARCHIVES, "smallnorb", tuple(seen))
    monkeypatch.setattr(smallnorb, "FACTOR_SIZES", TOYS)
    prepared = smallnorb.read(paths[0].parent if given == "folder" else paths[::-1])
    np.testing.assert_array_equal(prepared.images, expected)
    np.testing.assert_array_equal(prepared.factors, factor_grid(TOYS))
    assert prepared.latent_factor_indices == (0, 2, 3, 4)
    assert prepared.provenance["archive_sha256"] == " ".join(one.sha256 for one in seen)
    paths[4].unlink()
    with pytest.raises(InputError, match=r"found no smallnorb.*testing-cat\.mat\.gz$"):
        smallnorb.read(paths[0].parent)


def test_other_files_than_the_published_are_refused(files):
    with pytest.raises(InputError, match=r"training-dat.mat.gz: expected .* sha256 5ffd6272.*found \d+ bytes"):
        smallnorb.read(files[0][0].parent)


WRONG = [
    (0, lambda a: matrix(a.astype(np.float32)), "0x1e3d4c51"),
    (0, lambda a: matrix(a, magic=7), "0x7"),
    (0, lambda a: matrix(a, shape=(16, 2, 64, 144)), r"\(16, 2, 64, 144\)"),
    (0, lambda a: matrix(a[:, 0]), "3 dimensions"),
    (0, lambda a: matrix(a) + b"\0", "more bytes"),
    (0, lambda a: matrix(a)[:-1], "fewer bytes"),
    (0, lambda a: b"", "fewer bytes"),
    (1, lambda a: matrix(a + 1), "below"),
    (1, lambda a: matrix(a * 0), "each combination"),
    (1, lambda a: matrix(a - 5), "below"),
    (2, lambda a: matrix(a + 1), "20 degrees"),
    (2, lambda a: matrix(a[:, :3]), r"\(16, 3\)"),
]


@pytest.mark.parametrize(("which", "change", "message"), WRONG)
def test_wrong_matrices_are_refused(files, which, change, message):
    arrays, _ = toy_arrays()
    paths, _ = files
    paths[which].write_bytes(gzip.compress(change(arrays[TOY_FILES[which]]), 1))
    with pytest.raises(InputError) as caught:
        smallnorb.read_matrices(paths, TOYS)
    assert re.search(message, str(caught.value))
    assert "\n" not in str(caught.value)


def test_files_that_are_not_gzip_are_refused(files):
    paths, _ = files
    for whole in (b"", b"hello", matrix(toy_arrays()[0][TOY_FILES[0]])):
        paths[0].write_bytes(whole)
        with pytest.raises(InputError, match=r"expected a matrix of type <u1 and shape \(16, 2, 96, 96\)"):
            smallnorb.read_matrices(paths, TOYS)
    paths[0].unlink()
    with pytest.raises(FileNotFoundError):
        smallnorb.read_matrices(paths, TOYS)


@pytest.mark.parametrize("which", range(6))
def test_damaged_files_are_refused_or_read_right(files, survives, which):
    paths, expected = files

    def check(images):
        np.testing.assert_array_equal(images, expected)

    assert survives(paths[which], lambda: smallnorb.read_matrices(paths, TOYS), check, 35) > 20
