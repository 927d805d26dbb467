"""The readers of dSprites' published archives."""

import hashlib
import os
import pickle
import re
import zipfile
from dataclasses import replace

import h5py
import numpy as np
import pytest

from tcwae.data import dsprites
from tcwae.data.archives import ARCHIVES, DSPRITES_NPZ
from tcwae.errors import InputError

from .samples import SPRITES, npy, same, save_hdf5, sprite_arrays


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
