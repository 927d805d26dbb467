"""Data sets: drawing them, reading archives, preparing and loading a file. Parts are drawn and read; rates are theirs."""

import gzip
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from math import prod
from pathlib import Path

import torch

from benchmarks.archives import CHAIRS, TOY_FILES, chair_members, face_members, matrix, tarred, toy_arrays, zipped
from benchmarks.measure import ROOT, Row, interleaved, peak
from tcwae.data import celeba, chairs3d, prepared, smallnorb
from tcwae.data.images import Images
from tcwae.data.prepare import prepare
from tcwae.data.prepared import Blocks
from tcwae.data.rendered import chairs, dsprites, faces, toys
from tcwae.data.rendered.face_attributes import sampled

__all__ = ["dsprites_file", "rows"]

PHOTOGRAPHS, FACES = 200, 500
TOYS = (5, 2, 3, 18, 6)
"""The classes of smallNORB's factors in the part that is read."""


def dsprites_file() -> Path:
    """The whole of dSprites, made here unless a study has made it."""
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
    """Read an archive block by block on one core, each forgotten for the next, as `prepare` does."""
    for _ in read(*arguments, processes=1):
        pass


def load(path: Path) -> torch.Tensor:
    """A prepared file from its checksum to a first batch of 64."""
    return Images(prepared.read(path), torch.device("cpu"))[torch.arange(0, 64_000, 1_000)]


def works(folder: Path) -> Iterator[tuple[str, int, Callable[[], object]]]:
    """What is measured, how many pictures it makes, and the work."""
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
    yield "write dSprites, whole", len(whole), partial(prepared.write, whole, folder / "out.h5")
    yield "load dSprites to a first batch", len(whole), partial(load, dsprites_file())


def rows() -> Iterator[Row]:
    """One core; pictures a second."""
    with tempfile.TemporaryDirectory() as name:
        found = list(works(Path(name)))
        seconds = interleaved({what: work for what, _, work in found})
        for what, count, work in found:
            yield Row(what, 1, milliseconds=1e3 * seconds[what], images_per_second=count / seconds[what],
                      megabytes=peak(work))  # fmt: skip
        yield Row("dSprites' file", megabytes=dsprites_file().stat().st_size / 2**20)
