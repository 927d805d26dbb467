"""Picture files of every mode, depth and transparency, against what their formats say a viewer shows."""

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from tcwae.data.decoding import Reduction, decoded, header
from tcwae.errors import InputError

from .samples import chunk, png

COLOUR, GREY = Reduction("RGB", None, "squash"), Reduction("L", None, "squash")
RANDOM = np.random.default_rng(0)
RGB = RANDOM.integers(0, 256, (64, 64, 3), np.uint8)
ALPHA = RANDOM.integers(0, 256, (64, 64, 1), np.uint8)
L = RGB[..., :1]
DEEP = RANDOM.integers(0, 65536, (64, 64, 1), np.uint16)


def on_white(values, alpha):
    """Of 8 bits each, by the definition of straight alpha."""
    share = alpha / 255
    return values * share + 255 * (1 - share)


def saved(array, form, **options):
    buffer = io.BytesIO()
    image = array if isinstance(array, Image.Image) else Image.fromarray(array.squeeze())
    image.save(buffer, form, **options)
    return buffer.getvalue()


def tiff(samples, order, photometric=1):
    """A TIFF of 16-bit grey, in one strip, written by the specification (TIFF 6.0)."""
    mark = {"<": b"II*\0", ">": b"MM\0*"}[order]
    entries = [
        *((256, 3, samples.shape[1]), (257, 3, samples.shape[0]), (258, 3, 16), (259, 3, 1), (262, 3, photometric)),
        *((273, 4, 8), (277, 3, 1), (278, 3, samples.shape[0]), (279, 4, samples.size * 2)),
    ]
    pixels = samples.astype(f"{order}u2").tobytes()
    values = [struct.pack(f"{order}H2x" if kind == 3 else f"{order}I", value) for _, kind, value in entries]
    packed = b"".join(
        struct.pack(f"{order}HHI", tag, kind, 1) + value for (tag, kind, _), value in zip(entries, values, strict=True)
    )
    directory = struct.pack(f"{order}H", len(entries)) + packed + bytes(4)
    return mark + struct.pack(f"{order}I", 8 + len(pixels)) + pixels + directory


@pytest.mark.parametrize(
    ("whole", "reduction", "expected"),
    [
        (png(RGB, 8, 2), COLOUR, RGB),
        (png(L, 8, 0), GREY, L),
        (png(L, 8, 0), COLOUR, L),
        (png(L >> 7, 1, 0), GREY, (L >> 7) * 255),
        (png(L >> 6, 2, 0), GREY, (L >> 6) * 85),
        (png(L >> 4, 4, 0), GREY, (L >> 4) * 17),
        (png(DEEP, 16, 0), GREY, DEEP / 257),
        (png(DEEP, 16, 0), COLOUR, DEEP / 257),
        (png(np.concatenate([RGB, ALPHA], axis=2), 8, 6), COLOUR, on_white(RGB, ALPHA)),
        (png(np.concatenate([L, ALPHA], axis=2), 8, 4), GREY, on_white(L, ALPHA)),
        (png(np.concatenate([DEEP, ALPHA.astype(np.uint16) * 257], axis=2), 16, 4), GREY, on_white(DEEP / 257, ALPHA)),
        (png(RGB.astype(np.uint16) * 257, 16, 2), COLOUR, RGB),
        (saved(RGB, "BMP"), COLOUR, RGB),
        (saved(L, "BMP"), GREY, L),
        (saved(RGB, "TIFF"), COLOUR, RGB),
        (saved(RGB, "PPM"), COLOUR, RGB),
        (saved(L, "GIF"), GREY, L),
        (saved(np.concatenate([RGB, ALPHA], axis=2), "TIFF"), COLOUR, on_white(RGB, ALPHA)),
        (saved(np.concatenate([RGB, ALPHA], axis=2), "WEBP", lossless=True, exact=True), COLOUR, on_white(RGB, ALPHA)),
        (saved(Image.fromarray(255 - RGB).convert("CMYK"), "TIFF"), COLOUR, 255 - RGB),
        (b"P5 64 64 65535\n" + DEEP.astype(">u2").tobytes(), GREY, DEEP / 257),
        (tiff(DEEP, "<"), GREY, DEEP / 257),
        (tiff(DEEP, ">"), GREY, DEEP / 257),
        (tiff(DEEP, "<", photometric=0), GREY, 255 - DEEP / 257),
    ],
)
def test_every_mode_and_depth_is_shown(whole, reduction, expected):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pixels = decoded(whole, reduction)
    expected = np.broadcast_to(expected, pixels.shape)
    assert np.abs(pixels - expected.astype(float)).max() <= 1.5  # of two roundings
    assert np.abs(pixels - expected.astype(float)).mean() < 0.6
    assert header(whole).size == (64, 64)


@pytest.mark.parametrize(("depth", "scale"), [(1, 255), (2, 85), (4, 17), (8, 1)])
def test_the_transparent_value_of_a_grey_png_is_white(depth, scale):
    values, key = L >> (8 - depth), 1
    pixels = decoded(png(values, depth, 0, chunk(b"tRNS", struct.pack(">H", key))), GREY)
    np.testing.assert_array_equal(pixels, np.where(values == key, 255, values * scale))


