"""One picture file to 64 x 64 pixels, as a viewer would show it: opaque, upright, 8 bits a channel.

- Transparency of any form is put on white.
- 16-bit grey is scaled to 8 bits: 65,535 becomes 255, whatever the range that the picture uses.
- Orientation as EXIF states it is applied.
- Of an animation or of several pages the first is taken.
- Colour profiles are not applied; CMYK becomes RGB by Pillow's formula.
"""

import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Integer, UInt8
from PIL import Image, UnidentifiedImageError

from tcwae.data.damage import kind
from tcwae.errors import InputError

__all__ = ["EXPECTED", "PictureHeader", "Reduction", "decoded", "header"]

EXPECTED = "a picture (PNG, JPEG, WebP, GIF, BMP, TIFF or PPM)"

MOST_PIXELS = 89_478_485
"""Above it Pillow suspects an attack; decoded to RGB these are 268 MB."""

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
_GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F")
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture upright, by EXIF's orientation (Exif 2.32, tag 274)."""
_ORIENTATION, _BITS, _PHOTOMETRIC = 274, 258, 262

_PNG = b"\x89PNG\r\n\x1a\n"
_NEEDED = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"eXIf"}


class Reduction(NamedTuple):
    """How a picture becomes 64 x 64: which size it must have, what is cut off, and whether it is grey ("L") or colour.

    `crop` is the side of a square at the centre, or "square": the largest, or "resize-crop": reduced to a width of 64
    before the square is taken, or "squash": all of it, whatever its sides. The filter is Lanczos'.
    """

    mode: Literal["L", "RGB"]
    size: tuple[int, int] | None
    crop: str


class PictureHeader(NamedTuple):
    """What a picture's file says before it is decoded."""

    grey: bool
    size: tuple[int, int]
    transparent: bool
    turned: bool
    frames: int


def header(whole: bytes) -> PictureHeader:
    """Read a picture's header; of PNG, JPEG, BMP and PPM the first bytes are enough.

    Raises:
        Exception: one of those that `refusing` knows.
    """
    with _opened(whole, to_pixels=False) as picture:
        grey = _is_grey(picture) or (
            whole.startswith(_PNG) and whole[25] == 4
        )  # Pillow opens 16 bits with alpha as colour
        frames = 1 if picture.format == "MPO" else getattr(picture, "n_frames", 1)  # MPO: a photograph and its previews
        if whole.startswith(_PNG):
            frames = _frames(whole)
        turned = _orientation(picture) in _TURNS
        return PictureHeader(grey, picture.size, picture.has_transparency_data, turned, frames)


def _is_grey(picture: Image.Image) -> bool:
    """Whether the mode is grey, or a palette of greys."""
    layout = (picture.palette.rawmode or picture.palette.mode) if picture.palette is not None else ""
    if picture.mode != "P" or layout not in ("RGB", "BGR", "BGRX"):
        return picture.mode in _GREY
    values = bytes(picture.palette.palette)
    return all(len(set(values[start : start + 3])) == 1 for start in range(0, len(values), len(layout)))


def decoded(whole: bytes, reduction: Reduction) -> UInt8[np.ndarray, "64 64 channels"]:
    """A picture, checked, converted and reduced.

    Raises:
        Exception: one of those that `refusing` knows.
    """
    with _opened(whole) as picture:
        if reduction.size and picture.size != reduction.size:
            raise InputError(f"{picture.width} x {picture.height} pixels")
        picture.load()
        turn = _TURNS.get(_orientation(picture))
        picture = _opaque(picture, whole[24] if whole.startswith(_PNG) else 8).convert(reduction.mode)
        picture = _cut(picture if turn is None else picture.transpose(turn), reduction.crop)
        pixels = np.asarray(picture.resize((64, 64), Image.Resampling.LANCZOS))
    return pixels.reshape(64, 64, -1)


