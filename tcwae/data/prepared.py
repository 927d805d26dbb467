"""The form of every prepared data set: images, factor classes and provenance in one HDF5 file."""

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import h5py
import numpy as np
import PIL
from jaxtyping import Float32, Int, UInt, UInt8

import tcwae
from tcwae.config.datasets import PUBLISHED
from tcwae.data.sealed import HEAD_BYTES, seal, verify
from tcwae.errors import InputError
from tcwae.files import atomic

__all__ = [
    "FEWEST", "VERSIONS", "Blocks", "Images", "Painting", "Prepared", "class_type", "factor_grid", "fill", "on_grid", "read",
    "write"]  # fmt: skip

Images = UInt8[np.ndarray, "samples ..."]
Painting = Literal["none", "color", "noisy", "scream"]

VERSIONS = {"tcwae": tcwae.__version__, "numpy": np.__version__, "pillow": PIL.__version__}
"""Versions on which the pixels depend: Pillow decodes and reduces pictures."""

FEWEST = 20
"""Images of a study: a tenth is held out, and an evaluation needs two."""

_BLOCK_BYTES = 2**24


class Blocks:
    """The images of a set that is being prepared, a block at a time and only once, so that a set need not fit in memory."""

    def __init__(self, shape: tuple[int, ...], blocks: Iterable[Images]) -> None:
        self.shape, self.ndim, self._blocks = shape, len(shape), blocks

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[Images]:
        count = 0
        for block in self._blocks:
            count += len(block)
            assert block.shape[1:] == self.shape[1:]
            yield block
        assert count == len(self)


@dataclass(frozen=True, eq=False)
class Prepared:
    """A data set of 64 x 64 images and, if they are known, the classes of the factors of each image.

    `images` are bytes 0..255, or one bit a pixel if every pixel is black or white: eight pixels of a row in a byte, the
    leftmost in the most significant bit. `read` returns an array; a reader of archives may return `Blocks`. `factors[n, k]`
    is the class of factor k in image n, from 0 to `factor_sizes[k]` - 1, in the smallest unsigned type that holds
    the classes. Scores use the factors in `latent_factor_indices`; others, such as smallNORB's instance, vary freely.
    `attributes` are further numbers of each image, which no score uses. `source` is "real" for published images and "rendered"
    for images that tcwae renders. `provenance` is what a report prints about the origin: archive, checksum, crop, versions.
    `painting` says how packed sprites become images in colour (`tcwae.data.painting`); if it is "scream", `backdrop` is the
    picture behind them.

    Raises:
        InputError: the parts do not fit together.
    """

    name: str
    source: Literal["real", "rendered"]
    images: Images | Blocks
    factors: UInt[np.ndarray, "rows factors"] | None
    factor_names: tuple[str, ...]
    factor_sizes: tuple[int, ...]
    latent_factor_indices: tuple[int, ...]
    provenance: dict[str, str]
    attributes: Float32[np.ndarray, "labelled attributes"] | None = None
    attribute_names: tuple[str, ...] = ()
    painting: Painting = "none"
    backdrop: UInt8[np.ndarray, "height width 3"] | None = None

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
        if self.painting != "none":
            return 3
        return 1 if self.packed else self.images.shape[3]

    def __len__(self) -> int:
        return len(self.images)

    def pixels(self, indices: Int[np.ndarray, " batch"]) -> UInt8[np.ndarray, "batch 64 64 channels"]:
        """Some of the images as bytes 0..255, unpacked if they are packed, and painted."""
        images = np.asarray(self.images[indices])
        if self.packed:
            images = np.unpackbits(images, axis=2)[..., None] * np.uint8(255)
        if self.painting == "none":
            return images
        from tcwae.data.painting import painted_array  # loads torch, which no other set needs here

        return painted_array(self.painting, images[..., 0], indices, self.backdrop)

    def _fault(self) -> str | None:
        """The first inconsistency, or None."""
        count, *shape = self.images.shape
        sizes, columns = self.factor_sizes, 0 if self.factors is None else self.factors.shape[1]
        if not count or not (shape == [64, 8] or (len(shape) == 3 and shape[:2] == [64, 64])):
            return f"expected images (N, 64, 8) or (N, 64, 64, C), found {self.images.shape}"
        if self.painting != "none" and not self.packed:
            return f"expected packed images to be painted ({self.painting}), found {self.images.shape}"
        picture = (0, 0) if self.backdrop is None else self.backdrop.shape[:2]
        if (self.painting == "scream") != (min(picture) >= 64):
            return f"expected a picture of 64 x 64 pixels or more for scream alone, found {picture} for {self.painting}"
        if not len(sizes) == len(self.factor_names) == columns:
            return f"expected {columns} names and sizes of factors, found {self.factor_names} and {sizes}"
        if not set(self.latent_factor_indices) <= set(range(columns)):
            return f"expected indices of {columns} factors, found {self.latent_factor_indices}"
        shape = (0, 0) if self.attributes is None else self.attributes.shape
        if shape != (count if len(self.attribute_names) else 0, len(self.attribute_names)):
            return f"expected attributes {self.attribute_names} of {count} images, found {shape}"
        if self.factors is None:
            return None
        if len(self.factors) != count or self.factors.dtype != class_type(sizes):
            found = f"{self.factors.dtype} {self.factors.shape}"
            return f"expected factors {class_type(sizes)} ({count}, {columns}), found {found}"
        largest = self.factors.max(axis=0)
        if (largest >= sizes).any():
            return f"expected classes of {self.factor_names} below {sizes}, found {tuple(largest.tolist())}"
        return None


