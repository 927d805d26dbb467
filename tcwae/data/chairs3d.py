"""3Dchairs (Aubry et al., CVPR 2014): the published tar; `tcwae.data.rendered.chairs` renders similar images.

1,393 chairs from 31 azimuths and 2 elevations, 600 x 600 pixels on white, in files named

    rendered_chairs/<chair>/renders/image_<number>_p<elevation>_t<azimuth>_r096.png

As in the paper's authors' code (https://github.com/benoitgaujac/diswae), the whole picture is reduced to 64 x 64. Factors
are kept but not scored: the paper treats those of this set as unknown.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from tcwae.config.datasets import PUBLISHED
from tcwae.data import pictures
from tcwae.data.archives import ARCHIVES, check, located
from tcwae.data.prepared import Blocks, Images, Prepared, on_grid
from tcwae.errors import InputError

__all__ = ["CROPS", "FACTOR_SIZES", "prepared", "read", "read_tar"]

FACTOR_SIZES = PUBLISHED["chairs3d"].factor_sizes
CROPS = ("squash", "400")
"""The whole picture, or its middle 400 x 400 pixels, which the chair fills better."""

_NAME = re.compile(r"(?:\./)?rendered_chairs/([^/]+)/renders/image_(\d{3})_p(020|030)_t(\d{3})_r096\.png")
_AZIMUTHS = [f"{360 * k // 31:03}" for k in range(31)]
_ELEVATIONS = ["020", "030"]


def read(archive: Path | str, crop: str = "squash", processes: int | None = None) -> Prepared:
    """Read the published tar, or the folder that holds it.

    Raises:
        InputError: another or a damaged file, or a missing picture; pictures are checked as they are read.
        OSError: it is missing or cannot be read.
    """
    path = located(archive, ARCHIVES["chairs3d"][0])
    origin = check(path, ARCHIVES["chairs3d"][0]) | {"crop": crop, "resize": "Lanczos"}
    images = read_tar(path, FACTOR_SIZES, crop, processes)
    return prepared("real", images, FACTOR_SIZES, origin)


def read_tar(archive: Path | str, sizes: Sequence[int], crop: str, processes: int | None = None) -> Blocks:
    """The images in C order of the factors; chairs are numbered by the order of their names.

    Raises:
        InputError: as `read`.
    """
    views: dict[str, dict[tuple[int, int], pictures.Member]] = {}
    for member in pictures.members(archive):
        match = _NAME.fullmatch(member.name)
        if match and match[4] in _AZIMUTHS:
            view = (_AZIMUTHS.index(match[4]), _ELEVATIONS.index(match[3]))
            views.setdefault(match[1], {})[view] = member
    every = [(azimuth, elevation) for azimuth in range(sizes[1]) for elevation in range(sizes[2])]
    faulty = sum(sorted(views[chair]) != every for chair in views)
    if len(views) != sizes[0] or faulty:
        raise InputError(
            f"{archive}: expected {sizes[0]} chairs in {len(every)} views each, found {len(views)}, "
            f"{faulty} of them with other views"
        )
    members = [views[chair][view] for chair in sorted(views) for view in every]
    return pictures.reduced(members, pictures.Reduction("RGB", (600, 600), crop), "3Dchairs", processes)


def prepared(
    source: Literal["real", "rendered"], images: Images | Blocks, sizes: Sequence[int], origin: dict[str, str]
) -> Prepared:
    """The set with its factors."""
    return on_grid("chairs3d", source, images, sizes, origin)
