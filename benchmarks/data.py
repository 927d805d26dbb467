"""Data sets: rendering, reading archives, writing and loading a file; rates are of the parts that are rendered or read."""

import gzip
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from math import prod
from pathlib import Path

import numpy as np
import torch

from benchmarks.archives import (
    CHAIRS,
    TOY_FILES,
    arm_images,
    car_members,
    chair_members,
    face_members,
    matrix,
    room_arrays,
    save_rooms,
    tarred,
    toy_arrays,
    zipped,
)
from benchmarks.measure import ROOT, Row, interleaved, peak
from tcwae.data import cars3d, celeba, chairs3d, mpi3d, prepared, shapes3d, smallnorb
from tcwae.data.images import Images
from tcwae.data.prepare import prepare
from tcwae.data.prepared import Blocks
from tcwae.data.rendered import chairs, dsprites, faces, toys
from tcwae.data.rendered.face_attributes import sampled

__all__ = ["dsprites_file", "rows"]

PHOTOGRAPHS, FACES = 200, 500
TOYS = (5, 2, 3, 18, 6)
"""The classes of smallNORB's factors in the part that is read."""
ROOM, ARM, CARS = (1, 1, 10, 8, 4, 15), (1, 1, 1, 1, 3, 40, 40), (4, 24, 8)
"""Those of Shapes3D, MPI3D and Cars3D."""


def dsprites_file() -> Path:
    """The file of dSprites, written unless a study has written it."""
    path = ROOT / "resources" / "dsprites-rendered.h5"
    if not path.exists():
        prepare("dsprites", "rendered", path)
    return path


def matrices(folder: Path) -> list[Path]:
    """smallNORB's six files, with pairs of images of its size."""
    arrays, _ = toy_arrays(TOYS)
    for name in TOY_FILES:
        (folder / name).write_bytes(gzip.compress(matrix(arrays[name])))
    return [folder / name for name in TOY_FILES]


def drained(read: Callable[..., Blocks], *arguments: object) -> None:
    """Read an archive block by block on one core and keep none of them, as `prepare` does."""
    for _ in read(*arguments, processes=1):
        pass


def load(path: Path) -> torch.Tensor:
    """A prepared file from its checksum to a first batch of 64."""
    return Images(prepared.read(path), torch.device("cpu"))[torch.arange(0, 64_000, 1_000)]


def works(folder: Path) -> Iterator[tuple[str, int, Callable[[], object]]]:
    """What is measured, how many images it gives, and the work."""
    whole = dsprites.render()
    yield "draw dSprites, whole", len(whole), dsprites.render
    yield "draw smallNORB, a toy of 50", 972, partial(toys.draw, (0, 0))
    yield "draw 3Dchairs, a chair of 1,393", 62, partial(chairs.draw, 0)
    yield f"draw CelebA, {FACES} of {celeba.COUNT:,} faces", FACES, partial(faces.draw, sampled(FACES))
    files = matrices(folder)
    read = partial(smallnorb.read_matrices, files, TOYS)
    yield f"read smallNORB, {prod(TOYS):,} of 48,600", prod(TOYS), read
    tar = tarred(folder / "chairs.tar", chair_members())
    read = partial(drained, chairs3d.read_tar, tar, CHAIRS, "squash")
    yield f"read 3Dchairs, {prod(CHAIRS)} of 86,366", prod(CHAIRS), read
    archive = zipped(folder / "faces.zip", face_members(PHOTOGRAPHS))
    read = partial(drained, celeba.read_zip, archive, PHOTOGRAPHS, "140")
    yield f"read CelebA, {PHOTOGRAPHS} of {celeba.COUNT:,}", PHOTOGRAPHS, read
    yield from works_since_the_paper(folder)
    yield "write dSprites, whole", len(whole), partial(prepared.write, whole, folder / "out.h5")
    yield "load dSprites to a first batch", len(whole), partial(load, dsprites_file())


def works_since_the_paper(folder: Path) -> Iterator[tuple[str, int, Callable[[], object]]]:
    """The sets that the paper does not use."""
    rooms = save_rooms(folder / "3dshapes.h5", **room_arrays(ROOM))
    yield "read Shapes3D, 4,800 of 480,000", prod(ROOM), lambda: list(shapes3d.read_hdf5(rooms, ROOM))
    arm = folder / "mpi3d.npz"
    np.savez_compressed(arm, images=arm_images(ARM))
    yield "read MPI3D, 4,800 of 1,036,800", prod(ARM), lambda: list(mpi3d.read_npz(arm, [ARM], "MPI3D")[1])
    cars = tarred(folder / "cars.tar.gz", car_members(CARS))
    yield "read Cars3D, 8 of 183 cars", prod(CARS), partial(cars3d.read_tar, cars, CARS, 1)


def rows() -> Iterator[Row]:
    """On one core; images a second."""
    with tempfile.TemporaryDirectory() as name:
        all_works = list(works(Path(name)))
        seconds = interleaved({label: work for label, _, work in all_works})
        for label, count, work in all_works:
            yield Row(label, 1, milliseconds=1e3 * seconds[label], images_per_second=count / seconds[label],
                      megabytes=peak(work))  # fmt: skip
        yield Row("dSprites' file", megabytes=dsprites_file().stat().st_size / 2**20)
