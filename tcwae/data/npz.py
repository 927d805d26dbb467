"""Arrays in an npz, read without trusting the file: nothing is unpickled or evaluated, no stated size is believed."""

import math
import re
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from jaxtyping import Shaped

from tcwae.errors import InputError

__all__ = ["ArrayHeader", "array", "header", "opened"]

_HEADER = re.compile(
    r"\{'descr': '([|<>=]?[biufUS]\d+)', 'fortran_order': (False|True), 'shape': \(([\dL, ]*)\), \}\s*"
)
_LENGTHS = {b"\x93NUMPY\x01\x00": "<H", b"\x93NUMPY\x02\x00": "<I", b"\x93NUMPY\x03\x00": "<I"}
_LONGEST_HEADER = 2**16


class ArrayHeader(NamedTuple):
    """What an npy says of its array: "C" order, where the last index changes fastest, or Fortran's "F"."""

    dtype: np.dtype
    shape: tuple[int, ...]
    order: str


@contextmanager
def opened(archive: zipfile.ZipFile, name: str) -> Iterator[tuple[zipfile.ZipExtFile, np.dtype, tuple[int, ...]]]:
    """An array in C order, at its first element, with its type and shape; it has to end where they say.

    Raises:
        InputError: as `header`, or an array in Fortran order.
        Exception: another of those that `tcwae.data.damage.refusing` knows.
    """
    with _entered(archive, name) as (content, (dtype, shape, order)):
        if order == "F":
            raise InputError(f"{name} in Fortran order: save np.ascontiguousarray({name})")
        yield content, dtype, shape


def header(archive: zipfile.ZipFile, name: str) -> ArrayHeader:
    """Type, shape and order of an array.

    Raises:
        InputError: it is none of numbers, booleans or text, or of another size than it states.
        Exception: another of those that `tcwae.data.damage.refusing` knows.
    """
    with archive.open(_info(archive, name)) as content:
        return _header(archive, content, name)[1]


def array(archive: zipfile.ZipFile, name: str, largest: int | None = None) -> Shaped[np.ndarray, "..."]:
    """A whole array, in either order, of at most `largest` bytes.

    Raises:
        InputError: as `header`, or the array is larger.
        Exception: another of those that `tcwae.data.damage.refusing` knows.
    """
    with _entered(archive, name) as (content, (dtype, shape, order)):
        size = math.prod(shape) * dtype.itemsize
        if largest is not None and size > largest:
            raise InputError(f"{name} of {size} bytes, more than {largest}")
        return np.frombuffer(content.read(size), dtype).reshape(shape, order=order)


@contextmanager
def _entered(archive: zipfile.ZipFile, name: str) -> Iterator[tuple[zipfile.ZipExtFile, ArrayHeader]]:
    with archive.open(_info(archive, name)) as content:
        yield _header(archive, content, name)
        content.read(1)  # where the array ends, zipfile compares its checksum


def _info(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    info = archive.getinfo(f"{name}.npy")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputError(f"{name} in compression {info.compress_type}, not deflated")
    return info


def _header(archive: zipfile.ZipFile, content: zipfile.ZipExtFile, name: str) -> tuple[zipfile.ZipExtFile, ArrayHeader]:
    """References: numpy.lib.format, versions 1.0 to 3.0."""
    magic = content.read(8)
    width = _LENGTHS.get(magic, "<H")
    (length,) = struct.unpack(width, content.read(struct.calcsize(width)))
    text = content.read(min(length, _LONGEST_HEADER)).decode("latin-1")
    match = _HEADER.fullmatch(text)
    if magic not in _LENGTHS or not match:
        raise InputError(_refusal(name, magic, text))
    dtype = np.dtype(match[1])
    shape = tuple(int(size.strip("L ")) for size in match[3].split(",") if size.strip())  # Python 2 wrote 64L
    size = 8 + struct.calcsize(width) + length + math.prod(shape) * dtype.itemsize
    stated = archive.getinfo(f"{name}.npy").file_size
    if stated != size:
        raise InputError(f"{name} of {stated} bytes, not {size}")
    return content, ArrayHeader(dtype, shape, "F" if match[2] == "True" else "C")


def _refusal(name: str, magic: bytes, text: str) -> str:
    """Why a header is not read, and what to do."""
    if magic in _LENGTHS and "'descr': '|O'" in text:
        plain = "str" if name == "factor_names" else "int"
        return f"{name} of Python objects, which would have to be unpickled: save np.array({name}, dtype={plain})"
    if magic in _LENGTHS and "'descr': [" in text:
        return f"{name} with named fields: save a plain array, one column a field"
    return f"{name} with the header {magic!r} {text[:200]!r}"
