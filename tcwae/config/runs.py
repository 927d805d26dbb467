"""From a study to its runs."""

import csv
import hashlib
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tcwae.config import extensions
from tcwae.config.base import exact
from tcwae.config.experiment import Experiment, Row
from tcwae.config.methods import METHODS, Method, coefficients, weights
from tcwae.config.run import Run, Training, flatten
from tcwae.config.study import Study
from tcwae.errors import InputError

__all__ = [
    "Choices",
    "candidates",
    "chosen",
    "coefficients_of",
    "experiment_runs",
    "grids",
    "left_out",
    "resolve",
    "row_runs",
    "runs",
    "setting",
    "unusual",
    "without_selects",
]

Choices = Mapping[str, Mapping[str, Mapping[str, float]]]
"""By grid experiment and row, the coefficients that were selected there."""

LONGEST = 180
"""Characters of a setting in an id: the name of a file has at most 255 bytes, and others are put beside it."""


def runs(study: Study) -> dict[str, Run]:
    """All runs of a study by their id, each once, in the order of the experiments.

    An id is dataset/method/cost/setting/seed=..., for example dsprites/tcwae_mws/cross_entropy/beta=50_gamma=100/seed=3. It
    names the run's folder and does not change when a grid gains a value. It is a name: nothing reads it back.

    Raises:
        InputError: two experiments ask for different runs under the same id.
    """
    table: dict[str, Run] = {}
    for name in study.experiments:
        _add(table, experiment_runs(study, name), name)
    return table


def experiment_runs(study: Study, name: str) -> dict[str, Run]:
    """The runs of one experiment by their id: its rows' grids times its seeds."""
    table: dict[str, Run] = {}
    for row in study.experiments[name].methods:
        _add(table, row_runs(study, name, row), name)
    return table


def row_runs(study: Study, name: str, row: str) -> dict[str, Run]:
    """The runs of one row of an experiment by their id."""
    experiment = study.experiments[name]
    training = study.training_of(name, row)
    table: dict[str, Run] = {}
    for method, seed in itertools.product(experiment.methods[row].cells(), experiment.seeds or study.seeds):
        run = _run(experiment, row, method, seed, training)
        _add(table, {_identifier(run, study.training): run}, name)
    return table


def _add(table: dict[str, Run], others: Mapping[str, Run], name: str) -> None:
    for identifier, run in others.items():
        if table.setdefault(identifier, run) != run:
            different = [key for key, value in flatten(run).items() if flatten(table[identifier])[key] != value]
            raise InputError(
                f"experiments.{name}: found a second run called {identifier}, with another {', '.join(different)}; "
                "expected one run a name"
            )


def _run(experiment: Experiment, row: str, method: Method, seed: int, training: Training) -> Run:
    cost = experiment.cost_of(row)
    return Run(
        dataset=experiment.dataset,
        method=method,
        cost=cost,
        latent_dimension=experiment.latent_dimension,
        encoder_kernel=experiment.encoder_kernel,
        seed=seed,
        training=training,
        code=extensions.sources(method=method.name, cost=cost),
    )


def candidates(study: Study) -> dict[str, Run]:
    """All runs that the study may need, whatever its grids select.

    Raises:
        InputError: two experiments ask for different runs under the same id.
    """
    for name, experiment in study.experiments.items():
        for row in experiment.methods:
            study = _with_row(study, name, row, study.opened(name, row))
    return runs(study)


def grids(study: Study, name: str) -> list[str]:
    """The experiments that decide what an experiment selects."""
    rows = study.experiments[name].methods.values()
    return list(dict.fromkeys(row.grid for row in rows if row.grid is not None))


def resolve(study: Study, choices: Choices) -> Study:
    """The study with numbers where it says `select`, as far as `choices` has them; see `left_out` for what it has not."""
    for name, experiment in study.experiments.items():
        for key, row in experiment.methods.items():
            if row.grid in choices and (made := choices[row.grid].get(study.searched(name, key))):
                axes = row.coefficients | {coefficient: (made[coefficient],) for coefficient in row.selects}
                study = _with_row(study, name, key, row.model_copy(update={"coefficients": axes, "grid": None}))
    return study


