"""Data sets made from others.

Color-, noisy- and scream-dSprites (Locatello et al., 2019) are dSprites, and how it is painted when it is looked at.
Mini-dSprites, mini-smallNORB and mini-3Dchairs are small parts of these sets, on which a model learns within a minute or two
what their images show.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

from tcwae.data.damage import refusing
from tcwae.data.prepared import Blocks, Images, Painting, Prepared, on_grid
from tcwae.data.rendered import backdrop
from tcwae.errors import InputError

__all__ = ["MINI", "mini", "read_picture", "variant"]

_LARGEST = (350, 274)
"""Width and height to which a picture is reduced, as in disentanglement_lib."""

MINI = {
    "mini_dsprites": {"scale": range(2, 6), "orientation": range(1), "posX": range(8, 24), "posY": range(12, 20)},
    "mini_smallnorb": {"instance": range(1), "lighting": range(1)},
    "mini_chairs3d": {"chair": range(16)},
}
"""The classes that a small part of a set keeps, by factor; of factors that are not named it keeps all."""


def mini(name: str, plain: Callable[..., Prepared], *archive: Path | str, **options: Any) -> Prepared:  # noqa: ANN401
    """The part of a set that `MINI[name]` names, from what `plain` draws, or reads from an archive.

    Mini-dSprites are 1,536 images: each shape upright, in the four larger sizes, at 16 x 8 positions around the middle.
    Unequal ranges break the symmetry between the two axes, so that a short training already finds them.

    Raises:
        InputError: as `plain`.
    """
    whole = plain(*archive, **options)
    sizes, names = whole.factor_sizes, whole.factor_names
    kept = [MINI[name].get(factor, range(size)) for factor, size in zip(names, sizes, strict=True)]
    inside = np.zeros(sizes, bool)
    inside[np.ix_(*kept)] = True
    images = np.concatenate(list(_those(whole.images, inside.ravel())))
    varied = [len(classes) for classes in kept if len(classes) > 1]
    listed = "; ".join(f"{factor} {', '.join(map(str, classes))}" for factor, classes in MINI[name].items())
    return on_grid(name, whole.source, images, varied, whole.provenance | {"classes": listed})


def _those(images: Images | Blocks, wanted: Bool[np.ndarray, " images"]) -> Iterator[Images]:
    """The images that are wanted; where they come in blocks, none is drawn or read after the last of these."""
    start, end = 0, 1 + np.flatnonzero(wanted)[-1]
    for block in images if isinstance(images, Blocks) else [images]:
        yield block[wanted[start : start + len(block)]]
        start += len(block)
        if start >= end:
            break


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
