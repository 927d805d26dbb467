"""The verbs of the command line, with their flags and help."""

from collections.abc import Callable
from pathlib import Path

from tcwae.cli import study, verbs
from tcwae.cli.arguments import Number, Parser, Version, add_code, add_completion, add_fields, add_machine, add_methods
from tcwae.config.costs import COSTS
from tcwae.config.methods import METHODS
from tcwae.config.run import KNOWN_DATASETS, Evaluation, Run, Scoring, Training
from tcwae.config.scores import GROUPS, SCORES

__all__ = ["parser"]

Verb = Callable[[Callable, str], Parser]
"""Adds a verb, given the function that it calls and its help."""


def parser() -> Parser:
    """The command line, with its help."""
    parser = Parser(prog="tcwae", description="Train, score and compare TCWAE and its relatives.")
    parser.add_argument("--version", action=Version, help="show versions and commit")
    subparsers = parser.add_subparsers(metavar="VERB", dest="name")

    def verb(function: Callable, description: str) -> Parser:
        added = subparsers.add_parser(function.__name__.replace("_", "-"), help=description, description=description)
        added.set_defaults(verb=function, parser=added)
        return added

    for add in (
        _add_beginning,
        _add_data,
        _add_train,
        _add_train_many,
        _add_evaluate,
        _add_looking,
        _add_score,
        _add_study,
    ):
        add(verb)
    add_completion(parser, subparsers.choices.values())
    return parser


def _add_beginning(verb: Verb) -> None:
    init = verb(
        study.init, "create a folder for a study: the workflow, the cluster's profile and a configuration to edit"
    )
    init.add_argument("folder", type=Path, help="the folder, new or empty")
    plan = verb(study.plan, "count a study's runs, jobs, steps and hours: what is done, and what is trained again")
    plan.add_argument("--results", type=Path, help="the study's results (default results/STUDY)")
    plan.add_argument(
        "--images-per-second",
        type=Number(float, 1),
        metavar="X",
        help="training speed to assume for methods that were not trained here yet",
    )
    files = "instead write the study's runs into this folder for train-many, a file for each data set"
    plan.add_argument("--runs", type=Path, metavar="FOLDER", help=files)
    seeds = "also say how many seeds are needed to detect a difference of X in each score"
    plan.add_argument("--difference", type=Number(float, 0.001), metavar="X", help=seeds)
    status = verb(
        study.status,
        "show which of a study's runs are done, running (and where), queued or failed; hours used and left",
    )
    status.add_argument("--results", type=Path, help="the study's results (default results/STUDY)")
    status.add_argument("--watch", action="store_true", help="refresh every half minute, until Ctrl-C")
    doctor = verb(study.doctor, "check whether this machine is ready for the study, and say how to fix what is not")
    for verb_parser in (plan, status, doctor):
        verb_parser.add_argument(
            "--configfile",
            type=Path,
            default=Path("config.yaml"),
            help="the study's configuration (default %(default)s)",
        )


def _add_data(verb: Verb) -> None:
    prepare = verb(verbs.prepare, "prepare a data set's file: render it, or read the original archive")
    prepare.add_argument(
        "dataset", choices=[*KNOWN_DATASETS, "images", "npz"], help="images and npz are for your own data"
    )
    prepare.add_argument(
        "--source",
        choices=["rendered", "real"],
        help="default: real with --archive and for your own data, else rendered",
    )
    prepare.add_argument(
        "--archive", type=Path, help="the original archive, or a folder with its files (--source real)"
    )
    prepare.add_argument("--output", type=Path, help="the prepared file, HDF5 (default resources/NAME-SOURCE.h5)")
    prepare.add_argument("--crop", help="how images are cropped; the choices depend on the data set: see docs/data.md")
    prepare.add_argument("--count", type=Number(int, 1), help="number of faces to render (celeba)")
    prepare.add_argument(
        "--picture", type=Path, help="background of scream_dsprites, PNG or JPEG (default: one drawn by tcwae)"
    )
    prepare.add_argument("--name", dest="called", help="name of your own data (default: made from the archive's name)")
    prepare.add_argument("--processes", type=Number(int, 1), help="largest number of processes (default: one per core)")
    download = verb(verbs.download, "download the original archives of a data set")
    download.add_argument("dataset", choices=KNOWN_DATASETS)
    download.add_argument("--file", help="only this file (default: all files)")
    download.add_argument("--output", type=Path, required=True, help="folder for the files")
    data = verb(verbs.data, "describe a prepared file")
    data.add_argument("file", type=Path, help="a prepared file")
    data.add_argument("--sheet", type=Path, help="also draw a contact sheet of images (PNG)")


