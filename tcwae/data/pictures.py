"""Pictures in a folder, a zip or a tar: found by name, read one by one without unpacking, reduced to 64 x 64."""

import os
import stat
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from tcwae.data.damage import refusing
from tcwae.data.parallel import in_order
from tcwae.data.prepared import Blocks
from tcwae.errors import InputError

__all__ = ["Member", "Reduction", "content", "decoded", "members", "reduced"]

LARGEST = 2**26
"""Bytes in a picture file, far more than any needs."""

_BLOCK = 256  # pictures


class Member(NamedTuple):
    """A file in an archive: where its bytes are; zips deflate them and know their CRC-32."""

    archive: str
    name: str
    offset: int
    size: int
    deflated: int | None = None
    crc: int | None = None


class Reduction(NamedTuple):
    """How a picture becomes 64 x 64: of which size it must be, what is cut off, and whether it is grey ("L") or colour.

    `crop` is the side of a square at the centre, or "square": the largest, or "resize-crop": reduced to a width of 64
    before the square is taken, or "squash": all of it, whatever its sides. Lanczos' filter does the rest.
    """

    mode: Literal["L", "RGB"]
    size: tuple[int, int] | None
    crop: str


def members(path: Path | str) -> list[Member]:
    """The files of a folder, a zip or an uncompressed tar, sorted by name.

    Raises:
        InputError: it is none of these or damaged; or a member is a link, encrypted, too large, or outside the archive.
        OSError: it is missing or cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        files = (file for file in _walked(path) if file.is_file() or not file.exists())  # a link to nowhere is told
        found = [Member(str(file), str(file.relative_to(path)), 0, file.stat().st_size) for file in files]
    else:
        with refusing(path, "a folder, a zip or an uncompressed tar"), open(path, "rb") as file:
            start = file.read(4)
            list_of = _zipped if start in (b"PK\x03\x04", b"PK\x05\x06") else _tarred
            found = list(list_of(path))
    for member in found:
        if member.size > LARGEST:
            raise InputError(f"{path}: expected files of at most {LARGEST} bytes, found {member.name}: {member.size}")
    return sorted(found, key=lambda member: member.name)


def _walked(folder: Path) -> Iterator[Path]:
    """All that is in a folder and those within; a folder that may not be read stops it, which `Path.rglob` passes over."""

    def stop(error: OSError) -> None:
        raise error

    for within, _, names in os.walk(folder, onerror=stop):
        yield from (Path(within, name) for name in names)


def _zipped(path: Path) -> Iterator[Member]:
    """Each member has a header of its own, which must have the name that the directory states."""
    with zipfile.ZipFile(path) as archive, open(path, "rb") as file:
        for info in archive.infolist():
            _stay_inside(info.orig_filename)
            if stat.S_ISLNK(info.external_attr >> 16):
                raise InputError(f"{info.filename}, a link")
            if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise InputError(f"{info.filename}, encrypted or in compression {info.compress_type}")
            file.seek(info.header_offset)
            signature, flags, length, extra = struct.unpack("<4s2xH18xHH", file.read(30))
            name = file.read(length).decode("utf-8" if flags & 0x800 else "cp437")
            if signature != b"PK\x03\x04" or name != info.orig_filename:
                raise InputError(f"another header of {info.filename}")
            if not info.is_dir():
                deflated = info.compress_size if info.compress_type == zipfile.ZIP_DEFLATED else None
                start = info.header_offset + 30 + length + extra
                yield Member(str(path), info.filename, start, info.file_size, deflated, info.CRC)


def _tarred(path: Path) -> Iterator[Member]:
    with tarfile.open(path, "r:") as archive, open(path, "rb") as file:
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
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "\\" in name:
        raise InputError(f"{name!r}, a path outside the archive")


def content(member: Member) -> bytes:
    """The bytes of a member.

    Raises:
        InputError: it is damaged.
    """
    with refusing(f"{member.archive}: {member.name}", f"{member.size} bytes"), open(member.archive, "rb") as file:
        file.seek(member.offset)
        whole = file.read(member.size if member.deflated is None else member.deflated)
        if member.deflated is not None:
            whole = zlib.decompressobj(-zlib.MAX_WBITS).decompress(whole, member.size + 1)
        if len(whole) != member.size:
            raise InputError(f"{len(whole)} bytes or more")
        if member.crc is not None and zlib.crc32(whole) != member.crc:
            raise InputError("another checksum")
        return whole


def decoded(whole: bytes, reduction: Reduction) -> UInt8[np.ndarray, "64 64 channels"]:
    """A PNG or JPEG, checked and reduced.

    Raises:
        Exception: one of those that `refusing` knows.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = Image.open(BytesIO(whole), formats=("PNG", "JPEG"))
        if reduction.size and picture.size != reduction.size:
            raise InputError(f"{picture.width} x {picture.height} pixels")
        if picture.format == "PNG":
            picture.verify()  # its checksums, which decoding ignores
            picture = Image.open(BytesIO(whole), formats=("PNG",))
        picture = _cut(picture.convert(reduction.mode), reduction.crop)
    pixels = np.asarray(picture.resize((64, 64), Image.Resampling.LANCZOS))
    return pixels.reshape(64, 64, -1)


def _cut(picture: Image.Image, crop: str) -> Image.Image:
    if crop == "squash":
        return picture
    if crop == "resize-crop":
        picture = picture.resize((64, 64 * picture.height // picture.width), Image.Resampling.LANCZOS)
    side = int(crop) if crop.isdecimal() else min(picture.size)
    if side > min(picture.size):
        raise InputError(f"{picture.width} x {picture.height} pixels, smaller than the crop {crop}")
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return picture.crop((left, top, left + side, top + side))


def reduced(pictures: Sequence[Member], reduction: Reduction, title: str, processes: int | None) -> Blocks:
    """All `pictures`, in their order.

    Raises:
        InputError: as the blocks come: one does not decode, or has another size.
    """
    tasks = [pictures[start : start + _BLOCK] for start in range(0, len(pictures), _BLOCK)]
    blocks = in_order(partial(_reduce, reduction=reduction), tasks, title, processes)
    return Blocks((len(pictures), 64, 64, len(reduction.mode)), blocks)


def _reduce(pictures: Sequence[Member], reduction: Reduction) -> UInt8[np.ndarray, "pictures 64 64 channels"]:
    images = np.empty((len(pictures), 64, 64, len(reduction.mode)), np.uint8)
    size = "" if reduction.size is None else f" of {reduction.size[0]} x {reduction.size[1]} pixels"
    for image, picture in zip(images, pictures, strict=True):
        whole = content(picture)
        with refusing(f"{picture.archive}: {picture.name}", f"a PNG or JPEG{size}"):
            image[:] = decoded(whole, reduction)
    return images
