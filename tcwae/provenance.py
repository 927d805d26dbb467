"""What a result was made with."""

import platform
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

from tcwae import __version__

__all__ = ["commit", "versions"]


@cache
def commit() -> str:
    """The git commit of the code, with a + where files differ from it.

    An installed package has it in a file (`setup.py`). It is `unknown` outside a repository, and in one that does not hold
    the code, as where a virtual environment lies in another project.
    """
    folder = Path(__file__).parent
    recorded = folder / "COMMIT"
    if recorded.exists():
        return recorded.read_text().strip()
    try:
        _git(folder, "ls-files", "--error-unmatch", Path(__file__).name)
        return _git(folder, "describe", "--always", "--abbrev=10", "--exclude=*", "--dirty=+")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", folder, *arguments], capture_output=True, text=True, check=True).stdout.strip()


def versions() -> dict[str, str]:
    """Versions of the packages that a training's numbers depend on, and the commit."""
    return {
        "tcwae": __version__,
        "commit": commit(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "numpy")},
    }
