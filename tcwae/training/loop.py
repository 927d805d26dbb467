"""The loop of one training: repeated or resumed, alone or beside others, it gives the same bytes.

Files of a run's folder:

- `model.safetensors`: the weights, written once, at the end;
- `curves.csv`: step, the mean of the loss and of each term since the row before (definitions: `objectives`), and the active
  units of the step's batch (`collapse`);
- `training.json`: how it ended (`finished`, or `diverged` with step and term), seconds, images per second, device, versions;
- `state.safetensors`, `state.previous.safetensors`: everything that the next steps depend on, while the training lasts;
  `state.<digest>.safetensors`: a state of other settings;
- `.lock`: names the process that trains; see `lock`.

The same seed on the same machine and number of threads gives the same bytes, interrupted or not, alone or beside others.
"""

import re
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any

import torch

from tcwae import records
from tcwae.config.run import Run, flatten
from tcwae.data import prepared
from tcwae.data.images import Images
from tcwae.errors import InputError
from tcwae.files import atomic, remove_leftovers
from tcwae.log import say
from tcwae.provenance import commit, versions
from tcwae.training import checkpoint
from tcwae.training.collapse import warnings_of
from tcwae.training.device import select_device, set_up
from tcwae.training.lock import exclusive
from tcwae.training.progress import Diverged, Progress
from tcwae.training.several import Outcome, OutOfMemory, Task, together
from tcwae.training.signals import Interrupted, requests
from tcwae.training.step import Unrecordable

__all__ = ["Diverged", "Interrupted", "Machine", "OutOfMemory", "Outcome", "Task", "finished", "train", "train_many"]

CURVES, RECORD, MODEL = "curves.csv", "training.json", "model.safetensors"  # in the order in which they are written


@dataclass(frozen=True)
class Machine:
    """Where and how trainings run. `save_every` and `time_budget` are in seconds; the budget counts from `start`.

    `deterministic` restricts torch to algorithms that give the same bytes each time; on a CPU they do anyway.
    """

    device: str = "cpu"
    threads: int = 1
    deterministic: bool = False
    save_every: float = 600.0
    time_budget: float | None = None
    start: float = field(default_factory=time.monotonic)


def train(
    run: Run,
    data: Path,
    output: Path,
    *,
    device: str = "cpu",
    threads: int = 1,
    deterministic: bool = False,
    cuda_graph: bool = False,
    save_every: float = 600.0,
    time_budget: float | None = None,
) -> Diverged | None:
    """Train `run` on a prepared data set and write its files into `output`; resume if there is a state.

    The keywords are the fields of `Machine`.

    Raises:
        InputError, Interrupted, OutOfMemory, OSError: as `training`; InputError also where the device is not there.
    """
    machine = Machine(device, threads, deterministic, save_every, time_budget, start=time.monotonic())
    (outcome,) = train_many([Task(run, output, cuda_graph=cuda_graph)], data, machine)
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def train_many(tasks: Sequence[Task], data: Path, machine: Machine, at_a_time: int | None = None) -> list[Outcome]:
    """Train the runs of `tasks` on one data set, several at a time; returns how each ended, in their order.

    `at_a_time` is the number of concurrent runs; None: as many as fit the device's memory and still raise its throughput.

    Raises:
        InputError: the data or the device is not there, or two tasks have the same folder.
        OSError: the data cannot be read.
    """
    folders = [task.output.resolve() for task in tasks]
    if repeated := [folder for folder in folders if folders.count(folder) > 1]:
        raise InputError(f"expected a folder for each run, found {repeated[0]} more than once")
    set_up(machine.threads, machine.deterministic)
    source = prepared.read(data)
    for task in tasks if len(tasks) == 1 else ():  # checks that need no device come first
        _check(task, source, data, machine.device)
    images = Images(source, select_device(machine.device))
    with requests() as asked:
        return together(
            tasks,
            lambda task: training(task, source, images, data, machine, asked),
            machine.device,
            asked,
            at_a_time,
        )


