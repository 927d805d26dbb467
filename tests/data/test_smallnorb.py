"""smallNORB's six files, made small but with the published headers: read right or refused."""

import gzip
import hashlib
import re
import struct
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tcwae.data import smallnorb
from tcwae.data.archives import ARCHIVES
from tcwae.data.prepared import factor_grid
from tcwae.errors import InputError

SIZES = (2, 2, 2, 2, 2)
NAMES = [published.name for published in ARCHIVES["smallnorb"]]
MAGIC = {"uint8": 0x1E3D4C55, "int32": 0x1E3D4C54, "float32": 0x1E3D4C51}


def matrix(array, magic=None, shape=None):
    """A matrix in the format of the set, as http://www.cs.nyu.edu/~ylclab/data/norb-v1.0-small/ describes it."""
    shape = array.shape if shape is None else shape
    dims = [*shape, *[1] * (3 - len(shape))]
    head = struct.pack(f"<{2 + len(dims)}i", MAGIC[str(array.dtype)] if magic is None else magic, len(shape), *dims)
    return head + array.tobytes()


def content():
    """Pairs of images in a random order with their labels: {file: array}, and what must come out."""
    random = np.random.default_rng(0)
    factors = random.permutation(factor_grid(SIZES)).astype(np.int32)
    smooth = random.integers(0, 256, (len(factors), 2, 8, 8), np.uint8).repeat(12, axis=2).repeat(12, axis=3)
    small = [np.asarray(Image.fromarray(pair[0]).resize((64, 64), Image.Resampling.LANCZOS)) for pair in smooth]
    expected = np.zeros((*SIZES, 64, 64, 1), np.uint8)
    expected[tuple(factors.T)] = np.array(small)[..., None]
    rest = factors[:, 1:] * [1, 1, 2, 1]
    arrays = {}
    for half, names in zip((slice(0, 16), slice(16, 32)), (NAMES[:3], NAMES[3:]), strict=True):
        arrays |= dict(zip(names, (smooth[half], factors[half, 0], rest[half].astype(np.int32)), strict=True))
    return arrays, expected.reshape(-1, 64, 64, 1)


@pytest.fixture
def files(tmp_path):
    """The paths of the six files, and the images they must give."""
    arrays, expected = content()
    for name in NAMES:
        (tmp_path / name).write_bytes(gzip.compress(matrix(arrays[name]), 1))
    return [tmp_path / name for name in NAMES], expected


def test_the_header_is_the_published_one():
    """The sizes of the unpacked files that four loaders state."""
    head = matrix(np.zeros((0, 2, 96, 96), np.uint8), shape=(24300, 2, 96, 96))
    assert len(head) + 24300 * 2 * 96 * 96 == 447897624
    assert head[:8] == bytes.fromhex("554c3d1e04000000")
    assert len(matrix(np.zeros(24300, np.int32))) == 97220
    assert len(matrix(np.zeros((24300, 4), np.int32))) == 388820


def test_the_first_camera_in_the_order_of_the_factors(files):
    paths, expected = files
    np.testing.assert_array_equal(smallnorb.read_matrices(paths, SIZES), expected)


@pytest.mark.parametrize("given", ["folder", "list"])
def test_the_published_files_are_read_from_a_folder_or_a_list(files, monkeypatch, given):
    paths, expected = files
    seen = [
        replace(published, sha256=hashlib.sha256(path.read_bytes()).hexdigest(), size=path.stat().st_size)
        for published, path in zip(ARCHIVES["smallnorb"], paths, strict=True)
    ]
    monkeypatch.setitem(ARCHIVES, "smallnorb", tuple(seen))
    monkeypatch.setattr(smallnorb, "FACTOR_SIZES", SIZES)
    prepared = smallnorb.read(paths[0].parent if given == "folder" else paths[::-1])
    np.testing.assert_array_equal(prepared.images, expected)
    np.testing.assert_array_equal(prepared.factors, factor_grid(SIZES))
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
    arrays, _ = content()
    paths, _ = files
    paths[which].write_bytes(gzip.compress(change(arrays[NAMES[which]]), 1))
    with pytest.raises(InputError) as caught:
        smallnorb.read_matrices(paths, SIZES)
    assert re.search(message, str(caught.value))
    assert "\n" not in str(caught.value)


def test_files_that_are_not_gzip_are_refused(files):
    paths, _ = files
    for whole in (b"", b"hello", matrix(content()[0][NAMES[0]])):
        paths[0].write_bytes(whole)
        with pytest.raises(InputError, match=r"expected a matrix of type <u1 and shape \(16, 2, 96, 96\)"):
            smallnorb.read_matrices(paths, SIZES)
    paths[0].unlink()
    with pytest.raises(FileNotFoundError):
        smallnorb.read_matrices(paths, SIZES)


@pytest.mark.parametrize("which", range(6))
def test_damaged_files_are_refused_or_read_right(files, survives, which):
    paths, expected = files

    def check(images):
        np.testing.assert_array_equal(images, expected)

    assert survives(paths[which], lambda: smallnorb.read_matrices(paths, SIZES), check, 35) > 20
