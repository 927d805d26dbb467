"""All runs of a study as its report lists them, and those that want a look: diverged, missing, or warned of. All as texts."""

from typing import Any

import pandas as pd

from tcwae.config.runs import runs
from tcwae.report.paper_tables import UNKNOWN
from tcwae.study import names
from tcwae.study.results import Results

__all__ = ["remarks", "run_tables"]


def remarks(study: Results) -> list[dict[str, str]]:
    """Runs that diverged, are missing, or whose training warned of something; the seeds of a setting in one line."""
    metrics = study.metrics
    lost = metrics[metrics["status"] == "diverged"]
    warned = metrics[metrics["warnings"].notna()]
    found = [(row["run"], _failure(row)) for _, row in lost.iterrows()]
    found += [(run, "missing") for run in sorted(runs(study.study).keys() - set(metrics["run"]))]
    found += [(row.run, row.warnings.replace("_", " ")) for row in warned.itertuples()]
    seeds: dict[tuple[str, str], list[str]] = {}
    for run, what in found:
        setting, seed = run.rsplit("/seed=", 1)
        seeds.setdefault((setting, what), []).append(seed)
    return [{**_place(study, setting), "seeds": ", ".join(its), "what": what} for (setting, what), its in seeds.items()]


def _place(study: Results, setting: str) -> dict[str, str]:
    """The parts of a run's id without its seed, for readers."""
    dataset, method, cost, coefficients = setting.split("/")
    return {
        "data": f"{names.dataset(dataset, study.study.dataset(dataset).source)}, {names.COSTS[cost]}",
        "method": names.METHODS[method],
        "setting": names.setting(coefficients),
    }


def run_tables(metrics: pd.DataFrame) -> list[dict[str, Any]]:
    """For each data set and cost all runs, with their measures or why they have none.

    What all settings of a table have unusual besides their coefficients is said once (`common`); iterations have a column.
    """
    return [_run_table(its) for _, its in metrics.groupby(["dataset", "source", "cost"], sort=False)]


def _run_table(its: pd.DataFrame) -> dict[str, Any]:
    first, texts = its.iloc[0], its["setting"].str.replace(r",?\biterations=\d+", "", regex=True)
    common = names.parts(texts.iloc[0])[1]
    if texts.map(lambda text: names.parts(text)[1] == common).all():
        texts = texts.map(lambda text: names.parts(text)[0])
    else:
        common = ""
    return {
        "data": names.dataset(first["dataset"], first["source"]),
        "cost": names.COSTS[first["cost"]],
        "common": names.setting(common),
        "rows": [_run_row(row, text) for (_, row), text in zip(its.iterrows(), texts, strict=True)],
    }


def _run_row(run: pd.Series, setting: str) -> dict[str, Any]:
    measures = {"total_correlation": 2, "dimension_wise_kl": 2, "active_units": 0}
    cells = [_number(float(run[key]), score.decimals) for key, score in names.SCORES.items()]
    cells += [_number(float(run[key]), decimals) for key, decimals in measures.items()]
    return {
        "method": names.METHODS[run["method"]],
        "setting": names.setting(setting),
        "seed": int(run["seed"]),
        "iterations": f"{run['iterations']:,.0f}",
        "cells": cells,
        "minutes": _number(run["train_seconds"] / 60, 1),
        "failure": _failure(run) if run["status"] == "diverged" else None,
    }


def _failure(run: pd.Series) -> str:
    term = f" ({run['diverged_term'].replace('_', ' ')})" if isinstance(run.get("diverged_term"), str) else ""
    return f"diverged at step {run['diverged_step']:,.0f}{term}"


def _number(value: float, decimals: int) -> str:
    return UNKNOWN if pd.isna(value) else names.minus(f"{value:z.{decimals}f}")
