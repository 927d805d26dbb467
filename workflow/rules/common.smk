# From the configuration to what the rules ask for. There is no rule in this file.
import os
import re
import shutil
import sys
from pathlib import Path
from shlex import join, split

from snakemake.exceptions import WorkflowError
from snakemake.settings.types import DeploymentMethod

from tcwae.config import study as studies
from tcwae.config.base import read_yaml
from tcwae.config.experiment import PICTURES, READS, TABLES
from tcwae.config.figures import FIGURES
from tcwae.config.run import KNOWN_DATASETS, evaluation_flags, run_flags, scoring_flags
from tcwae.config.runs import (
    best_runs,
    candidates,
    chosen,
    default_runs,
    experiment_runs,
    grids,
    resolve,
    runs,
    without_selects,
)
from tcwae.doctor.cluster import check_accounting, check_partitions
from tcwae.doctor.container import check_folders, check_image
from tcwae.doctor.files import check_space
from tcwae.doctor.head import Head
from tcwae.errors import InputError, suggestion
from tcwae.study.declared import declare, evaluation_of, scoring_of

if shutil.which("tcwae") is None:
    raise WorkflowError("the command tcwae is not on PATH: activate the environment (source .venv/bin/activate)")


def checked(function, *arguments):
    """The function's result; a mistake of the user ends Snakemake with one line."""
    try:
        return function(*arguments)
    except InputError as error:
        raise WorkflowError(str(error)) from None


def beside(name):
    """A file of the workflow, by its place beside the rules; the working directory may be another folder."""
    return os.path.relpath(os.path.join(rules_folder, name))


rules_folder = workflow.current_basedir.get_path_or_uri(secret_free=True)
config_files = [Path(file) for file in workflow.configfiles]
for file in config_files:  # Snakemake's own reader takes the last of two equal keys
    checked(read_yaml, file)
sources = [*map(str, config_files), *(["--config"] if workflow.config_settings.config else [])]
study = checked(studies.parse, config, " + ".join(sources), *(file.parent for file in reversed(config_files)), Path())
all_runs = checked(candidates, study)  # that it may come to
results = f"results/{study.study}"
all_data = {f"{name}-{study.dataset(name).label}": name for name in {run.dataset for run in all_runs.values()}}


def images_of(dataset):
    """The SHA-256 of the images of a data set that are there now; None where they are not prepared yet."""
    from tcwae.data.prepared import images_sha256

    return images_sha256(Path(f"resources/{dataset}-{study.dataset(dataset).label}.h5"))


if workflow.is_main_process:  # a job does not change what it was started with
    checked(declare, study, all_runs, Path(results), images_of)


onstart:
    # once, before any job is queued
    if DeploymentMethod.APPTAINER in workflow.deployment_settings.deployment_method:
        for image in workflow.dag.container_imgs.values():
            checked(check_image, image.path)
            checked(check_folders, study, image.path, split(workflow.deployment_settings.apptainer_args))
    checked(check_space, Path(), study)
    if workflow.executor_plugin.name == "slurm":
        jobs = {job.rule.name: job for job in workflow.dag.needrun_jobs() if not job.is_local}
        checked(check_partitions, {rule: job.resources for rule, job in jobs.items()})
        checked(check_accounting, workflow.scheduler._executor.get_status_command())
    if workflow.executor_plugin.name != "touch":  # which any number may do at once
        workflow.head = checked(Head, Path(results, ".head"))  # held until this process ends
        if checked(workflow.head.end_left_jobs):
            # those jobs may have finished something since the files were looked at: look again
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
        if workflow.executor_plugin.name == "slurm":
            # Snakemake keeps files there in every job, and the user's home may not be on the nodes
            os.environ.setdefault("XDG_CACHE_HOME", os.path.abspath(".snakemake/cache"))
            workflow.head.names_jobs(workflow.scheduler._executor.run_uuid)


wildcard_constraints:
    dataset="|".join(KNOWN_DATASETS),
    archive="[^/]+",
    data="|".join(map(re.escape, all_data)),
    # not a list of all ids, which Snakemake would search again for each job: `run_of` refuses ids that are not the study's
    run="([^/]+/){4}seed=[0-9]+",
    experiment="|".join(map(re.escape, study.experiments)),


def run_of(wildcards):
    """The run that a rule is about."""
    if wildcards.run not in all_runs:
        near = suggestion(wildcards.run, all_runs)
        raise WorkflowError(f"expected a run of the study {study.study!r}, found {wildcards.run!r}{near}")
    return all_runs[wildcards.run]


def prepared_data(wildcards):
    """The prepared file of the data set that a run is trained on."""
    dataset = run_of(wildcards).dataset
    return f"resources/{dataset}-{study.dataset(dataset).label}.h5"


def original_archives(wildcards):
    """The files that a prepared file is read from: the user's archive, else the publisher's; none where images are rendered."""
    name = all_data[wildcards.data]
    dataset = study.dataset(name)
    if dataset.source == "rendered":
        return []
    if dataset.archive:
        return dataset.archive
    from tcwae.data.archives import ARCHIVES

    return [f"resources/raw/{name}/{archive.name}" for archive in ARCHIVES[name]]


