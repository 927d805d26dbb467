"""The words of the command line: verbs, flags and their help."""

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
"""Adds a verb: the function that it calls, and what its help says."""


def parser() -> Parser:
    """The command line, with its help."""
    parser = Parser(prog="tcwae", description="Train, score and compare TCWAE and its relatives.")
    parser.add_argument("--version", action=Version, help="show versions and commit")
    its = parser.add_subparsers(metavar="VERB", dest="name")

    def verb(function: Callable, description: str) -> Parser:
        added = its.add_parser(function.__name__.replace("_", "-"), help=description, description=description)
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
    add_completion(parser, its.choices.values())
    return parser


def _add_beginning(verb: Verb) -> None:
    init = verb(study.init, "write a study's folder: the workflow, the cluster's profile and a configuration to edit")
    init.add_argument("folder", type=Path, help="the folder, new or empty")
    plan = verb(
        study.plan, "say what a study asks for: runs, jobs, steps and hours; what is done, what would be trained again"
    )
    plan.add_argument("--results", type=Path, help="its results (default results/STUDY)")
    plan.add_argument(
        "--images-per-second",
        type=Number(float, 1),
        metavar="X",
        help="of the device, for what has not been run here",
    )
    plan.add_argument(
        "--runs",
        type=Path,
        metavar="FOLDER",
        help="instead write its runs here for train-many, a file for each data set",
    )
    plan.add_argument(
        "--difference",
        type=Number(float, 0.001),
        metavar="X",
        help="of scores: say how many seeds tell it from nothing",
    )
    status = verb(study.status, "show a study's runs: done, running and where, queued, failed; hours used and left")
    status.add_argument("--results", type=Path, help="its results (default results/STUDY)")
    status.add_argument("--watch", action="store_true", help="show it anew every half minute, until Ctrl-C")
    doctor = verb(study.doctor, "say whether this machine is ready for the study here, and what to do where it is not")
    for its in (plan, status, doctor):
        its.add_argument("--configfile", type=Path, default=Path("config.yaml"), help="the study (default %(default)s)")


def _add_data(verb: Verb) -> None:
    prepare = verb(verbs.prepare, "make a data set's file: render it, or read the original archive")
    prepare.add_argument("dataset", choices=[*KNOWN_DATASETS, "images", "npz"], help="images and npz: your own")
    prepare.add_argument("--source", choices=["rendered", "real"], help="default: real if there is an archive")
    prepare.add_argument("--archive", type=Path, help="the archive, or a folder with its files (--source real)")
    prepare.add_argument("--output", type=Path, help="the prepared file, HDF5 (default resources/NAME-SOURCE.h5)")
    prepare.add_argument("--crop", help="how pictures are cut, by the set: see docs/data.md")
    prepare.add_argument("--count", type=Number(int, 1), help="faces to draw (celeba)")
    prepare.add_argument("--picture", type=Path, help="background of scream_dsprites, PNG or JPEG (default: drawn)")
    prepare.add_argument(
        "--name", dest="called", help="what your own data are called (default: made of the archive's name)"
    )
    prepare.add_argument(
        "--processes", type=Number(int, 1), help="the most to run at a time (default: the cores there are)"
    )
    download = verb(verbs.download, "fetch the original archives of a data set")
    download.add_argument("dataset", choices=KNOWN_DATASETS)
    download.add_argument("--file", help="this one of its files (default: all)")
    download.add_argument("--output", type=Path, required=True, help="the folder")
    data = verb(verbs.data, "describe a prepared file")
    data.add_argument("file", type=Path)
    data.add_argument("--sheet", type=Path, help="draw a contact sheet, PNG")


def _add_train(verb: Verb) -> None:
    train = verb(verbs.train, "train one run, or go on where it stopped; train-many trains several in one process")
    train.add_argument("--output", type=Path, required=True, help="the run's folder")
    _add_training(train)
    train.add_argument(
        "--cuda-graph", action="store_true", help="launch a step as one operation; not measured yet, so off"
    )
    run = train.add_argument_group("run")
    add_fields(run, Run, skip=("training", "method", "code"), choices={"cost": COSTS})
    add_code(run)
    method = train.add_argument_group("method", "A method takes the coefficients that name it.")
    method.add_argument("--method", dest="run.method", choices=METHODS, required=True)
    add_methods(method)
    add_fields(train.add_argument_group("training"), Training)


def _add_train_many(verb: Verb) -> None:
    many = verb(
        verbs.train_many,
        "train several runs on one data set in one process, which keeps a GPU busy, or go on with them",
    )
    many.add_argument(
        "--runs",
        type=Path,
        required=True,
        metavar="JSON",
        help="a list of the runs and their folders: see docs/runs.md",
    )
    many.add_argument("--share", metavar="I/N", help="of these runs only every N-th, from the I-th on (I from 0)")
    many.add_argument(
        "--at-a-time",
        type=Number(int, 1),
        metavar="N",
        help="runs at a time (default: on a GPU as many as its memory holds and make it faster; on a CPU one)",
    )
    many.add_argument("--eager", action="store_true", help="on a GPU, do not launch a step as one operation")
    _add_training(many)


