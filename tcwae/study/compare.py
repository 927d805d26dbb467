"""Whether a study's runs score like published ones: an exact test for each setting and score.

The test is Wilcoxon's rank-sum test (Mann and Whitney's): if our n runs and the m published ones have the same distribution,
all choices of n of the n + m scores are equally likely to be ours. `p` is the share of choices whose sum of ranks is at least
as far from its expectation as ours; it is counted, not approximated, even with ties, which share their mean rank. `p_holm` is
corrected for the number of tests of the table.

References:
    Wilcoxon, Individual Comparisons by Ranking Methods, 1945
    Mann and Whitney, On a Test of Whether One of Two Random Variables Is Stochastically Larger than the Other, 1947
    Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy import stats

from tcwae.config.methods import METHODS, coefficients
from tcwae.config.scores import facts
from tcwae.errors import InputError
from tcwae.files import atomic
from tcwae.study import published
from tcwae.study.results import Results, load

__all__ = ["COLUMNS", "LEVEL", "compare", "comparison", "format_comparison", "holm", "rank_sum", "summary", "verdict"]

COLUMNS = ("dataset", "method", "setting", "score", "runs", "mean", "sd", "published_runs", "published_mean", "published_sd",
           "superiority", "p", "p_holm")  # fmt: skip
LEVEL = 0.05
"""Level of the test, after Holm's correction."""


def compare(results: Path, paths: Sequence[Path], output: Path) -> pd.DataFrame:
    """Write the `comparison` of results/<study> with published scores as CSV, and return it.

    Raises:
        InputError: a file is missing or damaged, or no setting of the study was published.
        OSError: the table cannot be written.
    """
    table = comparison(load(results), published.read(paths))
    with atomic(output) as temporary:
        table.to_csv(temporary, index=False)
    return table


def comparison(study: Results, others: pd.DataFrame) -> pd.DataFrame:
    """One row per setting and score that both have, with `COLUMNS`.

    Settings are matched by data set, method and coefficients. `superiority` is the share of pairs, one
    of ours and one published, in which ours scores higher, equal pairs counting one half.

    Raises:
        InputError: there is none.
    """
    finished = study.metrics[study.metrics["status"] == "finished"]
    rows = []
    for (dataset, method, setting), our_runs in finished.groupby(["dataset", "method", "setting"], sort=False):
        theirs = others[(others["dataset"] == dataset) & (others["method"] == method)]
        for key in coefficients(METHODS[method]):
            theirs = theirs[np.isclose(theirs[key], our_runs[key].iloc[0])] if key in theirs else theirs.iloc[:0]
        for score in (score for score in study.study.scores if score in theirs):
            ours, published_ones = (runs[score].dropna().to_numpy(float) for runs in (our_runs, theirs))
            if len(ours) and len(published_ones):
                rows.append((dataset, method, setting, score, *_compared(ours, published_ones)))
    if not rows:
        known = ", ".join(sorted({f"{row.method} on {row.dataset}" for row in others.itertuples()}))
        raise InputError(
            f"{study.folder}: expected a setting whose scores were published ({known}), found none with the same data set, "
            "method, coefficients and score"
        )
    table = pd.DataFrame(rows, columns=COLUMNS[:-1])
    return table.assign(p_holm=holm(table["p"].to_numpy()))


def verdict(row: pd.Series) -> str:
    """The result of the test in a line of the comparison, in words."""
    if row["p_holm"] >= LEVEL:
        return "no difference shown"
    return "ours are higher" if row["superiority"] > 0.5 else "ours are lower"


def format_comparison(table: pd.DataFrame) -> str:
    """The comparison as a table for the terminal."""
    shown = table.assign(
        ours=[summary(row, "") for _, row in table.iterrows()],
        published=[summary(row, "published_") for _, row in table.iterrows()],
        p=table["p"].map("{:.3g}".format),
        verdict=table.apply(verdict, axis=1),
    )
    return shown[["dataset", "method", "setting", "score", "ours", "published", "p", "verdict"]].to_string(index=False)


def summary(row: pd.Series, whose: str) -> str:
    """Mean, sample deviation and number of our runs, or of the `published_` ones, as "0.31 ± 0.04 (5)"."""
    score, mean, sd = facts(row["score"]), row[f"{whose}mean"], row[f"{whose}sd"]
    spread = "" if math.isnan(sd) else f" ± {score.text(sd)}"
    return f"{score.text(mean)}{spread} ({row[f'{whose}runs']})"


def _compared(ours: Float[np.ndarray, "ours"], others: Float[np.ndarray, "others"]) -> tuple[int | float, ...]:
    summaries = [
        (len(scores), scores.mean(), scores.std(ddof=1) if len(scores) > 1 else math.nan) for scores in (ours, others)
    ]
    higher = np.sign(ours[:, None] - others).mean() / 2 + 0.5
    return *summaries[0], *summaries[1], higher, rank_sum(ours, others)


def rank_sum(ours: Float[np.ndarray, "ours"], others: Float[np.ndarray, "others"]) -> float:
    """The exact two-sided p of the rank-sum test.

    The number of ways to choose k ranks with a given sum follows from the numbers without the last rank, so all are counted in
    (n + m) n (n + m)^2 steps. Ranks are doubled to make them integers even with ties.
    """
    ranks = np.rint(2 * stats.rankdata(np.concatenate([ours, others]))).astype(int)
    ways = np.zeros((len(ours) + 1, int(np.sort(ranks)[-len(ours) :].sum()) + 1))
    ways[0, 0] = 1
    for rank in ranks:
        ways[1:, rank:] += ways[:-1, : ways.shape[1] - rank].copy()
    found, expected = ranks[: len(ours)].sum(), len(ours) * ranks.mean()
    far = np.abs(np.arange(ways.shape[1]) - expected) >= abs(found - expected) - 1e-9
    return float(ways[-1, far].sum() / ways[-1].sum())


def holm(p: Float[np.ndarray, "tests"]) -> Float[np.ndarray, "tests"]:
    """p values corrected by Holm's method: each test can be read as if it were the only one."""
    order = np.argsort(p, kind="stable")
    scaled = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(scaled, 1)
    return corrected
