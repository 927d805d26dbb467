"""From a study to its runs."""

import csv
import itertools
from collections.abc import Mapping
from pathlib import Path

from tcwae.config.run import METHODS, Run, Settings, Training, coefficients, flatten
from tcwae.config.study import Experiment, Row, Study
from tcwae.errors import InputError

__all__ = [
    "Choices",
    "candidates",
    "chosen",
    "experiment_runs",
    "grids",
    "resolve",
    "row_runs",
    "runs",
    "setting",
    "without_selects",
]

Choices = Mapping[str, Mapping[str, Mapping[str, float]]]
"""By grid experiment and row, the coefficients that were selected there."""


def runs(study: Study) -> dict[str, Run]:
    """All runs of a study by their id, each once, in the order of the experiments.

    An id is dataset/method/cost/setting/seed=..., for example dsprites/tcwae_mws/cross_entropy/beta=50,gamma=100/seed=3. It
    names the run's folder and does not change when a grid gains a value.

    Raises:
        InputError: two experiments ask for different runs under the same id.
    """
    table: dict[str, Run] = {}
    for name in study.experiments:
        for identifier, run in experiment_runs(study, name).items():
            if table.setdefault(identifier, run) != run:
                different = [key for key, value in flatten(run).items() if flatten(table[identifier])[key] != value]
                raise InputError(
                    f"experiments.{name}: {identifier} is also in another experiment, with another {', '.join(different)}"
                )
    return table


def experiment_runs(study: Study, name: str) -> dict[str, Run]:
    """The runs of one experiment by their id: its rows' grids times its seeds."""
    rows = (row_runs(study, name, row) for row in study.experiments[name].methods)
    return {identifier: run for its in rows for identifier, run in its.items()}


def row_runs(study: Study, name: str, row: str) -> dict[str, Run]:
    """The runs of one row of an experiment by their id."""
    experiment = study.experiments[name]
    training = study.training_of(name, row)
    cells = experiment.methods[row].cells()
    return {
        _identifier(run, study.training): run
        for method, seed in itertools.product(cells, experiment.seeds or study.seeds)
        for run in [_run(experiment, row, method, seed, training)]
    }


def _run(experiment: Experiment, row: str, method: Settings, seed: int, training: Training) -> Run:
    return Run(
        dataset=experiment.dataset,
        method=method,
        cost=experiment.cost_of(row),
        latent_dimension=experiment.latent_dimension,
        seed=seed,
        training=training,
    )


def candidates(study: Study) -> dict[str, Run]:
    """All runs that the study may come to, whatever its grids select.

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
    """The study with numbers where it says `select`, as far as `choices` has them."""
    for name, experiment in study.experiments.items():
        for key, row in experiment.methods.items():
            if row.grid in choices:
                made = choices[row.grid][study.searched(name, key)]
                axes = row.coefficients | {coefficient: (made[coefficient],) for coefficient in row.selects}
                study = _with_row(study, name, key, row.model_copy(update={"coefficients": axes, "grid": None}))
    return study


def without_selects(study: Study) -> Study:
    """The study without the rows whose coefficients are not known yet, and what cannot be without them.

    That are figures that need their values, and experiments that have no other rows.
    """
    experiments = {}
    for name, experiment in study.experiments.items():
        rows = {key: row for key, row in experiment.methods.items() if not row.selects}
        if rows:
            left = experiment.model_copy(update={"methods": rows})
            shows = tuple(figure for figure in left.shows if not left.lacks(figure))
            experiments[name] = left.model_copy(update={"shows": shows})
    return study.model_copy(update={"experiments": experiments})


def chosen(selection: Path) -> dict[str, dict[str, float]]:
    """What `tcwae select` found best: the coefficients of the selected setting of each row.

    Raises:
        InputError: a row has no setting of which all runs finished.
    """
    made = {}
    with selection.open(newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            if line["selected"] == "True":
                if not line["log_reconstruction_mean"]:
                    raise InputError(
                        f"{selection}: expected a setting of {line['row']} of which all runs finished, found none; "
                        "give the coefficients that are `select` as numbers"
                    )
                made[line["row"]] = {key: float(line[key]) for key in coefficients(line["method"])}
    return made


def _with_row(study: Study, name: str, key: str, row: Row) -> Study:
    experiment = study.experiments[name]
    experiment = experiment.model_copy(update={"methods": {**experiment.methods, key: row}})
    return study.model_copy(update={"experiments": {**study.experiments, name: experiment}})


def setting(run: Run, usual: Training) -> str:
    """The part of an id between cost and seed: the method's coefficients, then whatever is unusual.

    Unusual is an option of the method that is not at its default, and a training setting that is not the study's.
    """
    defaults = {name: field.default for name, field in METHODS[run.method.name].model_fields.items() if name != "name"}
    defaults |= {"latent_dimension": Run.model_fields["latent_dimension"].default, **usual.model_dump()}
    fields = {key: value for key, value in flatten(run).items() if key not in ("dataset", "method", "cost", "seed")}
    needed = coefficients(run.method.name)
    ordered = {key: fields[key] for key in [*needed, *fields] if key in needed or defaults.get(key) != fields[key]}
    return ",".join(
        f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}" for key, value in ordered.items()
    )


def _identifier(run: Run, usual: Training) -> str:
    return f"{run.dataset}/{run.method.name}/{run.cost}/{setting(run, usual)}/seed={run.seed}"