def _add_training(parser: Parser) -> None:
    """What a call that trains takes, whatever it trains."""
    parser.add_argument("--data", type=Path, required=True, help="a prepared file")
    add_machine(parser)
    parser.add_argument(
        "--deterministic", action="store_true", help="algorithms that give the same bytes each time, on a GPU too"
    )
    seconds = Number(float, 0)
    parser.add_argument("--save-every", type=seconds, default=600.0, metavar="SECONDS", help="default %(default)s")
    parser.add_argument(
        "--time-budget", type=seconds, metavar="SECONDS", help=f"then save and leave with status {verbs.STOPPED}"
    )


def _add_evaluate(verb: Verb) -> None:
    evaluate = verb(verbs.evaluate, "encode images by a trained run, and draw what they show")
    measure = verb(verbs.measure, "score the codes of an evaluated run for the tables of its study")
    add_fields(measure, Scoring, prefix="")
    add_code(measure)
    fid = verb(verbs.fid, "compare a run's samples and reconstructions with held-out images by FID")
    for its in (evaluate, fid):
        its.add_argument("--run", type=Path, required=True, help="the run's folder, with model.safetensors")
        its.add_argument("--data", type=Path, required=True, help="a prepared file")
        add_machine(its)
    add_fields(evaluate, Evaluation, prefix="")
    add_fields(fid, Evaluation, skip=("codes", "traversal_range"), prefix="")
    estimate = verb(
        verbs.estimate, "estimate the divergences of a run's codes with every estimator, at growing batches"
    )
    rescore = verb(verbs.rescore, "score a run's codes by other protocols: fewer votes, fewer factors")
    for its in (measure, estimate, rescore):
        its.add_argument("--run", type=Path, required=True, help="an evaluated run's folder, with codes.h5")
    add_fields(rescore, Scoring, skip=("scores",), prefix="")
    fid.add_argument("--weights", type=Path, required=True, help="Inception's, a file one has: see docs/scores/fid.md")


def _add_looking(verb: Verb) -> None:
    curves = verb(
        verbs.curves, "show losses and terms of runs that train or have ended, as text or PNG or for TensorBoard"
    )
    curves.add_argument("run", type=Path, nargs="+", help="a run's folder")
    curves.add_argument("--output", type=Path, metavar="PNG", help="draw them here")
    curves.add_argument("--tensorboard", type=Path, metavar="FOLDER", help="write event files for TensorBoard here")
    curves.add_argument("--watch", action="store_true", help="show them anew every ten seconds until all have ended")
    explore = verb(verbs.explore, "make a page in which one moves the latents of runs and watches the decoder")
    explore.add_argument("run", type=Path, nargs="+", help="an evaluated run's folder; several stand side by side")
    explore.add_argument("--output", type=Path, default=Path("explore.html"), help="the page (default %(default)s)")
    traverse = verb(verbs.traverse, "animate what a run's latents do, for slides")
    traverse.add_argument("run", type=Path, help="an evaluated run's folder")
    traverse.add_argument(
        "--output", type=Path, required=True, help=".gif, .webp or .mp4; .png has a row for each latent instead"
    )
    traverse.add_argument(
        "--latents", type=Number(int, 0), nargs="+", default=(), metavar="D", help="from 0 (default: ten by their KL)"
    )
    traverse.add_argument(
        "--image",
        type=Number(int, 0),
        default=0,
        metavar="I",
        help="where to start, of the evaluation's images, from 0",
    )
    traverse.add_argument(
        "--reach",
        type=Number(float, 0),
        default=2.0,
        help="how far a latent moves to either side (default %(default)s)",
    )


def _add_score(verb: Verb) -> None:
    score = verb(verbs.score, "score codes that any program wrote, npz or HDF5")
    score.add_argument("file", type=Path, help="codes with factor_sizes, or with factors: see docs/scores")
    metrics = f"{', '.join(SCORES)}, or {', '.join(GROUPS)}, separated by commas (default %(default)s)"
    score.add_argument("--metrics", default=",".join(Scoring().scores), help=metrics)
    score.add_argument("--seeds", type=Number(int, 1), default=5, help="draws of each score (default %(default)s)")
    score.add_argument("--output", type=Path, help="all values and settings, JSON")
    score.add_argument(
        "--sampled", action="store_true", help="draw codes from the posteriors, by the file's deviations"
    )


def _add_study(verb: Verb) -> None:
    gather = verb(study.gather, "collect the metrics of a study's runs into metrics.csv")
    select = verb(study.select, "rank the settings of each method of an experiment into selection/EXPERIMENT.csv")
    select.add_argument("experiment")
    compare = verb(study.compare, "say of each setting and score whether its runs score like published ones")
    what = "their scores: a CSV as metrics.csv, a zip of disentanglement_lib's, or a folder of them"
    compare.add_argument("published", type=Path, nargs="+", help=what)
    compare.add_argument("--output", type=Path, required=True, help="the comparison, CSV")
    plot = verb(study.plot, "draw one figure of an experiment")
    plot.add_argument("experiment")
    plot.add_argument("figure")
    report = verb(study.report, "typeset the report")
    report.add_argument(
        "--template", type=Path, help="default: workflow/report/report.typ here, or else that of the installed package"
    )
    report.add_argument(
        "--partial",
        type=Path,
        metavar="STUDY",
        help="of an unfinished study, the file of its --configfile or config.yaml",
    )
    page = verb(study.page, "make the study's web page: index.html and page/ in its results")
    for its in (gather, select, compare, plot, report, page):
        its.add_argument("--results", type=Path, required=True, help="results/<study>")
    for its in (plot, report):
        its.add_argument("--output", type=Path, required=True, help="the PDF")
