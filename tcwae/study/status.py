"""The state of a study's runs: done, training (and where), failed (and why), and the estimated end.

It only reads the files of the runs and `squeue`. So it works with or without a running Snakemake, on any machine that sees the
files, and without SLURM.
"""

import fcntl
import json
import os
import re
import struct
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from shutil import which
from statistics import median
from typing import Literal

from tcwae.config.run import Run
from tcwae.config.runs import chosen, experiment_runs, resolve, without_selects
from tcwae.config.study import Study
from tcwae.errors import InputError
from tcwae.programs import output_of
from tcwae.records import STATES

__all__ = ["Job", "RunStatus", "StudyStatus", "format_status", "jobs", "status", "watch"]

State = Literal["done", "diverged", "scoring", "running", "queued", "failed", "open"]

ANSWER_SECONDS = 10.0
"""`squeue` answers within a second, or tries for minutes to reach a controller that is down."""

SHOWN = 20
"""Runs listed individually; a screen has no space for more."""

TAIL = 4096
"""Bytes at the end of a log that hold its last lines."""

PROGRESS = re.compile(r"^step (\d+): .*; ([\d.]+) min left$", re.MULTILINE)
"""What a training logs every 15 seconds (`training.loop`)."""


@dataclass(frozen=True)
class Job:
    """A job of SLURM: its number, its state (RUNNING, PENDING, ...) and the node it runs on, if it runs."""

    number: str
    state: str
    node: str


@dataclass(frozen=True)
class RunStatus:
    """The state of one run; `seconds` is how long it has trained, `speed` in images a second, both 0 where unknown."""

    state: State
    run: Run
    step: int = 0
    seconds: float = 0.0
    speed: float = 0.0
    warned: bool = False
    job: Job | None = None
    line: str = ""
    """For a failed run, the last line of its log; for a training, the process and host that hold its lock."""


@dataclass(frozen=True)
class StudyStatus:
    """A study: its runs by id, the ids of each experiment, and how many rows wait for the selection of a grid."""

    name: str
    runs: Mapping[str, RunStatus]
    experiments: Mapping[str, Sequence[str]]
    undecided: Mapping[str, int]
    note: str = ""
    """Why the jobs are unknown."""


def status(study: Study, results: Path) -> StudyStatus:
    """The state of all runs that the study is known to need, from the files in `results` and from SLURM.

    Raises:
        InputError: the selection of a grid is damaged.
        OSError: a file cannot be read.
    """
    tables = {name: results / "selection" / f"{name}.csv" for name in study.experiments}
    choices = {name: chosen(table) for name, table in tables.items() if table.exists()}
    known = resolve(study, choices)
    undecided = {
        name: sum(bool(row.selects) and row.grid not in choices for row in experiment.methods.values())
        for name, experiment in known.experiments.items()
    }
    decided = without_selects(known)
    runs = {name: experiment_runs(decided, name) for name in decided.experiments}
    try:
        queue, note = jobs(Path.cwd()), ""
    except InputError as error:
        queue, note = {}, str(error)
    every = {identifier: run for members in runs.values() for identifier, run in members.items()}
    states = {identifier: _status(results / "runs" / identifier, run, queue.get(identifier.replace("/", "_")))
              for identifier, run in every.items()}  # fmt: skip
    members = {name: tuple(runs.get(name, ())) for name in study.experiments}
    return StudyStatus(study.study, states, members, {name: count for name, count in undecided.items() if count}, note)


def jobs(folder: Path) -> dict[str, Job]:
    """The jobs that Snakemake queued from `folder`, by the run's id with _ for each /.

    Raises:
        InputError: `squeue` fails or does not answer; no error where there is none.
    """
    if which("squeue") is None:
        return {}
    lines = output_of(["squeue", "--me", "--noheader", "--format", "%i|%T|%N|%Z|%k"], ANSWER_SECONDS).splitlines()
    queue = {}
    for line in lines:
        number, state, node, where, comment = line.split("|", 4)
        wildcards = re.fullmatch(r"rule_(?:train|evaluate|measure)_wildcards_(.*)", comment)
        if wildcards and Path(where).resolve() == folder.resolve():
            queue[wildcards[1]] = Job(number, state, node)
    return queue


def _status(folder: Path, run: Run, job: Job | None) -> RunStatus:
    """The state of a run, from its results; else from its job and lock; else from the files that a job left."""
    record = _json(folder / "metrics.json").get("training") or _json(folder / "training.json")
    trained = (folder / "model.safetensors").exists()
    if record and trained:
        ended: State = "diverged" if record.get("status") == "diverged" else "done"
        state: State = ended if (folder / "metrics.json").exists() else "scoring"
        speed = record.get("images_per_second", 0.0) if ended == "done" else 0.0
        return RunStatus(state, run, record["step"], record["seconds"], speed, bool(record.get("warnings")), job)
    holder = _holder(folder / ".lock")
    if holder or (job and job.state == "RUNNING"):
        step, seconds, speed = _progress(folder, run)
        return RunStatus("running", run, step, seconds, speed, job=job, line=holder)
    step, seconds, speed = _saved(folder)
    if job:
        return RunStatus("queued", run, step, seconds, job=job)
    line = _last_line(folder / "train.log")
    return RunStatus("failed" if line else "open", run, step, seconds, line=line)


def _json(path: Path) -> dict:
    """A record; nothing where it is missing, or damaged and will be written again."""
    with suppress(FileNotFoundError, NotADirectoryError, ValueError):
        record = json.loads(path.read_bytes())
        return record if isinstance(record, dict) else {}
    return {}


