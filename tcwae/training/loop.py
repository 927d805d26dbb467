"""Training: one loop, exact to repeat and to resume.

Files of a run's folder:

- `model.safetensors`: the weights, written once, at the end;
- `curves.csv`: step, the mean of the loss and of each term since the row before (definitions: `objectives`), and the active
  units of the step's batch (`collapse`);
- `training.json`: how it ended (`finished`, or `diverged` with step and term), seconds, images a second, device, versions;
- `state.safetensors`, `state.previous.safetensors`: everything that the next steps depend on, while the training lasts;
- `.lock`: empty but for who trains; see `lock`.

The same seed on the same machine and number of threads gives the same bytes, interrupted or not.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from tqdm import tqdm

from tcwae import records
from tcwae.config.run import Run, flatten
from tcwae.data import prepared
from tcwae.data.images import Images
from tcwae.errors import InputError
from tcwae.files import atomic, remove_leftovers
from tcwae.log import say
from tcwae.provenance import commit, versions
from tcwae.training import adam, checkpoint
from tcwae.training.collapse import LEAST_VARIANCE, warnings_of
from tcwae.training.device import select_device, set_up
from tcwae.training.lock import exclusive
from tcwae.training.signals import Interrupted, requests
from tcwae.training.step import Step, recorded

__all__ = ["Diverged", "Interrupted", "train"]

CURVES, RECORD, MODEL = "curves.csv", "training.json", "model.safetensors"  # in the order in which they are written


@dataclass(frozen=True)
class Diverged:
    """A loss or a term was not finite."""

    step: int
    term: str


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
    """Train `run` on a prepared data set and write its files into `output`; resume where a state is there.

    save_every and time_budget are in seconds. `deterministic` holds torch to algorithms that give the same bytes each time,
    which on a CPU they do anyway; `cuda_graph` launches a step as one operation.

    Raises:
        InputError: the data or a state does not fit, or the device is not there.
        Interrupted: a signal came or the time budget is spent, and the state is saved; or another process trains this run,
            and does not end soon. What it ends with meanwhile is not made again, if it is the same training.
        OSError: a file cannot be read or written; the state that was there is as it was.
    """
    start = time.monotonic()
    set_up(threads, deterministic)
    images = prepared.read(data)
    _check(run, images, data, device, cuda_graph)
    training = Training(run, Images(images, select_device(device)), cuda_graph=cuda_graph)
    identity = _identity(run, images, device, deterministic)
    circumstances = _circumstances(images, device, threads, deterministic)
    before = _which(output / MODEL)

    with exclusive(output / ".lock") as waited, requests() as asked:
        if waited and _which(output / MODEL) != before and (made := _made_by_another(output, run, circumstances)):
            say(f"{output}: the process that was waited for has made this training; nothing is left to do")
            return None if made.term is None else Diverged(made.step, made.term)
        for name in (CURVES, RECORD, MODEL, *records.STATES):
            remove_leftovers(output / name)
        state = checkpoint.load_state(output, identity)
        if state is not None:
            training.restore(state)
        say(f"{device}, {threads} threads, step {training.step} of {run.training.iterations}")
        saved = time.monotonic()
        for _ in training.steps(progress=tqdm):
            now = time.monotonic()
            if time_budget is not None and now - start > time_budget:
                asked.append("the time budget is spent")
            if asked or now - saved > save_every:
                checkpoint.save_state(output, identity, training.state())
                saved = now
            if asked:
                raise Interrupted(f"{asked[0]}: saved at step {training.step}, the same command goes on there")
        _write_results(output, run, training, circumstances)
        checkpoint.remove_states(output)
    return training.diverged


def _check(run: Run, images: prepared.Prepared, data: Path, device: str, cuda_graph: bool) -> None:
    """Raises InputError where the data or the device does not fit the run."""
    if images.name != run.dataset:
        raise InputError(f"{data}: expected images of {run.dataset}, found {images.name}")
    if run.training.batch_size > len(images):
        raise InputError(
            f"{data}: expected a batch of at most its {len(images)} images, found {run.training.batch_size}"
        )
    for flag, asked in (("--cuda-graph", cuda_graph), ("--precision tf32", run.training.precision == "tf32")):
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
    """What the record says a training was made with."""
    return {
        "device": torch.cuda.get_device_name(device) if device.startswith("cuda") else device,
        "threads": threads,
        "deterministic": deterministic,
        "data": records.Data(source=images.source, images_sha256=images.provenance["images_sha256"]),
        "versions": versions(),
    }


def _which(path: Path) -> tuple[int, int] | None:
    """What tells a file from one that is put in its place; None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def _made_by_another(output: Path, run: Run, circumstances: dict[str, Any]) -> records.Training | None:
    """The record of a training that is there, if it is whole and what this process would make, to the last byte.

    Code that differs from its commit is not known to be the same, nor is code of no known commit.
    """
    if not (output / CURVES).exists() or any((output / name).exists() for name in records.STATES):
        return None
    try:
        _, its_run, its = checkpoint.load_model(output / MODEL)
        record = records.read(records.Training, output / RECORD)
    except (InputError, OSError):
        return None
    same = [its_run == run, its.get("versions") == circumstances["versions"], re.fullmatch("[0-9a-f]+", commit())]
    same += [getattr(record, key) == value for key, value in circumstances.items()]
    return record if all(same) else None


