"""The versions that a result was computed with."""

import platform
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

from tcwae import __version__

__all__ = ["commit", "versions"]


@cache
def commit() -> str:
    """The git commit of the code, with a + where the package's files differ from it.

    An installed package has it in a file (`setup.py`). It is `unknown` outside a repository, and in one that does not track
    this file, such as another project with a virtual environment in it.
    """
    folder = Path(__file__).parent
    recorded = folder / "COMMIT"
    if recorded.exists():
        return recorded.read_text(encoding="utf-8").strip()
    try:
        _git(folder, "ls-files", "--error-unmatch", Path(__file__).name)
        changed = "+" if _git(folder, "status", "--porcelain", "--untracked-files=no", "--", ".") else ""
        return _git(folder, "describe", "--always", "--abbrev=10", "--exclude=*") + changed
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(folder: Path, *arguments: str) -> str:
    # Git refuses a repository of another owner, whose settings could run programs; its Python code runs already.
    command = ["git", "-c", "safe.directory=*", "-C", folder, *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=True).stdout.strip()


def versions() -> dict[str, str]:
    """Versions of the packages that a training's numbers depend on, and the commit."""
    return {
        "tcwae": __version__,
        "commit": commit(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "numpy")},
    }
