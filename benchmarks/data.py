"""Data sets: drawing them, reading archives, preparing and loading a file. Parts are drawn; rates are theirs."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.measure import ROOT, Row, interleaved, peak
from tcwae.data import celeba, chairs, dsprites, faces, prepare, prepared, toys
from tcwae.data.face_attributes import sampled
from tcwae.images import Images

__all__ = ["dsprites_file", "rows"]

PHOTOGRAPHS, FACES = 200, 500


def dsprites_file() -> Path:
    """The whole of dSprites, made here unless a study has made it."""
    path = ROOT / "resources" / "dsprites-rendered.h5"
    if not path.exists():
        prepare("dsprites", "rendered", path)
    return path


def photographs(folder: Path) -> Path:
    """JPEGs of CelebA's size."""
    rng = np.random.default_rng(0)
    for number in range(PHOTOGRAPHS):
        coarse = Image.fromarray(rng.integers(0, 256, (14, 11, 3), np.uint8))
        coarse.resize((178, 218), Image.Resampling.BICUBIC).save(folder / f"{number:06}.jpg")
    return folder


def load(path: Path) -> torch.Tensor:
    """A prepared file from its checksum to a first batch of 64."""
    return Images(prepared.read(path), torch.device("cpu"))[torch.arange(0, 64_000, 1_000)]


def rows() -> Iterator[Row]:
    """One core; pictures a second."""
    path = dsprites_file()
    attributes = sampled(FACES)
    with tempfile.TemporaryDirectory() as name:
        folder, output = Path(name), Path(name) / "out.h5"
        (folder / "pictures").mkdir()
        archive = photographs(folder / "pictures")
        whole = dsprites.render()
        calls: dict[str, tuple[int, Callable[[], object]]] = {
            "draw dSprites, whole": (len(whole), dsprites.render),
            "draw smallNORB, a toy of 50": (972, lambda: toys.draw((0, 0))),
            "draw 3Dchairs, a chair of 1,393": (62, lambda: chairs.draw(0)),
            f"draw CelebA, {FACES} of {celeba.COUNT:,} faces": (FACES, lambda: faces.draw(attributes)),
            "write dSprites, whole": (len(whole), lambda: prepared.write(whole, output)),
            f"read and cut {PHOTOGRAPHS} JPEGs of CelebA's size": (
                PHOTOGRAPHS,
                lambda: prepare("images", "real", folder / "mine.h5", archive, processes=1),
            ),
            "load dSprites to a first batch": (len(whole), lambda: load(path)),
        }
        seconds = interleaved({what: call for what, (_, call) in calls.items()})
        memory = {"draw dSprites, whole": peak(dsprites.render), "load dSprites to a first batch": peak(load, path)}
        for what, (count, _) in calls.items():
            yield Row(what, 1, milliseconds=1e3 * seconds[what], images_per_second=count / seconds[what],
                      megabytes=memory.get(what))  # fmt: skip
        yield Row("dSprites' file", megabytes=path.stat().st_size / 2**20)