def _add_train(verb: Verb) -> None:
    train = verb(verbs.train, "train one run, or resume it; train-many trains several in one process")
    train.add_argument("--output", type=Path, required=True, help="the run's folder")
    _add_training(train)
    train.add_argument(
        "--cuda-graph",
        action="store_true",
        help="launch each step as one operation; off by default, as it has not been measured yet",
    )
    run = train.add_argument_group("run")
    add_fields(run, Run, skip=("training", "method", "code"), choices={"cost": COSTS})
    add_code(run)
    method = train.add_argument_group("method", "The help of each flag names the methods that have it.")
    method.add_argument("--method", dest="run.method", choices=METHODS, required=True)
    add_methods(method)
    add_fields(train.add_argument_group("training"), Training)


def _add_train_many(verb: Verb) -> None:
    many = verb(
        verbs.train_many,
        "train several runs on one data set in one process, which keeps a GPU busy, or resume them",
    )
    many.add_argument(
        "--runs",
        type=Path,
        required=True,
        metavar="JSON",
        help="list of the runs and their folders: see docs/runs.md",
    )
    many.add_argument(
        "--share", metavar="I/N", help="train only every N-th of these runs, starting at the I-th (I from 0)"
    )
    many.add_argument(
        "--at-a-time",
        type=Number(int, 1),
        metavar="N",
        help="concurrent runs (default: on a GPU, as many as fit its memory and still raise its throughput; on a CPU, one)",
    )
    many.add_argument("--eager", action="store_true", help="on a GPU, launch the operations of a step one by one")
    _add_training(many)


def _add_training(parser: Parser) -> None:
    """The flags that `train` and `train-many` share."""
    parser.add_argument("--data", type=Path, required=True, help="a prepared file")
    add_machine(parser)
    parser.add_argument(
        "--deterministic", action="store_true", help="use algorithms that give the same bytes each time, also on a GPU"
    )
    seconds = Number(float, 0)
    parser.add_argument(
        "--save-every",
        type=seconds,
        default=600.0,
        metavar="SECONDS",
        help="time between saves of the state (default %(default)s)",
    )
    parser.add_argument(
        "--time-budget",
        type=seconds,
        metavar="SECONDS",
        help=f"save and exit with status {verbs.STOPPED} after this time",
    )


def _add_evaluate(verb: Verb) -> None:
    evaluate = verb(
        verbs.evaluate, "encode images with a trained run; save codes, reconstructions, samples and traversals"
    )
    measure = verb(verbs.measure, "compute the scores of an evaluated run")
    add_fields(measure, Scoring, prefix="")
    add_code(measure)
    fid = verb(verbs.fid, "compare a run's samples and reconstructions with held-out images by FID")
    for verb_parser in (evaluate, fid):
        verb_parser.add_argument("--run", type=Path, required=True, help="the run's folder, with model.safetensors")
        verb_parser.add_argument("--data", type=Path, required=True, help="a prepared file")
        add_machine(verb_parser)
    add_fields(evaluate, Evaluation, prefix="")
    add_fields(fid, Evaluation, skip=("codes", "traversal_range"), prefix="")
    estimate = verb(
        verbs.estimate, "estimate the divergences of a run's codes with every estimator, at several batch sizes"
    )
    rescore = verb(verbs.rescore, "score a run's codes by other protocols: fewer votes, fewer factors")
    for verb_parser in (measure, estimate, rescore):
        verb_parser.add_argument("--run", type=Path, required=True, help="an evaluated run's folder, with codes.h5")
    add_fields(rescore, Scoring, skip=("scores",), prefix="")
    fid.add_argument(
        "--weights",
        type=Path,
        required=True,
        help="file with Inception's weights, which you supply: see docs/scores/fid.md",
    )


