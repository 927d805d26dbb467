"""Archives in the published formats, made small: what the benchmark reads, and the tests."""

import io
import struct
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from tcwae.data.archives import ARCHIVES
from tcwae.data.prepared import factor_grid

__all__ = [
    "CHAIRS",
    "MAGIC",
    "TOYS",
    "TOY_FILES",
    "chair_members",
    "encoded",
    "face_members",
    "matrix",
    "picture",
    "tarred",
    "toy_arrays",
    "zipped",
]

CHAIRS = (2, 3, 2)
AZIMUTHS, ELEVATIONS = ("000", "011", "023"), ("020", "030")
TOYS = (2, 2, 2, 2, 2)
TOY_FILES = [published.name for published in ARCHIVES["smallnorb"]]
MAGIC = {"uint8": 0x1E3D4C55, "int32": 0x1E3D4C54, "float32": 0x1E3D4C51}


def picture(seed: int, size: tuple[int, int], mode: str = "RGB") -> Image.Image:
    """A coarse pattern: a picture that compresses well."""
    shape = (6, 5) if mode == "L" else (6, 5, 3)
    pattern = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    return Image.fromarray(pattern).resize(size, Image.Resampling.NEAREST)


def encoded(image: Image.Image, form: str = "PNG") -> bytes:
    """A picture's file."""
    buffer = io.BytesIO()
    image.save(buffer, form, **({"quality": 95} if form == "JPEG" else {"compress_level": 1}))
    return buffer.getvalue()


def tarred(path: Path, members: Mapping[str, bytes]) -> Path:
    """A tar of these members, in this order."""
    with tarfile.open(path, "w") as archive:
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
    """`CHAIRS` in the order in which an archive may have them: none; and a member that is no picture."""
    members = {}
    for c, chair in enumerate(("b1c2", "0a9f")):
        for e, elevation in enumerate(ELEVATIONS):
            for a, azimuth in enumerate(AZIMUTHS):
                name = f"rendered_chairs/{chair}/renders/image_{32 * e + a:03}_p{elevation}_t{azimuth}_r096.png"
                members[name] = encoded(picture(100 * c + 10 * e + a, size))
    return members | {"rendered_chairs/all_chair_names.mat": b"MATLAB 5.0"}


def face_members(count: int = 5) -> dict[str, bytes]:
    """CelebA's first faces, the last of them first."""
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
    """Pairs of images in a random order with their labels: {file: array}, and what must come out."""
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
