"""Which coefficients of a method are best: by the lowest mean rank on the study's scores (section 4.1: on four)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tcwae.config.methods import weights
from tcwae.config.runs import row_runs, without_selects
from tcwae.config.scores import PAPER, facts
from tcwae.config.study import Study
from tcwae.errors import InputError
from tcwae.evaluation.codes import read_posterior
from tcwae.files import atomic
from tcwae.metrics.udr import posterior_kl, udr
from tcwae.study.gather import table

__all__ = ["FOUR", "UDR", "best_settings", "less_is_better", "rank", "select"]

FOUR = tuple(PAPER)
UDR = "udr"
"""For data without factors, the score that is ranked with the reconstruction."""

UDR_CODES = 10_000
"""Images whose codes UDR compares."""


def rank(scores: pd.DataFrame, ranked: Sequence[str] = FOUR) -> pd.DataFrame:
    """Rank rows on each score, 1 for the best; tied scores share their mean rank, and NaN ranks last.

    Args:
        scores: a column for each score.
        ranked: those whose ranks count; `UDR` does too.

    Returns:
        rank_<score> for each score, NaN if no row has the score, and mean_rank, the mean over the available scores that
        count.
    """
    ranks = pd.DataFrame(
        {
            f"rank_{score}": values.rank(ascending=less_is_better(score), na_option="bottom")
            if values.notna().any()
            else np.nan
            for score, values in scores.items()
        },
        index=scores.index,
    )
    return ranks.assign(mean_rank=ranks[[f"rank_{score}" for score in (*ranked, UDR)]].mean(axis=1))


def less_is_better(score: str) -> bool:
    """Whether a lower value is the better one."""
    return score != UDR and not facts(score).higher_is_better


def best_settings(metrics: pd.DataFrame, shown: Sequence[str] = FOUR, ranked: Sequence[str] = FOUR) -> pd.DataFrame:
    """One row per setting: mean and sample sd over its seeds, ranks, and which setting of each `row` is selected.

    Settings are ranked among those of the same row of an experiment, by their mean over seeds; the lowest mean rank is
    selected, among ties the one that reconstructs better. A setting with a diverged run ranks last. best_run is the seed of
    the setting with the lowest mean rank among its seeds, for the figures that show one model.

    Args:
        metrics: a run a line, with its `row` and `UDR`.
        shown: the scores of the table.
        ranked: those of them whose ranks count.
    """
    scores = [*shown, UDR]
    tables = [_select_one(runs, scores, ranked).assign(row=row) for row, runs in metrics.groupby("row", sort=False)]
    settings = pd.concat(tables, ignore_index=True)
    return settings[["row", *settings.columns.drop("row")]]


def _select_one(runs: pd.DataFrame, scores: Sequence[str], ranked: Sequence[str]) -> pd.DataFrame:
    settings = runs.groupby("setting", sort=False)
    means = settings[scores].agg(lambda values: values.mean(skipna=False))
    ranks = rank(means, ranked)
    order = ranks.assign(reconstruction=means["log_reconstruction"]).sort_values(["mean_rank", "reconstruction"])
    return pd.DataFrame(
        {
            **{name: settings[name].first() for name in ("dataset", "method", "cost")},
            "setting": means.index,
            **{name: settings[name].first() for name in weights()},
            "seeds": settings.size(),
            "diverged": settings["status"].agg(lambda status: (status == "diverged").sum()),
            **{f"{score}_mean": means[score] for score in scores},
            **{f"{score}_sd": settings[score].agg(lambda values: values.std(skipna=False)) for score in scores},
            **ranks,
            "selected": means.index == order.index[0],
            "best_run": settings[["run", *scores]].apply(
                lambda seeds: seeds["run"].loc[rank(seeds[scores], ranked)["mean_rank"].fillna(np.inf).idxmin()]
            ),
        }
    )


def select(study: Study, experiment: str, results: Path, *, partial: bool = False) -> None:
    """Write `results`/selection/<experiment>.csv from the metrics of the experiment's runs; see `best_settings`.

    Rows that say `select` still are not in it.

    Raises:
        InputError: there is no such experiment, or the metrics of a run are damaged or of another run.
        OSError: they are missing.
    """
    if experiment not in study.experiments:
        raise InputError(f"expected an experiment of {', '.join(study.experiments)}, found {experiment!r}")
    alone = without_selects(study.model_copy(update={"experiments": {experiment: study.experiments[experiment]}}))
    (results / "selection").mkdir(parents=True, exist_ok=True)
    with atomic(results / "selection" / f"{experiment}.csv") as temporary:
        _ranked(alone, experiment, results, partial).to_csv(temporary, index=False)


def _ranked(study: Study, experiment: str, results: Path, partial: bool) -> pd.DataFrame:
    """The settings of an experiment; without a line where nothing of it is left."""
    if experiment not in study.experiments:
        return pd.DataFrame(columns=["row", "setting", "selected", "best_run"])
    metrics = table(study, results, partial=partial).set_index("run", drop=False)
    members = {row: row_runs(study, experiment, row).keys() for row in study.experiments[experiment].methods}
    rows = [metrics[metrics.index.isin(identifiers)].assign(row=row) for row, identifiers in members.items()]
    joined = pd.concat(rows, ignore_index=True)
    joined[UDR] = joined["run"].map(_udr(joined, results, study.scores)).astype(float)
    return best_settings(joined, study.shown, study.ranked)


def _udr(runs: pd.DataFrame, results: Path, names: Sequence[str]) -> dict[str, float]:
    """UDR of each run among the seeds of its setting, for runs without any other score."""
    scores: dict[str, float] = {}
    unscored = runs[(runs["status"] == "finished") & runs[list(names)].isna().all(axis=1)].drop_duplicates("run")
    for _, seeds in unscored.groupby(["method", "cost", "setting"], sort=False):
        if len(seeds) > 1:
            scores |= dict(zip(seeds["run"], _udr_of_setting(seeds["run"].tolist(), results), strict=True))
    return scores


def _udr_of_setting(runs: Sequence[str], results: Path) -> list[float]:
    codes, divergences = [], []
    for run in runs:
        means, deviations = read_posterior(results / "runs" / run / "codes.h5", UDR_CODES)
        codes.append(means)
        divergences.append(posterior_kl(means, deviations))
    return udr(codes, divergences).scores.tolist()
