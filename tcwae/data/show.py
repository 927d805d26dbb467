"""A summary of a prepared file, in words and as a contact sheet."""

from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8
from PIL import Image, ImageDraw

from tcwae.data.prepared import VERSIONS, Prepared, read
from tcwae.errors import InputError
from tcwae.files import atomic

__all__ = ["describe", "sheet"]

_ACROSS, _DOWN = 12, 5
_MARGIN, _LABEL = 2, 110
_SAMPLE = 2000


def describe(path: Path | str) -> str:
    """Ten lines: the set, its images and their grey levels, its factors and its origin.

    Raises:
        InputError: not a prepared file, or a damaged one.
        OSError: it is missing or cannot be read.
    """
    prepared = read(path)
    some = prepared.pixels(_spread(len(prepared), _SAMPLE)).astype(np.float32) / 255
    kind = {1: "grey", 3: "colour"}.get(prepared.channels, f"{prepared.channels} channels")
    if prepared.packed:
        kind = "black and white" if prepared.painting == "none" else f"colour, painted ({prepared.painting})"
    factors = [
        f"{name} ({size}{'' if index in prepared.latent_factor_indices else ', not scored'})"
        for index, (name, size) in enumerate(zip(prepared.factor_names, prepared.factor_sizes, strict=True))
    ]
    stored = "one bit a pixel" if prepared.packed else "one byte a pixel and channel"
    lines = {
        "data set": f"{prepared.name}, {prepared.source}",
        "images": f"{len(prepared):,} of 64 x 64, {kind}, {stored}",
        "pixels": f"mean {some.mean():.3f}, standard deviation in an image {some.std(axis=(1, 2, 3)).mean():.3f}",
        "factors": ", ".join(factors) or "none",
        "attributes": ", ".join(prepared.attribute_names) or "none",
        "size": f"{Path(path).stat().st_size / 1e6:,.1f} MB",
    }
    return "\n".join(f"{key + ':':<18}{value}" for key, value in (lines | _origin(prepared.provenance)).items())


def _origin(provenance: dict[str, str]) -> dict[str, str]:
    """The provenance in four lines."""
    archives = [key for key in provenance if key.endswith("_sha256") and key != "images_sha256"]
    origin = [key for key in provenance if key not in (*archives, *VERSIONS, "images_sha256")]
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