@contextmanager
def _opened(whole: bytes, to_pixels: bool = True) -> Iterator[Image.Image]:
    """A picture, by what it holds and not by what it is called; Pillow's warnings, which concern metadata, are not shown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            picture = Image.open(BytesIO(_bare(whole, to_pixels)), formats=_FORMATS)
        except UnidentifiedImageError:
            raise InputError(kind(whole) or "a file of no known kind, or a damaged one") from None
        except Image.DecompressionBombError as error:
            pixels = int(re.search(r"\d+", str(error))[0])
            raise InputError(_too_large(f"{pixels:,}")) from None
        if picture.width * picture.height > MOST_PIXELS:
            raise InputError(_too_large(f"{picture.width} x {picture.height}"))
        yield picture


def _too_large(found: str) -> str:
    return f"{found} pixels, more than the {MOST_PIXELS // 10**6} million that are read: make it smaller first"


def _bare(whole: bytes, to_pixels: bool) -> bytes:
    """A PNG with the chunks that its pixels depend on and no other, up to the pixels or to the end; other files as they are.

    Texts and profiles may be of any size, which Pillow refuses. All checksums are compared, which Pillow does in part.
    """
    if not whole.startswith(_PNG):
        return whole
    chunks, position = [_PNG], len(_PNG)
    while position + 8 <= len(whole):
        size, name = struct.unpack_from(">I4s", whole, position)
        chunk = whole[position : position + 12 + size]
        if name == b"IDAT" and not to_pixels:
            return b"".join([*chunks, chunk])
        if len(chunk) < 12 + size or zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:], "big"):
            raise InputError(f"a PNG that is cut off or damaged in its chunk {name.decode('latin-1')!r}")
        if name in _NEEDED:
            chunks.append(chunk)
        if name == b"IEND":
            return b"".join(chunks)
        position += 12 + size
    raise InputError("a PNG without its end")


def _frames(png: bytes) -> int:
    """How many pictures an animated PNG has: its chunk acTL comes before the pixels."""
    start = png.find(b"acTL", 0, png.find(b"IDAT"))
    return 1 if start < 0 else int.from_bytes(png[start + 4 : start + 8], "big")


def _orientation(picture: Image.Image) -> int:
    """EXIF's orientation; 1, upright, where a viewer could not read it either."""
    try:
        return picture.getexif().get(_ORIENTATION, 1)
    except Exception:
        return 1


def _opaque(picture: Image.Image, depth: int) -> Image.Image:
    """On white, with 8 bits a channel."""
    if picture.mode == "F" or (picture.mode == "I" and picture.format not in ("PNG", "PPM")):
        raise InputError("pixels of 32 bits, of which no viewer knows how bright they are: save it with 8 or 16 bits")
    key = picture.info.get("transparency")
    if picture.mode.startswith("I"):
        return Image.fromarray(_eight_bits(picture, key))
    if key is not None and picture.mode in ("1", "L", "RGB"):
        return Image.fromarray(_without_key(picture, np.asarray(key), depth))
    if not picture.has_transparency_data:
        return picture
    straight = picture.convert("LA") if picture.mode == "La" else picture
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), straight.convert("RGBA")).convert("RGB")


def _eight_bits(picture: Image.Image, key: int | None) -> UInt8[np.ndarray, "height width"]:
    """16-bit grey, where `key` is transparent. A TIFF may have 12 bits, and may count down from white."""
    tags = getattr(picture, "tag_v2", {})
    most = 2 ** tags.get(_BITS, (16,))[0] - 1
    values = np.asarray(picture).astype(np.int64)
    grey = ((values * 255 + most // 2) // most).clip(0, 255).astype(np.uint8)
    grey = 255 - grey if tags.get(_PHOTOMETRIC) == 0 else grey
    return grey if key is None else np.where(values == key, np.uint8(255), grey)


def _without_key(picture: Image.Image, key: Integer[np.ndarray, "..."], depth: int) -> UInt8[np.ndarray, "..."]:
    """White where a pixel has the value that stands for transparent.

    A PNG states it with the file's depth, while Pillow has scaled the pixels to 8 bits.
    """
    values = np.array(picture.convert("L") if picture.mode == "1" else picture)
    alike = values == {2: key * 85, 4: key * 17, 16: key >> 8}.get(depth, key)
    values[alike.all(axis=2) if values.ndim == 3 else alike] = 255
    return values


def _cut(picture: Image.Image, crop: str) -> Image.Image:
    if crop == "squash":
        return picture
    if crop == "resize-crop":
        picture = picture.resize((64, 64 * picture.height // picture.width), Image.Resampling.LANCZOS)
    side = int(crop) if crop.isdecimal() else min(picture.size)
    if side > min(picture.size):
        raise InputError(f"{picture.width} x {picture.height} pixels, smaller than the crop {crop}")
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return picture.crop((left, top, left + side, top + side))
