"""Shapes3D (Burgess and Kim, 2018): the published HDF5 file.

480,000 colour images of 64 x 64 pixels show an object in a room: 10 hues each of floor, wall and object, 8 scales, 4
shapes (cube, cylinder, sphere, capsule) and 15 orientations (https://github.com/google-deepmind/3d-shapes). All
factors are scored, as in disentanglement_lib (Locatello et al., 2019).
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import h5py
import numpy as np
from jaxtyping import Float
from tqdm import tqdm

from tcwae.config.datasets import PUBLISHED
from tcwae.data import hdf5
from tcwae.data.archives import ARCHIVES, check, located
from tcwae.data.damage import refusing
from tcwae.data.prepared import Blocks, Images, Prepared, factor_grid, on_grid
from tcwae.errors import InputError

__all__ = ["FACTOR_SIZES", "read", "read_hdf5"]

FACTOR_SIZES = PUBLISHED["shapes3d"].factor_sizes

_EXPECTED = "images and labels of Shapes3D"
_SLAB, _LARGEST_SLAB = 4096, 32768  # images: 50 and 400 MB


def read(archive: Path | str) -> Prepared:
    """Read the published file, or the folder that holds it.

    Raises:
        InputError: another file, or not what the format says; damaged images are noticed as they come.
        OSError: it is missing or cannot be read.
    """
    path = located(archive, ARCHIVES["shapes3d"][0])
    origin = check(path, ARCHIVES["shapes3d"][0])
    return on_grid("shapes3d", "real", read_hdf5(path, FACTOR_SIZES), FACTOR_SIZES, origin)


def read_hdf5(path: Path | str, sizes: Sequence[int]) -> Blocks:
    """The images of an HDF5 file: `images` uint8 (N, 64, 64, 3) and `labels` float64 (N, 6), in C order of the factors.

    Raises:
        InputError: as `read`.
    """
    count = math.prod(sizes)
    with refusing(path, _EXPECTED), h5py.File(path, "r", locking=False) as file:
        hdf5.array(file, "images", "|u1", (count, 64, 64, 3))
        _check_order(hdf5.array(file, "labels", "<f8", (count, len(sizes)))[()], sizes)
    return Blocks((count, 64, 64, 3), _blocks(path, count))


def _check_order(labels: Float[np.ndarray, "samples factors"], sizes: Sequence[int]) -> None:
    """Refuse labels whose ranks, factor by factor, are not the classes of the grid."""
    for name, size, values, classes in zip(
        PUBLISHED["shapes3d"].factor_names, sizes, labels.T, factor_grid(sizes).T, strict=True
    ):
        distinct, positions = np.unique(values, return_inverse=True)
        if len(distinct) != size:
            raise InputError(f"{len(distinct)} values of {name}, not {size}")
        if not np.array_equal(positions, classes):
            raise InputError(f"values of {name} that are not in C order of the grid of factors")


def _blocks(path: Path | str, count: int) -> Iterator[Images]:
    """Slabs of whole chunks: a chunk holds a few pixels of thousands of images, and is decompressed once."""
    with refusing(path, _EXPECTED), h5py.File(path, "r", locking=False) as file:
        images = file["images"]
        depth = 1 if images.chunks is None else images.chunks[0]
        step = min(depth * max(1, _SLAB // depth), _LARGEST_SLAB)
        for start in tqdm(range(0, count, step), desc="Shapes3D", disable=None):
            yield images[start : start + step]
