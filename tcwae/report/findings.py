"""Findings that go beyond the paper, as texts: departures, estimators, ranks by other seeds and rules, fronts.

Numbers of a figure are read from the table beside it, not computed again.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from tcwae.config.methods import METHODS
from tcwae.config.scores import PAPER, facts
from tcwae.figures import deviations, kl_estimators, pareto
from tcwae.report.paper_tables import UNKNOWN
from tcwae.study import names, uncertainty
from tcwae.study.results import Results
from tcwae.study.select import UDR, rank

__all__ = ["departures", "estimators", "fronts", "ranks", "rules"]

SHOWN_SIZES = (256, 4096)
"""Batch sizes in the table of estimators: the paper's, and the largest."""


def _kinds(columns: Sequence[str], *numbers: str) -> tuple[list[str], tuple[str, ...]]:
    """The columns of text, and those of numbers."""
    return [column for column in columns if column not in numbers], numbers


def departures(study: Results, name: str) -> dict[str, Any]:
    """For each departure the mean difference of each score with its interval, also in words; and how many exclude zero."""
    pairs = study.drawn(name, "deviations", *_kinds(deviations.COLUMNS, "seed", "default", "deviating", "difference"))
    table, first = deviations.summary(pairs), deviations.first_runs(study, name)
    known = table.dropna(subset=["low", "high"])
    return {
        "intervals": len(known),
        "clear": int((known["low"] * known["high"] > 0).sum()),
        "chance": f"{(1 - deviations.CONFIDENCE) * len(known):.1f}",
        "rows": [
            {
                "method": names.method(method),
                "deviation": deviation,
                "run": first.get((method, deviation)) or first.get((method, None), ""),
                "pairs": int(rows["size"].max()),
                "cells": [_difference(rows.set_index("score"), key) for key in PAPER],
                "words": _in_words(rows.set_index("score")),
            }
            for (method, deviation), rows in table.groupby(["method", "deviation"], sort=False)
        ],
    }


def _difference(rows: pd.DataFrame, key: str) -> dict[str, str]:
    """A mean difference and its interval, both as texts; a dash if the departure does not affect the score."""
    if key not in rows.index:
        return {"mean": UNKNOWN, "interval": ""}
    mean, low, high = (names.minus(f"{rows[column][key]:+.3f}") for column in ("mean", "low", "high"))
    return {
        "mean": mean,
        "interval": "" if pd.isna(rows["low"][key]) else f"{low} to {high}".replace(" ", names.NO_BREAK),
    }


def _in_words(rows: pd.DataFrame) -> str:
    """Which scores the departure moves, and which it does not move significantly (the interval includes zero)."""
    keys, pairs = [key for key in PAPER if key in rows.index], int(rows["size"].max())
    if pairs < 2:
        return "one pair of runs, too few to tell."
    clear = [key for key in keys if rows["low"][key] * rows["high"][key] > 0]
    moved = []
    for key in clear:
        score, mean = PAPER[key], rows["mean"][key]
        good = "better" if (mean > 0) == score.higher_is_better else "worse"
        moved.append(f"{score.label} {'rises' if mean > 0 else 'falls'} by {abs(mean):.2g} ({good})")
    kept = names.listing([PAPER[key].label for key in keys if key not in clear])
    parts = [names.listing(moved)] if moved else []
    parts += [f"{kept}: no significant difference in {pairs} pairs"] if kept else []
    return "; ".join(parts) + "."


