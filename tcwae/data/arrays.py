"""Images and factors in an npz.

    images        uint8 from 0 to 255, or bool, or uint8 of 0 and 1 (1 is white): (N, 64, 64), (N, 64, 64, 1) or (N, 64, 64, 3)
    factors       whole numbers (N, F); the values of each factor become classes in their order
    factor_names  text (F)
    scored        booleans (F): False for a factor that varies but is no factor of a score, as smallNORB's instance

All but `images` may be missing. An array may be in C or in Fortran order and of either byte order. Nothing is unpickled.
"""

import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Shaped, UInt

from tcwae.data import npz
from tcwae.data.damage import kind, refusing
from tcwae.data.prepared import Blocks, Images, class_type
from tcwae.errors import InputError

__all__ = ["Table", "read"]

_EXPECTED = "an npz with the arrays images and, if there are any, factors, factor_names and scored"
_ARRAYS = ("images.npy", "factors.npy", "factor_names.npy", "scored.npy")
_LARGEST_TABLE = 2**28  # bytes
_BLOCK_BYTES = 2**24


class Table(NamedTuple):
    """The classes (images, factors) of the factors, or None; their names and sizes, and which of them are scored."""

    classes: UInt[np.ndarray, "rows factors"] | None = None
    names: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    scored: tuple[int, ...] = ()


def read(path: Path | str) -> tuple[Blocks, Table, dict[str, str]]:
    """The images, which come a block at a time, the factors, and notes for the provenance.

    Images in Fortran order are held in memory.

    Raises:
        InputError: not such a file, or a damaged one; some only as the images come.
        OSError: it is missing or cannot be read.
    """
    with refusing(path, _EXPECTED):
        with open(path, "rb") as file:
            start = file.read(512)
        if not start.startswith(b"PK") and (other := kind(start)):
            raise InputError(other)
        with zipfile.ZipFile(path) as archive:
            there = set(archive.namelist())
            _check_names(there)
            header = npz.header(archive, "images")
            _check_images(header)
            table = _table(archive, there, header.shape[0])
            white = _white(archive, header)
    shape = (*header.shape[:3], *(header.shape[3:] or (1,)))
    notes = {} if white == 1 else {"values": "0 and 1, taken for black and white"}
    return Blocks(shape, _blocks(path, header, white)), table, notes


def _check_names(there: set[str]) -> None:
    if "arr_0.npy" in there:
        raise InputError("arrays without names: save them as np.savez(FILE, images=..., factors=...)")
    if not there <= set(_ARRAYS):
        raise InputError(
            f"{', '.join(sorted(there - set(_ARRAYS)))}, which is none of {', '.join(_ARRAYS)}: leave it out"
        )
    if "factors.npy" not in there and there & {"factor_names.npy", "scored.npy"}:
        raise InputError("names of factors or which are scored, but no factors")


def _check_images(header: npz.ArrayHeader) -> None:
    dtype, shape, _ = header
    if dtype.kind not in "b" and dtype != np.uint8:
        raise InputError(f"images of type {dtype}, not uint8: {_to_bytes(dtype)}")
    if len(shape) == 4 and shape[1] in (1, 3) and shape[2:] == (64, 64):
        raise InputError(f"images of shape {shape}, channels first: save np.moveaxis(images, 1, -1)")
    if shape[1:] == (64, 64, 4) or shape[1:] == (64, 64, 2):
        raise InputError(f"images of shape {shape}, with transparency: put them on white, and save the other channels")
    if shape == (64, 64) or (len(shape) == 3 and shape[:2] == (64, 64)):
        raise InputError(f"images of shape {shape}, not (N, 64, 64): images go first, np.moveaxis(images, -1, 0)")
    if len(shape) in (3, 4) and shape[1:3] != (64, 64) and shape[3:] in ((), (1,), (3,)):
        raise InputError(
            f"images of shape {shape}, not 64 x 64: resize them, or write them as PNG and use `prepare images`"
        )
    if shape[1:] not in ((64, 64), (64, 64, 1), (64, 64, 3)) or not shape[0]:
        raise InputError(f"images of shape {shape}, not (N, 64, 64) or (N, 64, 64, 1 or 3)")


def _to_bytes(dtype: np.dtype) -> str:
    """What makes bytes of images of another type."""
    if dtype.kind == "f":
        return "if they go from 0 to 1, save (images * 255).round().astype(np.uint8)"
    if dtype == np.uint16:
        return "if they go to 65535, save (images / 257).round().astype(np.uint8)"
    return "if they go from 0 to 255, save images.astype(np.uint8)"


