"""Arrays of your own in an npz, as people save them: read right, or refused with what to do."""

import re

import numpy as np
import pytest

from tcwae.data import arrays, own
from tcwae.data.prepare import prepare
from tcwae.data.prepared import read

from .samples import joined, own_arrays, refusal, zipped


def without(*names):
    return {name: array for name, array in own_arrays().items() if name not in names}


def saved(tmp_path, **content):
    np.savez(tmp_path / "mine.npz", **content)
    return tmp_path / "mine.npz"


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_own_arrays_are_prepared(tmp_path, save):
    save(tmp_path / "mine.npz", **own_arrays())
    prepare("npz", "real", tmp_path / "mine.h5", tmp_path / "mine.npz", name="toys")
    prepared = read(tmp_path / "mine.h5")
    np.testing.assert_array_equal(prepared.images, own_arrays()["images"])
    np.testing.assert_array_equal(prepared.factors, np.stack([np.arange(10) % 2, np.arange(10) // 2], axis=1))
    assert (prepared.name, prepared.factor_names, prepared.factor_sizes) == ("toys", ("kind", "größe"), (2, 5))
    assert prepared.latent_factor_indices == (0, 1)


def test_factors_and_their_names_may_be_missing(tmp_path):
    assert own.read_npz(saved(tmp_path, **without("factor_names"))).factor_names == ("factor_1", "factor_2")
    prepared = own.read_npz(saved(tmp_path, images=own_arrays()["images"][..., 0]))
    assert (prepared.factors, prepared.factor_names, prepared.channels) == (None, (), 1)


FACTORS = own_arrays()["factors"]


@pytest.mark.parametrize(
    "factors",
    [
        np.array([FACTORS[:, 0], FACTORS[:, 1]]).T,
        np.asfortranarray(FACTORS),
        FACTORS.astype(">i8"),
        FACTORS.astype("<i2"),
        np.asfortranarray(FACTORS.astype(">f4")),
        FACTORS.astype(float),
        FACTORS - 100,
        FACTORS.astype(np.int64) + 2**62,
    ],
)
def test_a_table_of_factors_is_read_in_any_order_and_type(tmp_path, factors):
    _, table, _ = arrays.read(saved(tmp_path, images=own_arrays()["images"], factors=factors))
    np.testing.assert_array_equal(table.classes, np.stack([np.arange(10) % 2, np.arange(10) // 2], axis=1))


@pytest.mark.parametrize("channels", [(), (1,), (3,)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_images_are_read_in_any_order_and_block(tmp_path, monkeypatch, channels, order):
    monkeypatch.setattr(arrays, "_BLOCK_BYTES", 3 * 64 * 64 * 3)
    images = np.random.default_rng(0).integers(0, 256, (10, 64, 64, *channels), np.uint8)
    blocks, _, notes = arrays.read(saved(tmp_path, images=np.asarray(images, order=order)))
    np.testing.assert_array_equal(joined(blocks), images.reshape(10, 64, 64, -1))
    assert notes == {}


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [bool, np.uint8])
def test_one_is_white_where_nothing_is_above_it(tmp_path, dtype, order):
    masks = np.random.default_rng(0).integers(0, 2, (10, 64, 64))
    blocks, _, notes = arrays.read(saved(tmp_path, images=np.asarray(masks.astype(dtype), order=order)))
    np.testing.assert_array_equal(joined(blocks)[..., 0], masks * 255)
    assert notes == {"values": "0 and 1, taken for black and white"}


def test_a_factor_that_is_not_scored_is_a_nuisance(tmp_path):
    """It may have any number of classes, as an instance that is in one image only has."""
    factors = np.stack([np.arange(10), np.arange(10) % 2, np.arange(10) // 5], axis=1)
    content = {"images": own_arrays()["images"], "factors": factors}
    for scored in (np.array([False, True, True]), np.array([0, 1, 1])):
        prepared = own.read_npz(saved(tmp_path, **content, scored=scored))
        assert (prepared.factor_sizes, prepared.latent_factor_indices) == ((10, 2, 2), (1, 2))
    assert "the factor 'factor_1' of 10 classes, the rarest in 1 images" in refusal(
        lambda: own.read_npz(saved(tmp_path, **content))
    )


def test_names_may_be_bytes(tmp_path):
    names = np.array(["kind", "größe"])
    _, table, _ = arrays.read(saved(tmp_path, **own_arrays(factor_names=np.char.encode(names, "utf-8"))))
    assert table.names == ("kind", "größe")


IMAGES = own_arrays()["images"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (without("images"), "images.npy"),
        (own_arrays(labels=np.zeros(10)), "found: labels.npy, which is none of images.npy, .*: leave it out"),
        ({"arr_0": IMAGES}, r"arrays without names: save them as np\.savez\(FILE, images="),
        (own_arrays(images=IMAGES[:, :32, :32]), r"\(10, 32, 32, 3\), not 64 x 64: resize them"),
        (own_arrays(images=IMAGES / 255), r"float64, not uint8: .* \(images \* 255\)\.round\(\)"),
        (own_arrays(images=IMAGES.astype(np.uint16) * 257), r"uint16, not uint8: .* \(images / 257\)"),
        (own_arrays(images=IMAGES.astype(np.int64)), r"int64, not uint8: .* images\.astype\(np\.uint8\)"),
        (own_arrays(images=np.moveaxis(IMAGES, -1, 1)), r"channels first: save np\.moveaxis\(images, 1, -1\)"),
        (own_arrays(images=np.moveaxis(IMAGES[..., 0], 0, -1)), r"np\.moveaxis\(images, -1, 0\)"),
        (own_arrays(images=np.concatenate([IMAGES, IMAGES[..., :1]], axis=3)), "with transparency"),
        (own_arrays(images=IMAGES[:0]), r"\(0, 64, 64, 3\)"),
        (own_arrays(images=np.full(10, None)), "images of Python objects"),
        (own_arrays(factors=np.zeros((9, 2), int)), r"\(9, 2\), not \(10, F\): a row for each image"),
        (own_arrays(factors=FACTORS.T), r"\(2, 10\), not \(10, F\): a row for each image"),
        (own_arrays(factors=FACTORS[:, 0]), r"\(10,\), not \(10, F\)"),
        (own_arrays(factors=np.zeros((10, 2), int)), "'kind' of 1 classes, the rarest in 10 images, not 2 to 1024"),
        (own_arrays(factors=FACTORS + 0.5), r"float64 that are not whole, not whole numbers: np\.unique"),
        (own_arrays(factors=np.full((10, 2), np.nan)), "not whole"),
        (own_arrays(factors=FACTORS.astype(str)), "factors as text"),
        (own_arrays(factors=np.full((10, 2), None)), "factors of Python objects"),
        (own_arrays(factors=np.zeros(10, dtype=[("a", int), ("b", int)])), "factors with named fields"),
        (own_arrays(factor_names=np.array(["kind"])), "2 names"),
        (own_arrays(factor_names=np.array(["kind", "kind"])), "'kind' of a factor, which is .* there twice"),
        (own_arrays(factor_names=np.array(["kind", " "])), "empty"),
        (own_arrays(factor_names=np.array(["kind", "size"], dtype=object)), r"np\.array\(factor_names, dtype=str\)"),
        (own_arrays(scored=np.array([True])), "not 2 times True or False"),
        (own_arrays(scored=np.array([1, 2])), "not 2 times True or False"),
        (without("factors"), "names of factors .* but no factors"),
    ],
)
def test_other_arrays_are_refused_with_advice(tmp_path, content, message):
    assert re.search(message, refusal(lambda: own.read_npz(saved(tmp_path, **content))))


@pytest.mark.parametrize(
    ("whole", "found"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        (b"\x93NUMPY\x01\x00", "a single array of numpy"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"\x1f\x8b\x08", "a file compressed by gzip"),
        (b"", "an empty file"),
    ],
)
def test_other_files_are_called_by_their_kind(tmp_path, whole, found):
    (tmp_path / "mine.npz").write_bytes(whole)
    assert f"found: {found}" in refusal(lambda: own.read_npz(tmp_path / "mine.npz"))


@pytest.mark.parametrize(("value", "found"), [(7, "every pixel of all of them is 7 of 255"), (0, "is 0 of 255")])
def test_images_that_show_nothing_are_refused(tmp_path, value, found):
    path = saved(tmp_path, images=np.full((10, 64, 64), value, np.uint8))
    assert found in refusal(lambda: joined(own.read_npz(path).images))


def test_headers_of_later_versions_are_read(tmp_path):
    """np.lib.format writes version 2 where a header is long, and 3 where it has letters outside of Latin-1."""
    import io

    members = {}
    for name, array in without("factor_names").items():
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, array, version=(2, 0) if name == "images" else (3, 0))
        members[f"{name}.npy"] = buffer.getvalue()
    np.testing.assert_array_equal(joined(own.read_npz(zipped(tmp_path / "mine.npz", members)).images), IMAGES)
