"""An array in a MATLAB 5 file, by the format's description (MathWorks, "MAT-File Format", chapter 1).

scipy.io.loadmat reads more, but some damaged files make it crash (measured: a segmentation fault of scipy 1.17.1).
"""

import math
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from jaxtyping import UInt8

from tcwae.errors import InputError

__all__ = ["uint8_array"]

_MATRIX, _COMPRESSED = 14, 15  # types of elements
_NUMBERS = {1: "int8", 2: "uint8", 5: "int32", 6: "uint32"}  # other types of elements
_CLASS = 9  # uint8
_LARGEST = 2**26  # bytes in a variable, far more than any needs


def uint8_array(whole: bytes, name: str) -> UInt8[np.ndarray, "..."]:
    """The variable called `name`, in the shape that MATLAB gives it.

    Raises:
        InputError: it is not there, or not of class uint8, or the file is damaged.
        Exception: another one that `tcwae.data.damage.refusing` knows.
    """
    if whole[124:128] != b"\x00\x01IM":
        raise InputError(f"version and byte order {whole[124:128]!r}, not those of MATLAB 5, little-endian")
    for kind, element in _elements(whole[128:]):
        variable = _inflated(element) if kind == _COMPRESSED else (kind, element)
        if variable[0] != _MATRIX:
            raise InputError(f"an element of type {variable[0]}")
        parts = _elements(variable[1])
        flags, shape, label = _expect(parts, "uint32"), _expect(parts, "int32"), _expect(parts, "int8")
        if label == name.encode():
            if flags[:2] != bytes((_CLASS, 0)):
                raise InputError(f"{name} of class {flags[0]} with flags {flags[1]}, not plain uint8 ({_CLASS})")
            return _array(_expect(parts, "uint8"), struct.unpack(f"<{len(shape) // 4}i", shape))
    raise InputError(f"no variable {name}")


def _elements(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The type and the content of each element: a tag of 8 bytes, then the content; up to 4 bytes are in the tag."""
    position = 0
    while position < len(content):
        kind, size = struct.unpack_from("<2I", content, position)
        start, end = position + 8, position + 8 + size
        position = end if kind == _COMPRESSED else end + -size % 8
        if kind >> 16:
            kind, size = kind & 0xFFFF, kind >> 16
            start, end, position = start - 4, start - 4 + size, start
            if size > 4:
                raise InputError(f"{size} bytes in the tag of an element")
        if end > len(content):
            raise InputError("an element that does not end")
        yield kind, content[start:end]


def _inflated(element: bytes) -> tuple[int, bytes]:
    """The element in a compressed one, whose checksum is right."""
    inflate = zlib.decompressobj()
    content = inflate.decompress(element, _LARGEST)
    if not inflate.eof:
        raise InputError(f"a compressed variable that does not end within {_LARGEST} bytes")
    return next(_elements(content), (0, b""))


def _expect(parts: Iterator[tuple[int, bytes]], numbers: str) -> bytes:
    kind, content = next(parts, (0, b""))
    if _NUMBERS.get(kind) != numbers:
        raise InputError(f"an element of type {kind}, not {numbers}")
    return content


def _array(content: bytes, shape: tuple[int, ...]) -> UInt8[np.ndarray, "..."]:
    """MATLAB's order: the first index fastest."""
    if min(shape, default=0) < 1 or math.prod(shape) != len(content):
        raise InputError(f"{len(content)} bytes for the shape {shape}")
    return np.frombuffer(content, np.uint8).reshape(shape, order="F")
