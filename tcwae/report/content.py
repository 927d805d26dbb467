"""The content of a study's report: every number is already a text with the right decimals.

`contents` is the report.json that the typst template reads; its keys are the template's names.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tcwae.config.experiment import Experiment
from tcwae.config.figures import FIGURES
from tcwae.config.methods import METHODS
from tcwae.config.run import Run
from tcwae.config.runs import chosen, experiment_runs, left_out, runs, unusual
from tcwae.config.scores import PAPER, ScoreFacts
from tcwae.errors import InputError
from tcwae.figures.plot import KINDS, silence
from tcwae.report import answers, findings, paper, paper_tables, provenance, run_tables
from tcwae.report.paper_tables import UNKNOWN
from tcwae.report.published import beside_published
from tcwae.study import names
from tcwae.study.results import Results

__all__ = ["contents", "finished"]

BEYOND = {
    "deviations": ("deviations", findings.departures),
    "estimators": ("kl_estimators", findings.estimators),
    "fronts": ("pareto", findings.fronts),
}
"""Findings beside the figures that go beyond the paper: their key, the figure's kind, and the function that makes them."""

CALLED = 80
"""Letters of a title at most where it is not the section's own."""

Intervals = dict[tuple[str, str], list[str]]


def contents(study: Results, *, partial: bool = False) -> dict[str, Any]:
    """All that the template shows, as texts, lists and counts; a `partial` report names the figures that are not drawn."""
    metrics, date = study.metrics, finished(study.metrics)
    return {
        "study": study.study.study,
        "date": f"{date.day} {date:%B %Y}" if date else None,
        "data": _distinct(names.dataset(*pair) for pair in zip(metrics["dataset"], metrics["source"], strict=True)),
        "methods": [_method(name) for name in dict.fromkeys(metrics["method"])],
        "runs": _count(metrics),
        "iterations": _span(metrics["iterations"]),
        "budget": _budget(int(metrics["iterations"].max())),
        "paper": {
            "iterations": f"{paper.ITERATIONS:,}",
            "seeds": paper.SEEDS,
            "scores": [_score(score) for score in PAPER.values()],
        },
        "scores": [_score(score) for score in study.scores.values()],
        "ranked": [_score(study.scores[key]) for key in study.study.ranked],
        "experiments": [_experiment(study, name, partial) for name in study.study.experiments if study.begun(name)],
        "against": paper_tables.against_the_paper(study),
        "published": beside_published(study, partial),
        "factors": paper_tables.factors(dict.fromkeys(metrics["dataset"])),
        "networks": paper_tables.networks(study),
        "discriminator": paper_tables.discriminator_optimiser(study),
        "gammas": paper_tables.gammas(study),
        "latents": paper_tables.latents(study),
        "missing": len(runs(study.study).keys() - set(metrics["run"])),
        "agreement": answers.agreement(study),
        "summary": answers.summary(study),
        "remarks": run_tables.remarks(study),
        "unscored": run_tables.unscored(study),
        "left_out": _left_out(study),
        "run_tables": run_tables.run_tables(study),
        "versions": provenance.versions(metrics),
        "provenance": [*provenance.versions(metrics), *provenance.costs(metrics), *provenance.checksums(metrics)],
        "configuration": provenance.configuration(study.study),
    }


def _left_out(study: Results) -> list[dict[str, Any]]:
    """Rows that were asked for and cannot be run, as no setting of the grid that they select from has finished."""
    asked = study.asked
    tables = {name: study.folder / "selection" / f"{name}.csv" for name in asked.experiments}
    lost = left_out(asked, {name: chosen(table) for name, table in tables.items() if table.exists()})
    return [
        {
            "experiment": _title(name, asked.experiments[name]),
            "rows": [names.called(asked.experiments[name].methods[row], asked.experiments[name].cost) for row in rows],
        }
        for name, rows in lost.items()
    ]


def _title(name: str, experiment: Experiment) -> str:
    return " ".join(experiment.title.split()) or name


def _score(score: ScoreFacts) -> dict[str, str]:
    return {"name": score.label, "arrow": score.arrow, "meaning": score.meaning or "a score of the study's own code"}


