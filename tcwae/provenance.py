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
    """The git commit of the code, with a + where files differ from it; `unknown` outside a repository.

    In an image it is what the build wrote beside this file.
    """
    folder = Path(__file__).parent
    if (folder / "commit").exists():
        return (folder / "commit").read_text().strip()
    try:
        described = subprocess.run(
            ["git", "-C", folder, "describe", "--always", "--abbrev=10", "--exclude=*", "--dirty=+"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return described.stdout.strip()


def versions() -> dict[str, str]:
    """Versions of the packages that a training's numbers depend on, and the commit."""
    return {
        "tcwae": __version__,
        "commit": commit(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "numpy")},
    }