def without_selects(study: Study) -> Study:
    """The study without the rows whose coefficients are not known yet.

    Figures that need these rows are left out too, and so are experiments without other rows.
    """
    experiments = {}
    for name, experiment in study.experiments.items():
        rows = {key: row for key, row in experiment.methods.items() if not row.selects}
        if rows:
            left = experiment.model_copy(update={"methods": rows})
            shows = tuple(figure for figure in left.shows if not left.lacks(figure))
            experiments[name] = left.model_copy(update={"shows": shows})
    return study.model_copy(update={"experiments": experiments})


def left_out(study: Study, choices: Choices) -> dict[str, list[str]]:
    """By experiment its rows that cannot be run: the grid that they select from is ranked, but not in `choices`.

    No setting of theirs there has finished with all its runs.
    """
    rows = {
        name: [
            key
            for key, row in experiment.methods.items()
            if row.grid in choices and study.searched(name, key) not in choices[row.grid]
        ]
        for name, experiment in study.experiments.items()
    }
    return {name: keys for name, keys in rows.items() if keys}


def best_runs(selection: Path) -> list[str]:
    """The best run of each row of an experiment, as `tcwae select` found it."""
    with selection.open(newline="", encoding="utf-8") as file:
        return [line["best_run"] for line in csv.DictReader(file) if line["selected"] == "True" and line["best_run"]]


def default_runs(study: Study, name: str) -> dict[str, Run]:
    """The runs of the first row of each method of an experiment, from which its other rows depart."""
    first: dict[str, str] = {}
    for key, row in study.experiments[name].methods.items():
        first.setdefault(row.method, key)
    return {identifier: run for key in first.values() for identifier, run in row_runs(study, name, key).items()}


def chosen(selection: Path) -> dict[str, dict[str, float]]:
    """What `tcwae select` found best: the coefficients of the selected setting of each row.

    A row that has no setting of which all runs finished is not in it.
    """
    made = {}
    with selection.open(newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            if line["selected"] == "True" and line["log_reconstruction_mean"]:
                made[line["row"]] = {key: float(line[key]) for key in coefficients(METHODS[line["method"]])}
    return made


def _with_row(study: Study, name: str, key: str, row: Row) -> Study:
    experiment = study.experiments[name]
    experiment = experiment.model_copy(update={"methods": {**experiment.methods, key: row}})
    return study.model_copy(update={"experiments": {**study.experiments, name: experiment}})


def coefficients_of(run: Run) -> dict[str, float]:
    """The coefficients of a run's method with their values, and other weights of its terms that are not at their default."""
    return {key: value for key, value in _distinguishing(run, None).items() if key in weights()}


def unusual(run: Run, usual: Training) -> dict[str, Any]:
    """What else distinguishes a run: options that are not at their default, and training that is not the study's."""
    return {key: value for key, value in _distinguishing(run, usual).items() if key not in weights()}


def _distinguishing(run: Run, usual: Training | None) -> dict[str, Any]:
    model = type(run.method)
    defaults = {name: field.default for name, field in model.model_fields.items() if name != "name"}
    defaults |= {key: Run.model_fields[key].default for key in ("latent_dimension", "encoder_kernel")}
    defaults |= (usual or run.training).model_dump()
    fields = {
        key: value for key, value in flatten(run).items() if key not in ("dataset", "method", "cost", "seed", "code")
    }
    needed = coefficients(model)
    return {key: fields[key] for key in [*needed, *fields] if key in needed or defaults.get(key) != fields[key]}


def setting(run: Run, usual: Training) -> str:
    """The part of an id between cost and seed: the method's coefficients, then whatever is unusual.

    Where that is longer than a name of a file may be, whatever is unusual is a checksum. There is no comma in it, at which
    Snakemake would split the target of a cluster's job (https://github.com/snakemake/snakemake/issues/2366).
    """
    parts = {key: exact(value).replace(",", "_") for key, value in _distinguishing(run, usual).items()}
    text = "_".join(f"{key}={value}" for key, value in parts.items())
    if len(text) <= LONGEST:
        return text
    short = "_".join(f"{key}={value}" for key, value in parts.items() if key in coefficients(type(run.method)))
    return f"{short}_others={hashlib.sha256(text.encode()).hexdigest()[:16]}"[-LONGEST:]


def _identifier(run: Run, usual: Training) -> str:
    return f"{run.dataset}/{run.method.name}/{run.cost}/{setting(run, usual)}/seed={run.seed}"
