"""Gathers the metrics of all runs in one table."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tcwae import records
from tcwae.config import scores as facts
from tcwae.config.methods import weights
from tcwae.config.run import Run, flatten
from tcwae.config.runs import row_runs, runs, setting, without_selects
from tcwae.config.study import Study
from tcwae.errors import InputError
from tcwae.files import atomic

__all__ = ["columns", "gather", "table"]

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


def columns(scores: Iterable[str] = ()) -> list[str]:
    """The columns of the metrics.csv of a study with these scores (docs/results.md)."""
    more = [score for score in scores if score not in SCORES]
    return [
        *("run", "experiments", "dataset", "source", "method", "cost", "setting"),
        *weights(),
        *(
            "latent_dimension",
            "seed",
            "iterations",
            "batch_size",
            "status",
            "diverged_step",
            "diverged_term",
            "warnings",
            "reasons",
        ),
        *(*SCORES, "total_correlation_trained", "dimension_wise_kl_trained", *more),
        *("finished", "train_seconds", "images_per_second", "evaluate_seconds", "device"),
        *("images_sha256", "tcwae", "torch", "commit", "code"),
    ]


def gather(study: Study, results: Path, *, partial: bool = False) -> None:
    """Write `results`/metrics.csv, one row per run with its `columns`, and study.json, the study itself.

    Rows that say `select` still are in neither.

    Raises:
        InputError: the metrics of a run are damaged, or of another run.
        OSError: they are missing.
    """
    study = without_selects(study)
    with atomic(results / "metrics.csv") as temporary:
        table(study, results, partial=partial).to_csv(temporary, index=False)
    with atomic(results / "study.json") as temporary:
        temporary.write_text(study.model_dump_json(indent=1) + "\n", encoding="utf-8")


def table(study: Study, results: Path, *, partial: bool = False) -> pd.DataFrame:
    """One row per run of the study with its `columns`; with `partial` the runs without metrics are left out.

    Raises:
        InputError: the metrics of a run are damaged, or of another run.
        OSError: they are missing.
    """
    members = {
        f"{name}/{row}": row_runs(study, name, row).keys()
        for name, experiment in study.experiments.items()
        for row in experiment.methods
    }
    rows = []
    for identifier, run in runs(study).items():
        path = results / "runs" / identifier / "metrics.json"
        if not partial or path.exists():
            experiments = [name for name, identifiers in members.items() if identifier in identifiers]
            identity = {"run": identifier, "setting": setting(run, study.training)}
            rows.append(_row(_read(path, run), experiments, columns(study.scores)) | identity)
    _check_images(results, rows)
    frame = pd.DataFrame(rows, columns=columns(study.scores))
    return frame.astype(dict.fromkeys(SCORES, float))  # also where no run has a score


def _read(path: Path, run: Run) -> records.MetricsRecord:
    record = records.read(records.MetricsRecord, path)
    settings, there = json.loads(json.dumps(flatten(run))), record.training.settings
    differs = [
        f"{key} {settings.get(key)}, found {there.get(key)}"
        for key in settings.keys() | there.keys()
        if there.get(key) != settings.get(key)
    ]
    if differs:
        raise InputError(
            f"{path}: expected {'; '.join(sorted(differs))}; call snakemake again, which trains the run anew"
        )
    return record


def _check_images(results: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a table of runs that were trained on different images."""
    checksums: dict[str, str] = {}
    for row in rows:
        usual = checksums.setdefault(row["dataset"], row["images_sha256"])
        if usual != row["images_sha256"]:
            raise InputError(
                f"{results / 'runs' / row['run']}: found images with SHA-256 {row['images_sha256'][:12]}..., expected "
                f"{usual[:12]}... as in other runs on {row['dataset']}; call snakemake again, which trains on the current "
                "images"
            )


def _row(record: records.MetricsRecord, experiments: list[str], wanted: Sequence[str]) -> dict[str, Any]:
    settings, training = record.training.settings, record.training
    diverged = training.status == "diverged"
    return {
        **{key: settings.get(key) for key in ("dataset", "method", "cost", "latent_dimension", "seed")},
        **{key: settings.get(key) for key in ("iterations", "batch_size")},
        **{key: settings.get(key) for key in weights()},
        **{key: record.scores.get(key) for key in wanted if key in SCORES or key in facts.SCORES},
        **{f"{key}_trained": training.terms.get(key) for key in ("total_correlation", "dimension_wise_kl")},
        "experiments": " ".join(experiments),
        "source": training.data.source,
        "status": training.status,
        "diverged_step": training.step if diverged else None,
        "diverged_term": training.term,
        "warnings": "; ".join(f"{warning.kind} from step {warning.step}" for warning in training.warnings) or None,
        "reasons": "; ".join(f"{score}: {reason}" for score, reason in record.reasons.items()) or None,
        "finished": training.finished,
        "train_seconds": training.seconds,
        "images_per_second": training.images_per_second,
        "evaluate_seconds": record.seconds,
        "device": training.device,
        "images_sha256": training.data.images_sha256,
        **{key: training.versions.get(key) for key in ("tcwae", "torch", "commit")},
        "code": "; ".join(f"{path} {checksum}" for path, checksum in settings["code"].items()) or None,
    }
