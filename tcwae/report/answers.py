"""What page one says: who is best at what, by how much and how sure, and whether that agrees with the paper. All as texts."""

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

    The difference to the second is that of equal seeds, which saw equal batches; its interval is bootstrapped over them.
    """
    peers, runs = _peers(study, name), study.runs(name)
    own = {row.row: runs[(runs["row"] == row.row) & (runs["setting"] == row.setting)] for row in peers.itertuples()}
    said = []
    for key, score in ((key, study.scores[key]) for key in study.study.ranked):
        known = peers.dropna(subset=[f"{key}_mean"])
        if len(known):
            order = known.sort_values(f"{key}_mean", ascending=not score.higher_is_better, kind="stable")
            first = order.iloc[0]
            words = f"{first['name']} has {score.text(first[f'{key}_mean'])}"
            if len(order) > 1:
                words = _compared(key, score, first, order.iloc[1], own)
            said.append({"score": score.label, "words": words, "run": own[first["row"]]["run"].iloc[0]})
    for told in findings.ranks(study, name)[:1]:
        words = f"{names.listing(told['first'])} over all of them; with other seeds another in {told['another']} of the draws"
        said.append({"score": "Lowest mean rank", "words": words, "run": ""})
    return said


def _peers(study: Results, name: str) -> pd.DataFrame:
    best = study.selected(name)
    return best[best["cost"] == best["cost"].iloc[0]]


def _compared(key: str, score: ScoreFacts, first: pd.Series, second: pd.Series, own: dict[str, pd.DataFrame]) -> str:
    """As "A has 0.30, 0.10 better than B: clear, the 95 % interval of the difference over 5 seeds is 0.08 to 0.12"."""
    ahead = abs(first[f"{key}_mean"] - second[f"{key}_mean"])
    if ahead == 0:
        return f"{first['name']} and {second['name']} are equal at {score.text(first[f'{key}_mean'])}"
    words = f"{first['name']} has {score.text(first[f'{key}_mean'])}, {score.text(ahead)} better than {second['name']}"
    one, other = (own[row["row"]].set_index("seed")[key] for row in (first, second))
    both = one.index.intersection(other.index)
    differences = (one[both] - other[both]).to_numpy(float) * (1 if score.higher_is_better else -1)
    low, high = uncertainty.bootstrap(differences)
    if math.isnan(low):
        return f"{words}; with one seed nobody knows how sure that is"
    verdict = "clear" if low > 0 else "not clear"
    span = f"{score.text(low)} to {score.text(high)}"
    return f"{words}: {verdict}, the 95 % interval of the difference over {len(both)} seeds is {span}"


def agreement(study: Results) -> str:
    """How many of the scores that stand in the paper too agree with it, and which is furthest from it."""
    rows = paper_tables.against_the_paper(study)
    compared = [
        (abs(cell["off"]), f"{score.label} of {row['name']} on {row['data']}", cell["z"])
        for row in rows
        for score, cell in zip(PAPER.values(), row["cells"], strict=True)
        if cell["off"] is not None
    ]
    if not compared and any(cell["ours"] != paper_tables.UNKNOWN for row in rows for cell in row["cells"]):
        return "With one seed a setting nobody knows whether a difference to the paper's Table 1 is chance."
    if not compared:
        return "Nothing here can be compared with the paper."
    near = sum(off <= 2 for off, _, _ in compared)
    _, which, z = max(compared)
    return (
        f"Of {names.count(len(compared), 'score')} that the paper's Table 1 has too, {near} agree with it within two standard "
        f"errors; the furthest is {which} ({z} standard errors)."
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
            own = runs[(runs["row"] == row.row) & (runs["setting"] == row.setting)]
            for key in (key for key in PAPER if key in study.scores):
                low, high = uncertainty.bootstrap(own[key].to_numpy(float))
                facts = about | {
                    "row": row.row,
                    "name": row.name,
                    "method": row.method,
                    "twin": int(row.twin),
                    "score": key,
                }
                facts |= {"mean": getattr(row, f"{key}_mean"), "low": low, "high": high}
                facts |= {"paper": printed.scores[key].mean if printed else math.nan}
                rows += [facts | {"value": value} for value in own[key]]
        if len({row["row"] for row in rows if not math.isnan(row["mean"])}) > 1:
            return rows
    return []
