"""Folders, zips and tars: their members found, or refused in one line."""

import bz2
import errno
import gzip
import io
import lzma
import os
import re
import stat
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from benchmarks.archives import encoded, tarred, zipped
from tcwae.data import own, pictures
from tcwae.data.prepare import prepare
from tcwae.data.prepared import read

from .samples import own_members, packed, refusal


@pytest.mark.parametrize("name", ["../out.png", "/etc/out.png", "a/../../out.png", "a\\..\\out.png"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_paths_outside_the_archive_are_refused(tmp_path, kind, name):
    path = packed(kind, tmp_path, own_members() | {name: b""})
    assert "outside the archive" in refusal(lambda: pictures.members(path))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path, kind):
    with tarfile.open(tmp_path / "links.tar", "w") as archive:
        info = tarfile.TarInfo("picture.png")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    assert "a link" in refusal(lambda: pictures.members(tmp_path / "links.tar"))


def test_links_in_a_zip_are_refused(tmp_path):
    info = zipfile.ZipInfo("picture.png")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "links.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    assert "a link" in refusal(lambda: pictures.members(tmp_path / "links.zip"))


def test_bombs_are_refused_before_they_burst(tmp_path):
    huge = encoded(Image.new("L", (20_000, 10_000)))
    path = zipped(tmp_path / "huge.zip", {"huge.png": huge})
    assert "huge.png: expected a picture" in (line := refusal(lambda: own.read_images(path, processes=1)))
    assert "200,000,000 pixels, more than the 89 million that are read: make it smaller first" in line
    large = pictures.Member(str(path), "huge.png", 0, pictures.LARGEST + 1)
    assert "at most" in refusal(lambda: pictures.content(large))
    whole = bytearray(zipped(tmp_path / "lie.zip", {"a.png": bytes(10**6)}, zipfile.ZIP_DEFLATED).read_bytes())
    where = whole.rindex(b"PK\x01\x02") + 24
    whole[where : where + 4] = (100).to_bytes(4, "little")  # the directory states another size
    (tmp_path / "lie.zip").write_bytes(whole)
    (member,) = pictures.members(tmp_path / "lie.zip")
    assert "expected 100 bytes, found: 101 bytes or more" in refusal(lambda: pictures.content(member))


@pytest.mark.parametrize("whole", [b"", b"hello", b"PK\x03\x04", b"\x1f\x8b" + bytes(100), bytes(2000)])
def test_files_that_are_no_archives_are_refused(tmp_path, whole):
    (tmp_path / "pictures").write_bytes(whole)
    assert re.search(
        "expected (a folder, a zip or an uncompressed tar|pictures called)",
        refusal(lambda: own.read_images(tmp_path / "pictures")),
    )


def test_a_tar_without_its_end_is_refused(tmp_path):
    path = tarred(tmp_path / "mine.tar", own_members())
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"pictures/05.png")])
    assert "no end" in refusal(lambda: pictures.members(path))


def test_a_zip_of_windows_has_backslashes(tmp_path):
    members = {f"pictures\\sub\\{n}.png": encoded(Image.new("RGB", (9, 9), (n, 0, 0))) for n in range(3)}
    with zipfile.ZipFile(tmp_path / "windows.zip", "w") as archive:
        archive.writestr("pictures\\", b"")
        for name, whole in members.items():
            archive.writestr(name, whole)
    found = pictures.members(tmp_path / "windows.zip")
    assert [member.name for member in found] == [f"pictures/sub/{n}.png" for n in range(3)]
    assert [pictures.content(member) for member in found] == list(members.values())


@pytest.mark.parametrize(("inside", "listed"), [(b"a/1.png", b"a\\1.png"), (b"\xc5\xc5.png", b"\xd0\x9c.png")])
def test_a_zip_may_write_a_name_in_two_ways(tmp_path, inside, listed):
    """Slashes (IZArc) and encodings (NanaZip) that differ between a member's header and the directory."""
    whole = bytearray(zipped(tmp_path / "mine.zip", {"x" * len(inside): b"content"}).read_bytes())
    whole[whole.index(b"x") : whole.index(b"x") + len(inside)] = inside
    where = whole.rindex(b"x" * len(inside))
    whole[where : where + len(inside)] = listed
    (tmp_path / "mine.zip").write_bytes(whole)
    (member,) = pictures.members(tmp_path / "mine.zip")
    assert pictures.content(member) == b"content"


@pytest.mark.parametrize("name", ["größe.png", "新.png", "a b'\"$.png"])
@pytest.mark.parametrize("kind", ["folder", "zip", "tar"])
def test_names_may_have_any_letters(tmp_path, kind, name):
    (member,) = pictures.members(packed(kind, tmp_path, {name: b"x"}))
    assert (member.name, pictures.content(member)) == (name, b"x")


