"""Everything that can be wrong with an archive, for each format: one line, status 2, no output file.

Refusals by the system, such as a file without permission or a full disk, are also in tests/faults.
"""

import gzip
import pickle
import resource
import shutil
import tarfile
import zipfile
from functools import partial

import h5py
import numpy as np
import pytest
from PIL import Image

from benchmarks.archives import (
    ARM,
    CARS,
    CHAIRS,
    ROOM,
    TOY_FILES,
    TOYS,
    encoded,
    matrix,
    picture,
    toy_arrays,
)
from tcwae.cli.main import main
from tcwae.data import cars3d, celeba, chairs3d, dsprites, mpi3d, shapes3d, smallnorb
from tcwae.data.prepare import _MAKERS
from tcwae.data.prepared import read

from .formats import ARRAYS, HDF5, IMAGES, KINDS, PICTURES, members, written
from .samples import ATTRIBUTES, SPRITES, npy


def right(kind, folder):
    return written(kind, members(kind), folder / "in")


@pytest.fixture(autouse=True)
def _small_sets(monkeypatch):
    """The published sets are as small as these archives."""
    small = _MAKERS["dsprites", "real"]._replace(make=partial(dsprites.read, sizes=SPRITES))
    monkeypatch.setitem(_MAKERS, ("dsprites", "real"), small)
    monkeypatch.setattr(smallnorb, "FACTOR_SIZES", TOYS)
    monkeypatch.setattr(chairs3d, "FACTOR_SIZES", CHAIRS)
    monkeypatch.setattr(celeba, "COUNT", 3)
    monkeypatch.setattr(shapes3d, "FACTOR_SIZES", ROOM)
    monkeypatch.setattr(mpi3d, "FACTOR_SIZES", ARM)
    monkeypatch.setattr(cars3d, "FACTOR_SIZES", CARS)


@pytest.fixture
def any_checksum(monkeypatch):
    """Lets the readers see what the published checksums would keep from them."""
    for module in (dsprites, smallnorb, chairs3d, celeba, shapes3d, mpi3d, cars3d):
        monkeypatch.setattr(module, "check", lambda path, _: {"archive": path.name, "archive_sha256": "0" * 64})


def prepare(kind, archive, folder):
    """The status of `tcwae prepare`, and its output."""
    output = folder / "out" / "data.h5"
    options = ["--processes", "1"] if kind in (*PICTURES, "cars3d") else []
    words = ["prepare", kind.split()[0], "--source", "real", "--archive", archive, "--output", output, *options]
    return main([str(word) for word in words]), output


@pytest.fixture
def refusal(tmp_path, capsys):
    """A function that has an archive refused, and returns the line that says so."""

    def refusal(kind, archive):
        status, output = prepare(kind, archive, tmp_path)
        line = capsys.readouterr().err
        assert status == 2, line
        assert line.startswith(f"tcwae prepare: {archive}")
        assert line.count("\n") == 1
        assert list(output.parent.iterdir()) == []
        return line

    return refusal


@pytest.mark.parametrize("kind", KINDS)
def test_a_right_archive_is_prepared(kind, tmp_path, any_checksum):
    status, output = prepare(kind, right(kind, tmp_path), tmp_path)
    assert status == 0
    assert len(read(output)) > 0


@pytest.mark.parametrize("kind", ["dsprites npz", *HDF5, "smallnorb", "celeba", "mpi3d_real", "cars3d"])
def test_another_checksum(kind, tmp_path, refusal):
    assert "sha256" in (line := refusal(kind, right(kind, tmp_path))) or "md5" in line


