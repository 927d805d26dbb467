"""Data of one's own: pictures in a folder, a zip or a tar, or arrays in an npz."""

import math
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from jaxtyping import Shaped
from PIL import Image

from tcwae.data import pictures
from tcwae.data.archives import sha256
from tcwae.data.damage import refusing
from tcwae.data.npz import opened
from tcwae.data.prepared import Blocks, Images, Prepared, class_type
from tcwae.errors import InputError

__all__ = ["CROPS", "read_images", "read_npz"]

CROPS = ("square", "squash")
"""The largest square at the centre of each picture, or all of it, whatever its sides."""

_SUFFIXES = {".png", ".jpg", ".jpeg"}
_NPZ = "an npz with the arrays images and, if there are any, factors and factor_names"
_ARRAYS = {"images.npy", "factors.npy", "factor_names.npy"}
_LARGEST_TABLE = 2**28  # bytes


def read_images(
    archive: Path | str, crop: str = "square", name: str | None = None, processes: int | None = None
) -> Prepared:
    """Every PNG and JPEG of a folder, a zip or a tar, in the order of their names; hidden files are passed over.

    They become grey when the first is, else colour. `name` is by default the archive's.

    Raises:
        InputError: there are none, or one does not decode; some only as the images come.
        OSError: one cannot be read.
    """
    found = [member for member in pictures.members(archive) if _is_picture(Path(member.name))]
    if not found:
        raise InputError(f"{archive}: expected pictures called .png, .jpg or .jpeg, found none")
    with refusing(f"{archive}: {found[0].name}", "a PNG or JPEG"):
        first = Image.open(BytesIO(pictures.content(found[0])), formats=("PNG", "JPEG"))
    reduction = pictures.Reduction("L" if first.mode in ("1", "L", "LA") else "RGB", None, crop)
    origin = _origin(Path(archive)) | {"crop": crop, "resize": "Lanczos"}
    return _prepared(name or Path(archive).stem, pictures.reduced(found, reduction, "pictures", processes), origin)


def _is_picture(path: Path) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return path.suffix.lower() in _SUFFIXES and not hidden


def read_npz(archive: Path | str, name: str | None = None) -> Prepared:
    """The arrays `images`, uint8 (N, 64, 64) or (N, 64, 64, 1 or 3), and, if there are any, `factors`, integers (N, F).

    The numbers of each factor become classes in their order; `factor_names`, text (F), names them. All are scored.
    Nothing is unpickled.

    Raises:
        InputError: not such a file, or a damaged one; some only as the images come.
        OSError: it is missing or cannot be read.
    """
    with refusing(archive, _NPZ), zipfile.ZipFile(archive) as arrays:
        there = set(arrays.namelist())
        if not there <= _ARRAYS:
            raise InputError(f"{', '.join(sorted(there - _ARRAYS))}")
        with opened(arrays, "images") as (_, dtype, shape):
            if dtype != np.uint8 or shape[1:] not in ((64, 64), (64, 64, 1), (64, 64, 3)) or not shape[0]:
                raise InputError(f"images of type {dtype} and shape {shape}, not uint8 (N, 64, 64[, 1 or 3])")
        factors, names, sizes = None, (), ()
        if "factors.npy" in there:
            factors, sizes = _classes(_table(arrays, "factors"), shape[0])
            names = tuple(f"factor_{k + 1}" for k in range(len(sizes)))
        if "factor_names.npy" in there:
            names = tuple(map(str, _table(arrays, "factor_names").tolist()))
    images = Blocks((*shape[:3], *(shape[3:] or (1,))), _blocks(archive, shape))
    return _prepared(name or Path(archive).stem, images, _origin(Path(archive)), factors, names, sizes)


def _origin(archive: Path) -> dict[str, str]:
    """Its name and, where it is one file, its checksum."""
    checksum = {"archive_sha256": sha256(archive)} if archive.is_file() else {}
    return {"archive": archive.name} | checksum


def _blocks(archive: Path | str, shape: tuple[int, ...]) -> Iterator[Images]:
    step = max(1, 2**24 // math.prod(shape[1:]))
    with (
        refusing(archive, _NPZ),
        zipfile.ZipFile(archive) as arrays,
        opened(arrays, "images") as (content, _, _),
    ):
        for start in range(0, shape[0], step):
            count = min(step, shape[0] - start)
            block = content.read(count * math.prod(shape[1:]))
            yield np.frombuffer(block, np.uint8).reshape(count, 64, 64, -1)


def _table(arrays: zipfile.ZipFile, name: str) -> Shaped[np.ndarray, "..."]:
    """A small array."""
    with opened(arrays, name) as (content, dtype, shape):
        size = math.prod(shape) * dtype.itemsize
        if size > _LARGEST_TABLE:
            raise InputError(f"{name} of {size} bytes")
        return np.frombuffer(content.read(size), dtype).reshape(shape)


def _classes(
    factors: Shaped[np.ndarray, "..."], count: int
) -> tuple[Shaped[np.ndarray, "rows factors"], tuple[int, ...]]:
    """Consecutive classes from 0, and how many each factor has; refused where a score would refuse them after the training."""
    from tcwae.metrics.table import MOST_CLASSES  # scipy, which other sets do not need

    if factors.dtype.kind not in "iu" or factors.ndim != 2 or len(factors) != count or not factors.shape[1]:
        raise InputError(f"factors of type {factors.dtype} and shape {factors.shape}, not integers ({count}, F)")
    columns = [np.unique(column, return_inverse=True) for column in factors.T]
    sizes = tuple(len(values) for values, _ in columns)
    for k, (_, classes) in enumerate(columns):
        smallest = int(np.bincount(classes).min())
        if not 2 <= sizes[k] <= MOST_CLASSES or smallest < 2:
            found = f"factor {k + 1} of {sizes[k]} classes, the smallest of {smallest} images"
            raise InputError(f"{found}, not 2 to {MOST_CLASSES} classes of at least 2 images")
    return np.stack([classes for _, classes in columns], axis=1).astype(class_type(sizes)), sizes


def _prepared(
    name: str,
    images: Blocks,
    origin: dict[str, str],
    factors: Shaped[np.ndarray, "rows factors"] | None = None,
    names: tuple[str, ...] = (),
    sizes: tuple[int, ...] = (),
) -> Prepared:
    return Prepared(
        name=name,
        source="real",
        images=images,
        factors=factors,
        factor_names=names,
        factor_sizes=sizes,
        latent_factor_indices=tuple(range(len(sizes))),
        provenance=origin,
    )
