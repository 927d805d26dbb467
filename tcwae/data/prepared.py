"""The one form in which every data set reaches the rest: images, factor classes and where they came from, in HDF5."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import h5py
import numpy as np
from jaxtyping import Int, UInt, UInt8

import tcwae
from tcwae.errors import InputError
from tcwae.files import atomic

__all__ = ["Images", "Prepared", "factor_grid", "read", "write"]

Images = UInt8[np.ndarray, "samples ..."]

_HEAD_BYTES = 512
_HEAD = "tcwae prepared data set, version 1\nSHA-256 of all that follows these 512 bytes: {}\n"


@dataclass(frozen=True, eq=False)
class Prepared:
    """A data set of 64 x 64 images with, when they are known, the classes of the factors that made each image.

    `images` are bytes 0..255, or, where every pixel is black or white, one bit a pixel: eight pixels of a row in a byte,
    the leftmost in the most significant bit. `factors[n, k]` is the class of factor k in image n, from 0 up to
    `factor_sizes[k]` - 1, in the smallest unsigned type that holds them. The scores use the factors listed in
    `latent_factor_indices`; any other varies freely, as smallNORB's instance does. `source` is "real" for the published
    images and "rendered" for images drawn here. `provenance` is what a report prints about the origin: archive and
    checksum, crop, versions.

    Raises:
        InputError: the parts do not fit together.
    """

    name: str
    source: Literal["real", "rendered"]
    images: Images
    factors: UInt[np.ndarray, "rows factors"] | None
    factor_names: tuple[str, ...]
    factor_sizes: tuple[int, ...]
    latent_factor_indices: tuple[int, ...]
    provenance: dict[str, str]

    def __post_init__(self) -> None:
        fault = self._fault()
        if fault:
            raise InputError(fault)

    @property
    def packed(self) -> bool:
        """Whether an image is stored as one bit a pixel."""
        return self.images.ndim == 3

    @property
    def channels(self) -> int:
        """1 for grey or black-and-white images, 3 for colour."""
        return 1 if self.packed else self.images.shape[3]

    def __len__(self) -> int:
        return len(self.images)

    def pixels(self, indices: Int[np.ndarray, " batch"]) -> UInt8[np.ndarray, "batch 64 64 channels"]:
        """Some of the images as bytes 0..255, unpacked where they are packed."""
        images = np.asarray(self.images[indices])
        return np.unpackbits(images, axis=2)[..., None] * np.uint8(255) if self.packed else images

    def _fault(self) -> str | None:
        """What does not fit, or None."""
        count, *shape = self.images.shape
        sizes, columns = self.factor_sizes, 0 if self.factors is None else self.factors.shape[1]
        if not count or not (shape == [64, 8] or (len(shape) == 3 and shape[:2] == [64, 64])):
            return f"expected images (N, 64, 8) or (N, 64, 64, C), found {self.images.shape}"
        if not len(sizes) == len(self.factor_names) == columns:
            return f"expected {columns} names and sizes of factors, found {self.factor_names} and {sizes}"
        if not set(self.latent_factor_indices) <= set(range(columns)):
            return f"expected indices of {columns} factors, found {self.latent_factor_indices}"
        if self.factors is None:
            return None
        if len(self.factors) != count or self.factors.dtype != _class_type(sizes):
            found = f"{self.factors.dtype} {self.factors.shape}"
            return f"expected factors {_class_type(sizes)} ({count}, {columns}), found {found}"
        largest = self.factors.max(axis=0)
        if (largest >= sizes).any():
            return f"expected classes of {self.factor_names} below {sizes}, found {tuple(largest.tolist())}"
        return None


def factor_grid(sizes: Sequence[int]) -> UInt[np.ndarray, "samples factors"]:
    """Every combination of classes once, in C order: the last factor changes fastest."""
    return np.indices(sizes, dtype=_class_type(sizes)).reshape(len(sizes), -1).T.copy()


def write(prepared: Prepared, path: Path | str) -> None:
    """Write a data set as HDF5: the same bytes on every call, whole or not at all.

    `/images` (attribute `packing`) and `/factors` are contiguous and uncompressed; names and sizes are attributes of the
    root, the provenance is attributes of the group `/provenance`, with `images_sha256` (of the bytes of `/images`) and
    the versions of tcwae and numpy added. HDF5's user block, the first 512 bytes, is text: the kind of file, and the
    checksum of all other bytes, as `tail -c +513 FILE | sha256sum` prints it.

    Raises:
        OSError: no permission, or no space left.
    """
    arrays = {"images": np.ascontiguousarray(prepared.images)}
    if prepared.factors is not None:
        arrays["factors"] = np.ascontiguousarray(prepared.factors)
    with atomic(path) as temporary:
        _reserve(temporary, sum(array.nbytes for array in arrays.values()))
        offsets = _lay_out(temporary, prepared, arrays)
        with open(temporary, "r+b") as file:
            for name, array in arrays.items():
                file.seek(offsets[name])
                file.write(array)
            head = _head(_checksum(file))
            file.seek(0)
            file.write(head)


def read(path: Path | str) -> Prepared:
    """Read what `write` wrote; the pixels are mapped copy-on-write, so that processes side by side share them.

    The checksum covers every byte after the first 512, so a file that passes is the very file that was written, and
    HDF5 never meets a damaged one.

    Raises:
        InputError: not a prepared data set, or a truncated or damaged one.
        OSError: the file is missing or cannot be read.
    """
    path = Path(path)
    with open(path, "rb") as file:
        head = file.read(_HEAD_BYTES)
        if not head.startswith(_HEAD.partition("\n")[0].encode()):
            found = "an empty file" if not head else "another kind of file"
            raise InputError(f"{path}: expected a data set written by `tcwae prepare`, found {found}")
        if head != _head(_checksum(file)):
            raise InputError(f"{path}: expected the checksum in its first bytes, found another: prepare it again")
    with h5py.File(path, "r", locking=False) as file:
        images, attributes = file["images"], file.attrs
        return Prepared(
            name=attributes["name"],
            source=attributes["source"],
            images=np.memmap(path, np.uint8, "c", images.id.get_offset(), images.shape),
            factors=file["factors"][()] if "factors" in file else None,
            factor_names=tuple(attributes["factor_names"].tolist()),
            factor_sizes=tuple(attributes["factor_sizes"].tolist()),
            latent_factor_indices=tuple(attributes["latent_factor_indices"].tolist()),
            provenance=dict(file["provenance"].attrs),
        )


def _reserve(path: Path, size: int) -> None:
    """Find out that the disk is full, or may not hold a file of `size`, before HDF5 does: that can crash in it."""
    layout = 2**16  # bytes, ample for all but the arrays
    with open(path, "wb") as file:
        file.write(bytes(layout))
        file.truncate(layout + size)


def _lay_out(path: Path, prepared: Prepared, arrays: dict[str, np.ndarray]) -> dict[str, int]:
    """Write the HDF5 file but for the contents of `arrays`; return where in the file each belongs."""
    space = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    space.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    space.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    with h5py.File(path, "w", userblock_size=_HEAD_BYTES, locking=False) as file:
        file.attrs["name"] = prepared.name
        file.attrs["source"] = prepared.source
        file.attrs["factor_names"] = np.array(prepared.factor_names, dtype=h5py.string_dtype())
        file.attrs["factor_sizes"] = np.array(prepared.factor_sizes, dtype=np.int64)
        file.attrs["latent_factor_indices"] = np.array(prepared.latent_factor_indices, dtype=np.int64)
        for key, value in sorted((prepared.provenance | _stamp(arrays["images"])).items()):
            file.require_group("provenance").attrs[key] = value
        for name, array in arrays.items():
            file.create_dataset(name, array.shape, array.dtype, dcpl=space)
        file["images"].attrs["packing"] = "bits, most significant first" if prepared.packed else "none"
        return {name: file[name].id.get_offset() for name in arrays}


def _class_type(sizes: Sequence[int]) -> np.dtype:
    return np.min_scalar_type(max(sizes, default=1) - 1)


def _stamp(images: Images) -> dict[str, str]:
    digest = hashlib.sha256(images).hexdigest()
    return {"images_sha256": digest, "tcwae": tcwae.__version__, "numpy": np.__version__}


def _head(checksum: str) -> bytes:
    return _HEAD.format(checksum).encode().ljust(_HEAD_BYTES, b"\n")


def _checksum(file: BinaryIO) -> str:
    file.seek(_HEAD_BYTES)
    return hashlib.file_digest(file, "sha256").hexdigest()
