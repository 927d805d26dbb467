"""The data sets: each is read from its original archive or drawn here, and prepared in one form."""

from pathlib import Path

from tcwae.data import dsprites
from tcwae.data.prepared import Prepared, read, write
from tcwae.errors import InputError

__all__ = ["Prepared", "prepare", "read", "write"]

_MAKERS = {
    ("dsprites", "rendered"): dsprites.render,
    ("dsprites", "real"): dsprites.read,
}


def prepare(dataset: str, source: str, output: Path | str, archive: Path | str | None = None) -> None:
    """Write a data set to `output`: "rendered" is drawn here, "real" is read from the published `archive`.

    Raises:
        InputError: there is no such data set, or the archive is not what was published, or is missing or needless.
        OSError: a file cannot be read or written, or the disk is full.
    """
    make = _MAKERS.get((dataset, source))
    if make is None:
        known = ", ".join(map(" ".join, _MAKERS))
        raise InputError(f"expected a data set and a source among {known}; found {dataset} {source}")
    if (archive is None) == (source == "real"):
        raise InputError(f"{dataset}: expected an archive exactly when the source is real, found {source}, {archive}")
    write(make() if archive is None else make(archive), output)