def factor_grid(sizes: Sequence[int]) -> UInt[np.ndarray, "samples factors"]:
    """All combinations of classes in C order: the last factor changes fastest."""
    return np.indices(sizes, dtype=class_type(sizes)).reshape(len(sizes), -1).T.copy()


def on_grid(
    name: str,
    source: Literal["real", "rendered"],
    images: Images | Blocks,
    sizes: Sequence[int],
    provenance: dict[str, str],
) -> Prepared:
    """A published set whose images show every combination of factor classes once, in C order.

    `sizes` are the classes of each factor, so that a part of the set is possible; all else is as `PUBLISHED` says.
    """
    published = PUBLISHED[name]
    return Prepared(
        name=name,
        source=source,
        images=images,
        factors=factor_grid(sizes),
        factor_names=published.factor_names,
        factor_sizes=tuple(sizes),
        latent_factor_indices=published.latent_factor_indices,
        provenance=provenance,
    )


def write(prepared: Prepared, path: Path | str) -> None:
    """Write a data set as HDF5: the same bytes on every call, completely or not at all.

    `/images` (attributes `packing` and `painting`), `/factors`, `/attributes` and `/backdrop` are contiguous and uncompressed.
    Names and sizes are attributes of the root; the provenance, with `images_sha256` (of the bytes of `/images`, then of
    `/backdrop`) and `VERSIONS` added, is in the attributes of the group `/provenance`. HDF5's user block, the first 512
    bytes, is text: the kind of file, and the checksum of all other bytes, as `tail -c +513 FILE | sha256sum` prints it.

    Raises:
        OSError: no permission, or no space left.
    """
    with atomic(path) as temporary:
        fill(prepared, temporary)


def fill(prepared: Prepared, path: Path) -> None:
    """Write as `write` does, to a temporary file of `tcwae.files.atomic`."""
    named = {"factors": prepared.factors, "attributes": prepared.attributes, "backdrop": prepared.backdrop}
    tables = {name: np.ascontiguousarray(array) for name, array in named.items() if array is not None}
    _reserve(path, math.prod(prepared.images.shape) + sum(array.nbytes for array in tables.values()))
    offsets = _lay_out(path, prepared, tables)
    digest = hashlib.sha256()
    with open(path, "r+b") as file:
        for name, array in tables.items():
            file.seek(offsets[name])
            file.write(array)
        file.seek(offsets["images"])
        for block in _blocks(prepared.images):
            digest.update(block)
            file.write(block)
    digest.update(tables.get("backdrop", b""))
    with h5py.File(path, "r+", locking=False) as file:
        file["provenance"].attrs.modify("images_sha256", digest.hexdigest())
    seal(path)


