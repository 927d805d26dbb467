"""MPI3D (Gondal et al., NeurIPS 2019): the three published npz files, each a data set of its own.

1,036,800 colour images of 64 x 64 pixels show an object at the end of a robot arm: 6 colours, 6 shapes and 2 sizes of
the object, 3 camera heights, 3 background colours, and 40 x 40 positions of the arm's two axes. `mpi3d_toy` is a
simple rendering, `mpi3d_realistic` a realistic one, and `mpi3d_real` consists of photographs (https://github.com/rr-
learning/disentanglement_dataset). All factors are scored, as in disentanglement_lib (Locatello et al., 2019).
"""

import math
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from tqdm import tqdm

from tcwae.config.datasets import PUBLISHED
from tcwae.data.archives import ARCHIVES, check, located, sha256
from tcwae.data.damage import refusing
from tcwae.data.npz import opened
from tcwae.data.prepared import Blocks, Images, Prepared, on_grid
from tcwae.errors import InputError

__all__ = ["FACTOR_SIZES", "OLDER_SIZES", "read", "read_npz"]

FACTOR_SIZES = PUBLISHED["mpi3d_real"].factor_sizes
OLDER_SIZES = (4, 4, *FACTOR_SIZES[2:])
"""Of the rendered sets as they were published before the photographs: 4 colours and 4 shapes, 460,800 images."""

_STEP = 1024  # images, 12.6 MB


def read(name: str, archive: Path | str) -> Prepared:
    """Read the published npz of the set called `name`, or the folder that holds it.

    The older form of `mpi3d_toy` and `mpi3d_realistic` is read too, with a warning, as no checksum of it is known.

    Raises:
        InputError: another file, or not what the format says; damaged images are noticed as they come.
        OSError: it is missing or cannot be read.
    """
    grids = [FACTOR_SIZES] if name == "mpi3d_real" else [FACTOR_SIZES, OLDER_SIZES]
    path = located(archive, ARCHIVES[name][0])
    sizes, images = read_npz(path, grids, PUBLISHED[name].label)
    if sizes == FACTOR_SIZES:
        origin = check(path, ARCHIVES[name][0])
    else:
        warnings.warn(
            f"{path}: the older {PUBLISHED[name].label} with {sizes[0]} colours and {sizes[1]} shapes; "
            "no checksum of it is known, so it is read unchecked",
            stacklevel=2,
        )
        origin = {"archive": path.name, "archive_sha256": sha256(path)}
    return on_grid(name, "real", images, sizes, origin)


def read_npz(path: Path | str, grids: Sequence[tuple[int, ...]], title: str) -> tuple[tuple[int, ...], Blocks]:
    """The images in C order of the factors, and which of the `grids` they fill.

    The array `images`, uint8, has the shape (N, 64, 64, 3) or that of the grid, (*sizes, 64, 64, 3), with the same bytes. It is
    read as a stream: the files unpack to 12.7 GB.

    Raises:
        InputError: as `read`.
    """
    with _images(path, grids) as (_, sizes):
        count = math.prod(sizes)
    return sizes, Blocks((count, 64, 64, 3), _blocks(path, grids, title))


@contextmanager
def _images(path: Path | str, grids: Sequence[tuple[int, ...]]) -> Iterator[tuple[IO[bytes], tuple[int, ...]]]:
    """The array at its first element, and which of the `grids` it fills."""
    shapes = {shape: sizes for sizes in grids for shape in ((math.prod(sizes), 64, 64, 3), (*sizes, 64, 64, 3))}
    expected = " or ".join(f"({math.prod(sizes)}, 64, 64, 3)" for sizes in grids)
    with (
        refusing(path, f"an npz with images, uint8 {expected}"),
        zipfile.ZipFile(path) as archive,
        opened(archive, "images") as (content, dtype, shape),
    ):
        if dtype != np.uint8 or shape not in shapes:
            raise InputError(f"images of type {dtype} and shape {shape}")
        yield content, shapes[shape]


def _blocks(path: Path | str, grids: Sequence[tuple[int, ...]], title: str) -> Iterator[Images]:
    with _images(path, grids) as (content, sizes):
        count = math.prod(sizes)
        for start in tqdm(range(0, count, _STEP), desc=title, disable=None):
            step = min(_STEP, count - start)
            yield np.frombuffer(content.read(12288 * step), np.uint8).reshape(step, 64, 64, 3)