def test_names_that_are_not_unicode_are_read_and_shown(tmp_path):
    (tmp_path / "mine").mkdir()
    for name in (b"gr\xfc\xdfe.png", b"gr\xfc\xdfe.raw"):
        with open(os.fsencode(tmp_path / "mine") + b"/" + name, "wb") as file:
            file.write(encoded(Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3))))
    archive = os.fsdecode(os.fsencode(tmp_path) + b"/m\xfcll")
    os.rename(tmp_path / "mine", archive)
    prepare("images", "real", tmp_path / "mine.h5", archive, processes=1)
    kept = read(tmp_path / "mine.h5").provenance
    assert (kept["archive"], kept["skipped"]) == ("m\ufffdll", "1 .raw (gr\ufffd\ufffde.raw)")


def test_of_two_members_with_one_name_the_last_counts(tmp_path):
    """As when an archive that was added to is unpacked."""
    with tarfile.open(tmp_path / "mine.tar", "w") as archive:
        for whole in (b"old", b"new"):
            info = tarfile.TarInfo("a.png")
            info.size = 3
            archive.addfile(info, io.BytesIO(whole))
    (member,) = pictures.members(tmp_path / "mine.tar")
    assert pictures.content(member) == b"new"


@pytest.mark.parametrize(
    ("whole", "found"),
    [
        (gzip.compress(b"x" * 600, mtime=0), "compressed by gzip: unpack it first, with `gunzip`"),
        (bz2.compress(b"x" * 600), "compressed by bzip2"),
        (lzma.compress(b"x" * 600), "compressed by xz"),
        (b"\x28\xb5\x2f\xfd" + bytes(600), "compressed by zstd"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(600), "a 7z archive"),
        (b"Rar!\x1a\x07\x01\x00" + bytes(600), "a RAR archive"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "a pointer of Git LFS"),
        (b"\n<html><title>Google Drive - Quota exceeded</title></html>", "a web page: the download failed"),
        (encoded(Image.new("RGB", (9, 9))), "a PNG"),
    ],
)
def test_other_archives_are_called_by_their_kind(tmp_path, whole, found):
    (tmp_path / "mine.tar").write_bytes(whole)
    assert found in refusal(lambda: pictures.members(tmp_path / "mine.tar"))


def test_what_a_zip_cannot_give_is_refused_by_name(tmp_path):
    with zipfile.ZipFile(tmp_path / "mine.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.png", b"x" * 100)
    assert "a.png, compressed by LZMA: unpack the archive first" in refusal(
        lambda: pictures.members(tmp_path / "mine.zip")
    )
    whole = bytearray(zipped(tmp_path / "secret.zip", {"a.png": b"x"}).read_bytes())
    whole[6] |= 1
    whole[whole.rindex(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "secret.zip").write_bytes(whole)
    assert "a.png, which is encrypted" in refusal(lambda: pictures.members(tmp_path / "secret.zip"))


def test_linked_folders_are_read_once(tmp_path):
    packed("folder", tmp_path, {"sub/a.png": b"a", "b.png": b"b"})
    folder = tmp_path / "mine"
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    (tmp_path / "elsewhere" / "deep" / "c.png").write_bytes(b"c")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "again").symlink_to(folder / "sub")
    (folder / "sub" / "up").symlink_to("..")
    (tmp_path / "elsewhere" / "round").symlink_to(folder)
    (folder / "d.png").symlink_to(folder / "b.png")
    assert [pictures.content(member) for member in pictures.members(folder)] == [b"b", b"b", b"c", b"a"]


def test_a_link_to_nowhere_is_an_error_of_a_picture_only(tmp_path):
    folder = packed("folder", tmp_path, own_members())
    (folder / "notes.txt").symlink_to("nowhere")
    (folder / ".#lock.png").symlink_to("nowhere")
    assert own.read_images(folder, processes=1).provenance["skipped"] == "1 hidden (.#lock.png), 1 .txt (notes.txt)"
    (folder / "a.png").symlink_to("nowhere")
    with pytest.raises(FileNotFoundError, match=r"a\.png"):
        own.read_images(folder, processes=1)


def test_only_folders_of_pictures_must_be_readable(tmp_path, monkeypatch):
    """Root may read all, so `scandir` refuses here."""
    folder = packed("folder", tmp_path, own_members())
    scan = os.scandir

    def refuse(path):
        if os.path.basename(path) in ("lost+found", ".Trash-0", "private"):
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))
        return scan(path)

    monkeypatch.setattr("os.scandir", refuse)
    for name in ("lost+found", ".Trash-0"):
        (folder / name).mkdir()
    assert len(pictures.members(folder)) == 6
    (folder / "private").mkdir()
    with pytest.raises(PermissionError, match="private"):
        pictures.members(folder)
