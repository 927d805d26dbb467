"""dSprites: the images drawn here against the published ones, and the readers of the published archives."""

import hashlib
import json
import os
import pickle
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from tcwae.data import dsprites
from tcwae.data.archives import ARCHIVES, DSPRITES_NPZ
from tcwae.data.prepared import factor_grid
from tcwae.errors import InputError

from .samples import SPRITES, npy, same, save_hdf5, sprite_arrays

CELLS = [(0, 0, 0), (0, 3, 7), (1, 2, 5), (1, 5, 39), (2, 0, 21), (2, 5, 11)]


@pytest.fixture(scope="module")
def rows(dsprites_rendered):
    """The rows of all images as 64-bit words: shape, scale, orientation, posX, posY, row."""
    return np.asarray(dsprites_rendered.images).view(">u8").reshape(*dsprites.FACTOR_SIZES, 64)


def unpack(words):
    return np.unpackbits(words.astype(">u8")[..., None].view(np.uint8), axis=-1)


def test_the_drawn_set_is_the_whole_grid(dsprites_rendered):
    assert dsprites_rendered.images.shape == (737_280, 64, 8)
    assert dsprites_rendered.factor_sizes == dsprites.FACTOR_SIZES
    np.testing.assert_array_equal(dsprites_rendered.factors, factor_grid(dsprites.FACTOR_SIZES))


def test_drawn_images_agree_with_published_ones(rows):
    known = json.loads((Path(__file__).parent / "dsprites_known.json").read_text())["rows"]
    assert len(known) == 285
    exact = 0
    for *factors, white, top, bottom, left, right in known:
        image = unpack(rows[tuple(factors)])
        y, x = np.nonzero(image)
        assert abs(len(y) - white) <= 2
        exact += (len(y), y.min(), y.max(), x.min(), x.max()) == (white, top, bottom, left, right)
    assert exact >= 279


def test_the_mean_pixel_is_the_published_one(rows):
    assert np.bitwise_count(rows).mean() / 64 == pytest.approx(0.0424944, abs=1e-6)


def test_a_full_turn_is_no_turn(rows):
    np.testing.assert_array_equal(rows[:, :, 39], rows[:, :, 0])


def test_the_last_position_is_the_first_moved_by_half_the_image(rows):
    np.testing.assert_array_equal(rows[:, :, :, 31], rows[:, :, :, 0] >> np.uint64(32))
    np.testing.assert_array_equal(rows[..., 31, 32:], rows[..., 0, :32])
    assert not rows[..., 31, :32].any()


@pytest.mark.parametrize(("shape", "scale", "orientation"), CELLS)
def test_a_mirrored_sprite_turns_the_other_way(rows, shape, scale, orientation):
    image = unpack(rows[shape, scale, orientation])
    mirrored = unpack(rows[shape, scale, 39 - orientation])
    np.testing.assert_array_equal(image[..., ::-1], mirrored[::-1])
    if shape < 2:  # square and ellipse: upside down as well
        np.testing.assert_array_equal(image[..., ::-1, :], mirrored[:, ::-1])


@pytest.mark.parametrize(("shape", "scale", "orientation"), CELLS)
def test_white_pixels_are_those_that_the_outline_winds_around(rows, shape, scale, orientation):
    x, y = 3, 17
    outline = dsprites.place(dsprites.OUTLINES[shape], scale, orientation) @ [1, 1j]
    column, row = np.meshgrid(np.arange(64), np.arange(64))
    centres = (column + 0.5 - 16 - 32 * x / 31) + 1j * (row + 0.5 - 16 - 32 * y / 31)
    seen = outline - centres[..., None]
    winding = np.angle(np.roll(seen, -1, axis=-1) / seen).sum(axis=-1) / (2 * np.pi)
    np.testing.assert_array_equal(unpack(rows[shape, scale, orientation, x, y]), np.abs(winding).round())


@pytest.mark.parametrize(("shape", "scale", "orientation"), CELLS)
def test_no_rounding_changes_a_pixel(shape, scale, orientation):
    outline = dsprites.place(dsprites.OUTLINES[shape], scale, orientation)
    images = dsprites.draw(outline)
    noise = np.random.default_rng(0)
    for direction in ([7e-8, 0], [-7e-8, 0], [0, 7e-8], [0, -7e-8]):
        np.testing.assert_array_equal(dsprites.draw(outline + np.array(direction)), images)
    np.testing.assert_array_equal(dsprites.draw(outline + noise.uniform(-4e-8, 4e-8, outline.shape)), images)


