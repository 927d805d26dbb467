"""What a study's report says: every number already a text with the right decimals.

`contents` is the report.json that the typst template reads; its keys are the template's names.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import pandas as pd

from tcwae import paper
from tcwae.figures import KINDS, names
from tcwae.figures.results import Results
from tcwae.study import experiment_runs, runs

__all__ = ["contents", "finished"]

COMPARABLE = {("dsprites", "real"), ("dsprites", "rendered"), ("smallnorb", "real")}
"""Data on which the paper's numbers can be held against ours: dSprites rendered here is the real set but for a few pixels
in a million."""

UNKNOWN = "—"


def contents(study: Results) -> dict[str, Any]:
    """All that the template shows, as texts, lists and numbers of things."""
    metrics, date = study.metrics, finished(study.metrics)
    return {
        "study": study.study.study,
        "date": f"{date.day} {date:%B %Y}" if date else None,
        "data": _distinct(names.dataset(*pair) for pair in zip(metrics["dataset"], metrics["source"], strict=True)),
        "methods": list(dict.fromkeys(metrics["method"])),
        "runs": _count(metrics),
        "iterations": _span(metrics["iterations"]),
        "budget": _budget(int(metrics["iterations"].max())),
        "paper": {"iterations": f"{paper.ITERATIONS:,}", "seeds": paper.SEEDS},
        "scores": [{"name": score.name, "arrow": score.arrow} for score in names.SCORES.values()],
        "experiments": [_experiment(study, name) for name in study.study.experiments],
        "missing": sorted(runs(study.study).keys() - set(metrics["run"])),
        "run_tables": [_run_table(its) for _, its in metrics.groupby(["dataset", "source", "cost"], sort=False)],
        "versions": _versions(metrics),
        "provenance": [*_versions(metrics), *_costs(metrics), *_checksums(metrics)],
        "configuration": _yaml(study.study.model_dump(mode="json")),
    }


def finished(metrics: pd.DataFrame) -> datetime | None:
    """When the newest training ended, where metrics.csv says it."""
    if "finished" not in metrics:
        return None
    newest = pd.to_datetime(metrics["finished"], format="ISO8601", utc=True, errors="coerce").max()
    return None if pd.isna(newest) else newest.to_pydatetime()


def _budget(iterations: int) -> dict[str, Any]:
    """Iterations in per cent of the paper's, and whether they are fewer, or less than a tenth."""
    share = iterations / paper.ITERATIONS
    return {"percent": f"{100 * share:.2g}", "smaller": bool(share < 1), "small": bool(share < 0.1)}


def _count(its: pd.DataFrame) -> dict[str, int]:
    return {
        "total": len(its),
        **{status: int((its["status"] == status).sum()) for status in ("finished", "diverged")},
    }


def _experiment(study: Results, name: str) -> dict[str, Any]:
    """One experiment: what was run, the table of scores, who came out best, its figures, and all its settings."""
    experiment, its, best = study.experiment(name), study.runs(name), _selected(study, name)
    comparable = set(zip(its["dataset"], its["source"], strict=True)) <= COMPARABLE
    table = "scores_table" in experiment.shows
    return {
        "title": experiment.title or name,
        "data": _distinct(names.dataset(*pair) for pair in zip(its["dataset"], its["source"], strict=True)),
        "cost": names.COSTS[experiment.cost],
        "runs": _count(its),
        "missing": len(experiment_runs(study.study, name).keys() - set(study.metrics["run"])),
        "seeds": _span(its.groupby(["method", "setting"])["seed"].nunique()),
        "iterations": _span(its["iterations"]),
        "batch_size": _span(its["batch_size"]),
        "table": _score_table(best, comparable) if table else [],
        "winners": _winners(best) if table and len(best) > 1 else [],
        "figures": _figures(study, name),
        "settings": [_setting_row(row) for _, row in study.settings(name).iterrows()],
    }


def _selected(study: Results, name: str) -> pd.DataFrame:
    """The selected setting of each method, also of one of which no run finished."""
    settings = study.settings(name)
    return settings[settings["selected"]]


def _figures(study: Results, name: str) -> list[dict[str, Any]]:
    """The experiment's figures, each with the number of runs behind it."""
    return [
        {
            "kind": kind,
            "path": f"figures/{name}-{kind}.pdf",
            "methods": [names.METHODS[method] for method in study.best(name)["method"]],
            "runs": _count(module.runs(study, name)),
        }
        for kind, module in KINDS.items()
        if kind in study.experiment(name).shows
    ]


def _score_table(best: pd.DataFrame, comparable: bool) -> list[dict[str, Any]]:
    """A row a method: its selected setting's mean and sd over seeds, the best mean of each score marked, and the paper's."""
    rows = []
    for _, row in best.iterrows():
        printed = paper.find(row["dataset"], row["method"], row["cost"]) if comparable else None
        rows.append(
            {
                **_setting_row(row),
                "best": [
                    bool(row[f"{key}_mean"] == score.best(best[f"{key}_mean"])) for key, score in names.SCORES.items()
                ],
                "paper": printed
                and {
                    "table": printed.table,
                    "setting": names.setting(printed.setting),
                    "cells": [printed.scores[key].text for key in names.SCORES],
                },
            }
        )
    return rows


