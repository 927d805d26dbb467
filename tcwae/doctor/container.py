"""The container image that jobs run in: is it there, does it start, is it of this version.

Snakemake itself looks at none of this before the jobs are queued.
"""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tcwae import __version__
from tcwae.errors import InputError

__all__ = ["check_image", "engine", "execute"]

START_SECONDS = 120
"""From a busy file system an image of gigabytes may start slowly."""


def check_image(image: str) -> str:
    """The first line that `tcwae --version` prints in the image, a file or a folder, which is of this code's version.

    Raises:
        InputError: it is not there, does not start, or is of another version.
    """
    if not Path(image).exists():
        raise InputError(
            f"container: expected the image {image}, found no such file: `make image` builds it (containers/README.md)"
        )
    printed = execute(image, ["tcwae", "--version"]).partition("\n")[0]
    if printed.split()[:2] != ["tcwae", __version__]:
        raise InputError(
            f"container {image}: expected tcwae {__version__} as here, found {printed or 'nothing'}: "
            "`make image` builds it anew (containers/README.md)"
        )
    return printed


def engine() -> str:
    """The command that runs images, as Snakemake chooses it.

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
        InputError: it does not start or fails.
    """
    words = [engine(), "exec", "--home", str(Path.cwd()), *arguments, image, *command]
    try:
        done = subprocess.run(words, capture_output=True, encoding="utf-8", errors="replace", timeout=START_SECONDS)
    except subprocess.TimeoutExpired:
        raise InputError(f"container {image}: expected it to start, found nothing after {START_SECONDS} s") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        raise InputError(f"container {image}: expected `{' '.join(command)}` to run in it, found: {last}")
    return done.stdout.strip()
