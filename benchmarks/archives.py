"""Small archives in the published formats, for the benchmark and the tests."""

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np
from jaxtyping import UInt8
from PIL import Image

from tcwae.data.archives import ARCHIVES
from tcwae.data.prepared import factor_grid

__all__ = [
    "ARM",
    "CARS",
    "CHAIRS",
    "MAGIC",
    "ROOM",
    "TOYS",
    "TOY_FILES",
    "arm_images",
    "car_members",
    "chair_members",
    "encoded",
    "face_members",
    "matlab",
    "matrix",
    "picture",
    "room_arrays",
    "save_rooms",
    "tarred",
    "toy_arrays",
    "zipped",
]

CHAIRS = (2, 3, 2)
AZIMUTHS, ELEVATIONS = ("000", "011", "023"), ("020", "030")
TOYS = (2, 2, 2, 2, 2)
ROOM = (2, 2, 2, 2, 2, 3)
ARM = (3, 3, 2, 1, 2, 2, 2)
CARS = (2, 3, 4)
TOY_FILES = [published.name for published in ARCHIVES["smallnorb"]]
MAGIC = {"uint8": 0x1E3D4C55, "int32": 0x1E3D4C54, "float32": 0x1E3D4C51}


def picture(seed: int, size: tuple[int, int], mode: str = "RGB") -> Image.Image:
    """A coarse pattern, which compresses well."""
    shape = (6, 5) if mode == "L" else (6, 5, 3)
    pattern = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    return Image.fromarray(pattern).resize(size, Image.Resampling.NEAREST)


def encoded(image: Image.Image, form: str = "PNG") -> bytes:
    """The bytes of a PNG or JPEG."""
    buffer = io.BytesIO()
    image.save(buffer, form, **({"quality": 95} if form == "JPEG" else {"compress_level": 1}))
    return buffer.getvalue()


def tarred(path: Path, members: Mapping[str, bytes]) -> Path:
    """A tar of these members, in this order; compressed if it is called .gz."""
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        for name, whole in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(whole)
            archive.addfile(info, io.BytesIO(whole))
    return path