def test_the_transparent_colour_of_a_png_is_white():
    few = RGB // 128 * 100
    for deep in (1, 257):
        key = chunk(b"tRNS", struct.pack(">3H", 0, 100 * deep, 0))
        pixels = decoded(png(few.astype(np.uint16) * deep, 16 if deep > 1 else 8, 2, key), COLOUR)
        np.testing.assert_array_equal(pixels, np.where((few == (0, 100, 0)).all(2, keepdims=True), 255, few))
    key = int(DEEP[3, 4, 0])
    pixels = decoded(png(DEEP, 16, 0, chunk(b"tRNS", struct.pack(">H", key))), GREY)
    assert pixels[3, 4, 0] == 255
    assert abs(int(pixels[3, 5, 0]) - DEEP[3, 5, 0] / 257) <= 0.5


@pytest.mark.parametrize("form", ["PNG", "GIF"])
def test_palettes_with_transparency_are_on_white(form):
    indices = RANDOM.integers(0, 3, (64, 64), np.uint8)
    image = Image.fromarray(indices)
    image.putpalette([200, 10, 20, 30, 40, 50, 0, 0, 0])
    colours = np.array([(200, 10, 20), (30, 40, 50), (0, 0, 0)])
    whole = saved(image, form, transparency=2)
    np.testing.assert_array_equal(decoded(whole, COLOUR), np.where(indices[..., None] == 2, 255, colours[indices]))
    if form == "PNG":
        whole = saved(image, form, transparency=bytes([255, 128, 0]))
        expected = on_white(colours[indices], np.array([255, 128, 0])[indices][..., None])
        assert np.abs(decoded(whole, COLOUR) - expected).max() <= 1
    assert header(whole).transparent


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_picture_is_upright_whatever_the_camera(form):
    """What EXIF's orientation means: where the first row and the first column of the file belong (Exif 2.32, tag 274)."""
    upright = np.zeros((64, 64, 3), np.uint8)
    upright[:32, :32], upright[:32, 32:], upright[32:, :32] = (200, 0, 0), (0, 200, 0), (0, 0, 200)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, 3),
    }
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}.get(form, {})
    for orientation, array in stored.items():
        exif = Image.Exif()
        exif[274] = orientation
        whole = saved(np.ascontiguousarray(array), form, exif=exif, **options)
        assert np.abs(decoded(whole, COLOUR).astype(int) - upright).max() < 8, orientation
        assert header(whole).turned == (orientation > 1)


def test_metadata_of_any_content_and_size_is_passed_over():
    text = chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(2**21)))
    long = chunk(b"tEXt", b"x\0" + b"y" * 2**21)
    profile = chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(2**21)))
    whole = png(RGB, 8, 2, text, long, profile, chunk(b"eXIf", b"nonsense"))
    np.testing.assert_array_equal(decoded(whole, COLOUR), RGB)
    jpeg = saved(RGB, "JPEG")
    entry = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<HHHLL", 1, 270, 2, 5000, 9999) + bytes(4)
    broken = jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(entry) + 2) + entry + jpeg[2:]
    np.testing.assert_array_equal(decoded(broken, COLOUR), decoded(jpeg, COLOUR))


def test_of_several_frames_the_first_is_taken_and_counted():
    frames = [Image.fromarray(RGB), Image.fromarray(255 - RGB)]
    for form in ("PNG", "TIFF", "WEBP"):
        options = {"lossless": True} if form == "WEBP" else {}
        whole = saved(frames[0], form, save_all=True, append_images=frames[1:], **options)
        np.testing.assert_array_equal(decoded(whole, COLOUR), RGB)
        assert header(whole).frames == 2


def test_grey_is_told_from_colour():
    deep = np.concatenate([DEEP, DEEP], axis=2)
    greys = Image.fromarray(L[..., 0] // 64)
    greys.putpalette([value for value in (255, 9, 0, 70) for _ in "RGB"])
    grey = [png(L, 8, 0), png(L >> 7, 1, 0), png(deep, 16, 4), saved(L, "JPEG"), tiff(DEEP, ">")]
    grey += [saved(greys, form) for form in ("PNG", "GIF", "BMP")]
    np.testing.assert_array_equal(decoded(grey[-1], GREY)[..., 0], np.array([255, 9, 0, 70])[L[..., 0] // 64])
    colour = [png(RGB, 8, 2), saved(RGB, "JPEG"), saved(RGB, "WEBP"), saved(Image.fromarray(RGB).quantize(9), "PNG")]
    assert [header(whole).grey for whole in grey + colour] == [True] * 8 + [False] * 4


@pytest.mark.parametrize(
    ("whole", "found"),
    [
        (b"", "an empty file"),
        (b"hello", "a file of no known kind"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n", "a pointer of Git LFS"),
        (b"<!DOCTYPE html><html></html>", "a web page"),
        (bytes(4) + b"ftypheic" + bytes(40), "a HEIC picture, which is not read: convert it to PNG or JPEG"),
        (bytes(4) + b"ftypavif" + bytes(40), "an AVIF picture"),
        (b"<?xml version='1.0'?>\n<svg></svg>", "an SVG drawing"),
        (saved(L.astype(np.float32), "TIFF"), "pixels of 32 bits"),
        (saved(DEEP.astype(np.int32), "TIFF"), "pixels of 32 bits"),
        (png(RGB, 8, 2)[:-2], "a PNG that is cut off or damaged in its chunk 'IEND'"),
        (png(RGB, 8, 2)[:-12], "a PNG without its end"),
    ],
)
def test_what_cannot_be_shown_is_refused_by_kind(whole, found):
    with pytest.raises(InputError, match=found) as refusal:
        decoded(whole, COLOUR)
    assert " at 0x" not in str(refusal.value)