def finished(run: Run, output: Path) -> bool:
    """Whether `output` holds this run's training, ended and whole, of whatever version."""
    if not all((output / name).exists() for name in (CURVES, RECORD, MODEL)):
        return False
    try:
        return checkpoint.load_model(output / MODEL)[1] == run
    except (InputError, OSError):
        return False


def training(
    task: Task, source: prepared.Prepared, images: Images, data: Path, machine: Machine, asked: list[str]
) -> Generator[None, None, Diverged | None]:
    """Train and write the files of the run's folder; resume if there is a state. Yields between two steps.

    `images` are those of `source`, read from `data`, on the device. The training stops at the next step once `asked` holds a
    reason.

    Raises:
        InputError: the data or a state does not fit, or the step cannot be recorded as a CUDA graph.
        Interrupted: it was asked to stop, or the time budget is spent, and the state is saved; or another process trains this
            run. If that process ends in time with the same training, its files are the result.
        OutOfMemory: the device has no memory left for this run.
        OSError: a file cannot be read or written; the state that was there is as it was.
    """
    run, output = task.run, task.output
    _check(task, source, data, machine.device)
    progress = Progress(run, images, task.cuda_graph)
    identity = _identity(run, source, machine.device, machine.deterministic)
    circumstances = _circumstances(source, machine.device, machine.threads, machine.deterministic)
    if not task.held:
        task.before = _which(output / MODEL)

    with exclusive(output / ".lock", task.patience) as waited:
        replaced = (waited or task.held) and _which(output / MODEL) != task.before
        if replaced and (made := _made_by_another(output, run, circumstances)):
            say(f"{output}: another process has finished this training; nothing is left to do")
            return None if made.term is None else Diverged(made.step, made.term)
        for name in (CURVES, RECORD, MODEL, *records.STATES):
            remove_leftovers(output / name)
        state = checkpoint.load_state(output, identity)
        if state is not None:
            progress.restore(state)
        say(f"{machine.device}, {machine.threads} threads, step {progress.step} of {run.training.iterations}")
        try:
            yield from _advance(progress, task, identity, machine, asked)
        except (torch.OutOfMemoryError, Unrecordable) as error:
            raise _saved(error, progress, output, identity) from None
        _write_results(output, run, progress, circumstances)
        checkpoint.remove_states(output)
    return progress.diverged


def _advance(
    progress: Progress, task: Task, identity: dict[str, str], machine: Machine, asked: list[str]
) -> Generator[None, None, None]:
    """Train to the end, saving the state from time to time."""
    saved = time.monotonic()
    for step in progress.steps():
        if step is not None:
            now = time.monotonic()
            if machine.time_budget is not None and now - machine.start > machine.time_budget:
                asked.append("the time budget is spent")
            if asked or now - saved > machine.save_every:
                checkpoint.save_state(task.output, identity, progress.state())
                saved = now
            if asked:
                raise Interrupted(f"{asked[0]}: saved at step {step}, the same command resumes there")
            task.steps += 1
        yield
        progress.beside = task.beside


def _saved(error: Exception, progress: Progress, output: Path, identity: dict[str, str]) -> Exception:
    """Save the state after a failed step; returns the error with a message that says so."""
    where = "can resume from its last saved state"
    if progress.whole:
        checkpoint.save_state(output, identity, progress.state())
        where = f"is saved at step {progress.step}"
    if isinstance(error, Unrecordable):
        return Unrecordable(f"--cuda-graph: {error}; the run {where}, and the same command without the flag resumes it")
    return OutOfMemory(
        f"the device has no memory left; the run {where}: free some memory, or train fewer at a time; "
        "the same command resumes it"
    )


