"""The verbs: each passes its options to one function, imported when the verb runs. `study` has the verbs about a study.

A verb returns its exit status, or None for success; `main` says what the statuses mean.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from tcwae.config.base import check_flags
from tcwae.config.extensions import sources
from tcwae.config.run import Evaluation, Run, Scoring, unflatten
from tcwae.config.scores import each_score
from tcwae.errors import InputError, one_line
from tcwae.log import complain

DIVERGED, STOPPED = 3, 75

Model = TypeVar("Model", Evaluation, Scoring)


def prepare(options: argparse.Namespace) -> None:
    from tcwae.data.prepare import describe, prepare

    source = options.source or ("real" if options.archive or options.dataset in ("images", "npz") else "rendered")
    label = "-".join(str(part) for part in (source, options.crop, options.count) if part is not None)
    output = options.output or Path("resources") / f"{options.called or options.dataset}-{label}.h5"
    prepare(
        options.dataset,
        source,
        output,
        options.archive,
        crop=options.crop,
        count=options.count,
        name=options.called,
        picture=options.picture,
        processes=options.processes,
    )
    print(describe(output))


def download(options: argparse.Namespace) -> None:
    from tcwae.data.download import download

    download(options.dataset, options.output, options.file)


def data(options: argparse.Namespace) -> None:
    from tcwae.data.show import describe, sheet

    print(describe(options.file))
    if options.sheet is not None:
        sheet(options.file, options.sheet)


def train(options: argparse.Namespace) -> int:
    given = {key: value for key, value in vars(options).items() if key.startswith("run.") and value is not None}
    values = unflatten({key.removeprefix("run."): value for key, value in given.items()})
    run = check_flags(Run, values)
    run = run.model_copy(update={"code": sources(method=run.method.name, cost=run.cost)})

    from tcwae.training.loop import Interrupted, train

    try:
        diverged = train(
            run,
            options.data,
            options.output,
            device=options.device,
            threads=options.threads,
            deterministic=options.deterministic,
            cuda_graph=options.cuda_graph,
            save_every=options.save_every,
            time_budget=options.time_budget,
        )
    except Interrupted as stop:
        complain(f"tcwae train: {stop}")
        return 2 if "SIGINT" in str(stop) else STOPPED
    if diverged is not None:
        complain(f"tcwae train: diverged at step {diverged.step}: {diverged.term} is not finite")
        return DIVERGED
    return 0


def train_many(options: argparse.Namespace) -> int:
    from tcwae.config.planned import read

    planned = read(options.runs, options.share)

    from tcwae.training.loop import Diverged, Interrupted, Machine, Task, finished, train_many

    graph = options.device.startswith("cuda") and not options.eager
    left = [entry for entry in planned if not finished(entry.run, entry.output)]
    tasks = [Task(entry.run, entry.output, entry.output / "train.log", graph) for entry in left]
    print(f"{len(planned) - len(left)} of {len(planned)} runs are finished", flush=True)
    machine = Machine(options.device, options.threads, options.deterministic, options.save_every, options.time_budget)
    outcomes = train_many(tasks, options.data, machine, options.at_a_time) if tasks else []
    ended = {task.output: outcome for task, outcome in zip(tasks, outcomes, strict=True)}
    for entry in planned:
        outcome = ended.get(entry.output)
        if isinstance(outcome, Exception):
            complain(f"{entry.output}: {one_line(outcome)}")
            continue
        if isinstance(outcome, Diverged):
            print(f"{entry.output}: diverged at step {outcome.step}: {outcome.term} is not finite")
        print(f"{entry.output}: finished")
    return _status_of([outcome for outcome in outcomes if isinstance(outcome, Exception)], Interrupted)


def _status_of(failed: Sequence[Exception], interrupted: type[Exception]) -> int:
    """The status after some runs failed: 2 if a user must act, else 75. A defect is raised after all others have ended."""
    if defects := [error for error in failed if not isinstance(error, (InputError, interrupted, OSError))]:
        raise defects[0]
    if any(not isinstance(error, interrupted) or "SIGINT" in str(error) for error in failed):
        return 2
    return STOPPED if failed else 0


def evaluate(options: argparse.Namespace) -> None:
    settings = _settings(options, Evaluation)

    from tcwae.evaluation.evaluate import evaluate

    _check_folders([options.run])
    evaluate(options.run, options.data, settings, device=options.device, threads=options.threads)


def measure(options: argparse.Namespace) -> None:
    settings = _settings(options, Scoring)

    from tcwae.evaluation.measure import measure

    _check_folders([options.run])
    measure(options.run, settings)


def estimate(options: argparse.Namespace) -> None:
    from tcwae.evaluation.estimate import estimate

    _check_folders([options.run])
    estimate(options.run)


def rescore(options: argparse.Namespace) -> None:
    from tcwae.evaluation.rescore import rescore

    _check_folders([options.run])
    rescore(options.run, _settings(options, Scoring).seed)


def fid(options: argparse.Namespace) -> None:
    settings = _settings(options, Evaluation)

    from tcwae.evaluation.fid import fid

    _check_folders([options.run])
    distances = fid(
        options.run, options.data, options.weights, settings, device=options.device, threads=options.threads
    )
    print(f"FID of {distances['images']} images: samples {distances['samples']:.2f}, ", end="")
    print(f"reconstructions {distances['reconstructions']:.2f}")


def _check_folders(runs: Sequence[Path]) -> None:
    for run in runs:
        if not run.is_dir():
            found = "a file" if run.exists() else "nothing of that name"
            raise InputError(f"{run}: expected a run's folder, results/<study>/runs/<run>, found {found}")


def _settings(options: argparse.Namespace, model: type[Model]) -> Model:
    given = ((name, getattr(options, name, None)) for name in model.model_fields)
    return check_flags(model, {name: value for name, value in given if value is not None})


def curves(options: argparse.Namespace) -> None:
    from tcwae.inspect import curves

    _check_folders(options.run)
    if options.watch:
        curves.watch(options.run)
        return
    runs = curves.read(options.run)
    if options.output is not None:
        curves.draw(runs, options.output)
    if options.tensorboard is not None:
        curves.export(runs, options.tensorboard)
    if options.output is None and options.tensorboard is None:
        print(curves.as_text(runs))


def explore(options: argparse.Namespace) -> None:
    from tcwae.inspect.explore.page import explore

    _check_folders(options.run)
    explore(options.run, options.output)
    print(f"open {options.output.resolve().as_uri()} in a browser")


def traverse(options: argparse.Namespace) -> None:
    from tcwae.inspect.traverse import traverse

    _check_folders([options.run])
    traverse(options.run, options.output, options.latents, image=options.image, reach=options.reach)


def score(options: argparse.Namespace) -> None:
    from tcwae.evaluation.score import format_table, score_file

    names = each_score(name.strip() for name in options.metrics.split(","))
    print(format_table(score_file(options.file, names, options.seeds, options.output, options.sampled)))
