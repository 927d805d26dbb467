"""The files of the workflow, which one reads and edits: where they are, and how a study's folder gets them."""

import shutil
from pathlib import Path

from tcwae.errors import InputError

__all__ = ["FILES", "TEMPLATE", "copy", "here_or_installed"]

FILES = ("Snakefile", "config.yaml", "workflow", "slurm")
TEMPLATE = Path("workflow/report/report.typ")


def _source() -> Path:
    """The folder that has them: in an installed package (`setup.py` puts them there), or the clone."""
    installed = Path(__file__).parent / "new_study"
    return installed if installed.is_dir() else Path(__file__).parents[1]


def here_or_installed(file: Path) -> Path:
    """A file of the workflow: that of the working directory, a study's folder, or else the package's own."""
    return file if file.exists() else _source() / file


def copy(folder: Path) -> None:
    """Write the workflow's files into a folder that is new or empty.

    Raises:
        InputError: it is a file, or there is something in it.
        OSError: it cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        found = "one with files in it" if folder.is_dir() else "a file"
        raise InputError(f"{folder}: expected a new or empty folder, found {found}; give another name")
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        source = _source() / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("*.log"))
        else:
            shutil.copyfile(source, folder / name)
