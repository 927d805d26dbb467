"""Cars3D (Reed et al., NeurIPS 2015): the published tar.gz with one MATLAB 5 file per car.

17,568 colour images show 183 cars from 4 elevations and 24 azimuths (http://www.scottreed.info). The file of a car
holds `im`, uint8 (128, 128, 3, 24, 4); `data/cars/list.txt` defines the order of the cars. As in disentanglement_lib
(Locatello et al., 2019), images are reduced to 64 x 64 with Lanczos' filter, and all factors are scored.
"""

import gzip
import re
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from tcwae.config.datasets import PUBLISHED
from tcwae.data.archives import ARCHIVES, check, located
from tcwae.data.damage import refusing
from tcwae.data.matlab import uint8_array
from tcwae.data.parallel import in_order
from tcwae.data.prepared import Prepared, on_grid
from tcwae.errors import InputError

__all__ = ["FACTOR_SIZES", "read", "read_tar"]

FACTOR_SIZES = PUBLISHED["cars3d"].factor_sizes

_LIST = "data/cars/list.txt"
_CAR = re.compile(r"data/cars/([^/]+)\.mat")
_LARGEST = 2**26  # bytes in a member, far more than any needs

Views = UInt8[np.ndarray, "elevations azimuths 64 64 3"]


class _Car(NamedTuple):
    """A car's MATLAB file, its place in the list, and where it comes from."""

    index: int
    where: str
    content: bytes


def read(archive: Path | str, processes: int | None = None) -> Prepared:
    """Read the published tar.gz, or the folder that holds it.

    Raises:
        InputError: another file, a damaged one, or a missing or wrong car.
        OSError: it is missing or cannot be read.
    """
    path = located(archive, ARCHIVES["cars3d"][0])
    origin = check(path, ARCHIVES["cars3d"][0]) | {"resize": "Lanczos, 128 to 64"}
    images = read_tar(path, FACTOR_SIZES, processes)
    return on_grid("cars3d", "real", images, FACTOR_SIZES, origin)


def read_tar(
    archive: Path | str, sizes: Sequence[int], processes: int | None = None
) -> UInt8[np.ndarray, "samples 64 64 3"]:
    """The images in C order of the factors, of which the car is the last; so all 216 MB are in memory.

    Raises:
        InputError: as `read`.
    """
    names = _listed(archive, sizes[2])
    images = np.empty((*sizes, 64, 64, 3), np.uint8)
    for index, views in in_order(_reduced, _cars(archive, names), "Cars3D", processes, len(names)):
        if views.shape[:2] != tuple(sizes[:2]):
            raise InputError(f"{archive}: expected {sizes[0]} elevations and {sizes[1]} azimuths, found {views.shape}")
        images[:, :, index] = views
    return images.reshape(-1, 64, 64, 3)


def _listed(archive: Path | str, count: int) -> list[str]:
    """The names of the cars in their order; each has its file in the archive.

    All of the archive is read, to the checksum at its end.
    """
    listed, there = None, []
    with _opened(archive) as tar:
        for member in tar:
            if _name(member) == _LIST:
                listed = _content(tar, member).decode("ascii").split()
            elif (car := _CAR.fullmatch(_name(member))) and member.isreg():
                there.append(car[1])
        if listed is None:
            raise InputError(f"no {_LIST}")
        if len(listed) != count or len(set(listed)) != count:
            raise InputError(f"{_LIST} with {len(listed)} lines, {len(set(listed))} of them different")
        faulty = [name for name in listed if there.count(name) != 1]
        if faulty:
            raise InputError(f"{there.count(faulty[0])} files data/cars/{faulty[0]}.mat")
    return listed


def _cars(archive: Path | str, names: Sequence[str]) -> Iterator[_Car]:
    """The cars in the order in which the archive has them, read one by one."""
    with _opened(archive) as tar:
        for member in tar:
            car = _CAR.fullmatch(_name(member))
            if car and car[1] in names:
                yield _Car(names.index(car[1]), f"{archive}: {member.name}", _content(tar, member))


@contextmanager
def _opened(archive: Path | str) -> Iterator[tarfile.TarFile]:
    """A compressed tar as a stream; where it ends, the checksum of gzip is looked at."""
    expected = "a tar.gz with a MATLAB file for each car"
    with refusing(archive, expected), gzip.open(archive) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
        yield tar
        while stream.read(2**20):
            pass


def _name(member: tarfile.TarInfo) -> str:
    return member.name.removeprefix("./")


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    if not member.isreg() or member.size > _LARGEST:
        raise InputError(f"{member.name}, a link, or one of {member.size} bytes")
    file = tar.extractfile(member)
    assert file is not None
    return file.read()


def _reduced(car: _Car) -> tuple[int, Views]:
    """The place of a car in the list, and its views at 64 x 64."""
    with refusing(car.where, "a MATLAB 5 file with im, uint8 (128, 128, 3, azimuths, elevations)"):
        views = uint8_array(car.content, "im")
        if views.ndim != 5 or views.shape[:3] != (128, 128, 3):
            raise InputError(f"im of shape {views.shape}")
    views = views.transpose(4, 3, 0, 1, 2)
    small = np.empty((*views.shape[:2], 64, 64, 3), np.uint8)
    for place in np.ndindex(views.shape[:2]):
        picture = Image.fromarray(np.ascontiguousarray(views[place]))
        small[place] = np.asarray(picture.resize((64, 64), Image.Resampling.LANCZOS))
    return car.index, small
