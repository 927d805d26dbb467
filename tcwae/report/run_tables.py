"""All runs of a study as its report lists them, and those that diverged, are missing or gave a warning. All as texts."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import pandas as pd

from tcwae.config.run import Run, Training
from tcwae.config.runs import coefficients_of, runs, unusual
from tcwae.config.scores import ScoreFacts
from tcwae.report.paper_tables import UNKNOWN
from tcwae.study import names
from tcwae.study.results import Results

__all__ = ["remarks", "run_tables", "unscored"]


def remarks(study: Results) -> list[dict[str, str]]:
    """Runs that diverged, are missing, or gave a warning; the seeds of a setting are in one line."""
    metrics = study.metrics
    lost = metrics[metrics["status"] == "diverged"]
    warned = metrics[metrics["warnings"].notna()]
    remarks = [(row["run"], _failure(row)) for _, row in lost.iterrows()]
    remarks += [(run, "missing") for run in sorted(runs(study.study).keys() - set(metrics["run"]))]
    remarks += [(row.run, row.warnings.replace("_", " ")) for row in warned.itertuples()]
    typed, seeds = runs(study.study), {}
    for identifier, remark in remarks:
        run = typed[identifier]
        seeds.setdefault((*_place(study, run).items(), ("remark", remark)), []).append(str(run.seed))
    return [{**dict(place), "seeds": ", ".join(of_place)} for place, of_place in seeds.items()]


def unscored(study: Results) -> list[dict[str, Any]]:
    """Scores that cannot be had, with the reason and how many runs on which data it holds for."""
    runs: dict[tuple[str, str], dict[str, list[str]]] = {}
    for _, run in study.metrics.iterrows():
        data = names.dataset(run["dataset"], run["source"])
        for score, reason in study.reasons(run).items():
            runs.setdefault((data, reason), {}).setdefault(study.scores[score].label, []).append(run["run"])
    return [
        {"data": data, "reason": reason, "scores": list(scores), "runs": len(set().union(*scores.values()))}
        for (data, reason), scores in runs.items()
    ]


def _place(study: Results, run: Run) -> dict[str, str]:
    """Data, method and setting of a run for readers, without its seed."""
    return {
        "data": f"{names.dataset(run.dataset, study.study.dataset(run.dataset).source)}, {names.cost(run.cost)}",
        "method": names.method(run.method.name),
        "setting": names.setting(coefficients_of(run) | unusual(run, study.study.training)),
    }


def run_tables(study: Results) -> list[dict[str, Any]]:
    """For each data set and cost all runs, with their measures or the reason why they have none.

    Unusual settings that all runs of a table share besides coefficients are given once (`common`); iterations have a column.
    """
    typed = runs(study.study)
    return [
        _run_table(metrics, typed, study.study.training, study.scores)
        for _, metrics in study.metrics.groupby(["dataset", "source", "cost"], sort=False)
    ]


def _run_table(
    metrics: pd.DataFrame, typed: Mapping[str, Run], usual: Training, scores: Mapping[str, ScoreFacts]
) -> dict[str, Any]:
    first, all_runs = metrics.iloc[0], [typed[run] for run in metrics["run"]]
    others = [_others(run, usual) for run in all_runs]
    common = others[0] if all(other == others[0] for other in others) else {}
    texts = [names.setting(coefficients_of(run) | _others(run, usual, common)) for run in all_runs]
    return {
        "data": names.dataset(first["dataset"], first["source"]),
        "cost": names.cost(first["cost"]),
        "common": names.setting(common),
        "rows": [_run_row(row, text, scores) for (_, row), text in zip(metrics.iterrows(), texts, strict=True)],
    }


def _others(run: Run, usual: Training, common: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    """A run's unusual settings except its iterations, which have a column, and those common to all."""
    return {key: value for key, value in unusual(run, usual).items() if key != "iterations" and key not in common}


def _run_row(run: pd.Series, setting: str, scores: Mapping[str, ScoreFacts]) -> dict[str, Any]:
    measures = {"total_correlation": 2, "dimension_wise_kl": 2, "active_units": 0}
    cells = [_number(float(run[key]), score.decimals) for key, score in scores.items()]
    return {
        "run": run["run"],
        "folder": quote(f"runs/{run['run']}/"),
        "method": names.method(run["method"]),
        "setting": setting,
        "seed": int(run["seed"]),
        "iterations": f"{run['iterations']:,.0f}",
        "cells": cells,
        "measures": [_number(float(run[key]), decimals) for key, decimals in measures.items()],
        "minutes": _number(run["train_seconds"] / 60, 1),
        "failure": _failure(run) if run["status"] == "diverged" else None,
    }


def _failure(run: pd.Series) -> str:
    term = f" ({run['diverged_term'].replace('_', ' ')})" if isinstance(run.get("diverged_term"), str) else ""
    return f"diverged at step {run['diverged_step']:,.0f}{term}"


def _number(value: float, decimals: int) -> str:
    return UNKNOWN if pd.isna(value) else names.minus(f"{value:z.{decimals}f}")
