"""Page one: which method is best at what, by how much, how certain that is, and whether it agrees with the paper. All texts."""

import math
from typing import Any

import pandas as pd

from tcwae.config.scores import PAPER, ScoreFacts
from tcwae.report import findings, paper, paper_tables
from tcwae.study import names, uncertainty
from tcwae.study.results import Results

__all__ = ["agreement", "outcomes", "summary"]

SHOWN = 12
"""Rows of the summary's figure at most."""


def outcomes(study: Results, name: str) -> list[dict[str, str]]:
    """A sentence for each score that ranks settings, among those of the experiment's own cost, with a run of the best one.

    The difference from the second best is taken seed by seed, as equal seeds saw equal batches; its interval is a bootstrap
    over seeds.
    """
    peers, runs = _peers(study, name), study.runs(name)
    by_row = {row.row: runs[(runs["row"] == row.row) & (runs["setting"] == row.setting)] for row in peers.itertuples()}
    said = []
    for key, score in ((key, study.scores[key]) for key in study.study.ranked):
        known = peers.dropna(subset=[f"{key}_mean"])
        if len(known):
            order = known.sort_values(f"{key}_mean", ascending=not score.higher_is_better, kind="stable")
            first = order.iloc[0]
            words = f"{first['name']} has {score.text(first[f'{key}_mean'])}"
            if len(order) > 1:
                words = _compared(key, score, first, order.iloc[1], by_row)
            said.append({"score": score.label, "words": words, "run": by_row[first["row"]]["run"].iloc[0]})
    for ranking in findings.ranks(study, name)[:1]:
        first, another = names.listing(ranking["first"]), ranking["another"]
        words = f"{first} over all of them; another is best in {another} of the resamples of the seeds"
        said.append({"score": "Lowest mean rank", "words": words, "run": ""})
    return said


def _peers(study: Results, name: str) -> pd.DataFrame:
    best = study.selected(name)
    return best[best["cost"] == best["cost"].iloc[0]]


def _compared(key: str, score: ScoreFacts, first: pd.Series, second: pd.Series, by_row: dict[str, pd.DataFrame]) -> str:
    """As "A has 0.30, 0.10 better than B: clear, the 95 % interval of the difference over 5 seeds is 0.08 to 0.12"."""
    ahead = abs(first[f"{key}_mean"] - second[f"{key}_mean"])
    if ahead == 0:
        return f"{first['name']} and {second['name']} are equal at {score.text(first[f'{key}_mean'])}"
    words = f"{first['name']} has {score.text(first[f'{key}_mean'])}, {score.text(ahead)} better than {second['name']}"
    firsts, seconds = (by_row[row["row"]].set_index("seed")[key] for row in (first, second))
    both = firsts.index.intersection(seconds.index)
    differences = (firsts[both] - seconds[both]).to_numpy(float) * (1 if score.higher_is_better else -1)
    low, high = uncertainty.bootstrap(differences)
    if math.isnan(low):
        return f"{words}; with one seed its uncertainty is unknown"
    verdict = "clear" if low > 0 else "not clear"
    span = f"{score.text(low)} to {score.text(high)}"
    return f"{words}: {verdict}, the 95 % interval of the difference over {len(both)} seeds is {span}"


def agreement(study: Results) -> str:
    """How many of the scores that the paper has too agree with it, and which differs most."""
    rows = paper_tables.against_the_paper(study)
    compared = [
        (abs(cell["off"]), f"{score.label} of {row['name']} on {row['data']}", cell["z"])
        for row in rows
        for score, cell in zip(PAPER.values(), row["cells"], strict=True)
        if cell["off"] is not None
    ]
    if not compared and any(cell["ours"] != paper_tables.UNKNOWN for row in rows for cell in row["cells"]):
        return "With one seed per setting, a difference from the paper's Table 1 may be chance."
    if not compared:
        return "Nothing here can be compared with the paper."
    near = sum(off <= 2 for off, _, _ in compared)
    _, which, z = max(compared)
    return (
        f"Of {names.count(len(compared), 'score')} that the paper's Table 1 has too, {near} agree with it within two standard "
        f"errors; the largest difference is that of {which} ({z} standard errors)."
    )


def summary(study: Results) -> list[dict[str, Any]]:
    """What the figure on page one shows of the first table that compares methods: a row a method, score and seed."""
    for name, experiment in study.study.experiments.items():
        if "scores_table" not in experiment.shows or not study.begun(name):
            continue
        peers, runs = _peers(study, name), study.runs(name)
        usable, rows = paper_tables.comparable(runs), []
        about = {"experiment": names.brief(experiment.title, 80) or name, "left_out": max(0, len(peers) - SHOWN)}
        for row in peers[:SHOWN].itertuples():
            printed = paper.find(row.dataset, row.method, row.cost) if usable else None
            seeds = runs[(runs["row"] == row.row) & (runs["setting"] == row.setting)]
            for key in (key for key in PAPER if key in study.scores):
                low, high = uncertainty.bootstrap(seeds[key].to_numpy(float))
                facts = about | {
                    "row": row.row,
                    "name": row.name,
                    "method": row.method,
                    "twin": int(row.twin),
                    "score": key,
                }
                facts |= {"mean": getattr(row, f"{key}_mean"), "low": low, "high": high}
                facts |= {"paper": printed.scores[key].mean if printed else math.nan}
                rows += [facts | {"value": value} for value in seeds[key]]
        if len({row["row"] for row in rows if not math.isnan(row["mean"])}) > 1:
            return rows
    return []