def _method(name: str) -> dict[str, str]:
    facts = METHODS[name]
    return {"label": facts.label, "formula": facts.formula, "source": facts.source}


def finished(metrics: pd.DataFrame) -> datetime | None:
    """When the newest training ended."""
    newest = pd.to_datetime(metrics["finished"], format="ISO8601", utc=True, errors="coerce").max()
    return None if pd.isna(newest) else newest.to_pydatetime()


def _budget(iterations: int) -> dict[str, Any]:
    """Iterations in per cent of the paper's, and whether they are fewer, or less than a tenth."""
    share = iterations / paper.ITERATIONS
    return {"percent": f"{100 * share:.2g}", "smaller": bool(share < 1), "small": bool(share < 0.1)}


def _count(runs: pd.DataFrame) -> dict[str, int]:
    return {
        "total": len(runs),
        **{status: int((runs["status"] == status).sum()) for status in ("finished", "diverged")},
    }


def _experiment(study: Results, name: str, partial: bool) -> dict[str, Any]:
    """One experiment: what was run, the table of scores, the best methods, its figures, and all its settings."""
    experiment, runs, best = study.experiment(name), study.runs(name), study.selected(name)
    comparable = paper_tables.comparable(runs)
    table, figures = "scores_table" in experiment.shows, _figures(study, name)
    drawn = [
        figure
        for figure in figures
        if not figure["silent"] and (not partial or (study.folder / figure["path"]).exists())
    ]
    beyond = _beyond(study, name, drawn)
    shown = [figure for figure in drawn if not figure["silent"]]
    sure, first = paper_tables.intervals(study, name), runs.groupby(["row", "setting"])["run"].first()
    return {
        "title": _title(name, experiment),
        "called": names.brief(experiment.title, CALLED) or name,
        "data": _distinct(names.dataset(*pair) for pair in zip(runs["dataset"], runs["source"], strict=True)),
        "cost": names.cost(experiment.cost),
        "runs": _count(runs.drop_duplicates("run")),
        "unscored": int(runs.drop_duplicates("run")["reasons"].notna().sum()),
        "missing": len(experiment_runs(study.study, name).keys() - set(study.metrics["run"])),
        "seeds": _span(runs.groupby(["row", "setting"])["seed"].nunique()),
        "iterations": _span(runs["iterations"]),
        "batch_size": _span(runs["batch_size"]),
        "common": _common(study, runs, study.typed(name)),
        "table": _score_table(study, best, sure, first, comparable) if table else [],
        "outcomes": answers.outcomes(study, name) if table else [],
        "ranks": findings.ranks(study, name) if table else [],
        "rules": findings.rules(study, name) if table else None,
        **beyond,
        "figures": shown,
        "undrawn": [figure["title"] for figure in figures if figure not in shown and not figure["silent"]],
        "silent": _silent(figures),
        "unread": {figure["kind"]: figure["silent"] for figure in drawn if figure["silent"]},
        "settings": [_setting_row(study, row, sure, first) for _, row in study.settings(name).iterrows()],
    }


def _common(study: Results, runs: pd.DataFrame, typed: Mapping[tuple[str, str], Run]) -> list[dict[str, Any]]:
    """Unusual settings that all runs of some rows share, besides those of the experiment; `rows` is empty if all rows do."""
    rows = runs.drop_duplicates("row")
    texts = [_unusual(study, typed[row.row, row.setting]) if row.common else "" for row in rows.itertuples()]
    return [
        {"rows": [] if len(group) == len(rows) else group["name"].tolist(), "text": text}
        for text, group in rows.groupby(np.array(texts, object), sort=False)
        if text
    ]


def _unusual(study: Results, run: Run) -> str:
    shown = unusual(run, study.study.training)
    return names.setting({key: value for key, value in shown.items() if key not in ("iterations", "batch_size")})


def _figures(study: Results, name: str) -> list[dict[str, Any]]:
    """The experiment's figures, each with the number of runs behind it."""
    behind = {
        kind: module.runs(study, name).drop_duplicates("run")
        for kind, module in KINDS.items()
        if kind in study.experiment(name).shows
    }
    return [
        {
            "kind": kind,
            **FIGURES[kind]._asdict(),
            "path": f"figures/{name}-{kind}.pdf",
            "pages": _pages(study.folder / f"figures/{name}-{kind}.pdf"),
            "silent": silence(study, name, kind),
            "runs": _count(runs),
            "run": runs["run"].iloc[0] if len(runs) else "",
        }
        for kind, runs in behind.items()
    ]


