"""dSprites (Matthey et al., 2017): the readers of the published archives.

A sprite is a square, an ellipse or a heart in 6 scales, 40 orientations and 32 x 32 positions, 737,280 images
(https://github.com/google-deepmind/dsprites-dataset). `tcwae.data.rendered.dsprites` renders them.
"""

import math
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import h5py
import numpy as np
from jaxtyping import Int, UInt8
from tqdm import tqdm

from tcwae.config.datasets import PUBLISHED
from tcwae.data import hdf5
from tcwae.data.archives import ARCHIVES, DSPRITES_NPZ, check, located
from tcwae.data.damage import refusing
from tcwae.data.npz import opened
from tcwae.data.prepared import Prepared, factor_grid, on_grid
from tcwae.errors import InputError

__all__ = ["FACTOR_SIZES", "Packed", "read", "read_hdf5", "read_npz"]

FACTOR_SIZES = PUBLISHED["dsprites"].factor_sizes

Packed = UInt8[np.ndarray, "samples 64 8"]

_SLAB = 23040  # images; the depth of a chunk in the HDF5 archive


def read(archive: Path | str, sizes: Sequence[int] = FACTOR_SIZES) -> Prepared:
    """Read a published archive in either of its two formats, or the folder that holds one.

    Raises:
        InputError: another file, or one that does not follow its format.
        OSError: it is missing or cannot be read.
    """
    path = located(archive, ARCHIVES["dsprites"][0], DSPRITES_NPZ)
    with open(path, "rb") as file:
        is_zip = file.read(2) == b"PK"
    published, unpack = (DSPRITES_NPZ, read_npz) if is_zip else (ARCHIVES["dsprites"][0], read_hdf5)
    origin = check(path, published)
    return on_grid("dsprites", "real", unpack(path, sizes), sizes, origin)


def read_npz(path: Path | str, sizes: Sequence[int] = FACTOR_SIZES) -> Packed:
    """Pack the images of an npz: `imgs` uint8 (N, 64, 64) of 0 and 1, `latents_classes` int64 (N, 6) in C order.

    Nothing is unpickled, and an array that declares another type or size is not decompressed.

    Raises:
        InputError: another or a damaged file.
    """
    count = math.prod(sizes)
    with refusing(path, "an archive of dSprites"), zipfile.ZipFile(path) as archive:
        with _member(archive, "latents_classes", "<i8", (count, 6)) as member:
            _check_classes(np.frombuffer(member.read(), "<i8").reshape(count, 6), sizes)
        with _member(archive, "imgs", "|u1", (count, 64, 64)) as member:
            return _pack(lambda slab: np.frombuffer(member.read(4096 * len(slab)), np.uint8), count)


def read_hdf5(path: Path | str, sizes: Sequence[int] = FACTOR_SIZES) -> Packed:
    """Pack the images of the HDF5 archive: `imgs` and `latents/classes`, as in the npz.

    Raises:
        InputError: another or a damaged file.
    """
    count = math.prod(sizes)
    with refusing(path, "an archive of dSprites"), h5py.File(path, "r", locking=False) as file:
        _check_classes(hdf5.array(file, "latents/classes", "<i8", (count, 6))[()], sizes)
        images = hdf5.array(file, "imgs", "|u1", (count, 64, 64))
        return _pack(lambda slab: images[slab.start : slab.stop], count)


@contextmanager
def _member(archive: zipfile.ZipFile, name: str, dtype: str, shape: tuple[int, ...]) -> Iterator[IO[bytes]]:
    """Open an array in an npz at its first element."""
    with opened(archive, name) as (content, found, size):
        if found != dtype or size != shape:
            raise InputError(f"{name} of type {found.str} and shape {size}, not {dtype} and {shape}")
        yield content


def _check_classes(classes: Int[np.ndarray, "samples 6"], sizes: Sequence[int]) -> None:
    """Refuse classes other than colour 0 and the five factors in C order."""
    if classes[:, 0].any() or not np.array_equal(classes[:, 1:], factor_grid(sizes)):
        raise InputError("factor classes that are not the grid of factors in C order")


def _pack(read_slab: Callable[[range], UInt8[np.ndarray, "..."]], count: int) -> Packed:
    """Pack `count` images of 0 and 1, a slab at a time."""
    packed = np.empty((count, 64, 8), np.uint8)
    for start in tqdm(range(0, count, _SLAB), desc="dSprites", disable=None):
        slab = range(start, min(start + _SLAB, count))
        images = read_slab(slab).reshape(len(slab), 64, 64)
        if images.max() > 1:
            raise InputError(f"a pixel {images.max()}, not 0 or 1")
        packed[start : slab.stop] = np.packbits(images, axis=2)
    return packed
