"""smallNORB (LeCun, Huang and Bottou, CVPR 2004): the published matrices; `tcwae.data.rendered.toys` renders similar images.

50 toys, 10 instances of 5 categories, from 9 elevations and 18 azimuths under 6 lightings. Two files hold 24,300 pairs of
96 x 96 images each, of 5 instances of each category; further files hold category, instance, elevation, azimuth and lighting
(https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/). As in disentanglement_lib (Locatello et al., 2019), both halves are
joined, the image of the first camera is reduced to 64 x 64 with Lanczos' filter, and instance is not scored.
"""

import gzip
import math
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Int, UInt8
from PIL import Image
from tqdm import tqdm

from tcwae.config.datasets import PUBLISHED
from tcwae.data.archives import ARCHIVES, check
from tcwae.data.damage import refusing
from tcwae.data.prepared import Blocks, Prepared, on_grid
from tcwae.errors import InputError

__all__ = ["FACTOR_SIZES", "prepared", "read", "read_matrices"]

FACTOR_SIZES = PUBLISHED["smallnorb"].factor_sizes

_MAGIC = {"<u1": 0x1E3D4C55, "<i4": 0x1E3D4C54}

Toys = UInt8[np.ndarray, "toys 64 64 1"]


def read(archive: Path | str | Sequence[Path | str]) -> Prepared:
    """Read the six published files, given as their folder or as a list.

    Raises:
        InputError: a file is missing, has another checksum, or does not follow its format.
        OSError: one cannot be read.
    """
    given = [Path(path) for path in ([archive] if isinstance(archive, str | Path) else archive)]
    there = {path.name: path for path in (given[0].iterdir() if len(given) == 1 and given[0].is_dir() else given)}
    missing = [published.name for published in ARCHIVES["smallnorb"] if published.name not in there]
    if missing:
        raise InputError(f"{given[0]}: expected the six files of smallNORB, found no {', '.join(missing)}")
    paths = [there[published.name] for published in ARCHIVES["smallnorb"]]
    checks = [check(path, published) for path, published in zip(paths, ARCHIVES["smallnorb"], strict=True)]
    origin = {key: " ".join(checked[key] for checked in checks) for key in checks[0]}
    origin |= {"camera": "the first", "resize": "Lanczos, 96 to 64"}
    return prepared("real", read_matrices(paths, FACTOR_SIZES), origin)


def read_matrices(paths: Sequence[Path], sizes: Sequence[int]) -> Toys:
    """The images of the first camera in C order of the factors; `paths` are images, category and info, for each half.

    Raises:
        InputError: a file is damaged, has another type or shape, or a combination of factors is missing.
    """
    count = math.prod(sizes) // 2
    images = np.empty((2 * count, 64, 64, 1), np.uint8)
    halves = (paths[:3], paths[3:])
    positions = np.concatenate([_positions(category, rest, count, sizes) for _, category, rest in halves])
    if not np.array_equal(np.sort(positions), np.arange(2 * count)):
        raise InputError(f"{paths[1].parent}: expected each combination of factors once, found another set of labels")
    for (path, *_), half in zip(halves, np.split(positions, 2), strict=True):
        with _opened(path, (count, 2, 96, 96), "<u1") as matrix:
            for position in tqdm(half.tolist(), desc="smallNORB", disable=None):
                first, _ = np.frombuffer(_take(matrix, 2 * 96 * 96), np.uint8).reshape(2, 96, 96)
                small = Image.fromarray(first).resize((64, 64), Image.Resampling.LANCZOS)
                images[position, :, :, 0] = np.asarray(small)
    return images


def prepared(source: Literal["real", "rendered"], images: Toys | Blocks, origin: dict[str, str]) -> Prepared:
    """The whole set, with its factors."""
    return on_grid("smallnorb", source, images, FACTOR_SIZES, origin)


def _positions(category: Path, rest: Path, count: int, sizes: Sequence[int]) -> Int[np.ndarray, " samples"]:
    """Where in C order each example belongs; azimuths are stored as tens of degrees."""
    kind, (instance, elevation, azimuth, lighting) = _labels(category, (count,)), _labels(rest, (count, 4)).T
    if (azimuth % 2).any():
        raise InputError(f"{rest}: expected azimuths in steps of 20 degrees, found others")
    factors = np.stack([kind, instance, elevation, azimuth // 2, lighting])
    if (factors < 0).any() or (factors.max(axis=1) >= sizes).any():
        raise InputError(
            f"{rest}: expected classes of {PUBLISHED['smallnorb'].factor_names} below {tuple(sizes)}, found others"
        )
    return np.ravel_multi_index(tuple(factors), tuple(sizes))


def _labels(path: Path, shape: tuple[int, ...]) -> Int[np.ndarray, "..."]:
    with _opened(path, shape, "<i4") as matrix:
        return np.frombuffer(_take(matrix, 4 * math.prod(shape)), "<i4").reshape(shape)


@contextmanager
def _opened(path: Path, shape: tuple[int, ...], dtype: str) -> Iterator[gzip.GzipFile]:
    """Open a matrix at its first element; it must end after its last.

    The header is little-endian int32: a number for the type, the number of dimensions, and the sizes, at least three;
    those beyond the number of dimensions are 1.
    """
    with refusing(path, f"a matrix of type {dtype} and shape {shape}"), gzip.open(path) as matrix:
        magic, dimensions = struct.unpack("<2i", _take(matrix, 8))
        if magic != _MAGIC[dtype] or dimensions != len(shape):
            raise InputError(f"number {magic & 0xFFFFFFFF:#x} and {dimensions} dimensions, not {_MAGIC[dtype]:#x}")
        sizes = struct.unpack(f"<{max(3, dimensions)}i", _take(matrix, 4 * max(3, dimensions)))
        if sizes[:dimensions] != shape:
            raise InputError(f"shape {sizes[:dimensions]}")
        yield matrix
        if matrix.read(1):
            raise InputError("more bytes than that")


def _take(matrix: gzip.GzipFile, size: int) -> bytes:
    content = matrix.read(size)
    if len(content) < size:
        raise InputError("fewer bytes than that")
    return content
