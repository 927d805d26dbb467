"""The files of the workflow, which users read and edit: where they are, and how they get into the folder of a study."""

import shutil
from pathlib import Path

from tcwae.errors import InputError

__all__ = ["FILES", "TEMPLATE", "copy", "here_or_installed"]

FILES = ("Snakefile", "config.yaml", "workflow", "profiles", "slurm")
TEMPLATE = Path("workflow/report/report.typ")


def _source() -> Path:
    """The folder with the files: inside an installed package, where `setup.py` puts them, or the clone."""
    installed = Path(__file__).parent / "new_study"
    return installed if installed.is_dir() else Path(__file__).parents[1]


def here_or_installed(file: Path) -> Path:
    """A file of the workflow: from the working directory if it is there, else the package's own."""
    return file if file.exists() else _source() / file


def copy(folder: Path) -> None:
    """Copy the files of the workflow into a new or empty folder.

    Raises:
        InputError: `folder` is a file, or has files in it.
        OSError: a file cannot be written.
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
