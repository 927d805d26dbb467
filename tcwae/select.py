"""Which coefficients of a method are best: by the lowest mean rank on the four scores (section 4.1)."""

from pathlib import Path

import pandas as pd

from tcwae.files import atomic
from tcwae.gather import COEFFICIENTS

__all__ = ["RANKED", "best_settings", "rank", "select"]

RANKED = {"log_reconstruction": True, "mig": False, "factor_vae": False, "sap": False}
"""The four scores of Table 1, and whether less is better."""


def rank(scores: pd.DataFrame) -> pd.DataFrame:
    """Rank rows on the four scores, 1 for the best, equal scores sharing the mean of their ranks; NaN is last.

    Returns:
        rank_<score> for each score and mean_rank.
    """
    ranks = pd.DataFrame(
        {f"rank_{score}": scores[score].rank(ascending=less, na_option="bottom") for score, less in RANKED.items()}
    )
    return ranks.assign(mean_rank=ranks.mean(axis=1))


def best_settings(metrics: pd.DataFrame) -> pd.DataFrame:
    """One row a setting of an experiment: mean and sample sd over its seeds, ranks, and which one is selected.

    Settings are ranked among those of the same method and cost in the experiment, by their mean over seeds; the lowest mean
    rank is selected, of equals the one that reconstructs better. A setting with a diverged run ranks last. best_run is the
    seed of the setting with the lowest mean rank among its seeds, for the figures that show one model.
    """
    exploded = metrics.assign(experiment=metrics["experiments"].str.split()).explode("experiment")
    tables = [
        _select_one(its).assign(experiment=experiment, dataset=dataset, method=method, cost=cost)
        for (experiment, dataset, method, cost), its in exploded.groupby(
            ["experiment", "dataset", "method", "cost"], sort=False
        )
    ]
    table = pd.concat(tables, ignore_index=True)
    return table[
        ["experiment", "dataset", "method", "cost", *table.columns.drop(["experiment", "dataset", "method", "cost"])]
    ]


def _select_one(runs: pd.DataFrame) -> pd.DataFrame:
    settings = runs.groupby("setting", sort=False)
    means = settings[list(RANKED)].agg(lambda scores: scores.mean(skipna=False))
    ranks = rank(means)
    order = ranks.assign(reconstruction=means["log_reconstruction"]).sort_values(["mean_rank", "reconstruction"])
    return pd.DataFrame(
        {
            "setting": means.index,
            **{name: settings[name].first() for name in COEFFICIENTS},
            "seeds": settings.size(),
            "diverged": settings["status"].agg(lambda status: (status == "diverged").sum()),
            **{f"{score}_mean": means[score] for score in RANKED},
            **{f"{score}_sd": settings[score].agg(lambda scores: scores.std(skipna=False)) for score in RANKED},
            **ranks,
            "selected": means.index == order.index[0],
            "best_run": settings[["run", *RANKED]].apply(
                lambda seeds: seeds["run"].loc[rank(seeds)["mean_rank"].idxmin()]
            ),
        }
    )


def select(results: Path) -> None:
    """Read `results`/metrics.csv, write `results`/selection.csv."""
    table = best_settings(pd.read_csv(results / "metrics.csv"))
    with atomic(results / "selection.csv") as temporary:
        table.to_csv(temporary, index=False)
