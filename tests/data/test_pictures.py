"""Folders, zips and tars: their members found, or refused in one line."""

import re
import stat
import tarfile
import zipfile

import pytest
from PIL import Image

from benchmarks.archives import encoded, tarred, zipped
from tcwae.data import own, pictures

from .samples import joined, own_members, packed, refusal


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
    assert "decompression bomb" in refusal(lambda: joined(own.read_images(path, processes=1).images))
    path = zipped(tmp_path / "zeros.zip", {"zeros.png": bytes(pictures.LARGEST + 1)}, zipfile.ZIP_DEFLATED)
    assert "at most" in refusal(lambda: pictures.members(path))
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
