"""An array in an npz, opened without trusting the file: nothing is unpickled or evaluated, no size taken on faith."""

import math
import re
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import numpy as np

from tcwae.errors import InputError

__all__ = ["opened"]

_HEADER = re.compile(r"\{'descr': '([|<>]?[biufU]\d+)', 'fortran_order': False, 'shape': \(([\dL, ]*)\), \}\s*")


@contextmanager
def opened(archive: zipfile.ZipFile, name: str) -> Iterator[tuple[IO[bytes], np.dtype, tuple[int, ...]]]:
    """An array at its first element, with its type and shape; it has to end where they say.

    Raises:
        InputError: it is none of numbers, booleans or text in C order, or of another size than it states.
        Exception: another of those that `tcwae.data.damage.refusing` knows.
    """
    info = archive.getinfo(f"{name}.npy")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputError(f"{name} in compression {info.compress_type}, not deflated")
    with archive.open(info) as content:
        magic, (length,) = content.read(8), struct.unpack("<H", content.read(2))
        header = content.read(length).decode("latin-1")
        found = _HEADER.fullmatch(header)
        if magic != b"\x93NUMPY\x01\x00" or not found:
            raise InputError(f"{name} with the header {magic!r} {header[:200]!r}")
        dtype = np.dtype(found[1])
        shape = tuple(int(size.strip("L ")) for size in found[2].split(",") if size.strip())  # Python 2 wrote 64L
        size = 10 + length + math.prod(shape) * dtype.itemsize
        if info.file_size != size:
            raise InputError(f"{name} of {info.file_size} bytes, not {size}")
        yield content, dtype, shape
        content.read(1)  # where the array ends, its checksum is looked at
