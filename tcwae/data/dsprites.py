"""dSprites (Matthey et al., 2017): the published archives, and a renderer of all 737,280 images.

A sprite is a square, an ellipse or a heart in 6 scales, 40 orientations and 32 x 32 positions. The images were drawn
without anti-aliasing (https://github.com/google-deepmind/dsprites-dataset): a pixel is white exactly when its centre
lies inside the outline. In pixels, with x to the right, y down and the centre of pixel k at k + 1/2, class i means

    scale        0.5 + 0.1 i
    orientation  2 pi i / 39, counter-clockwise on the screen: classes 0 and 39 are the same picture
    posX, posY   16 + 32 i / 31

The outlines, at scale 1 and orientation 0 about the origin, are fitted to published images. Of 285 real images with known
factors, 279 are reproduced with the same number of white pixels and the same bounding box; in the other 6 the number differs
by at most 2. The mean pixel is 0.0424943, and 0.0424944 in the real set (published in https://github.com/nmichlo/disent).

Every machine renders the same images: no pixel centre is closer to an outline than 7e-8 pixels (measured over all images),
while rounding errors of coordinates, sines and cosines, which differ between machines, stay below 1e-12.
"""

import math
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import h5py
import numpy as np
from jaxtyping import Float, Int, UInt8, UInt64
from tqdm import tqdm

from tcwae.config.datasets import PUBLISHED
from tcwae.data import hdf5
from tcwae.data.archives import ARCHIVES, DSPRITES_NPZ, check, located
from tcwae.data.damage import refusing
from tcwae.data.npz import opened
from tcwae.data.prepared import Prepared, factor_grid, on_grid
from tcwae.errors import InputError

__all__ = [
    "FACTOR_SIZES",
    "OUTLINES",
    "draw",
    "place",
    "read",
    "read_hdf5",
    "read_npz",
    "render",
]

FACTOR_SIZES = PUBLISHED["dsprites"].factor_sizes

Outline = Float[np.ndarray, "vertices 2"]
Packed = UInt8[np.ndarray, "samples 64 8"]

_SLAB = 23040  # images; the depth of a chunk in the HDF5 archive


def render() -> Prepared:
    """Render the whole set, in C order of the factors."""
    images = np.empty((*FACTOR_SIZES, 64), ">u8")
    cells = list(np.ndindex(FACTOR_SIZES[:3]))
    for shape, scale, orientation in tqdm(cells, desc="dSprites", disable=None):
        images[shape, scale, orientation] = draw(place(OUTLINES[shape], scale, orientation))
    origin = {"drawn": "a pixel is white where its centre lies inside the outline"}
    return on_grid("dsprites", "rendered", images.view(np.uint8).reshape(-1, 64, 8), FACTOR_SIZES, origin)


def place(outline: Outline, scale: int, orientation: int) -> Outline:
    """Scale and turn an outline about the origin."""
    angle = 2 * np.pi * orientation / 39
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (0.5 + 0.1 * scale) * (outline @ turn)


def draw(outline: Outline) -> UInt64[np.ndarray, "posX posY 64"]:
    """Fill a placed outline at every position: 64 rows an image, one bit a pixel, the leftmost most significant.

    A pixel is inside if the outline crosses its row an odd number of times to its left (the even-odd rule). Each crossing
    contributes a row that is 1 from there to the right; their exclusive or is the filled row.
    """
    centres = 16 + 32 * np.arange(32) / 31
    rows = (np.arange(64) + 0.5 - centres[:, None]).ravel()  # for each posY, relative to the centre of the sprite
    row, x = _crossings(outline, rows)
    column = np.ceil(x[:, None] + centres - 0.5).astype(np.uint64)  # no sprite reaches the border
    rightwards = np.uint64(2**64 - 1) >> column
    starts = np.flatnonzero(np.diff(row, prepend=-1))
    images = np.zeros((32, rows.size), np.uint64)
    images[:, row[starts]] = np.bitwise_xor.reduceat(rightwards, starts).T
    return images.reshape(32, 32, 64)


def _crossings(
    outline: Outline, rows: Float[np.ndarray, " rows"]
) -> tuple[Int[np.ndarray, " crossings"], Float[np.ndarray, " crossings"]]:
    """Where the lines y = `rows` cross the outline: the index of the line, ascending, and x."""
    near = np.flatnonzero(np.abs(rows) <= np.abs(outline[:, 1]).max())
    above = outline[:, 1] <= rows[near, None]
    row, start = np.nonzero(above != np.roll(above, -1, axis=1))
    (x0, y0), (x1, y1) = outline[start].T, np.roll(outline, -1, axis=0)[start].T
    return near[row], x0 + (x1 - x0) * (rows[near[row]] - y0) / (y1 - y0)


def _square() -> Outline:
    return 9.5995 * np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)])


def _ellipse(vertices: int = 100) -> Outline:
    t = 2 * np.pi * np.arange(vertices) / vertices
    return np.stack([12.767 * np.cos(t), 7.217 * np.sin(t)], axis=1)


def _heart(vertices: int = 2000) -> Outline:
    t = 2 * np.pi * np.arange(vertices) / vertices
    height = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return np.stack([9.59492 * np.sin(t) ** 3, -0.66227 * height - 1.43539], axis=1)


OUTLINES: tuple[Outline, ...] = (_square(), _ellipse(), _heart())


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