def _check(task: Task, images: prepared.Prepared, data: Path, device: str) -> None:
    """Raises InputError where the data or the device does not fit the run."""
    run = task.run
    if images.name != run.dataset:
        raise InputError(f"{data}: expected images of {run.dataset}, found {images.name}")
    if len(images) < prepared.FEWEST:  # before the training what its evaluation would refuse
        raise InputError(
            f"{data}: expected at least {prepared.FEWEST} images, of which a tenth is held out, found {len(images)}"
        )
    if run.training.batch_size > len(images):
        raise InputError(
            f"{data}: expected a batch of at most its {len(images)} images, found {run.training.batch_size}"
        )
    for flag, asked in (("--cuda-graph", task.cuda_graph), ("--precision tf32", run.training.precision == "tf32")):
        if asked and not device.startswith("cuda"):
            raise InputError(f"{flag}: expected --device cuda, found {device}")


def _identity(run: Run, images: prepared.Prepared, device: str, deterministic: bool) -> dict[str, str]:
    """What a state must share with the training that resumes from it."""
    numbers = versions()
    return {
        **{key: str(value) for key, value in flatten(run).items() if key != "code"},
        **{f"code {path}": checksum for path, checksum in run.code.items()},
        "pixels": images.provenance["images_sha256"],
        "dtype": str(torch.get_default_dtype()).removeprefix("torch."),
        "device": torch.device(device).type,
        "deterministic": str(deterministic),
        "tcwae": numbers["tcwae"],
        "torch": numbers["torch"],
    }


def _circumstances(images: prepared.Prepared, device: str, threads: int, deterministic: bool) -> dict[str, Any]:
    """The part of the record that says what a training was made with."""
    return {
        "device": torch.cuda.get_device_name(device) if device.startswith("cuda") else device,
        "threads": threads,
        "deterministic": deterministic,
        "data": records.Data(source=images.source, images_sha256=images.provenance["images_sha256"]),
        "versions": versions(),
    }


def _which(path: Path) -> tuple[int, int] | None:
    """Identifies this version of a file; None if there is no file."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns


def _made_by_another(output: Path, run: Run, circumstances: dict[str, Any]) -> records.TrainingRecord | None:
    """The record of the training in `output`, if it is whole and, to the last byte, what this process would write.

    Code that differs from its commit is not known to be the same, nor is code without a commit.
    """
    if not (output / CURVES).exists() or any((output / name).exists() for name in records.STATES):
        return None
    try:
        _, other, saved = checkpoint.load_model(output / MODEL)
        record = records.read(records.TrainingRecord, output / RECORD)
    except (InputError, OSError):
        return None
    same = [other == run, saved.get("versions") == circumstances["versions"], re.fullmatch("[0-9a-f]+", commit())]
    same += [getattr(record, key) == value for key, value in circumstances.items()]
    return record if all(same) else None


def _write_results(output: Path, run: Run, progress: Progress, circumstances: dict[str, Any]) -> None:
    curves, diverged = progress.table(), progress.diverged
    with atomic(output / CURVES) as temporary:
        curves.to_csv(temporary, index=False)
    record = records.TrainingRecord(
        settings=flatten(run),
        status="finished" if diverged is None else "diverged",
        step=progress.step if diverged is None else diverged.step,
        term=None if diverged is None else diverged.term,
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(progress.seconds, 3),
        images_per_second=round(progress.step * run.training.batch_size / progress.seconds, 1),
        memory_mb=round(getrusage(RUSAGE_SELF).ru_maxrss * 1024 / 1e6, 1),  # Linux counts in 1024 bytes
        warnings=warnings_of(curves),
        terms=dict(zip(progress.columns, progress.curves[-1][1:], strict=False)) if diverged is None else {},
        **circumstances,
    )
    for warning in record.warnings:
        say(f"warning: {warning.kind} since step {warning.step}: {warning.term} is {warning.value:.4g}")
    records.write(record, output / RECORD)
    checkpoint.save_model(output / MODEL, progress.advance.model, run, progress.images.channels, progress.step)