def spoilt(path, how):
    """Spoil a file, in a folder its first."""
    path = min(path.rglob("*.*")) if path.is_dir() else path
    whole = path.read_bytes()
    path.write_bytes({"empty": b"", "truncated": whole[: len(whole) // 2], "other": b"\0\1\2\3" + whole[4:]}[how])


@pytest.mark.parametrize("how", ["empty", "truncated", "other"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_a_truncated_and_another_kind_of_file(kind, how, tmp_path, any_checksum, refusal):
    archive = right(kind, tmp_path)
    spoilt(archive, how)
    line = refusal(kind, archive)
    assert "expected" in line
    assert "found" in line


@pytest.mark.parametrize("kind", KINDS)
def test_no_such_file(kind, tmp_path, refusal):
    found = "found no smallnorb" if kind == "smallnorb" else ": No such file or directory"
    assert found in refusal(kind, tmp_path / "missing")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.startswith("images")])
def test_a_missing_member(kind, tmp_path, any_checksum, refusal):
    first = "data/cars/list.txt" if kind == "cars3d" else next(name for name in members(kind) if "names" not in name)
    rest = {name: whole for name, whole in members(kind).items() if name != first}
    if kind in HDF5:
        archive = written(kind, members(kind), tmp_path / "in")
        with h5py.File(archive, "r+") as file:
            del file[first]
    else:
        archive = written(kind, rest, tmp_path / "in")
    assert "expected" in refusal(kind, archive)


@pytest.mark.parametrize("kind", ["images folder", "images zip", "images tar"])
def test_no_member_at_all(kind, tmp_path, refusal):
    assert "expected" in refusal(kind, written(kind, {}, tmp_path / "in"))


@pytest.mark.parametrize("whole", [b"", b"hello", b"\x89PNG\r\n\x1a\n", encoded(picture(0, (90, 90)))[:-300]])
@pytest.mark.parametrize("kind", PICTURES)
def test_a_picture_that_does_not_decode(kind, whole, tmp_path, any_checksum, refusal):
    name = next(iter(members(kind)))
    line = refusal(kind, written(kind, members(kind) | {name: whole}, tmp_path / "in"))
    assert f"{name}: expected a picture (PNG, JPEG," in line
    assert "found: " in line


@pytest.mark.parametrize(("kind", "size"), [("chairs3d", "600 x 600"), ("celeba", "178 x 218")])
def test_a_picture_of_another_size(kind, size, tmp_path, any_checksum, refusal):
    other = {next(iter(members(kind))): encoded(picture(1, (218, 178)))}
    line = refusal(kind, written(kind, members(kind) | other, tmp_path / "in"))
    assert f"of {size} pixels, found: 218 x 178 pixels" in line


@pytest.mark.parametrize("kind", [*ARRAYS, *HDF5, "smallnorb"])
def test_an_array_of_another_size(kind, tmp_path, any_checksum, refusal):
    if kind == "smallnorb":
        other = {TOY_FILES[0]: gzip.compress(matrix(toy_arrays()[0][TOY_FILES[0]], shape=(16, 2, 64, 144)))}
    elif kind in HDF5:
        other = {IMAGES[kind]: members(kind)[IMAGES[kind]][:, :32]}
    else:
        other = {IMAGES.get(kind, "images.npy"): npy(np.zeros((10, 32, 64), np.uint8))}
    assert (
        "32, 64" in (line := refusal(kind, written(kind, members(kind) | other, tmp_path / "in"))) or "64, 144" in line
    )


@pytest.mark.parametrize("name", ["../out.png", "/etc/out.png", "a/../../out.png"])
@pytest.mark.parametrize("kind", ["chairs3d", "celeba", "images zip", "images tar"])
def test_a_member_outside_the_archive(kind, name, tmp_path, any_checksum, refusal):
    archive = written(kind, members(kind) | {name: encoded(picture(0, (64, 64)))}, tmp_path / "in")
    assert f"found: '{name}', a path outside the archive" in refusal(kind, archive)


@pytest.mark.parametrize("name", ["../images.npy", "/images.npy"])
@pytest.mark.parametrize("kind", ["npz"])
def test_an_array_outside_the_archive(kind, name, tmp_path, refusal):
    assert f"found: {name}" in refusal(kind, written(kind, members(kind) | {name: b""}, tmp_path / "in"))


@pytest.mark.parametrize("kind", ["chairs3d", "images tar"])
def test_a_link_in_a_tar(kind, tmp_path, any_checksum, refusal):
    archive = right(kind, tmp_path)
    with tarfile.open(archive, "a") as tar:
        link = tarfile.TarInfo("picture.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    assert "found: picture.png, a link" in refusal(kind, archive)


@pytest.mark.parametrize("kind", ["celeba", "images zip"])
def test_a_link_in_a_zip(kind, tmp_path, any_checksum, refusal):
    archive = right(kind, tmp_path)
    link = zipfile.ZipInfo("picture.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr(link, "/etc/passwd")
    assert "found: picture.png, a link" in refusal(kind, archive)


def test_a_link_to_nowhere_in_a_folder(tmp_path, refusal):
    archive = right("images folder", tmp_path)
    (archive / "pictures" / "99.png").symlink_to("nowhere")
    assert refusal("images folder", archive).endswith("99.png: No such file or directory\n")


@pytest.mark.parametrize("kind", [*ARRAYS, "smallnorb"])
def test_an_array_that_goes_on_after_its_end(kind, tmp_path, any_checksum, refusal):
    name = TOY_FILES[0] if kind == "smallnorb" else IMAGES.get(kind, "images.npy")
    whole = members(kind)[name]
    more = gzip.compress(gzip.decompress(whole) + bytes(10**7), 1) if kind == "smallnorb" else whole + bytes(10**7)
    assert "bytes" in refusal(kind, written(kind, members(kind) | {name: more}, tmp_path / "in"))


@pytest.mark.parametrize("kind", PICTURES)
def test_a_picture_that_is_a_bomb(kind, tmp_path, any_checksum, refusal):
    """90 million pixels in a few kilobytes."""
    bomb = {next(iter(members(kind))): encoded(Image.new("1", (10_000, 9_000)))}
    line = refusal(kind, written(kind, members(kind) | bomb, tmp_path / "in"))
    assert "10000 x 9000 pixels, more than the 89 million that are read: make it smaller first" in line


class Trap:
    """An object that ends the test when it is unpickled."""

    def __reduce__(self):
        return exec, ("raise SystemExit('unpickled')",)


@pytest.mark.parametrize(
    ("whole", "message"),
    [
        (pickle.dumps(Trap()), "with the header"),
        (npy(np.array([Trap()], dtype=object)), "of Python objects, which would have to be unpickled"),
    ],
)
@pytest.mark.parametrize("kind", ARRAYS)
def test_a_pickle_in_place_of_an_array(kind, whole, message, tmp_path, any_checksum, refusal):
    for name in members(kind):
        archive = written(kind, members(kind) | {name: whole}, tmp_path / "in")
        assert message in refusal(kind, archive)
        shutil.rmtree(tmp_path / "in")


@pytest.mark.parametrize("text", ["", "4\nBald\n", ATTRIBUTES[:-20], ATTRIBUTES.replace(" Young", ""), "\0" * 99])
def test_attributes_that_are_none(text, tmp_path, any_checksum, capsys):
    archive = right("celeba", tmp_path)
    archive.with_name("list_attr_celeba.txt").write_text(text)
    status, output = prepare("celeba", archive, tmp_path)
    line = capsys.readouterr().err
    assert (status, line.count("\n"), list(output.parent.iterdir())) == (2, 1, [])
    assert "list_attr_celeba.txt: expected attributes of 3 faces, found: " in line


@pytest.mark.parametrize("room", [1000, 70_000])
@pytest.mark.parametrize("kind", KINDS)
def test_a_disk_without_room(kind, room, tmp_path, any_checksum, capsys):
    archive = right(kind, tmp_path)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limit[1]))
    try:
        status, output = prepare(kind, archive, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    line = capsys.readouterr().err
    assert (status, line.count("\n"), list(output.parent.iterdir())) == (2, 1, [])
    assert line.startswith(f"tcwae prepare: {output}: File too large: more than ")
