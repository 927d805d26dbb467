"""Prepare a data set: read the original archive, or render the images, and write one HDF5 file.

    prepare("celeba", "rendered", "faces.h5")
    prepare("smallnorb", "real", "toys.h5", archive="archives/smallnorb")
    prepare("images", "real", "mine.h5", archive="pictures.zip", crop="squash")

`download` fetches the original archives, `describe` summarises a prepared file, and `sheet` draws some of its images.
"""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tcwae.data import cars3d, celeba, chairs3d, dsprites, mpi3d, own, shapes3d, smallnorb
from tcwae.data.download import download
from tcwae.data.prepared import Prepared, fill, read, write
from tcwae.data.rendered import arm, chairs, faces, rooms, toys
from tcwae.data.rendered import dsprites as sprites
from tcwae.data.show import describe, sheet
from tcwae.data.variants import mini, variant
from tcwae.errors import InputError
from tcwae.files import atomic

__all__ = ["Prepared", "describe", "download", "prepare", "read", "sheet", "write"]


class _Maker(NamedTuple):
    make: Callable[..., Prepared]
    options: tuple[str, ...] = ()
    crops: tuple[str, ...] = ()


_MAKERS = {
    ("dsprites", "rendered"): _Maker(sprites.render),
    ("dsprites", "real"): _Maker(dsprites.read),
    ("smallnorb", "rendered"): _Maker(toys.render, ("processes",)),
    ("smallnorb", "real"): _Maker(smallnorb.read),
    ("chairs3d", "rendered"): _Maker(chairs.render, ("processes",)),
    ("chairs3d", "real"): _Maker(chairs3d.read, ("crop", "processes"), chairs3d.CROPS),
    ("celeba", "rendered"): _Maker(faces.render, ("count", "processes")),
    ("celeba", "real"): _Maker(celeba.read, ("crop", "processes"), celeba.CROPS),
    ("shapes3d", "rendered"): _Maker(rooms.render, ("processes",)),
    ("shapes3d", "real"): _Maker(shapes3d.read),
    ("mpi3d_toy", "rendered"): _Maker(arm.render, ("processes",)),
    ("mpi3d_toy", "real"): _Maker(partial(mpi3d.read, "mpi3d_toy")),
    ("mpi3d_realistic", "real"): _Maker(partial(mpi3d.read, "mpi3d_realistic")),
    ("mpi3d_real", "real"): _Maker(partial(mpi3d.read, "mpi3d_real")),
    ("cars3d", "real"): _Maker(cars3d.read, ("processes",)),
    ("mini_dsprites", "rendered"): _Maker(partial(mini, "mini_dsprites", sprites.render)),
    ("mini_dsprites", "real"): _Maker(partial(mini, "mini_dsprites", dsprites.read)),
    ("mini_smallnorb", "rendered"): _Maker(partial(mini, "mini_smallnorb", toys.render), ("processes",)),
    ("mini_smallnorb", "real"): _Maker(partial(mini, "mini_smallnorb", smallnorb.read)),
    ("mini_chairs3d", "rendered"): _Maker(partial(mini, "mini_chairs3d", chairs.render), ("processes",)),
    ("mini_chairs3d", "real"): _Maker(
        partial(mini, "mini_chairs3d", chairs3d.read), ("crop", "processes"), chairs3d.CROPS
    ),
    ("color_dsprites", "rendered"): _Maker(partial(variant, "color", sprites.render)),
    ("color_dsprites", "real"): _Maker(partial(variant, "color", dsprites.read)),
    ("noisy_dsprites", "rendered"): _Maker(partial(variant, "noisy", sprites.render)),
    ("noisy_dsprites", "real"): _Maker(partial(variant, "noisy", dsprites.read)),
    ("scream_dsprites", "rendered"): _Maker(partial(variant, "scream", sprites.render), ("picture",)),
    ("scream_dsprites", "real"): _Maker(partial(variant, "scream", dsprites.read), ("picture",)),
    ("images", "real"): _Maker(own.read_images, ("crop", "name", "processes"), own.CROPS),
    ("npz", "real"): _Maker(own.read_npz, ("name",)),
}


def prepare(
    dataset: str,
    source: str,
    output: Path | str,
    archive: Path | str | None = None,
    *,
    crop: str | None = None,
    count: int | None = None,
    name: str | None = None,
    picture: Path | str | None = None,
    processes: int | None = None,
) -> None:
    """Write a data set to `output`.

    Args:
        dataset: a published data set (`tcwae.config.datasets`), or `images` or `npz` for your own data.
        source: "real" reads the `archive`; "rendered" draws the images and needs none.
        output: the HDF5 file. If this function fails or is stopped, by SIGTERM too, the file is unchanged.
        archive: the published file, or the folder that holds the published files.
        crop: how the reader cuts its pictures, where it offers a choice.
        count: the number of faces to draw (celeba, rendered).
        name: the name of your own data set.
        picture: the background of scream_dsprites, a PNG or JPEG; by default tcwae draws one.
        processes: the largest number of processes; by default the number of cores. The result does not depend on it.

    Raises:
        InputError: an unknown data set or option, or an archive that is missing, not needed, or not as published.
        OSError: a file cannot be read or written, or the disk is full.
    """
    maker = _MAKERS.get((dataset, source))
    if maker is None:
        raise InputError(f"expected a data set and a source among {_known()}; found {dataset} {source}")
    if archive is None and source == "real":
        raise InputError(f"{dataset}: expected an archive to read (--archive), found none")
    if archive is not None and source == "rendered":
        raise InputError(f"{dataset}: expected no archive for images that are drawn here, found {archive}")
    given = {"crop": crop, "count": count, "name": name, "picture": picture}
    options = {option: value for option, value in given.items() if value is not None}
    for option in options:
        if option not in maker.options:
            known = " and ".join(f"--{other}" for other in maker.options if other in given) or "no such option"
            raise InputError(f"{dataset} {source}: expected {known}, found --{option}")
    if crop is not None and crop not in maker.crops:
        raise InputError(f"{dataset} {source}: expected a crop among {', '.join(maker.crops)}, found {crop}")
    if "processes" in maker.options:
        options["processes"] = processes
    with atomic(output) as temporary, _cleaning_up():
        fill(maker.make(**options) if archive is None else maker.make(archive, **options), temporary)


def _known() -> str:
    return ", ".join(map(" ".join, _MAKERS))


@contextmanager
def _cleaning_up() -> Iterator[None]:
    """Turn SIGTERM, with which a cluster stops a job, into SystemExit, so that temporary files are removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
