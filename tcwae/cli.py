"""The command `tcwae`: one verb for each step of the workflow; what a verb needs is imported when it runs.

Exit status: 0 done; 2 something to mend, said in one line on standard error, or stopped by the keyboard; 3 the training
diverged (its files are written); 75 the training was stopped and has saved its state, or another process trains the run:
the same command goes on.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tcwae.arguments import Version, add_completion, add_fields, add_machine, add_methods
from tcwae.config import KNOWN_DATASETS, METHODS, Evaluation, Run, Training, check, unflatten
from tcwae.errors import InputError
from tcwae.log import complain
from tcwae.study import Study

__all__ = ["main"]

DIVERGED, STOPPED = 3, 75


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; see the module's text for the status."""
    options = parser().parse_args(arguments)
    try:
        status = options.verb(options) or 0
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # whoever reads what is printed, as `head` does, has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (InputError, OSError) as error:
        complain(f"tcwae {options.name}: {_line(error)}")
    except KeyboardInterrupt:
        complain(f"tcwae {options.name}: interrupted")
    return 2


def _line(error: Exception) -> str:
    """An error as one line, which for the operating system's begins with the file."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def _prepare(options: argparse.Namespace) -> None:
    from tcwae.data import prepare

    source = options.source or ("real" if options.archive else "rendered")
    label = "-".join(str(part) for part in (source, options.crop, options.count) if part is not None)
    prepare(
        options.dataset,
        source,
        options.output or Path("resources") / f"{options.called or options.dataset}-{label}.h5",
        options.archive,
        crop=options.crop,
        count=options.count,
        name=options.called,
        processes=options.processes,
    )


def _download(options: argparse.Namespace) -> None:
    from tcwae.data.archives import ARCHIVES, fetch

    for archive in ARCHIVES[options.dataset]:
        if options.file in (None, archive.name):
            fetch(archive, options.output)


def _data(options: argparse.Namespace) -> None:
    from tcwae.data import describe, sheet

    print(describe(options.file))
    if options.sheet is not None:
        sheet(options.file, options.sheet)


def _train(options: argparse.Namespace) -> int:
    given = {key: value for key, value in vars(options).items() if key.startswith("run.") and value is not None}
    run = check(Run, unflatten({key.removeprefix("run."): value for key, value in given.items()}), "flags")

    from tcwae.train import Interrupted, train

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


def _evaluate(options: argparse.Namespace) -> None:
    settings = _evaluation(options)

    from tcwae.evaluate import evaluate

    evaluate(options.run, options.data, settings, device=options.device, threads=options.threads)


def _fid(options: argparse.Namespace) -> None:
    settings = _evaluation(options)

    from tcwae.fid import fid

    found = fid(options.run, options.data, options.weights, settings, device=options.device, threads=options.threads)
    print(f"FID of {found['images']} images: samples {found['samples']:.2f}, ", end="")
    print(f"reconstructions {found['reconstructions']:.2f}")


def _evaluation(options: argparse.Namespace) -> Evaluation:
    given = ((name, getattr(options, name, None)) for name in Evaluation.model_fields)
    return check(Evaluation, {name: value for name, value in given if value is not None}, "flags")


def _curves(options: argparse.Namespace) -> None:
    from tcwae import curves

    runs = curves.read(options.run)
    if options.output is not None:
        curves.draw(runs, options.output)
    if options.tensorboard is not None:
        curves.export(runs, options.tensorboard)
    if options.output is None and options.tensorboard is None:
        print(curves.as_text(runs))


def _explore(options: argparse.Namespace) -> None:
    from tcwae.explore import explore

    explore(options.run, options.output)
    print(f"open {options.output.resolve().as_uri()} in a browser")


def _score(options: argparse.Namespace) -> None:
    from tcwae.score import format_table, score_file

    metrics = [name.strip() for name in options.metrics.split(",")]
    print(format_table(score_file(options.file, metrics, options.seeds, options.output, options.sampled)))


def _plan(options: argparse.Namespace) -> None:
    from tcwae.plan import format_plan, plan
    from tcwae.study import read

    study = read(options.configfile)
    print(format_plan(plan(study, options.results or Path("results") / study.study, options.images_per_second)))


def _gather(options: argparse.Namespace) -> None:
    from tcwae.gather import gather

    gather(_study(options), options.results)


def _select(options: argparse.Namespace) -> None:
    from tcwae.select import select

    select(_study(options), options.experiment, options.results)


def _study(options: argparse.Namespace) -> Study:
    import json

    try:
        return check(Study, json.loads(options.study), "--study")
    except json.JSONDecodeError as error:
        raise InputError(f"--study: expected JSON, found {error}") from None


def _plot(options: argparse.Namespace) -> None:
    from tcwae.figures import plot

    plot(options.experiment, options.figure, options.results, options.output)


def _report(options: argparse.Namespace) -> None:
    if options.partial is not None:
        from tcwae.partial import partial_report
        from tcwae.study import read

        partial_report(read(options.partial), options.results, options.template, options.output)
        return
    from tcwae.report import report

    report(options.results, options.template, options.output)


def _doctor(options: argparse.Namespace) -> int:
    from tcwae.doctor import examine

    levels = []
    for finding in examine(options.configfile):
        print(finding, flush=True)
        levels.append(finding.level)
    return 2 if "problem" in levels else 0


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tcwae", description="Train, score and compare TCWAE and its relatives.")
    parser.add_argument("--version", action=Version, help="show versions and commit")
    verbs = parser.add_subparsers(required=True, metavar="VERB", dest="name")

    def verb(function: Any, description: str) -> argparse.ArgumentParser:  # noqa: ANN401
        name = function.__name__.removeprefix("_")
        its = verbs.add_parser(name, help=description, description=description)
        its.set_defaults(verb=function)
        return its

    plan = verb(
        _plan, "say what a study asks for: runs, jobs, steps and hours; what is done, and what would be trained again"
    )
    plan.add_argument("--results", type=Path, help="its results (default results/STUDY)")
    plan.add_argument(
        "--images-per-second", type=float, metavar="X", help="of the device, for what has not been run here"
    )
    prepare = verb(_prepare, "make a data set's file: render it, or read the original archive")
    prepare.add_argument("dataset", choices=[*KNOWN_DATASETS, "images", "npz"], help="images and npz are for one's own")
    prepare.add_argument("--source", choices=["rendered", "real"], help="default: real if there is an archive")
    prepare.add_argument("--archive", type=Path, help="the archive, or a folder with its files (--source real)")
    prepare.add_argument("--output", type=Path, help="the prepared file, HDF5 (default resources/NAME-SOURCE.h5)")
    prepare.add_argument("--crop", help="how pictures are cut, by the set: see docs/data.md")
    prepare.add_argument("--count", type=int, help="faces to draw (celeba)")
    prepare.add_argument("--name", dest="called", help="what one's own data is called")
    prepare.add_argument("--processes", type=int, help="the most to run at a time (default: the cores there are)")
    download = verb(_download, "fetch the original archives of a data set")
    download.add_argument("dataset", choices=KNOWN_DATASETS)
    download.add_argument("--file", help="this one of its files (default: all)")
    download.add_argument("--output", type=Path, required=True, help="the folder")
    data = verb(_data, "describe a prepared file")
    data.add_argument("file", type=Path)
    data.add_argument("--sheet", type=Path, help="draw a contact sheet, PNG")

    train = verb(_train, "train one run, or go on where it stopped")
    train.add_argument("--data", type=Path, required=True, help="a prepared file")
    train.add_argument("--output", type=Path, required=True, help="the run's folder")
    add_machine(train)
    train.add_argument(
        "--deterministic", action="store_true", help="algorithms that give the same bytes each time, on a GPU too"
    )
    train.add_argument(
        "--cuda-graph", action="store_true", help="launch a step as one operation; not measured yet, so off"
    )
    train.add_argument("--save-every", type=float, default=600.0, metavar="SECONDS", help="default %(default)s")
    train.add_argument(
        "--time-budget", type=float, metavar="SECONDS", help=f"then save and leave with status {STOPPED}"
    )
    add_fields(train.add_argument_group("run"), Run, skip=("training", "method"))
    method = train.add_argument_group("method", "A method takes the coefficients that name it.")
    method.add_argument("--method", dest="run.method", choices=METHODS, required=True)
    add_methods(method)
    add_fields(train.add_argument_group("training"), Training)

    evaluate = verb(_evaluate, "score a trained run and draw what its images show")
    fid = verb(_fid, "compare a run's samples and reconstructions with held-out images by FID")
    for its in (evaluate, fid):
        its.add_argument("--run", type=Path, required=True, help="the run's folder, with model.safetensors")
        its.add_argument("--data", type=Path, required=True, help="a prepared file")
        add_machine(its)
    add_fields(evaluate, Evaluation, prefix="")
    add_fields(fid, Evaluation, skip=("codes", "traversal_range"), prefix="")
    fid.add_argument("--weights", type=Path, required=True, help="Inception's, a file one has: see docs/scores/fid.md")

    curves = verb(_curves, "show losses and terms of runs that train or have ended, as text or PNG or for TensorBoard")
    curves.add_argument("run", type=Path, nargs="+", help="a run's folder")
    curves.add_argument("--output", type=Path, metavar="PNG", help="draw them here")
    curves.add_argument("--tensorboard", type=Path, metavar="FOLDER", help="write event files for TensorBoard here")

    explore = verb(_explore, "make a page in which one moves the latents of runs and watches the decoder")
    explore.add_argument("run", type=Path, nargs="+", help="an evaluated run's folder; several stand side by side")
    explore.add_argument("--output", type=Path, default=Path("explore.html"), help="the page (default %(default)s)")

    score = verb(_score, "score codes that any program wrote, npz or HDF5")
    score.add_argument("file", type=Path, help="codes with factor_sizes, or with factors: see docs/scores")
    metrics = "mig, factor_vae, sap, dci, modularity, explicitness, beta_vae or irs"
    default = "mig,factor_vae,sap"
    score.add_argument("--metrics", default=default, help=f"{metrics}, separated by commas (default %(default)s)")
    score.add_argument("--seeds", type=int, default=5, help="how often each score is drawn (default %(default)s)")
    score.add_argument("--output", type=Path, help="all values and settings, JSON")
    score.add_argument(
        "--sampled", action="store_true", help="draw codes from the posteriors, by the file's deviations"
    )

    gather = verb(_gather, "collect the metrics of a study's runs into metrics.csv")
    select = verb(_select, "rank the settings of each method of an experiment into selection/EXPERIMENT.csv")
    select.add_argument("experiment")
    for its in (gather, select):
        its.add_argument("--study", required=True, help="the study as JSON, with numbers where it says `select`")
    plot = verb(_plot, "draw one figure of an experiment")
    plot.add_argument("experiment")
    plot.add_argument("figure")
    report = verb(_report, "typeset the report")
    report.add_argument("--template", type=Path, default=Path("workflow/report/report.typ"), help="default %(default)s")
    report.add_argument(
        "--partial",
        type=Path,
        metavar="STUDY",
        help="of an unfinished study, the file of its --configfile or config.yaml",
    )
    for its in (gather, select, plot, report):
        its.add_argument("--results", type=Path, required=True, help="results/<study>")
    for its in (plot, report):
        its.add_argument("--output", type=Path, required=True, help="the PDF")

    doctor = verb(_doctor, "say whether this machine is ready for the study here, and what to do where it is not")
    for its in (plan, doctor):
        its.add_argument("--configfile", type=Path, default=Path("config.yaml"), help="the study (default %(default)s)")
    add_completion(parser, verbs.choices.values())
    return parser