@dataclass
class Training:
    """A training between two steps."""

    run: Run
    images: Images
    step: int = 0
    seconds: float = 0.0
    diverged: Diverged | None = None
    curves: list[list[float]] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    recent: list[torch.Tensor] = field(default_factory=list)
    """Terms of the steps since the last row of the curves, still on the device."""

    cuda_graph: bool = False

    def __post_init__(self) -> None:
        self.advance = Step(self.run, self.images)

    def steps(self, progress: Callable[..., Any]) -> Iterator[int]:
        """Train to the end, yielding between two steps; stops early where a term is not finite."""
        settings, advance = self.run.training, recorded(self.advance) if self.cuda_graph else self.advance
        bar = progress(initial=self.step, total=settings.iterations, unit="step", disable=None, mininterval=1)
        started, begun, reported = time.monotonic(), self.seconds, time.monotonic()
        while self.step < settings.iterations and self.diverged is None:
            self.recent.append(advance())
            self.step += 1
            self.columns = list(self.advance.terms)
            self.seconds = begun + time.monotonic() - started
            bar.update()
            if self.step % settings.log_every == 0 or self.step == settings.iterations:
                self._log()
                if bar.disable and time.monotonic() - reported > 15:
                    reported = time.monotonic()
                    say(self._line())
            if self.step < settings.iterations and self.diverged is None:
                yield self.step
        bar.close()

    def _log(self) -> None:
        """Turn the recent terms into a row of the curves; the only place where the host waits for the device."""
        with torch.no_grad():
            active = (self.advance.model.encoder(self.advance.batch)[0].var(0) > LEAST_VARIANCE).sum()
        values = torch.stack(self.recent).double().cpu()
        first = self.step - len(values) + 1
        self.recent.clear()
        self.curves.append([self.step, *values.mean(0).tolist(), int(active)])
        bad = (~values.isfinite()).nonzero()
        if len(bad):
            self.diverged = Diverged(first + int(bad[0, 0]), self.columns[int(bad[0, 1])])

    def _line(self) -> str:
        left = self.seconds / self.step * (self.run.training.iterations - self.step)
        values = ", ".join(
            f"{name} {value:.4g}" for name, value in zip(self.columns, self.curves[-1][1:], strict=False)
        )
        return f"step {self.step}: {values}; {left / 60:.1f} min left"

    def table(self) -> pd.DataFrame:
        """The curves."""
        return pd.DataFrame(self.curves, columns=["step", *self.columns, "active_units"]).astype(
            {"step": int, "active_units": int}
        )

    def state(self) -> checkpoint.State:
        """Everything that the next steps depend on."""
        rows, columns = len(self.curves), len(self.columns)
        tensors = {f"model.{name}": tensor for name, tensor in self.advance.model.state_dict().items()}
        tensors |= adam.moments(self.advance.optimisers)
        tensors["generator"] = self.advance.generator.get_state()
        tensors["curves"] = torch.tensor(self.curves, dtype=torch.float64).reshape(rows, columns + 2)
        tensors["recent"] = torch.stack(self.recent) if self.recent else torch.empty(0, columns)
        return checkpoint.State(tensors, {"step": self.step, "seconds": self.seconds, "columns": self.columns})

    def restore(self, state: checkpoint.State) -> None:
        """Take up a state.

        Raises:
            InputError: it is not one of this training, though it says so.
        """
        try:
            self._take(state.record, state.tensors)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise InputError(
                f"expected the state of this training, found one with {str(error).splitlines()[0]}"
            ) from None

    def _take(self, record: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        self.step, self.seconds, self.columns = int(record["step"]), float(record["seconds"]), list(record["columns"])
        width = len(self.columns)
        if tensors["curves"].shape[1:] != (width + 2,) or tensors["recent"].shape[1:] != (width,):
            raise ValueError(f"curves that are not of the columns {self.columns}")
        self.curves = tensors["curves"].tolist()
        self.recent = list(tensors["recent"].to(self.images.bytes.device))
        self.advance.generator.set_state(tensors["generator"])
        weights = {name: tensor for name, tensor in tensors.items() if name.startswith("model.")}
        self.advance.model.load_state_dict({name.removeprefix("model."): tensor for name, tensor in weights.items()})
        adam.restore(self.advance.optimisers, tensors)


def _write_results(output: Path, run: Run, training: Training, circumstances: dict[str, Any]) -> None:
    curves, diverged = training.table(), training.diverged
    with atomic(output / CURVES) as temporary:
        curves.to_csv(temporary, index=False)
    record = records.Training(
        settings=flatten(run),
        status="finished" if diverged is None else "diverged",
        step=training.step if diverged is None else diverged.step,
        term=None if diverged is None else diverged.term,
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(training.seconds, 3),
        images_per_second=round(training.step * run.training.batch_size / training.seconds, 1),
        warnings=warnings_of(curves),
        terms=dict(zip(training.columns, training.curves[-1][1:], strict=False)) if diverged is None else {},
        **circumstances,
    )
    for warning in record.warnings:
        say(f"warning: {warning.kind} since step {warning.step}: {warning.term} is {warning.value:.4g}")
    records.write(record, output / RECORD)
    checkpoint.save_model(output / MODEL, training.advance.model, run, training.images.channels, training.step)