def _winners(best: pd.DataFrame) -> list[dict[str, Any]]:
    """For each score the method, or the methods, with the best mean."""
    winners = []
    for key, score in names.SCORES.items():
        first = best[best[f"{key}_mean"] == score.best(best[f"{key}_mean"])]
        if len(first):
            winners.append(
                {
                    "score": score.name,
                    "methods": [names.METHODS[method] for method in first["method"]],
                    "text": _mean_sd(first.iloc[0], key),
                }
            )
    return winners


def _setting_row(row: pd.Series) -> dict[str, Any]:
    """A setting with its scores, its ranks among the settings of its method, and how many of its seeds finished."""
    return {
        "method": names.METHODS[row["method"]],
        "setting": names.setting(row["setting"]),
        "seeds": f"{row['seeds'] - row['diverged']} of {row['seeds']}" if row["diverged"] else f"{row['seeds']}",
        "cells": [_mean_sd(row, key) for key in names.SCORES],
        "ranks": [f"{row[f'rank_{key}']:g}" for key in names.SCORES],
        "mean_rank": f"{row['mean_rank']:.2f}",
        "selected": bool(row["selected"]),
    }


def _mean_sd(row: pd.Series, key: str) -> str:
    """As "0.36 ± 0.04"; without the second part for one seed; a dash where there is no number."""
    score, mean, sd = names.SCORES[key], row[f"{key}_mean"], row[f"{key}_sd"]
    if pd.isna(mean):
        return UNKNOWN
    return score.text(mean) if pd.isna(sd) else f"{score.text(mean)} ± {score.text(sd)}".replace(" ", names.NO_BREAK)


def _run_table(its: pd.DataFrame) -> dict[str, Any]:
    """All runs of one data set and cost, each with its measures or why it has none."""
    first = its.iloc[0]
    return {
        "data": names.dataset(first["dataset"], first["source"]),
        "cost": names.COSTS[first["cost"]],
        "rows": [_run_row(row) for _, row in its.iterrows()],
    }


def _run_row(run: pd.Series) -> dict[str, Any]:
    measures = {"total_correlation": 2, "dimension_wise_kl": 2, "active_units": 0}
    cells = [_number(float(run[key]), score.decimals) for key, score in names.SCORES.items()]
    cells += [_number(float(run[key]), decimals) for key, decimals in measures.items()]
    failure = None
    if run["status"] == "diverged":
        term = f" ({run['diverged_term'].replace('_', ' ')})" if isinstance(run.get("diverged_term"), str) else ""
        failure = f"diverged at step {run['diverged_step']:,.0f}{term}"
    return {
        "method": names.METHODS[run["method"]],
        "setting": names.setting(run["setting"]),
        "seed": int(run["seed"]),
        "iterations": f"{run['iterations']:,.0f}",
        "batch_size": f"{run['batch_size']:,.0f}",
        "cells": cells,
        "minutes": _number(run["train_seconds"] / 60, 1),
        "failure": failure,
    }


def _number(value: float, decimals: int) -> str:
    return UNKNOWN if pd.isna(value) else names.minus(f"{value:.{decimals}f}")


def _versions(metrics: pd.DataFrame) -> list[list[str]]:
    """Pairs of a label and a text: what the runs were made with."""
    columns = {"tcwae": "tcwae", "commit": "Commit", "torch": "PyTorch", "device": "Device"}
    return [[label, _tally(metrics[column])] for column, label in columns.items() if column in metrics]


def _costs(metrics: pd.DataFrame) -> list[list[str]]:
    """Pairs of a label and a text: hours."""
    columns = {"train_seconds": "Training time", "evaluate_seconds": "Evaluation time"}
    return [
        [label, f"{metrics[column].sum() / 3600:.2f} hours in all, the runs one after the other"]
        for column, label in columns.items()
        if column in metrics
    ]


def _checksums(metrics: pd.DataFrame) -> list[list[str]]:
    """Pairs of a data set and the SHA-256 of its images, where metrics.csv says it."""
    if "images_sha256" not in metrics:
        return []
    known = metrics.dropna(subset="images_sha256").groupby(["dataset", "source"], sort=False)["images_sha256"].unique()
    return [[names.dataset(*pair), f"images with SHA-256 {', '.join(checksums)}"] for pair, checksums in known.items()]


def _tally(values: pd.Series) -> str:
    """A value, or several with the number of runs that have each."""
    counts = values.astype(object).where(values.notna(), "unknown").value_counts(sort=False)
    return "; ".join(str(key) if len(counts) == 1 else f"{key} ({names.count(n, 'run')})" for key, n in counts.items())


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _span(values: pd.Series) -> str:
    """As "2,000", or "300 to 2,000" where they differ."""
    low, high = f"{values.min():,.0f}", f"{values.max():,.0f}"
    return low if low == high else f"{low} to {high}"


def _yaml(values: dict[str, Any], indent: str = "") -> str:
    """Nested settings as lines, lists in brackets; what is not set is left out."""
    lines = []
    for key, value in values.items():
        if isinstance(value, dict) and value:
            lines += [f"{indent}{key}:", _yaml(value, indent + "  ")]
        elif value not in (None, {}, [], ""):
            lines.append(f"{indent}{key}: {_plain(value)}")
    return "\n".join(lines)


def _plain(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_plain, value))}]"
    return f"{value:.12g}" if isinstance(value, float) else str(value)
