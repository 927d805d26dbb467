"""Checks whether this machine, or this node, is ready for a study: a line per check, with the remedy.

for finding in examine(["config.yaml"]):
    print(finding)
"""

import platform
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from tcwae import __version__
from tcwae.config.study import read
from tcwae.doctor import cluster, files, gpu
from tcwae.doctor.finding import Finding
from tcwae.provenance import commit

__all__ = ["Finding", "examine"]


def examine(configfile: Path) -> Iterator[Finding]:
    """Check everything that the study in this folder needs.

    Raises:
        InputError: the study is not valid.
        OSError: it cannot be read.
    """
    study, profile = read(configfile), cluster.read_profile()
    here = Path()
    yield Finding(
        "ok", "Python", f"{platform.python_version()}, tcwae {__version__} ({commit()}), on {platform.node()}"
    )
    yield packages(here / "requirements.lock")
    yield from gpu.findings(gpu.look())
    yield from files.space(here, study)
    yield from files.data(here, study)
    yield from cluster.slurm(profile)
    yield from cluster.image(study, profile)


def packages(lock: Path) -> Finding:
    """The installed packages against the lock."""
    needed = [re.split(r"[^\w.-]", line)[0] for line in requires("tcwae") or [] if "extra ==" not in line]
    missing = [name for name in needed if _installed(name) is None]
    if missing:
        return Finding("problem", "packages", f"{', '.join(missing)} missing: `make env` installs requirements.lock")
    if not lock.exists():
        return Finding("ok", "packages", f"torch {version('torch')}; there is no {lock} here to compare with")
    locked: dict[str, set[str]] = {}  # a package may be locked twice, for two versions of Python
    for name, pinned in re.findall(r"^([\w.-]+)==([^\s;+]+)", lock.read_text(encoding="utf-8"), re.MULTILINE):
        locked.setdefault(name, set()).add(pinned)
    present = {name: installed for name in locked if (installed := _installed(name)) is not None}
    other = [name for name, installed in present.items() if installed.partition("+")[0] not in locked[name]]
    if other:
        differ = ", ".join(f"{name} {present[name]} instead of {' or '.join(sorted(locked[name]))}" for name in other)
        return Finding("warning", "packages", f"{differ}: `make env` installs requirements.lock")
    return Finding("ok", "packages", f"torch {version('torch')}, and {len(present) - 1} others as in {lock}")


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
