"""CelebA (Liu et al., ICCV 2015): the published zip of aligned faces; `tcwae.data.rendered.faces` renders similar ones.

202,599 faces of 178 x 218 pixels, from `img_align_celeba/000001.jpg`, with 40 attributes each in `list_attr_celeba.txt`
(http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html, for non-commercial research). As in the paper's authors' code
(https://github.com/benoitgaujac/diswae, "closecrop"), a square of 140 pixels at the centre is reduced to 64 x 64.
"""

import re
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float32

from tcwae.config.datasets import PUBLISHED
from tcwae.data import pictures
from tcwae.data.archives import ARCHIVES, check, located
from tcwae.data.damage import refusing
from tcwae.data.prepared import Blocks, Images, Prepared
from tcwae.errors import InputError

__all__ = ["COUNT", "CROPS", "prepared", "read", "read_attributes", "read_zip"]

COUNT = PUBLISHED["celeba"].images
CROPS = ("140", "148", "squash", "resize-crop")

_NAME = re.compile(r"img_align_celeba/(\d{6})\.jpg")


def read(archive: Path | str, crop: str = "140", processes: int | None = None) -> Prepared:
    """Read the published zip, or the folder that holds it, and the attributes if their file is beside the zip.

    Raises:
        InputError: another or a damaged file, or a missing or wrong picture; pictures are checked as they are read.
        OSError: it is missing or cannot be read.
    """
    pixels, labels = ARCHIVES["celeba"]
    path = located(archive, pixels)
    origin = check(path, pixels) | {"crop": crop, "resize": "Lanczos"}
    names, attributes = (), None
    beside = path.with_name(labels.name)
    if beside.exists():
        origin["attributes_sha256"] = check(beside, labels)["archive_sha256"]
        names, attributes = read_attributes(beside, COUNT)
    return prepared("real", read_zip(path, COUNT, crop, processes), origin, names, attributes)


def read_zip(path: Path | str, count: int, crop: str, processes: int | None = None) -> Blocks:
    """The images in the order of their numbers.

    Raises:
        InputError: as `read`.
    """
    faces = [member for member in pictures.members(path) if _NAME.fullmatch(member.name)]
    if [face.name for face in faces] != list(map("img_align_celeba/{:06}.jpg".format, range(1, count + 1))):
        raise InputError(f"{path}: expected img_align_celeba/000001.jpg to {count:06}.jpg, found {len(faces)} of such")
    return pictures.reduced(faces, pictures.Reduction("RGB", (178, 218), crop), "CelebA", processes)


def read_attributes(path: Path | str, count: int) -> tuple[tuple[str, ...], Float32[np.ndarray, "faces attributes"]]:
    """The names of the attributes, and 1 or 0 for each face and attribute.

    The file has a line with the number of faces, a line with the names, and a line for each face: its file's name, and 1 or
    -1 for each attribute.

    Raises:
        InputError: it is not such a file.
    """
    with refusing(path, f"attributes of {count} faces"), open(path, encoding="ascii") as file:
        stated, names = int(file.readline()), tuple(file.readline().split())
        values = np.empty((count, len(names)), np.float32)
        rows = 0
        for rows, line in enumerate(file, 1):
            face, *row = line.split()
            if face != f"{rows:06}.jpg" or len(row) != len(names) or not set(row) <= {"1", "-1"}:
                raise InputError(f"line {rows + 2}: {line[:80]!r}")
            values[rows - 1] = [value == "1" for value in row]
        if not rows == stated == count or not names:
            raise InputError(f"{stated} stated, {rows} lines")
    return names, values


def prepared(
    source: Literal["real", "rendered"],
    images: Images | Blocks,
    origin: dict[str, str],
    names: tuple[str, ...],
    attributes: Float32[np.ndarray, "faces attributes"] | None,
) -> Prepared:
    """The set, without factors, so that nothing is scored."""
    return Prepared(
        name="celeba",
        source=source,
        images=images,
        factors=None,
        factor_names=(),
        factor_sizes=(),
        latent_factor_indices=(),
        provenance=origin,
        attributes=attributes,
        attribute_names=names,
    )
