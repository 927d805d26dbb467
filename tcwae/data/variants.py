"""Data sets made from dSprites.

Color-, noisy- and scream-dSprites (Locatello et al., 2019) are dSprites, and how it is painted when it is looked at.
Mini-dSprites is a small part of it, on which a model learns shapes and positions within a minute.
"""

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from tcwae.data.damage import refusing
from tcwae.data.prepared import Painting, Prepared, on_grid
from tcwae.data.rendered import backdrop
from tcwae.errors import InputError

__all__ = ["MINI", "mini", "read_picture", "variant"]

_LARGEST = (350, 274)
"""Width and height to which a picture is reduced, as in disentanglement_lib."""

MINI = {"scale": range(2, 6), "orientation": range(1), "posX": range(8, 24), "posY": range(12, 20)}
"""The classes of dSprites' factors that mini-dSprites keeps; of the shapes it keeps all."""


def mini(plain: Callable[..., Prepared], archive: Path | str | None = None) -> Prepared:
    """The part of dSprites that `MINI` names, from what `plain` draws, or reads from an archive.

    These are 1,536 images: each shape upright, in the four larger sizes, at 16 x 8 positions around the middle. Unequal
    ranges break the symmetry between the two axes, so that a short training already finds them.

    Raises:
        InputError: as `plain`.
    """
    whole = plain() if archive is None else plain(archive)
    sizes, names = whole.factor_sizes, whole.factor_names
    kept = [MINI.get(name, range(size)) for name, size in zip(names, sizes, strict=True)]
    images = np.asarray(whole.images).reshape(*sizes, *whole.images.shape[1:])[np.ix_(*kept)]
    varied = [len(classes) for classes in kept if len(classes) > 1]
    kept_classes = ", ".join(f"{name} {classes[0]} to {classes[-1]}" for name, classes in MINI.items())
    origin = whole.provenance | {"classes": kept_classes}
    return on_grid("mini_dsprites", whole.source, images.reshape(-1, *whole.images.shape[1:]), varied, origin)


def variant(
    painting: Painting,
    plain: Callable[..., Prepared],
    archive: Path | str | None = None,
    picture: Path | str | None = None,
) -> Prepared:
    """The sprites that `plain` draws, or reads from an archive, to be painted.

    `picture` is the background of "scream", by default one that is drawn here.

    Raises:
        InputError: as `plain` and `read_picture`.
    """
    sprites = plain() if archive is None else plain(archive)
    origin = sprites.provenance | {"painted": painting}
    behind = None
    if painting == "scream":
        behind = backdrop.draw() if picture is None else read_picture(picture)
        origin |= {"picture": "drawn here" if picture is None else Path(picture).name}
    return replace(sprites, name=f"{painting}_dsprites", painting=painting, backdrop=behind, provenance=origin)


def read_picture(path: Path | str) -> UInt8[np.ndarray, "height width 3"]:
    """A PNG or JPEG in colour, reduced to at most 350 x 274 pixels.

    Raises:
        InputError: it is no such file, or damaged, or has fewer than 64 pixels on a side when it is reduced.
        OSError: it is missing or cannot be read.
    """
    with refusing(path, "a PNG or JPEG"), warnings.catch_warnings():
        warnings.simplefilter("error")
        with Image.open(path, formats=("PNG", "JPEG")) as picture:
            if picture.format == "PNG":
                picture.verify()  # its checksums, which decoding ignores
        with Image.open(path, formats=("PNG", "JPEG")) as picture:
            colour = picture.convert("RGB")
    colour.thumbnail(_LARGEST, Image.Resampling.LANCZOS)
    if min(colour.size) < 64:
        raise InputError(
            f"{path}: expected a picture of 64 pixels or more on a side within {_LARGEST[0]} x {_LARGEST[1]}, "
            f"found {colour.width} x {colour.height}"
        )
    return np.asarray(colour)