class Trap:
    """An object that leaves a trace when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def packed(images):
    return np.packbits(images, axis=2)


def zipped(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


def refusal(read, path):
    """The one line with which `path` is refused."""
    with pytest.raises(InputError) as caught:
        read(path, SPRITES)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_npz_is_read_and_nothing_unpickled(tmp_path, save):
    path, trace = tmp_path / "dsprites.npz", tmp_path / "unpickled"
    save(path, metadata=np.array(Trap(trace), dtype=object), **sprite_arrays())
    np.testing.assert_array_equal(dsprites.read_npz(path, SPRITES), packed(sprite_arrays()["imgs"]))
    assert not trace.exists()


def test_slabs_join_without_a_seam(tmp_path, monkeypatch):
    monkeypatch.setattr(dsprites, "_SLAB", 7)
    path = save_hdf5(tmp_path / "dsprites.hdf5", **sprite_arrays())
    np.testing.assert_array_equal(dsprites.read_hdf5(path, SPRITES), packed(sprite_arrays()["imgs"]))
    path = tmp_path / "dsprites.npz"
    np.savez_compressed(path, **sprite_arrays())
    np.testing.assert_array_equal(dsprites.read_npz(path, SPRITES), packed(sprite_arrays()["imgs"]))


BAD_ARRAYS = [
    (sprite_arrays(imgs=2 * sprite_arrays()["imgs"]), "pixel 2"),
    (sprite_arrays(imgs=sprite_arrays()["imgs"][:-1]), r"\(23, 64, 64\)"),
    (sprite_arrays(imgs=sprite_arrays()["imgs"].astype(np.float32)), "<f4"),
    (sprite_arrays(imgs=sprite_arrays()["imgs"][:, :32]), r"\(24, 32, 64\)"),
    (sprite_arrays(latents_classes=sprite_arrays()["latents_classes"][::-1]), "C order"),
    (sprite_arrays(latents_classes=sprite_arrays()["latents_classes"] + 1), "C order"),
    (sprite_arrays(latents_classes=sprite_arrays()["latents_classes"].astype(np.int32)), "<i4"),
    (sprite_arrays(latents_classes=sprite_arrays()["latents_classes"][:, 1:]), r"\(24, 5\)"),
]


@pytest.mark.parametrize(("content", "message"), BAD_ARRAYS)
def test_other_arrays_are_refused(tmp_path, content, message):
    np.savez_compressed(tmp_path / "dsprites.npz", **content)
    assert re.search(message, refusal(dsprites.read_npz, tmp_path / "dsprites.npz"))
    assert re.search(message, refusal(dsprites.read_hdf5, save_hdf5(tmp_path / "dsprites.hdf5", **content)))


def test_archives_that_are_not_npz_are_refused(tmp_path):
    path, good = tmp_path / "dsprites.npz", {name: npy(array) for name, array in sprite_arrays().items()}
    path.touch()
    refusal(dsprites.read_npz, path)
    path.write_bytes(good["imgs"])
    refusal(dsprites.read_npz, path)
    refusal(dsprites.read_npz, tmp_path)
    refusal(dsprites.read_hdf5, path)
    with h5py.File(path, "w") as file:
        file.create_group("imgs")
    refusal(dsprites.read_hdf5, path)
    assert "imgs.npy" in refusal(dsprites.read_npz, zipped(path, {"latents_classes": good["latents_classes"]}))
    refusal(dsprites.read_npz, zipped(path, good | {"imgs": pickle.dumps(Trap(tmp_path / "unpickled"))}))
    trap = np.full(24, Trap(tmp_path / "unpickled"), dtype=object)
    assert "Python objects" in refusal(dsprites.read_npz, zipped(path, good | {"imgs": npy(trap)}))
    assert not (tmp_path / "unpickled").exists()
    assert "Fortran order" in refusal(
        dsprites.read_npz, zipped(path, good | {"imgs": npy(np.asfortranarray(sprite_arrays()["imgs"]))})
    )
    assert "compression" in refusal(dsprites.read_npz, zipped(path, good, zipfile.ZIP_BZIP2))


def test_a_member_larger_than_its_array_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(dsprites, "_pack", None)
    content = {name: npy(array) for name, array in sprite_arrays().items()}
    content["imgs"] += bytes(10_000_000)
    assert "bytes" in refusal(dsprites.read_npz, zipped(tmp_path / "bomb.npz", content))


def test_damaged_npz_files_are_refused_or_read_right(tmp_path, survives):
    path, images = tmp_path / "dsprites.npz", packed(sprite_arrays()["imgs"])
    np.savez_compressed(path, **sprite_arrays())
    assert survives(path, lambda: dsprites.read_npz(path, SPRITES), same(images), 300) > 200


def test_damaged_hdf5_files_are_refused(tmp_path, survives, monkeypatch):
    """HDF5 has no checksums: the published one of the whole file it is that keeps damage from it."""
    path = save_hdf5(tmp_path / "dsprites.hdf5", **sprite_arrays())
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setitem(ARCHIVES, "dsprites", (replace(ARCHIVES["dsprites"][0], sha256=sha256),))
    assert survives(path, lambda: dsprites.read(path, SPRITES), None, 300) == 300


def test_only_the_published_archive_is_read(tmp_path, monkeypatch):
    path = tmp_path / "dsprites.npz"
    np.savez_compressed(path, **sprite_arrays())
    md5, sha256 = (hashlib.new(name, path.read_bytes()).hexdigest() for name in ("md5", "sha256"))
    message = refusal(dsprites.read, path)
    assert md5 in message
    assert "7da33b31b13a06f4b04a70402ce90c2e" in message
    monkeypatch.setattr(dsprites, "DSPRITES_NPZ", replace(DSPRITES_NPZ, md5=md5))
    prepared = dsprites.read(path, SPRITES)
    assert prepared.source == "real"
    assert prepared.provenance == {"archive": "dsprites.npz", "archive_sha256": sha256}
    np.testing.assert_array_equal(prepared.images, packed(sprite_arrays()["imgs"]))
    path = save_hdf5(tmp_path / "dsprites.hdf5", **sprite_arrays())
    assert "729fa22e884c9c500e1f17415d580746b4c5894fbbb780a1319bbcfa39a745bb" in refusal(dsprites.read, path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setitem(ARCHIVES, "dsprites", (replace(ARCHIVES["dsprites"][0], sha256=sha256),))
    np.testing.assert_array_equal(dsprites.read(path, SPRITES).images, prepared.images)
    with pytest.raises(FileNotFoundError):
        dsprites.read(tmp_path / "missing.npz")
