"""From a study to its runs."""

import itertools

from tcwae.config import METHODS, Experiment, Run, Study, Training, flatten
from tcwae.errors import InputError

__all__ = ["coefficients", "experiment_runs", "runs", "setting"]


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
    """The runs of one experiment by their id: its methods' grids times its seeds."""
    experiment = study.experiments[name]
    seeds = experiment.seeds or study.seeds
    settings = itertools.chain.from_iterable(experiment.grid(method) for method in experiment.methods)
    return {
        _identifier(run, study.training): run
        for method, seed in itertools.product(settings, seeds)
        for run in [_run(experiment, method, seed, study.training_of(experiment))]
    }


def _run(experiment: Experiment, method: object, seed: int, training: Training) -> Run:
    return Run(
        dataset=experiment.dataset,
        method=method,
        cost=experiment.cost,
        latent_dimension=experiment.latent_dimension,
        seed=seed,
        training=training,
    )


def coefficients(method: str) -> list[str]:
    """The coefficients that a method cannot do without, in order: what a grid spans and a figure annotates."""
    return [field.alias or name for name, field in METHODS[method].model_fields.items() if field.is_required()]


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
