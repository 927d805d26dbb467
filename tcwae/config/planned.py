"""The file that `tcwae train-many` takes: runs, typed, and the folder of each."""

import json
import re
from pathlib import Path
from typing import Any

from tcwae.config.base import Settings, check
from tcwae.config.extensions import verify
from tcwae.config.run import Run
from tcwae.errors import InputError
from tcwae.files import atomic

__all__ = ["Planned", "read", "write"]


class Planned(Settings):
    """A run and the folder that its files go into."""

    run: Run
    output: Path


def read(path: Path, share: str | None = None) -> list[Planned]:
    """The runs in a JSON file, a list of objects with `run` and `output`; with a share I/N only every N-th, from the I-th on.

    Raises:
        InputError: the file or the share is not what it must be; the message names the entry.
        OSError: the file cannot be read.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: expected JSON, found {error}") from None
    if not isinstance(entries, list) or not entries:
        raise InputError(f"{path}: expected a list of runs, each with run and output, found {json.dumps(entries):.60}")
    runs = [_planned(entry, f"{path}: entry {number}") for number, entry in enumerate(entries)]
    if share is None:
        return runs
    match = re.fullmatch(r"(\d+)/(\d+)", share)
    if match is None or not int(match[1]) < int(match[2]):
        raise InputError(f"--share: expected I/N with I below N, as 0/4, found {share!r}")
    return runs[int(match[1]) :: int(match[2])]


def _planned(entry: Any, source: str) -> Planned:  # noqa: ANN401
    """An entry; the study's own code that its run names is loaded first."""
    run = entry.get("run") if isinstance(entry, dict) else None
    code = run.get("code") if isinstance(run, dict) else None
    verify(code if isinstance(code, dict) else {})
    return check(Planned, entry, source)


def write(runs: dict[Path, Run], path: Path) -> None:
    """Write what `read` reads: a run for each folder."""
    entries = [{"run": run.model_dump(mode="json"), "output": str(folder)} for folder, run in runs.items()]
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