def _add_looking(verb: Verb) -> None:
    curves = verb(
        verbs.curves, "show the losses and terms of runs, also during training: as text, as PNG or for TensorBoard"
    )
    curves.add_argument("run", type=Path, nargs="+", help="a run's folder")
    curves.add_argument("--output", type=Path, metavar="PNG", help="draw them into this file")
    curves.add_argument(
        "--tensorboard", type=Path, metavar="FOLDER", help="write event files for TensorBoard into this folder"
    )
    curves.add_argument("--watch", action="store_true", help="refresh every ten seconds until all runs have ended")
    explore = verb(verbs.explore, "make a page with a slider for each latent of a run, which decodes in the browser")
    explore.add_argument("run", type=Path, nargs="+", help="an evaluated run's folder; several are shown side by side")
    explore.add_argument("--output", type=Path, default=Path("explore.html"), help="the page (default %(default)s)")
    traverse = verb(verbs.traverse, "animate the traversals of a run's latents, for slides")
    traverse.add_argument("run", type=Path, help="an evaluated run's folder")
    traverse.add_argument(
        "--output", type=Path, required=True, help="a .gif, .webp or .mp4; a .png shows a row for each latent instead"
    )
    traverse.add_argument(
        "--latents",
        type=Number(int, 0),
        nargs="+",
        default=(),
        metavar="D",
        help="indices of the latents to move, from 0 (default: the ten with the largest KL)",
    )
    traverse.add_argument(
        "--image",
        type=Number(int, 0),
        default=0,
        metavar="I",
        help="index of the evaluation's image to start from (default 0)",
    )
    traverse.add_argument(
        "--reach",
        type=Number(float, 0),
        default=2.0,
        help="how far a latent moves to either side (default %(default)s)",
    )


def _add_score(verb: Verb) -> None:
    score = verb(verbs.score, "score codes from any program, in npz or HDF5")
    score.add_argument("file", type=Path, help="codes with their factors or factor_sizes: see docs/scores")
    metrics = f"{', '.join(SCORES)}, or {', '.join(GROUPS)}, separated by commas (default %(default)s)"
    score.add_argument("--metrics", default=",".join(Scoring().scores), help=metrics)
    score.add_argument(
        "--seeds",
        type=Number(int, 1),
        default=5,
        help="seeds per score, for its mean and deviation (default %(default)s)",
    )
    score.add_argument("--output", type=Path, help="file for all values and settings (JSON)")
    score.add_argument(
        "--sampled", action="store_true", help="score codes sampled from the posteriors, with the file's deviations"
    )


def _add_study(verb: Verb) -> None:
    gather = verb(study.gather, "collect the metrics of a study's runs into metrics.csv")
    select = verb(study.select, "rank the settings of each method of an experiment, and write selection/EXPERIMENT.csv")
    select.add_argument("experiment")
    compare = verb(study.compare, "test for each setting and score whether the runs differ from published ones")
    scores = "published scores: a CSV like metrics.csv, a zip of disentanglement_lib, or a folder of these"
    compare.add_argument("published", type=Path, nargs="+", help=scores)
    compare.add_argument("--output", type=Path, required=True, help="the comparison (CSV)")
    plot = verb(study.plot, "draw one figure of an experiment")
    plot.add_argument("experiment")
    plot.add_argument("figure", help="a kind of figure, as in `shows` of a study")
    report = verb(study.report, "typeset the report")
    report.add_argument(
        "--template", type=Path, help="default: workflow/report/report.typ here, else that of the installed package"
    )
    report.add_argument(
        "--partial",
        type=Path,
        metavar="STUDY",
        help="report on an unfinished study; STUDY is its configuration file",
    )
    page = verb(study.page, "write the study's web page: index.html and page/ in its results")
    export = verb(study.export, "pack a finished study into one zip that can be cited, an RO-Crate")
    export.add_argument("results", type=Path, help="the study's results, results/<study>")
    export.add_argument("--output", type=Path, required=True, help="the zip")
    export.add_argument("--weights", action="store_true", help="also pack the trained models")
    export.add_argument("--codes", action="store_true", help="also pack the codes of the encoded images")
    export.add_argument("--author", metavar="NAME", action="append", default=[], help="an author; may be repeated")
    export.add_argument(
        "--license", metavar="SPDX", help="licence of the results, such as CC-BY-4.0 (default: not stated)"
    )
    verify = verb(study.verify, "compare the files of an exported study with their checksums")
    verify.add_argument("crate", type=Path, help="the zip that `tcwae export` wrote")
    for verb_parser in (gather, select, compare, plot, report, page):
        verb_parser.add_argument("--results", type=Path, required=True, help="the study's results, results/<study>")
    for verb_parser in (plot, report):
        verb_parser.add_argument("--output", type=Path, required=True, help="the PDF")