def estimators(study: Results, name: str) -> dict[str, Any]:
    """Both terms of each best run by each estimator at some sizes of the batch, and how far each is off at the smallest."""
    table = study.drawn(name, "kl_estimators", *_kinds(kl_estimators.COLUMNS, "size", "repeat", *kl_estimators.TERMS))
    kinds = [kind for kind in kl_estimators.ESTIMATORS if kind != "large sample"]
    truth = table[table["estimator"] == "large sample"].groupby("row")[[*kl_estimators.TERMS]].mean()
    means = table.groupby(["row", "size", "estimator"], sort=False)[[*kl_estimators.TERMS]].mean()
    sizes = [size for size in SHOWN_SIZES if size in set(table["size"])]
    rows = [
        {
            "name": first.name,
            "run": first.run,
            "size": f"{size:,}",
            "terms": [
                [_nats(means[term][first.row, size, kind]) for kind in kinds] + [_nats(truth[term][first.row])]
                for term in kl_estimators.TERMS
            ],
        }
        for first in table.drop_duplicates("row").itertuples()
        for size in sizes
    ]
    return {
        "kinds": [*kinds, "large sample"],
        "rows": rows,
        "errors": _errors(means, truth, kinds, sizes[0]) if sizes else [],
        "size": f"{sizes[0]:,}" if sizes else "",
    }


def _errors(means: pd.DataFrame, truth: pd.DataFrame, kinds: list[str], size: int) -> list[dict[str, str]]:
    """For each estimator the least and the largest difference of the total correlation to the large-sample value."""
    errors = []
    for kind in kinds:
        off = means["total_correlation"].xs((size, kind), level=("size", "estimator")) - truth["total_correlation"]
        low, high = (names.minus(f"{value:+.1f}") for value in (off.min(), off.max()))
        errors.append({"kind": kind, "off": low if low == high else f"{low} to {high}"})
    return errors


def _nats(value: float) -> str:
    return names.minus(f"{value:.2f}")


def ranks(study: Results, name: str) -> list[dict[str, Any]]:
    """For each cost the ranks of the selected settings, with intervals over resampled seeds, and how often another is best."""
    runs, best = study.runs(name), study.selected(name)
    by_row = {row.row: runs[(runs["row"] == row.row) & (runs["setting"] == row.setting)] for row in best.itertuples()}
    tables = []
    for cost, peers in best.groupby("cost", sort=False):
        whole = {row: by_row[row] for row in peers["row"] if (by_row[row]["status"] == "finished").all()}
        several = len(whole) > 1 and max(map(len, whole.values())) > 1
        if not several or peers[[f"{key}_mean" for key in study.study.scores]].isna().all(axis=None):
            continue
        table = uncertainty.ranks(whole, study.study.ranked)
        first = table.index[table["mean_rank"] == table["mean_rank"].min()]
        called = peers.set_index("row")["name"]
        tables.append(
            {
                "cost": names.cost(cost),
                "rows": [
                    {"run": by_row[row]["run"].iloc[0], **_rank_row(called[row], line, study.study.ranked)}
                    for row, line in table.iterrows()
                ],
                "first": [called[row] for row in first],
                "another": f"{100 * (1 - table.loc[first, 'best'].sum()):.0f} %",
                "lost": [called[row] for row in peers["row"] if row not in whole],
            }
        )
    return tables


def _rank_row(name: str, line: pd.Series, ranked: Sequence[str]) -> dict[str, Any]:
    cells = []
    for key in (*(f"rank_{score}" for score in ranked), "mean_rank"):
        if pd.isna(line[key]):
            cells.append({"value": UNKNOWN, "interval": ""})
            continue
        value, low, high = (f"{line[column]:.3g}" for column in (key, f"{key}_low", f"{key}_high"))
        cells.append(
            {"value": value, "interval": low if low == high else f"{low} to {high}".replace(" ", names.NO_BREAK)}
        )
    return {"method": name, "cells": cells, "best": f"{100 * line['best']:.0f} %"}


