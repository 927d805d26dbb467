"""How far a study's numbers carry, as texts: intervals, other rules of selection, departures from the default, fronts."""

from typing import Any

import pandas as pd

from tcwae import uncertainty
from tcwae.figures import deviations, names, pareto
from tcwae.figures.results import Results
from tcwae.tables import UNKNOWN

__all__ = ["differences", "fronts", "intervals", "rules"]


def intervals(study: Results, name: str) -> list[dict[str, Any]]:
    """For each selected setting the bootstrap interval of each score, and how often it would be best of its cost."""
    runs, best = study.runs(name), study.selected(name)
    own = {row.row: runs[(runs["row"] == row.row) & (runs["setting"] == row.setting)] for row in best.itertuples()}
    shares = {}
    for _, peers in best.groupby("cost", sort=False):
        whole = {row: own[row] for row in peers["row"] if (own[row]["status"] == "finished").all()}
        shares |= uncertainty.best_shares(whole) if len(whole) > 1 and peers["mig_mean"].notna().any() else {}
    return [
        {
            "method": row["name"],
            "setting": names.setting(row["setting"]),
            "cells": [_interval(own[row["row"]][key], score) for key, score in names.SCORES.items()],
            "share": f"{100 * shares[row['row']]:.0f} %" if row["row"] in shares else UNKNOWN,
        }
        for _, row in best.iterrows()
    ]


def _interval(values: pd.Series, score: names.Score) -> str:
    low, high = uncertainty.bootstrap(values.to_numpy(float))
    return UNKNOWN if pd.isna(low) else f"{score.text(low)} to {score.text(high)}".replace(" ", names.NO_BREAK)


def rules(study: Results, name: str) -> list[dict[str, Any]]:
    """For each row with several settings what other rules of selection would take, and whether that is another one."""
    found = []
    for _, its in study.settings(name).groupby("row", sort=False):
        if len(its) > 1:
            chosen = uncertainty.selections(its)
            first = next(iter(chosen.values()))
            rows = [[rule, names.setting(setting), setting == first] for rule, setting in chosen.items()]
            found.append({"method": its["name"].iloc[0], "rules": rows})
    return found


def differences(study: Results, name: str) -> list[dict[str, Any]]:
    """For each departure from the default the mean difference of each score with its interval, and that in words."""
    table = deviations.summary(deviations.data(study, name))
    found = []
    for (method, deviation), its in table.groupby(["method", "deviation"], sort=False):
        rows = its.set_index("score")
        clear = [key for key in names.SCORES if key in rows.index and rows["low"][key] * rows["high"][key] > 0]
        words = [f"{'raises' if rows['mean'][key] > 0 else 'lowers'} {names.SCORES[key].name}" for key in clear]
        found.append(
            {
                "method": names.METHODS[method],
                "deviation": deviation,
                "pairs": int(rows["size"].max()),
                "cells": [_difference(rows, key) for key in names.SCORES],
                "words": " and ".join(words) or "changes no score by more than its seeds do",
            }
        )
    return found


def _difference(rows: pd.DataFrame, key: str) -> str:
    if key not in rows.index:
        return UNKNOWN
    decimals = names.SCORES[key].decimals
    mean, low, high = (rows[column][key] for column in ("mean", "low", "high"))
    interval = "" if pd.isna(low) else f" ({low:+.{decimals}f} to {high:+.{decimals}f})"
    return names.minus(f"{mean:+.{decimals}f}{interval}")


def fronts(study: Results, name: str) -> list[dict[str, Any]]:
    """For each score the share of levels of reconstruction at which each method has the best run."""
    if not (pareto.runs(study, name)["status"] == "finished").any():
        return []
    runs, found = pareto.data(study, name), []
    for key, score in names.SCORES.items():
        shares = pareto.shares(runs, key) if key != "log_reconstruction" else {}
        if shares:
            order = sorted(shares, key=shares.get, reverse=True)
            said = [[names.METHODS[method], f"{100 * shares[method]:.0f} %"] for method in order if shares[method] > 0]
            found.append({"score": score.name, "methods": said})
    return found
