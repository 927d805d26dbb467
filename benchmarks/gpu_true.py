"""Parts 3 and 4 of `benchmarks.gpu`: dSprites trained to the full number of steps, and scored.

Runs follow the protocol that most papers share (batch 64, 300,000 steps, Adam 1e-4 with epsilon 1e-8; Locatello et al., 2019)
or the paper's (section B.1, with the weights of Table 1a). Those nearest to their end come first. Unfinished
runs keep their state, and a second call resumes them from an earlier runs.tar.
"""

import json
import shutil
import sys
import tarfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.gpu_part import Part
from benchmarks.steps import pictures
from tcwae.config.run import Evaluation, Run, Scoring, check, unflatten
from tcwae.data.prepare import prepare
from tcwae.data.prepared import write
from tcwae.evaluation.evaluate import evaluate
from tcwae.evaluation.measure import measure
from tcwae.training.loop import Diverged, Machine, Task, train_many

SHARED = {"batch_size": 64, "iterations": 300_000, "learning_rate": 1e-4, "adam_epsilon": 1e-8}
PAPER = {"batch_size": 64, "iterations": 600_000}
RUNS = (
    ("shared", {"method": "beta_tcvae", "beta": 6.0, **SHARED}),
    ("shared", {"method": "beta_vae", "beta": 4.0, **SHARED}),
    ("shared", {"method": "factor_vae", "gamma": 100.0, **SHARED}),
    ("paper", {"method": "tcwae_mws", "beta": 50.0, "gamma": 100.0, **PAPER}),
    ("paper", {"method": "beta_tcvae", "beta": 8.0, **PAPER}),
    ("paper", {"method": "wae_mmd", "lambda": 200.0, **PAPER}),
    ("paper", {"method": "factor_vae", "gamma": 100.0, **PAPER}),
    ("paper", {"method": "tcwae_gan", "beta": 100.0, "gamma": 5.0, **PAPER}),
)
AT_A_TIME = 4
"""Few, so that some finish within minutes."""
RESERVE = 20.0
"""Seconds for saving and packing."""


def runs(part: Part, seeds: int = 2) -> dict[Path, Run]:
    """A run for each folder, in the order in which they are trained."""
    run_by_folder = {}
    for seed in range(1 if part.small else seeds):
        for protocol, values in RUNS[:2] if part.small else RUNS:
            small = {"batch_size": 4, "iterations": 4, "log_every": 2} if part.small else {}
            run = check(Run, unflatten({"dataset": "dsprites", "seed": seed, **values, **small}), "benchmark")
            folder = part.output / "runs" / protocol / run.method.name / f"seed={seed}"
            run_by_folder[folder] = run
    return run_by_folder


def data(part: Part) -> Path:
    """dSprites as drawn here, made once."""
    path = part.output / ("small.h5" if part.small else "dsprites-rendered.h5")
    if not path.exists():
        write(pictures(500), path) if part.small else prepare("dsprites", "rendered", path)
    return path


def train(part: Part) -> None:
    """Train the unfinished runs until the time is up."""
    folder = part.output / "runs"
    if part.resume and (part.resume / "runs.tar").exists():
        with tarfile.open(part.resume / "runs.tar") as archive:
            archive.extractall(part.output, filter="data")
    path = data(part)
    left = {output: run for output, run in runs(part).items() if not (output / "training.json").exists()}
    order = sorted(left, key=lambda output: not list(output.glob("state*")))  # those in progress first
    tasks = [Task(left[output], output, output / "train.log", part.gpu) for output in order]
    machine = Machine(part.device, save_every=60.0, time_budget=max(part.left - RESERVE, 1.0))
    outcomes = train_many(tasks, path, machine, AT_A_TIME) if tasks else []
    for task, outcome in zip(tasks, outcomes, strict=True):
        name = task.output.relative_to(folder).as_posix()
        if outcome is None:
            record = json.loads((task.output / "training.json").read_text(encoding="utf-8"))
            part.row("finished", record["images_per_second"], "images/s a run", precision=name, show=True)
        elif isinstance(outcome, Diverged):
            part.row("diverged", outcome.step, "step", precision=name, show=True)
        else:
            print(f"{name}: {outcome}", flush=True)
    part.row("steps taken", sum(task.steps for task in tasks), "steps", show=True)
    pack(part)


def pack(part: Part) -> None:
    """The folders of all runs as one file."""
    with tarfile.open(part.output / "runs.tar", "w") as archive:
        archive.add(part.output / "runs", "runs")


def score(part: Part, folder: Path, settings: Evaluation) -> None:
    """The scores of a run over all images."""
    evaluate(folder, data(part), settings, device=part.device, threads=1 if part.small else 8)
    measure(folder, Scoring())
    record = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    name = folder.relative_to(part.output / "runs").as_posix()
    for score in ("log_reconstruction", "mig", "factor_vae", "sap"):
        if score in record["scores"]:
            part.row(score, record["scores"][score], precision=name, show=True)


def works(part: Part) -> Iterator[tuple[str, Callable[[], None]]]:
    """What is called for."""
    if part.name == "true":
        yield "train", partial(train, part)
        return
    for folder in runs(part):
        if (folder / "training.json").exists() and not (folder / "metrics.json").exists():
            yield f"score {folder}", partial(score, part, folder, Evaluation())
    yield "pack", partial(pack, part)


def main() -> int:
    """Train, or score."""
    part = Part()
    status = part.each(works(part))
    if part.name == "scores":
        pack(part)
        shutil.rmtree(part.output / "runs")  # all of it is in runs.tar
        for file in part.output.glob("*.h5"):
            file.unlink()
    return status


if __name__ == "__main__":
    sys.exit(main())