def rules(study: Results, name: str) -> dict[str, Any] | None:
    """The settings that other rules would select for each row with several settings, and the effect on the table of scores.

    For the rows of the experiment's own cost: which has the lowest mean rank by each rule, and the range of its scores.
    """
    settings = study.settings(name)
    settings = settings[settings["cost"] == settings["cost"].iloc[0]]
    by_row = {
        row: candidates
        for row, candidates in settings.groupby("row", sort=False)
        if candidates["log_reconstruction_mean"].notna().any()
    }
    several = {row: candidates for row, candidates in by_row.items() if len(candidates) > 1}
    if not several:
        return None
    ranked = study.study.ranked
    known = [score for score in ranked if settings[f"{score}_mean"].notna().any()]
    chosen = {row: uncertainty.selections(candidates, known) for row, candidates in by_row.items()}
    tables = {rule: _table_by(rule, by_row, chosen, ranked) for rule in uncertainty.rules(known)}
    shown = settings.set_index(["row", "setting"])["shown"]
    run = study.runs(name).groupby(["row", "setting"])["run"].first()
    usual = next(iter(tables))

    def taken(row: str, rule: str) -> dict[str, Any]:
        setting = chosen[row][rule]
        return {"shown": shown[row, setting], "same": setting == chosen[row][usual], "run": run[row, setting]}

    return {
        "rules": [
            {"rule": rule, "best": table.loc[table["mean_rank"] == table["mean_rank"].min(), "name"].tolist()}
            for rule, table in tables.items()
        ],
        "rows": [
            {
                "method": candidates["name"].iloc[0],
                "settings": [taken(row, rule) for rule in tables],
                "cells": [_range(tables, row, key) for key in ranked],
            }
            for row, candidates in several.items()
        ],
    }


def _table_by(
    rule: str, by_row: dict[str, pd.DataFrame], chosen: dict[str, dict[str, str]], ranked: Sequence[str]
) -> pd.DataFrame:
    """The setting of each row that a rule selects, with its mean rank among those of the others."""
    taken = pd.concat(
        [candidates[candidates["setting"] == chosen[row][rule]] for row, candidates in by_row.items()]
    ).set_index("row")
    scores = taken[[f"{score}_mean" for score in (*ranked, UDR)]]
    ranks = rank(scores.rename(columns=lambda column: column.removesuffix("_mean")), ranked)
    return taken.assign(mean_rank=ranks["mean_rank"])


def _range(tables: dict[str, pd.DataFrame], row: str, key: str) -> dict[str, str]:
    """A score by the first rule, and its lowest and highest value by any."""
    score, values = facts(key), [table.loc[row, f"{key}_mean"] for table in tables.values()]
    if all(map(pd.isna, values)):
        return {"value": UNKNOWN, "interval": ""}
    low, high = score.text(min(values)), score.text(max(values))
    return {
        "value": score.text(values[0]),
        "interval": low if low == high else f"{low} to {high}".replace(" ", names.NO_BREAK),
    }


def fronts(study: Results, name: str) -> dict[str, Any] | None:
    """By method the share of levels of reconstruction at which it has the best run, for each score.

    None where there is nothing to compare: one method, or data without factors.
    """
    runs = study.drawn(name, "pareto", *_kinds(pareto.COLUMNS, "seed", "log_reconstruction", *study.study.scores))
    counts, first = runs["method"].value_counts(sort=False), runs.groupby("method")["run"].first()
    keys = [key for key in study.study.scores if runs[key].notna().all()]
    if len(counts) < 2 or not keys:
        return None
    shares = {key: pareto.shares(runs, key) for key in keys}
    return {
        "scores": [facts(key).label for key in keys],
        "levels": len(pareto.levels(runs)),
        "rows": [
            {
                "method": names.method(method),
                "run": first[method],
                "runs": int(counts[method]),
                "cells": [f"{100 * shares[key][method]:.0f} %" for key in keys],
            }
            for method in METHODS
            if method in counts
        ],
        "winners": [
            {
                "score": facts(key).label,
                "methods": [
                    names.method(method) for method, share in by_method.items() if share == max(by_method.values())
                ],
                "share": f"{100 * max(by_method.values()):.0f} %",
            }
            for key, by_method in shares.items()
        ],
    }