def _holder(lock: Path) -> str:
    """The process and host that hold the lock of a run, which they have signed; empty where none does.

    The lock is queried, not taken, so that a starting training is not disturbed.
    """
    try:
        descriptor = os.open(lock, os.O_RDONLY)
    except OSError:
        return ""
    try:
        asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        held = struct.unpack("hhqqi4x", fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))[0] != fcntl.F_UNLCK
        return (os.pread(descriptor, 200, 0).decode(errors="replace") or "a process") if held else ""
    except OSError:  # no locks on this file system
        return ""
    finally:
        os.close(descriptor)


def _progress(folder: Path, run: Run) -> tuple[int, float, float]:
    """Step, seconds and images per second of a training: from its log if that is newer, else from its state."""
    step, seconds, speed = _saved(folder)
    lines = PROGRESS.findall(_tail(folder / "train.log"))
    if lines and int(lines[-1][0]) > step:
        later, minutes = int(lines[-1][0]), float(lines[-1][1])
        left = (run.training.iterations - later) / max(minutes * 60, 1)
        speed = speed or left * run.training.batch_size
        seconds += (later - step) * run.training.batch_size / speed if speed else 0.0
        step = later
    return step, seconds, speed


def _saved(folder: Path) -> tuple[int, float, float]:
    """Step, seconds and images per second of the newest state, of which only the header is read."""
    for name in STATES:
        with suppress(OSError, ValueError, KeyError, TypeError), (folder / name).open("rb") as file:
            header = json.loads(file.read(min(int.from_bytes(file.read(8), "little"), 10**8)))
            record = json.loads(header["__metadata__"]["tcwae"])
            step, seconds = int(record["step"]), float(record["seconds"])
            return step, seconds, step * int(record["identity"]["batch_size"]) / seconds if seconds else 0.0
    return 0, 0.0, 0.0


def _tail(path: Path) -> str:
    with suppress(OSError), path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL))
        return file.read().decode(errors="replace")
    return ""


def _last_line(path: Path) -> str:
    lines = [line.strip() for line in re.split(r"[\r\n]", _tail(path)) if line.strip()]
    return lines[-1] if lines else ""


def _seconds_left(runs: Iterable[RunStatus]) -> float | None:
    """Seconds of training left, at the median speed of the same data set and method; None if that is unknown."""
    runs = list(runs)
    speeds: dict[tuple[str, str], list[float]] = {}
    for status in runs:
        if status.speed:
            speeds.setdefault((status.run.dataset, status.run.method.name), []).append(status.speed)
    total = 0.0
    for status in runs:
        if status.state in ("done", "diverged", "scoring"):
            continue
        speed = status.speed or median(speeds.get((status.run.dataset, status.run.method.name), [0.0]))
        if not speed:
            return None
        total += (status.run.training.iterations - status.step) * status.run.training.batch_size / speed
    return total


COLUMNS = ("experiment", "runs", "done", "running", "queued", "failed", "diverged", "warned", "open")


def format_status(status: StudyStatus, now: datetime | None = None) -> str:
    """One screen: a table by experiment, hours and the estimated end, the runs that train, and those that failed."""
    rows = [_row(name, [status.runs[run] for run in members]) for name, members in status.experiments.items()]
    lines = [COLUMNS, *rows, _row("all runs", status.runs.values())]
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    text = ["  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) for line in lines]
    text += [f"{name}: {count} rows wait for the selection of a grid" for name, count in status.undecided.items()]
    text.append(_hours(list(status.runs.values()), now or datetime.now()))
    if status.note:
        text.append(f"jobs unknown: {status.note}")
    training = {name: run for name, run in status.runs.items() if run.state == "running"}
    failed = {name: run for name, run in status.runs.items() if run.state == "failed"}
    text += _listed("running", [f"{name}: {_running(run)}" for name, run in training.items()])
    text += _listed("failed", [f"{name}: {run.line}" for name, run in failed.items()])
    return "\n".join(text)


def _row(name: str, runs: Iterable[RunStatus]) -> tuple[str, ...]:
    """A line of the table; a trained run without scores counts as running."""
    runs = list(runs)
    count = Counter(run.state for run in runs)
    numbers = (len(runs), count["done"], count["running"] + count["scoring"], count["queued"], count["failed"])
    return (name, *map(str, (*numbers, count["diverged"], sum(run.warned for run in runs), count["open"])))


def _hours(runs: Sequence[RunStatus], now: datetime) -> str:
    used, left = sum(run.seconds for run in runs), _seconds_left(runs)
    text = f"training: {used / 3600:.1f} h used, "
    if left is None:
        return text + "time left unknown until a run of each method is done"
    text += f"{left / 3600:.1f} h left"
    parallel = sum(run.state == "running" for run in runs)
    if not left:
        return text
    if not parallel:
        return text + "; no run is training now"
    end = now + timedelta(seconds=left / parallel)
    return text + f"; done at {end:%Y-%m-%d %H:%M} with {parallel} at a time, as now"


def _running(status: RunStatus) -> str:
    settings = status.run.training
    words = [f"step {status.step:,} of {settings.iterations:,}"]
    if status.speed:
        steps = status.speed / settings.batch_size
        words += [f"{steps:.3g} steps/s", f"{(settings.iterations - status.step) / steps / 3600:.1f} h left"]
    words.append(f"job {status.job.number} on {status.job.node}" if status.job else status.line)
    return ", ".join(words)


def _listed(title: str, lines: Sequence[str]) -> list[str]:
    more = [f"  and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return ["", f"{title}:", *(f"  {line}" for line in lines[:SHOWN]), *more] if lines else []


def watch(study: Study, results: Path, seconds: float = 30.0) -> None:
    """Refresh the screen every half minute, until Ctrl-C."""
    while True:
        screen = format_status(status(study, results))
        print(f"\x1b[H\x1b[2J{datetime.now():%H:%M:%S}\n{screen}", flush=True)
        time.sleep(seconds)
