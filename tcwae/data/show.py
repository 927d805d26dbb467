"""A summary of a prepared file, in words and as a contact sheet."""

import math
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8
from PIL import Image, ImageDraw

from tcwae.data.prepared import FEWEST, VERSIONS, Prepared, read
from tcwae.errors import InputError
from tcwae.files import atomic

__all__ = ["describe", "sheet"]

_ACROSS, _DOWN = 12, 5
_MARGIN, _LABEL = 2, 110
_SAMPLE = 2000

_OWN = ("pictures", "changed", "skipped", "values")
"""What the provenance of your own data says of how they were read; a line each."""

_FEWEST_CODES, _ENOUGH = 1000, 10
"""The smallest sample of codes that an evaluation takes, and how many of a class it should hold."""


def describe(path: Path | str) -> str:
    """Ten lines: the set, its images and their grey levels, its factors and its origin; then what to beware of.

    Raises:
        InputError: not a prepared file, or a damaged one.
        OSError: it is missing or cannot be read.
    """
    prepared = read(path)
    some = prepared.pixels(_spread(len(prepared), _SAMPLE)).astype(np.float32) / 255
    low, high = _range(prepared)
    kind = {1: "grey", 3: "colour"}.get(prepared.channels, f"{prepared.channels} channels")
    if prepared.packed:
        kind = "black and white" if prepared.painting == "none" else f"colour, painted ({prepared.painting})"
    stored = "one bit a pixel" if prepared.packed else "one byte a pixel and channel"
    lines = {
        "data set": f"{prepared.name}, {prepared.source}",
        "images": f"{len(prepared):,} of 64 x 64, {kind}, {stored}",
        "pixels": f"from {low} to {high} of 255, mean {some.mean():.3f}, "
        f"standard deviation in an image {some.std(axis=(1, 2, 3)).mean():.3f}",
        "factors": ", ".join(_factors(prepared)) or "none",
        "attributes": ", ".join(prepared.attribute_names) or "none",
        "size": f"{Path(path).stat().st_size / 1e6:,.1f} MB",
    }
    lines |= _origin(prepared.provenance) | {
        key: prepared.provenance[key] for key in _OWN if key in prepared.provenance
    }
    lines = [f"{key + ':':<18}{value}" for key, value in lines.items()]
    return "\n".join(lines + [f"{'beware:':<18}{caution}" for caution in _cautions(prepared)])