def zipped(path: Path, members: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    """A zip of these members, in this order."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, whole in members.items():
            archive.writestr(name, whole)
    return path


def chair_members(size: tuple[int, int] = (600, 600)) -> dict[str, bytes]:
    """`CHAIRS` in no particular order, and a member that is not a picture."""
    members = {}
    for c, chair in enumerate(("b1c2", "0a9f")):
        for e, elevation in enumerate(ELEVATIONS):
            for a, azimuth in enumerate(AZIMUTHS):
                name = f"rendered_chairs/{chair}/renders/image_{32 * e + a:03}_p{elevation}_t{azimuth}_r096.png"
                members[name] = encoded(picture(100 * c + 10 * e + a, size))
    return members | {"rendered_chairs/all_chair_names.mat": b"MATLAB 5.0"}


def face_members(count: int = 5) -> dict[str, bytes]:
    """CelebA's first faces, the last first."""
    return {
        f"img_align_celeba/{n:06}.jpg": encoded(picture(n, (178, 218)), "JPEG") for n in reversed(range(1, count + 1))
    }


def matrix(array: np.ndarray, magic: int | None = None, shape: Sequence[int] | None = None) -> bytes:
    """A matrix in the format of smallNORB, as http://www.cs.nyu.edu/~ylclab/data/norb-v1.0-small/ describes it."""
    shape = array.shape if shape is None else shape
    dims = [*shape, *[1] * (3 - len(shape))]
    head = struct.pack(f"<{2 + len(dims)}i", MAGIC[str(array.dtype)] if magic is None else magic, len(shape), *dims)
    return head + array.tobytes()


def toy_arrays(sizes: Sequence[int] = TOYS) -> tuple[dict[str, np.ndarray], UInt8[np.ndarray, "toys 64 64 1"]]:
    """Pairs of images in a random order with their labels, as {file: array}, and the images that must be read."""
    random = np.random.default_rng(0)
    factors = random.permutation(factor_grid(sizes)).astype(np.int32)
    smooth = random.integers(0, 256, (len(factors), 2, 8, 8), np.uint8).repeat(12, axis=2).repeat(12, axis=3)
    small = [np.asarray(Image.fromarray(pair[0]).resize((64, 64), Image.Resampling.LANCZOS)) for pair in smooth]
    expected = np.zeros((*sizes, 64, 64, 1), np.uint8)
    expected[tuple(factors.T)] = np.array(small)[..., None]
    rest = factors[:, 1:] * [1, 1, 2, 1]
    arrays, middle = {}, len(factors) // 2
    for half, names in zip((slice(middle), slice(middle, None)), (TOY_FILES[:3], TOY_FILES[3:]), strict=True):
        arrays |= dict(zip(names, (smooth[half], factors[half, 0], rest[half].astype(np.int32)), strict=True))
    return arrays, expected.reshape(-1, 64, 64, 1)


def room_arrays(sizes: Sequence[int] = ROOM) -> dict[str, np.ndarray]:
    """The arrays of Shapes3D on a smaller grid: images of noise, and the values of the factors."""
    images = np.random.default_rng(0).integers(0, 256, (int(np.prod(sizes)), 64, 64, 3), np.uint8)
    ranges = ((0, 0.9), (0, 0.9), (0, 0.9), (0.75, 1.25), (0, 3), (-30, 30))
    values = [np.linspace(*ends, size) for ends, size in zip(ranges, sizes, strict=True)]
    labels = np.stack(np.meshgrid(*values, indexing="ij"), axis=-1).reshape(len(images), len(sizes))
    return {"images": images, "labels": labels}


def save_rooms(path: Path, images: np.ndarray, labels: np.ndarray) -> Path:
    """Write them as HDF5 in compressed chunks of a few pixels from many images, as h5py chooses for such arrays."""
    with h5py.File(path, "w") as file:
        chunk = (max(1, len(images) // 4), *(max(1, size // 16) for size in images.shape[1:]))
        file.create_dataset("images", data=images, chunks=chunk, compression="gzip")
        file.create_dataset("labels", data=labels)
    return path


def arm_images(sizes: Sequence[int] = ARM) -> UInt8[np.ndarray, "..."]:
    """The array of MPI3D on a smaller grid, (*sizes, 64, 64, 3): patches of noise."""
    patches = np.random.default_rng(0).integers(0, 256, (*sizes, 8, 8, 3), np.uint8)
    return patches.repeat(8, axis=-3).repeat(8, axis=-2)


def car_members(sizes: Sequence[int] = CARS) -> dict[str, bytes]:
    """The members of Cars3D's tar: MATLAB files in another order than the list has, the list, and what is not read."""
    elevations, azimuths, count = sizes
    members = {}
    for car in reversed(range(count)):
        shape = (16, 16, 3, azimuths, elevations)
        patches = np.random.default_rng(car).integers(0, 256, shape, np.uint8)
        mask = np.ones((128, 128, azimuths, elevations), np.uint8)
        variables = {"im": patches.repeat(8, axis=0).repeat(8, axis=1), "mask": mask}
        members[f"data/cars/{_car(car)}.mat"] = matlab(variables)
    names = "".join(f"{_car(car)}\n" for car in range(count))
    return {"data/sprites/a.mat": b"", **members, "data/cars/list.txt": names.encode(), "data/shapes48.mat": b"x"}


def _car(number: int) -> str:
    return f"car_{(7 * number) % 10:03}_mesh"  # not in the order of their names


def matlab(variables: Mapping[str, np.ndarray], compressed: bool = True) -> bytes:
    """A MATLAB 5 file of uint8 arrays, by its published format (MathWorks, "MAT-File Format", chapter 1).

    A header of 128 bytes; then for each variable an element of type 15 (compressed) with one of type 14 (matrix), which
    holds flags (class 9: uint8), sizes, name and the numbers, the first index fastest.
    """
    whole = b"MATLAB 5.0 MAT-file, Platform: GLNXA64".ljust(124) + struct.pack("<H2s", 0x0100, b"IM")
    for name, array in variables.items():
        assert array.dtype == np.uint8
        parts = [(6, struct.pack("<2I", 9, 0)), (5, struct.pack(f"<{array.ndim}i", *array.shape))]
        parts += [(1, name.encode()), (2, array.tobytes(order="F"))]
        variable = _element(14, b"".join(_element(*part) for part in parts))
        deflated = zlib.compress(variable, 1)
        whole += struct.pack("<2I", 15, len(deflated)) + deflated if compressed else variable
    return whole


def _element(kind: int, content: bytes) -> bytes:
    """Type, size and content, to a multiple of 8 bytes; up to 4 bytes go into the tag."""
    if len(content) <= 4:
        return struct.pack("<2H4s", kind, len(content), content)
    return struct.pack("<2I", kind, len(content)) + content.ljust(-(-len(content) // 8) * 8, b"\0")
