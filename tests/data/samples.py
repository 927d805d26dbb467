"""Own pictures and dSprites' arrays, made small; and what tests do with what comes of archives."""

import io
import struct
import zipfile
import zlib

import h5py
import numpy as np
import pytest
from PIL import Image

from benchmarks.archives import encoded, picture, tarred, zipped
from tcwae.data.prepared import factor_grid
from tcwae.errors import InputError

LANCZOS = Image.Resampling.LANCZOS


def joined(blocks):
    return np.concatenate(list(blocks))


def refusal(read):
    with pytest.raises(InputError) as caught:
        read()
    assert "\n" not in str(caught.value)
    return str(caught.value)


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


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(samples, depth, colour, *chunks):
    """A PNG of samples (height, width, channel) of any depth, with more chunks before the pixels, by the specification."""
    height, width = samples.shape[:2]
    rows = samples.reshape(height, -1)
    if depth == 16:
        rows = rows.astype(">u2").view(np.uint8).reshape(height, -1)
    elif depth < 8:
        bits = (rows[..., None] >> np.arange(depth - 1, -1, -1)) & 1
        rows = np.packbits(bits.reshape(height, -1).astype(bool), axis=1)
    lines = b"".join(b"\0" + row.tobytes() for row in rows.astype(np.uint8))
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"".join(
        [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", head), *chunks, chunk(b"IDAT", zlib.compress(lines)), chunk(b"IEND", b"")]
    )