def _white(archive: zipfile.ZipFile, header: npz.ArrayHeader) -> int:
    """What to multiply by: 255 where white is 1, as in booleans and masks, else 1."""
    if header.dtype.kind == "b":
        return 255
    size = math.prod(header.shape)
    with archive.open("images.npy") as content:
        content.seek(archive.getinfo("images.npy").file_size - size)
        while block := content.read(_BLOCK_BYTES):
            if max(block) > 1:
                return 1
    return 255


def _blocks(path: Path | str, header: npz.ArrayHeader, white: int) -> Iterator[Images]:
    count, size = header.shape[0], math.prod(header.shape[1:])
    step = max(1, _BLOCK_BYTES // size)
    with refusing(path, _EXPECTED), zipfile.ZipFile(path) as archive:
        if header.order == "F":
            whole = npz.array(archive, "images").view(np.uint8)
            for start in range(0, count, step):
                yield whole[start : start + step].reshape(-1, 64, 64, *(header.shape[3:] or (1,))) * np.uint8(white)
            return
        with npz.opened(archive, "images") as (content, _, _):
            for start in range(0, count, step):
                some = min(step, count - start)
                block = np.frombuffer(content.read(some * size), np.uint8).reshape(some, 64, 64, -1)
                yield block if white == 1 else block * np.uint8(white)


def _table(archive: zipfile.ZipFile, there: set[str], count: int) -> Table:
    if "factors.npy" not in there:
        return Table()
    factors = npz.array(archive, "factors", _LARGEST_TABLE)
    if factors.ndim != 2 or len(factors) != count or not factors.shape[1]:
        raise InputError(f"factors of shape {factors.shape}, not ({count}, F): a row for each image, a column a factor")
    width = factors.shape[1]
    names = tuple(f"factor_{k + 1}" for k in range(width))
    if "factor_names.npy" in there:
        names = _names(npz.array(archive, "factor_names", _LARGEST_TABLE), width)
    scored = np.ones(width, bool)
    if "scored.npy" in there:
        scored = _scored(npz.array(archive, "scored", _LARGEST_TABLE), width)
    classes, sizes = _classes(_whole_numbers(factors), names, scored)
    return Table(classes, names, sizes, tuple(np.flatnonzero(scored).tolist()))


def _names(array: Shaped[np.ndarray, "..."], width: int) -> tuple[str, ...]:
    if array.dtype.kind not in "US" or array.shape != (width,):
        raise InputError(f"factor_names of type {array.dtype} and shape {array.shape}, not {width} names as text")
    names = tuple(np.char.decode(array, "utf-8").tolist() if array.dtype.kind == "S" else array.tolist())
    wrong = [name for name in names if not name.strip() or not name.isprintable() or names.count(name) > 1]
    if wrong:
        raise InputError(f"the name {wrong[0]!r} of a factor, which is empty, unprintable or there twice")
    return names


def _scored(array: Shaped[np.ndarray, "..."], width: int) -> Bool[np.ndarray, " factors"]:
    if array.shape != (width,) or array.dtype.kind not in "biu" or not np.isin(array, (0, 1)).all():
        raise InputError(f"scored of type {array.dtype} and shape {array.shape}, not {width} times True or False")
    return array.astype(bool)


def _whole_numbers(factors: Shaped[np.ndarray, "rows factors"]) -> Shaped[np.ndarray, "rows factors"]:
    if factors.dtype.kind in "biu":
        return factors
    if factors.dtype.kind == "f" and np.isfinite(factors).all() and (factors == np.rint(factors)).all():
        return factors
    number = "text" if factors.dtype.kind in "US" else f"{factors.dtype} that are not whole"
    advice = "np.unique(column, return_inverse=True)[1] makes classes of the values of a column"
    raise InputError(f"factors as {number}, not whole numbers: {advice}")


def _classes(
    factors: Shaped[np.ndarray, "rows factors"], names: tuple[str, ...], scored: Bool[np.ndarray, " factors"]
) -> tuple[UInt[np.ndarray, "rows factors"], tuple[int, ...]]:
    """Consecutive classes from 0, and how many each factor has.

    Refused is what a score would refuse after the training.
    """
    from tcwae.metrics.table import MOST_CLASSES  # scipy, which other sets do not need

    columns = [np.unique(column, return_inverse=True) for column in factors.T]
    sizes = tuple(len(values) for values, _ in columns)
    for name, size, (_, classes), of_score in zip(names, sizes, columns, scored, strict=True):
        rarest = int(np.bincount(classes).min())
        if of_score and (not 2 <= size <= MOST_CLASSES or rarest < 2):
            raise InputError(
                f"the factor {name!r} of {size} classes, the rarest in {rarest} images, not 2 to {MOST_CLASSES} classes "
                "of at least 2 images: put its values in bins, leave it out, or set its `scored` to False"
            )
    return np.stack([classes for _, classes in columns], axis=1).astype(class_type(sizes)), sizes