def _beyond(study: Results, name: str, figures: list[dict[str, Any]]) -> dict[str, Any]:
    """What is said beside the figures that are not the paper's; one whose table is damaged becomes silent."""
    found: dict[str, Any] = {}
    for key, (kind, texts) in BEYOND.items():
        for figure in (figure for figure in figures if figure["kind"] == kind):
            try:
                found[key] = texts(study, name)
            except InputError as error:
                figure["silent"] = str(error).replace(f"{study.folder}/", "")
    return dict.fromkeys(BEYOND) | found


def _silent(figures: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Why figures have nothing to show, each reason once with their titles."""
    reasons = _distinct(figure["silent"] for figure in figures if figure["silent"])
    return [
        {"reason": reason, "titles": [figure["title"] for figure in figures if figure["silent"] == reason]}
        for reason in reasons
    ]


def _pages(path: Path) -> int:
    """The number of a figure's pages; 1 if it is not drawn or damaged, which typesetting reports."""
    return max(1, len(re.findall(rb"/Type /Page\b", path.read_bytes()))) if path.exists() else 1


def _score_table(
    study: Results, best: pd.DataFrame, sure: Intervals, first_run: pd.Series, comparable: bool
) -> list[dict[str, Any]]:
    """A line for each row: its selected setting's mean and sd over seeds, and the paper's, once for each method and cost.

    The best mean of each score is marked, among the rows of the same cost.
    """
    rows = []
    for _, row in best.iterrows():
        peers = best[best["cost"] == row["cost"]]
        first = peers.loc[peers["method"] == row["method"], "row"].iloc[0] == row["row"]
        printed = paper.find(row["dataset"], row["method"], row["cost"]) if comparable and first else None
        rows.append(
            {
                **_setting_row(study, row, sure, first_run),
                "best": [
                    bool(row[f"{key}_mean"] == score.best(peers[f"{key}_mean"])) for key, score in study.scores.items()
                ],
                "paper": printed
                and {
                    "table": printed.table,
                    "setting": names.setting(printed.setting),
                    "cells": [printed.scores[key].text if key in printed.scores else UNKNOWN for key in study.scores],
                },
            }
        )
    return rows


def _setting_row(study: Results, row: pd.Series, sure: Intervals, first: pd.Series) -> dict[str, Any]:
    """A setting with its scores, their intervals, its ranks among those of its row, and how many of its seeds finished.

    `run` is the first of its runs, to which the report links.
    """
    return {
        "run": first[row["row"], row["setting"]],
        "method": row["name"],
        "setting": row["shown"],
        "seeds": f"{row['seeds'] - row['diverged']} of {row['seeds']}" if row["diverged"] else f"{row['seeds']}",
        "cells": [_mean_sd(row, key, score) for key, score in study.scores.items()],
        "intervals": sure[row["row"], row["setting"]],
        "ranks": ["" if pd.isna(row[f"rank_{key}"]) else f"{row[f'rank_{key}']:g}" for key in study.scores],
        "udr": UNKNOWN if pd.isna(row["udr_mean"]) else f"{row['udr_mean']:.3f}",
        "mean_rank": UNKNOWN if pd.isna(row["mean_rank"]) else f"{row['mean_rank']:.2f}",
        "selected": bool(row["selected"]),
    }


def _mean_sd(row: pd.Series, key: str, score: ScoreFacts) -> str:
    """As "0.36 ± 0.04"; without the second part for one seed; a dash where there is no number."""
    mean, sd = row[f"{key}_mean"], row[f"{key}_sd"]
    if pd.isna(mean):
        return UNKNOWN
    return score.text(mean) if pd.isna(sd) else f"{score.text(mean)} ± {score.text(sd)}".replace(" ", names.NO_BREAK)


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _span(values: pd.Series) -> str:
    """As "2,000", or "300 to 2,000" where they differ."""
    low, high = f"{values.min():,.0f}", f"{values.max():,.0f}"
    return low if low == high else f"{low} to {high}"
