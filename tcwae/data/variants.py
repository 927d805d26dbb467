"""Color-, noisy- and scream-dSprites (Locatello et al., 2019): dSprites, and how it is painted when it is looked at."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from tcwae.data.damage import refusing
from tcwae.data.prepared import Painting, Prepared
from tcwae.data.rendered import backdrop
from tcwae.errors import InputError

__all__ = ["read_picture", "variant"]

_LARGEST = (350, 274)
"""Width and height to which a picture is reduced, as in disentanglement_lib."""


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