def read(path: Path | str) -> Prepared:
    """Read a file of `write`; its pixels are mapped copy-on-write, so that processes on one machine share them.

    The checksum covers every byte after the first 512, so a file that passes is the very file that was written, and
    HDF5 never meets a damaged one.

    Raises:
        InputError: not a prepared data set, or a truncated or damaged one.
        OSError: the file is missing or cannot be read.
    """
    path = Path(path)
    verify(path)
    try:
        with h5py.File(path, "r", locking=False) as file:
            return _read(path, file)
    except KeyError as error:
        raise InputError(f"{path}: expected a data set of this version of tcwae ({error}): prepare it again") from None


def images_sha256(path: Path) -> str | None:
    """The SHA-256 of the images in a prepared file; None where there is no such file, or none that can be read."""
    try:
        with h5py.File(path, "r", locking=False) as file:
            return str(file["provenance"].attrs["images_sha256"])
    except (OSError, KeyError):
        return None


def _read(path: Path, file: h5py.File) -> Prepared:
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
        attributes=file["attributes"][()] if "attributes" in file else None,
        attribute_names=tuple(attributes["attribute_names"].tolist()),
        painting=images.attrs["painting"],
        backdrop=file["backdrop"][()] if "backdrop" in file else None,
    )


def _blocks(images: Images | Blocks) -> Iterator[Images]:
    if isinstance(images, Blocks):
        yield from map(np.ascontiguousarray, images)
    else:
        step = max(1, _BLOCK_BYTES // images[0].size)
        for start in range(0, len(images), step):
            yield np.ascontiguousarray(images[start : start + step])


def _reserve(path: Path, size: int) -> None:
    """Fail early if the disk cannot hold `size` bytes: HDF5 may crash when it is full."""
    layout = 2**16  # bytes, ample for all but the arrays
    with open(path, "wb") as file:
        file.write(bytes(layout))
        file.truncate(layout + size)


def _lay_out(path: Path, prepared: Prepared, tables: dict[str, np.ndarray]) -> dict[str, int]:
    """Write the HDF5 file without the contents of its arrays; return the offset of each in the file."""
    space = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    space.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    space.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    arrays = {"images": (prepared.images.shape, np.uint8)}
    arrays |= {name: (array.shape, array.dtype) for name, array in tables.items()}
    texts = h5py.string_dtype()
    with h5py.File(path, "w", userblock_size=HEAD_BYTES, locking=False) as file:
        file.attrs["name"] = prepared.name
        file.attrs["source"] = prepared.source
        file.attrs["factor_names"] = np.array(prepared.factor_names, dtype=texts)
        file.attrs["factor_sizes"] = np.array(prepared.factor_sizes, dtype=np.int64)
        file.attrs["latent_factor_indices"] = np.array(prepared.latent_factor_indices, dtype=np.int64)
        file.attrs["attribute_names"] = np.array(prepared.attribute_names, dtype=texts)
        stamp = {"images_sha256": "0" * 64} | VERSIONS
        for key, value in sorted((prepared.provenance | stamp).items()):
            file.require_group("provenance").attrs[key] = value
        for name, (shape, dtype) in arrays.items():
            file.create_dataset(name, shape, dtype, dcpl=space)
        file["images"].attrs["packing"] = "bits, most significant first" if prepared.packed else "none"
        file["images"].attrs["painting"] = prepared.painting
        return {name: file[name].id.get_offset() for name in arrays}


def class_type(sizes: Sequence[int]) -> np.dtype:
    """The smallest unsigned type that holds the classes of factors of these sizes."""
    return np.min_scalar_type(max(sizes, default=1) - 1)
