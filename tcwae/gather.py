"""From the metrics of runs to one table."""

import json
from pathlib import Path

import pandas as pd

from tcwae import records
from tcwae.config import Run, Study, flatten
from tcwae.errors import InputError
from tcwae.files import atomic
from tcwae.study import experiment_runs, runs, setting

__all__ = ["COLUMNS", "gather"]

COEFFICIENTS = ["alpha", "beta", "gamma", "lambda"]
SCORES = [
    "reconstruction",
    "log_reconstruction",
    "mig",
    "factor_vae",
    "sap",
    "mig_sampled",
    "factor_vae_sampled",
    "sap_sampled",
    "total_correlation",
    "dimension_wise_kl",
    "total_correlation_mws",
    "dimension_wise_kl_mws",
    "total_correlation_batch",
    "dimension_wise_kl_batch",
    "index_code_mi",
    "mmd",
    "active_units",
]
COLUMNS = [
    *("run", "experiments", "dataset", "source", "method", "cost", "setting"),
    *COEFFICIENTS,
    *("seed", "iterations", "batch_size", "status", "diverged_step", "diverged_term"),
    *SCORES,
    *("finished", "train_seconds", "images_per_second", "evaluate_seconds", "device"),
    *("images_sha256", "tcwae", "torch", "commit"),
]


def gather(study: Study, results: Path) -> None:
    """Write `results`/metrics.csv, one row a run of the study with `COLUMNS`, and study.json, the study itself.

    Raises:
        InputError: the metrics of a run are damaged, or of another run.
        OSError: they are missing.
    """
    members = {name: set(experiment_runs(study, name)) for name in study.experiments}
    rows = []
    for identifier, run in runs(study).items():
        experiments = [name for name, its in members.items() if identifier in its]
        record = _read(results / "runs" / identifier / "metrics.json", run)
        rows.append(_row(record, experiments) | {"run": identifier, "setting": setting(run, study.training)})
    with atomic(results / "metrics.csv") as temporary:
        pd.DataFrame(rows, columns=COLUMNS).to_csv(temporary, index=False)
    with atomic(results / "study.json") as temporary:
        temporary.write_text(study.model_dump_json(indent=1) + "\n")


def _read(path: Path, run: Run) -> records.Metrics:
    record = records.read(records.Metrics, path)
    settings = json.loads(json.dumps(flatten(run)))
    differs = [
        f"{key} {settings.get(key)}, found {record.settings.get(key)}"
        for key in settings.keys() | record.settings.keys()
        if record.settings.get(key) != settings.get(key)
    ]
    if differs:
        raise InputError(f"{path}: expected {'; '.join(sorted(differs))}; train and evaluate it again")
    return record


def _row(record: records.Metrics, experiments: list[str]) -> dict:
    settings, training = record.settings, record.training
    diverged = training.status == "diverged"
    return {
        **{key: settings.get(key) for key in ("dataset", "method", "cost", "seed", "iterations", "batch_size")},
        **{key: settings.get(key) for key in COEFFICIENTS},
        **{key: record.scores.get(key) for key in SCORES},
        "experiments": " ".join(experiments),
        "source": training.data.source,
        "status": training.status,
        "diverged_step": training.step if diverged else None,
        "diverged_term": training.term,
        "finished": training.finished,
        "train_seconds": training.seconds,
        "images_per_second": training.images_per_second,
        "evaluate_seconds": record.seconds,
        "device": training.device,
        "images_sha256": training.data.images_sha256,
        **{key: training.versions.get(key) for key in ("tcwae", "torch", "commit")},
    }
