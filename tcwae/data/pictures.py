"""Pictures in a folder, a zip or a tar: listed by name, and read one by one without unpacking the archive."""

import os
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from tcwae.data import decoding
from tcwae.data.damage import DAMAGE, kind, refusing
from tcwae.data.decoding import PictureHeader, Reduction
from tcwae.data.parallel import in_order
from tcwae.data.prepared import Blocks
from tcwae.errors import InputError

__all__ = ["Member", "Reduction", "content", "headers", "hidden", "members", "reduced"]

LARGEST = 2**28
"""Bytes in a picture's file. A zip's member that states more may be a bomb."""

_EXPECTED = "a folder, a zip or an uncompressed tar"
_BLOCK = 256  # pictures
_HEAD = 2**16  # bytes, which hold the header of most pictures
_SYSTEM = {"__MACOSX", "lost+found", "System Volume Information", "$RECYCLE.BIN", "@eaDir", "Thumbs.db", "desktop.ini"}
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_COMPRESSIONS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "xz", 98: "PPMd"}


class Member(NamedTuple):
    """A file in an archive: where its bytes are. In a zip they may be deflated, and have a CRC-32."""

    archive: str
    name: str
    offset: int
    size: int
    deflated: int | None = None
    crc: int | None = None


def members(path: Path | str) -> list[Member]:
    """The files of a folder, a zip or an uncompressed tar, sorted by name; of several with one name the last.

    In a folder, links are followed; a folder that is reached twice is listed once.

    Raises:
        InputError: it is none of these or damaged; or a member of an archive is a link, encrypted, or outside the archive.
        OSError: it is missing, or it or a folder in it cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        members = [_on_disk(path, file) for file in _walked(path)]
    else:
        with refusing(path, _EXPECTED), open(path, "rb") as file:
            start = file.read(512)
            if start.startswith(_ZIP):
                members = list(_zipped(path))
            elif (other := kind(start)) is None or other == "a tar":
                members = list(_tarred(path))
            else:
                raise InputError(other)
    return sorted({member.name: member for member in members}.values(), key=lambda member: member.name)


def hidden(name: str) -> bool:
    """Whether a path is of a hidden file, or one that an operating system leaves in folders and archives."""
    return any(part.startswith(".") or part in _SYSTEM for part in PurePosixPath(name).parts)


def _on_disk(folder: Path, file: Path) -> Member:
    size = file.stat().st_size if file.exists() else 0  # of a link to nowhere; `content` names it
    return Member(str(file), str(file.relative_to(folder)), 0, size)


def _walked(folder: Path) -> Iterator[Path]:
    """The files in a folder and in those within."""
    seen = {folder.resolve()}

    def stop(error: OSError) -> None:
        if not hidden(os.path.relpath(error.filename, folder)):
            raise error

    for within, folders, names in os.walk(folder, onerror=stop, followlinks=True):
        files = (Path(within, name) for name in names)
        yield from (file for file in files if file.is_file() or not file.exists())
        for name in sorted(folders, key=lambda name: (os.path.islink(os.path.join(within, name)), name)):
            target = Path(within, name).resolve()
            if target in seen:
                folders.remove(name)
            seen.add(target)


def _zipped(path: Path) -> Iterator[Member]:
    """The members that the directory lists.

    Each has a header of its own, whose name may differ from the directory's in slashes and encoding, as some programs write
    it. Where they differ in more, one of the two is damaged.
    """
    with zipfile.ZipFile(path) as archive, open(path, "rb") as file:
        for info in archive.infolist():
            name = info.filename.replace("\\", "/")  # as some programs of Windows write it
            _stay_inside(name)
            if stat.S_ISLNK(info.external_attr >> 16):
                raise InputError(f"{info.filename}, a link")
            if info.flag_bits & 1:
                raise InputError(f"{info.filename}, which is encrypted: unpack the archive first, and give the folder")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                compression = _COMPRESSIONS.get(info.compress_type, f"method {info.compress_type}")
                raise InputError(
                    f"{info.filename}, compressed by {compression}: unpack the archive first, and give the folder"
                )
            file.seek(info.header_offset)
            signature, length, extra = struct.unpack("<4s22xHH", file.read(30))
            if signature != b"PK\x03\x04" or _plain(file.read(length)) != _plain(info.orig_filename.encode()):
                raise InputError(f"no header of {info.filename} where the directory says")
            if not name.endswith("/"):
                deflated = info.compress_size if info.compress_type == zipfile.ZIP_DEFLATED else None
                start = info.header_offset + 30 + length + extra
                yield Member(str(path), name, start, info.file_size, deflated, info.CRC)


def _plain(name: bytes) -> bytes:
    """What two programs write alike of a name: its ASCII characters, without the direction of slashes."""
    return re.sub(rb"[^ -~]", b"", name.replace(b"\\", b"/"))


def _tarred(path: Path) -> Iterator[Member]:
    with tarfile.open(path, "r:", encoding="utf-8") as archive, open(path, "rb") as file:
        for info in archive:
            _stay_inside(info.name)
            if not (info.isdir() or (info.isreg() and not info.issparse())):
                raise InputError(f"{info.name}, a link or a device")
            if info.isreg():
                yield Member(str(path), info.name, info.offset_data, info.size)
            archive.members = []  # they would fill the memory
        file.seek(archive.offset)
        if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise InputError("no end of the archive")


def _stay_inside(name: str) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        raise InputError(f"{name!r}, a path outside the archive")


def content(member: Member, most: int | None = None) -> bytes:
    """The bytes of a member, or the first `most` of them; all are compared with the size and checksum that are stated.

    Raises:
        InputError: it is damaged, or larger than `LARGEST`.
        OSError: it cannot be read.
    """
    if member.size > LARGEST:
        raise InputError(
            f"{member.archive}: expected files of at most {LARGEST} bytes, found {member.name}: {member.size}"
        )
    with refusing(f"{member.archive}: {member.name}", f"{member.size} bytes"), open(member.archive, "rb") as file:
        file.seek(member.offset)
        stored = member.size if member.deflated is None else member.deflated
        whole = file.read(stored if most is None else min(stored, most))
        if member.deflated is not None:
            whole = zlib.decompressobj(-zlib.MAX_WBITS).decompress(whole, most or member.size + 1)
        if most is not None:
            return whole[:most]
        if len(whole) != member.size:
            raise InputError(f"{len(whole)} bytes or more")
        if member.crc is not None and zlib.crc32(whole) != member.crc:
            raise InputError("another checksum")
        return whole


def headers(pictures: Sequence[Member], title: str, processes: int | None) -> list[PictureHeader]:
    """What the files of all `pictures` say of them.

    Raises:
        InputError: one is no picture.
        OSError: one cannot be read.
    """
    blocks = in_order(_headers, _tasks(pictures), title, processes)
    return [header for block in blocks for header in block]


def _tasks(pictures: Sequence[Member]) -> list[Sequence[Member]]:
    return [pictures[start : start + _BLOCK] for start in range(0, len(pictures), _BLOCK)]


def _headers(pictures: Sequence[Member]) -> list[PictureHeader]:
    return [_header(picture) for picture in pictures]


def _header(picture: Member) -> PictureHeader:
    start = content(picture, _HEAD)
    if start.startswith((b"\x89PNG", b"\xff\xd8")):  # those of other formats may be at the end
        try:
            return decoding.header(start)
        except DAMAGE:
            pass  # it is longer
    whole = content(picture)
    with refusing(f"{picture.archive}: {picture.name}", decoding.EXPECTED):
        return decoding.header(whole)


def reduced(pictures: Sequence[Member], reduction: Reduction, title: str, processes: int | None) -> Blocks:
    """All `pictures`, in their order.

    Raises:
        InputError: as the blocks come: one does not decode, or has another size.
    """
    blocks = in_order(partial(_reduce, reduction=reduction), _tasks(pictures), title, processes)
    return Blocks((len(pictures), 64, 64, len(reduction.mode)), blocks)


def _reduce(pictures: Sequence[Member], reduction: Reduction) -> UInt8[np.ndarray, "pictures 64 64 channels"]:
    images = np.empty((len(pictures), 64, 64, len(reduction.mode)), np.uint8)
    size = "" if reduction.size is None else f" of {reduction.size[0]} x {reduction.size[1]} pixels"
    for image, picture in zip(images, pictures, strict=True):
        whole = content(picture)
        with refusing(f"{picture.archive}: {picture.name}", decoding.EXPECTED + size):
            image[:] = decoding.decoded(whole, reduction)
    return images