def prepare_flags(wildcards, input):
    """The arguments of `tcwae prepare` but for its output."""
    name = all_data[wildcards.data]
    dataset = study.dataset(name)
    archive = input[0] if len(input) == 1 else f"resources/raw/{name}" if input else None
    given = {"source": dataset.source, "archive": archive, "crop": dataset.crop, "count": dataset.count}
    if dataset.format:
        given["name"] = name
    words = [word for key, value in given.items() if value is not None for word in (f"--{key}", str(value))]
    return join([dataset.format or name, *words])


def of_runs(identifiers, *files):
    """Files of some runs."""
    return [f"{results}/runs/{run}/{file}" for run in identifiers for file in files]


def resolved(experiments):
    """The study with numbers in place of `select` in these experiments, once their grids are ranked.

    Rows for which a grid has found nothing are not in it.
    """
    needed = {grid for name in experiments for grid in grids(study, name)}
    tables = {grid: Path(checkpoints.select.get(experiment=grid).output[0]) for grid in sorted(needed)}
    return without_selects(resolve(study, {grid: chosen(table) for grid, table in tables.items()}))


def experiment_evaluations(wildcards):
    """The scores and codes of an experiment's runs."""
    whole, name = resolved([wildcards.experiment]), wildcards.experiment
    return of_runs(experiment_runs(whole, name), "metrics.json", "codes.h5") if name in whole.experiments else []


def grids_of(experiments):
    """The ranked settings of the grids from which some experiments select."""
    return [f"{results}/selection/{grid}.csv" for name in experiments for grid in grids(study, name)]


def experiment_grids(wildcards):
    """The ranked settings from which an experiment selects."""
    return grids_of([wildcards.experiment])


def study_metrics(wildcards):
    """The scores of all runs."""
    return of_runs(runs(resolved(study.experiments)), "metrics.json")


def run_files(wildcards):
    """What training and evaluation leave of each run, and what figures read of some."""
    files = (
        "model.safetensors",
        "curves.csv",
        "training.json",
        "evaluation.json",
        "codes.h5",
        "images.h5",
        "metrics.json",
    )
    whole = resolved(study.experiments)
    shown = [file for name, figure in shows(whole) for file in read_by(name, figure)]
    return of_runs(runs(whole), *files) + shown


def flags_of_run(wildcards):
    """Everything that distinguishes a run, as flags of `tcwae train`."""
    return run_flags(run_of(wildcards))


def evaluation_settings(wildcards):
    """The file that says how a run is evaluated."""
    return f"{results}/evaluation/{run_of(wildcards).dataset}.json"


def flags_of_evaluation(wildcards):
    """What the study says of evaluation, as flags of `tcwae evaluate`."""
    return evaluation_flags(evaluation_of(study, run_of(wildcards).dataset))


def flags_of_scores():
    """Which scores the study asks for, as flags of `tcwae measure`."""
    return scoring_flags(*scoring_of(study))


def growing_memory(wildcards, attempt):
    """Megabytes, more at each attempt."""
    return 4000 * attempt


def growing_time(wildcards, attempt):
    """Minutes, more at each attempt."""
    return 60 * attempt


def time_budget(wildcards, resources):
    """The flag that ends a training five minutes before its job's time limit, or after half of a limit below ten minutes.

    The rest is for the start of the job, the last step and the save. A signal of the scheduler cannot replace the flag: it
    reaches Snakemake's process in the job, not the trainer. Jobs without a time limit get no flag.
    """
    minutes = resources.get("runtime")
    return f"--time-budget {60 * minutes - min(300, 30 * minutes)}" if minutes else ""


def read_by(name, figure):
    """The files of runs that a figure of an experiment reads."""
    file = READS.get(figure)
    if file is None:
        return []
    if file == "rescored.csv":
        return of_runs(default_runs(resolved([name]), name), file)
    return of_runs(best_runs(Path(checkpoints.select.get(experiment=name).output[0])), file)


def read_by_figure(wildcards):
    """The files of runs that a figure reads."""
    return read_by(wildcards.experiment, wildcards.figure)


def shows(study):
    """Each experiment with each figure that it shows."""
    shown = [(name, figure) for name, experiment in study.experiments.items() for figure in experiment.shows]
    return [(name, figure) for name, figure in shown if figure != "scores_table"]


def caption_of(wildcards):
    """What a figure's caption says."""
    return f"{wildcards.experiment}: {FIGURES[wildcards.figure].caption}"


def selections():
    """The ranked settings of each experiment."""
    return [f"{results}/selection/{name}.csv" for name in study.experiments]


def comparison():
    """The comparison with published scores, where the study names some."""
    return [f"{results}/comparison.csv"] if study.published else []


def figures(wildcards):
    """The figures that the experiments show, and the data beside them."""
    shown = shows(resolved(study.experiments))
    files = [(f"{results}/figures/{name}-{figure}", "csv" if figure in TABLES else "h5") for name, figure in shown]
    return [f"{file}.{suffix}" for file, data in files for suffix in ("pdf", "svg", data)]