def _range(prepared: Prepared) -> tuple[int, int]:
    """The smallest and the largest value of all pixels."""
    low, high = 255, 0
    for start in range(0, len(prepared), _SAMPLE):
        block = prepared.images[start : start + _SAMPLE]
        low, high = min(low, int(block.min())), max(high, int(block.max()))
    return (low // 255 * 255, -(-high // 255) * 255) if prepared.packed else (low, high)


def _factors(prepared: Prepared) -> list[str]:
    return [
        f"{name} ({size}{'' if index in prepared.latent_factor_indices else ', not scored'})"
        for index, (name, size) in enumerate(zip(prepared.factor_names, prepared.factor_sizes, strict=True))
    ]


def _cautions(prepared: Prepared) -> list[str]:
    """What an evaluation will lack, as far as the data tell."""
    count, cautions = len(prepared), []
    if count < FEWEST:
        cautions.append(f"{count} images are too few to train on: a tenth is held out, so at least {FEWEST} are needed")
    if len(prepared.latent_factor_indices) == 1:
        cautions.append("one factor is scored, and the scores need two: there will be none")
    for k in prepared.latent_factor_indices:
        assert prepared.factors is not None
        rarest = int(np.bincount(prepared.factors[:, k], minlength=prepared.factor_sizes[k]).min())
        if count > _FEWEST_CODES and rarest * _FEWEST_CODES < _ENOUGH * count:
            least = min(count, math.ceil(_ENOUGH * count / max(rarest, 1)))
            cautions.append(
                f"the rarest class of {prepared.factor_names[k]} is in {rarest} of {count:,} images, which an evaluation of "
                f"fewer than {least:,} codes may miss: leave `codes` out to encode all images"
            )
    return cautions


def _origin(provenance: dict[str, str]) -> dict[str, str]:
    """The provenance in four lines."""
    archives = [key for key in provenance if key.endswith("_sha256") and key != "images_sha256"]
    origin = [key for key in provenance if key not in (*archives, *VERSIONS, *_OWN, "images_sha256")]
    return {
        "origin": ", ".join(f"{key} {provenance[key]}" for key in origin) or "not known",
        "archive SHA-256": " ".join(provenance[key] for key in archives) or "none",
        "images SHA-256": provenance["images_sha256"],
        "versions": ", ".join(f"{key} {provenance[key]}" for key in VERSIONS if key in provenance),
    }


def sheet(path: Path | str, output: Path | str) -> None:
    """Draw a contact sheet, PNG: images from the whole set, and a row for each factor or attribute in which it increases.

    In the row of a factor all other factors are fixed; in that of an attribute the other attributes vary.

    Raises:
        InputError: `path` is not a prepared file, or the name of `output` does not end in .png.
        OSError: a file cannot be read or written.
    """
    if Path(output).suffix.lower() != ".png":
        raise InputError(f"{output}: expected a name that ends in .png, found {Path(output).suffix or 'none'}")
    prepared = read(path)
    rows = [("", row) for row in _spread(len(prepared), _ACROSS * _DOWN).reshape(-1, _ACROSS)]
    rows += [*_factor_rows(prepared), *_attribute_rows(prepared)]
    side, label = 64 + _MARGIN, _LABEL if len(rows) > _DOWN else 0
    picture = Image.new("RGB", (label + side * _ACROSS, side * len(rows)), "white")
    for down, (name, indices) in enumerate(rows):
        ImageDraw.Draw(picture).text((4, side * down + 26), name, "black")
        for across, image in enumerate(prepared.pixels(indices)):
            picture.paste(Image.fromarray(_coloured(image)), (label + side * across, side * down))
    with atomic(output) as temporary:
        picture.save(temporary, "PNG", optimize=True)


def _spread(count: int, wanted: int) -> Int[np.ndarray, " indices"]:
    """Random indices from the whole set; in a small set some are repeated."""
    return np.random.RandomState(1).randint(count, size=wanted)


def _factor_rows(prepared: Prepared) -> list[tuple[str, Int[np.ndarray, " indices"]]]:
    """For each factor, the images that share all other factors with one image near the middle of the grid."""
    if prepared.factors is None:
        return []
    wanted = 2 * np.array(prepared.factor_sizes) // 5  # beside the middle, where many sets are symmetric
    middle = prepared.factors[np.abs(prepared.factors - wanted).sum(axis=1).argmin()]
    rows = []
    for k, name in enumerate(prepared.factor_names):
        others = [i for i in range(len(middle)) if i != k]
        alike = np.flatnonzero((prepared.factors[:, others] == middle[others]).all(axis=1))
        alike = alike[np.argsort(prepared.factors[alike, k], kind="stable")]
        rows.append((name, alike[_evenly(len(alike))]))
    return rows


def _attribute_rows(prepared: Prepared) -> list[tuple[str, Int[np.ndarray, " indices"]]]:
    """For each attribute, images at even steps through its sorted values."""
    if prepared.attributes is None:
        return []
    order = np.argsort(prepared.attributes, axis=0, kind="stable").T
    return [(name, row[_evenly(len(row))]) for name, row in zip(prepared.attribute_names, order, strict=True)]


def _evenly(count: int) -> Int[np.ndarray, " indices"]:
    return np.linspace(0, count - 1, min(count, _ACROSS)).round().astype(int)


def _coloured(image: UInt8[np.ndarray, "64 64 channels"]) -> UInt8[np.ndarray, "64 64 3"]:
    return np.ascontiguousarray(np.broadcast_to(image[..., :3], (64, 64, 3)))
