"""Archives in the published formats, made small; and what tests do with what comes of them."""

import io
import struct
import tarfile
import zipfile

import h5py
import numpy as np
import pytest
from PIL import Image

from tcwae.data.archives import ARCHIVES
from tcwae.data.prepared import factor_grid
from tcwae.errors import InputError

LANCZOS = Image.Resampling.LANCZOS


def picture(seed, size, mode="RGB"):
    """A coarse pattern: a picture that compresses well."""
    shape = (6, 5) if mode == "L" else (6, 5, 3)
    pattern = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    return Image.fromarray(pattern).resize(size, Image.Resampling.NEAREST)


def encoded(image, form="PNG"):
    buffer = io.BytesIO()
    image.save(buffer, form, **({"quality": 95} if form == "JPEG" else {"compress_level": 1}))
    return buffer.getvalue()


def tarred(path, members):
    with tarfile.open(path, "w") as archive:
        for name, whole in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(whole)
            archive.addfile(info, io.BytesIO(whole))
    return path


def zipped(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, whole in members.items():
            archive.writestr(name, whole)
    return path


def joined(blocks):
    return np.concatenate(list(blocks))


def refusal(read):
    with pytest.raises(InputError) as caught:
        read()
    assert "\n" not in str(caught.value)
    return str(caught.value)


CHAIRS = (2, 3, 2)


AZIMUTHS, ELEVATIONS = ("000", "011", "023"), ("020", "030")


def chair_members(size=(600, 600)):
    """In the order in which an archive may have them: none."""
    members = {}
    for c, chair in enumerate(("b1c2", "0a9f")):
        for e, elevation in enumerate(ELEVATIONS):
            for a, azimuth in enumerate(AZIMUTHS):
                name = f"rendered_chairs/{chair}/renders/image_{32 * e + a:03}_p{elevation}_t{azimuth}_r096.png"
                members[name] = encoded(picture(100 * c + 10 * e + a, size))
    return members | {"rendered_chairs/all_chair_names.mat": b"MATLAB 5.0"}


def face_members(count=5):
    return {
        f"img_align_celeba/{n:06}.jpg": encoded(picture(n, (178, 218)), "JPEG") for n in reversed(range(1, count + 1))
    }


ATTRIBUTES = "3\nBald Smiling  Young \n000001.jpg -1  1  1\n000002.jpg  1 -1 -1\n000003.jpg -1 -1  1\n"


def own_members():
    return {f"pictures/{n:02}.png": encoded(picture(n, (40 + n, 30))) for n in range(6)}


def packed(kind, tmp_path, members):
    if kind == "tar":
        return tarred(tmp_path / "mine.tar", members)
    if kind == "zip":
        return zipped(tmp_path / "mine.zip", members, zipfile.ZIP_DEFLATED)
    for name, whole in members.items():
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / name).write_bytes(whole)
    return tmp_path / "mine"


def own_arrays(**changes):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (10, 64, 64, 3), np.uint8)
    factors = np.stack([np.arange(10) % 2 * 7 - 3, np.arange(10) // 2], axis=1)
    return {"images": images, "factors": factors, "factor_names": np.array(["kind", "größe"])} | changes


def same(expected):
    return lambda images: np.testing.assert_array_equal(images, expected)


TOYS = (2, 2, 2, 2, 2)


TOY_FILES = [published.name for published in ARCHIVES["smallnorb"]]


MAGIC = {"uint8": 0x1E3D4C55, "int32": 0x1E3D4C54, "float32": 0x1E3D4C51}


def matrix(array, magic=None, shape=None):
    """A matrix in the format of the set, as http://www.cs.nyu.edu/~ylclab/data/norb-v1.0-small/ describes it."""
    shape = array.shape if shape is None else shape
    dims = [*shape, *[1] * (3 - len(shape))]
    head = struct.pack(f"<{2 + len(dims)}i", MAGIC[str(array.dtype)] if magic is None else magic, len(shape), *dims)
    return head + array.tobytes()


def toy_arrays():
    """Pairs of images in a random order with their labels: {file: array}, and what must come out."""
    random = np.random.default_rng(0)
    factors = random.permutation(factor_grid(TOYS)).astype(np.int32)
    smooth = random.integers(0, 256, (len(factors), 2, 8, 8), np.uint8).repeat(12, axis=2).repeat(12, axis=3)
    small = [np.asarray(Image.fromarray(pair[0]).resize((64, 64), Image.Resampling.LANCZOS)) for pair in smooth]
    expected = np.zeros((*TOYS, 64, 64, 1), np.uint8)
    expected[tuple(factors.T)] = np.array(small)[..., None]
    rest = factors[:, 1:] * [1, 1, 2, 1]
    arrays = {}
    for half, names in zip((slice(0, 16), slice(16, 32)), (TOY_FILES[:3], TOY_FILES[3:]), strict=True):
        arrays |= dict(zip(names, (smooth[half], factors[half, 0], rest[half].astype(np.int32)), strict=True))
    return arrays, expected.reshape(-1, 64, 64, 1)


SPRITES = (3, 1, 2, 2, 2)


def sprite_arrays(**changes):
    """The arrays of a small archive, random images with the grid of `SPRITES`."""
    classes = np.pad(factor_grid(SPRITES).astype(np.int64), ((0, 0), (1, 0)))
    images = np.random.default_rng(0).integers(0, 2, (len(classes), 64, 64), np.uint8)
    return {"imgs": images, "latents_classes": classes} | changes


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def save_hdf5(path, imgs, latents_classes):
    with h5py.File(path, "w") as file:
        file.create_dataset("imgs", data=imgs, chunks=(5, 2, 4), compression="gzip")
        file["latents/classes"] = latents_classes
    return path
