"""Checks of the container image: it exists, starts, is of this version, and its jobs see the study's folders.

Snakemake checks none of this before it queues the jobs.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from tcwae import __version__
from tcwae.config.study import Study
from tcwae.errors import InputError
from tcwae.programs import output_of

__all__ = ["check_folders", "check_image", "engine", "execute", "hidden"]

START_SECONDS = 120.0
"""An image of gigabytes may start slowly from a busy file system."""

SEPARATOR, SEPARATORS = ":", ":,"
"""What separates the parts of Apptainer's options `--home SOURCE:TARGET` and `--bind SOURCE:TARGET,SOURCE`."""

SIF_HEADER = 128
"""Bytes of the global header of a SIF file (https://github.com/apptainer/sif, pkg/sif/sif.go)."""


def check_image(image: str) -> str:
    """The first line that `tcwae --version` prints in the image, a file or a folder, which must be of this code's version.

    Raises:
        InputError: the image is missing, incomplete or of another version, or it does not start.
    """
    path = Path(image)
    if not path.exists():
        raise InputError(
            f"container: expected the image {image}, found no such file: `make image` builds it (containers/README.md)"
        )
    _check_size(path)
    printed = execute(image, ["tcwae", "--version"]).partition("\n")[0]
    if printed.split()[:2] != ["tcwae", __version__]:
        raise InputError(
            f"container {image}: expected tcwae {__version__} as here, found {printed or 'nothing'}: "
            "`make image` builds it anew (containers/README.md)"
        )
    return printed


def _check_size(image: Path) -> None:
    """Compare the size of a SIF file with its header, which says where the data end; other images pass."""
    if not image.is_file():
        return
    with image.open("rb") as file:
        header = file.read(SIF_HEADER)
    if header[32:41] != b"SIF_MAGIC" or len(header) < SIF_HEADER:
        return
    begin, length = (int.from_bytes(header[place : place + 8], "little") for place in (112, 120))
    size = image.stat().st_size
    if size < begin + length:
        raise InputError(
            f"container {image}: expected {begin + length:,} bytes, found {size:,}: the copy is incomplete, copy it again"
        )


def check_folders(study: Study, image: str, arguments: Sequence[str] = ()) -> None:
    """Check that jobs in the image see what the study reads and writes.

    Raises:
        InputError: they do not; `arguments` are the options of Apptainer, and the message says which one is missing.
    """
    missing = hidden(study, image, arguments)
    if missing:
        raise InputError(missing[0])


def hidden(study: Study, image: str, arguments: Sequence[str] = ()) -> list[str]:
    """A line for each folder or archive that exists here but not for a job in the image, or that it cannot write.

    Raises:
        InputError: the image does not start, or the working directory has a name that Apptainer cannot take.
    """
    written = [name for name in ("results", f"results/{study.study}", "resources") if Path(name).exists()]
    archives = [dataset.archive for dataset in study.datasets.values() if dataset.archive]
    entries = [*Path("resources").glob("*"), *Path("resources/raw").glob("*")]
    read = [path for path in ("workflow", *map(str, entries), *archives) if Path(path).exists()]
    test = 'for path; do [ -e "$path" ] || echo "$path"; done; '
    test += (
        'cd "$HOME"; for path in '
        + " ".join(map(quote, written))
        + '; do [ -w "$path" ] || echo "read-only $path"; done'
    )
    printed = execute(image, ["sh", "-c", test, "sh", *written, *read], arguments).splitlines()
    unseen = {line for line in printed if not line.startswith("read-only ")}
    locked = {line.removeprefix("read-only ") for line in printed} - unseen
    return [*map(_unseen, sorted(unseen)), *map(_read_only, sorted(locked))]


def _unseen(path: str) -> str:
    where = str(Path(path).resolve())
    if any(character in SEPARATORS for character in where):
        return f"{path} is at {where}, which jobs do not see: Apptainer cannot bind this name, so rename or copy it"
    return f"{path} is at {where}, which jobs do not see: add --bind {quote(where)} to apptainer-args of the profile"


def _read_only(path: str) -> str:
    return f"{path} is at {Path(path).resolve()}, which jobs cannot write: bind it without :ro in apptainer-args of the profile"


def engine() -> str:
    """The command with which Snakemake runs images.

    Raises:
        InputError: there is none.
    """
    for name in ("apptainer", "singularity"):
        if shutil.which(name):
            return name
    raise InputError(
        "expected the command apptainer on PATH, found none: load its module, or leave software-deployment-method out"
    )


def execute(image: str, command: Sequence[str], arguments: Sequence[str] = ()) -> str:
    """The standard output of a command in the image, started as Snakemake starts a job.

    Raises:
        InputError: it does not start or fails, or the working directory has a name that Apptainer cannot take.
    """
    here = str(Path.cwd())
    if SEPARATOR in here:
        raise InputError(
            f"{here}: expected a working directory without a colon, which Apptainer cannot take: rename it"
        )
    try:
        return output_of([engine(), "exec", "--home", here, *arguments, image, *command], START_SECONDS).strip()
    except InputError as error:
        raise InputError(f"container {image}: expected `{command[0]}` to run in it, found: {error}") from None
