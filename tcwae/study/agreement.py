"""How far two scores agree on which runs are good: Spearman's rank correlation."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from tcwae.config.scores import ScoreFacts

__all__ = ["CONFIDENCE", "agreement"]

CONFIDENCE = 0.95


def agreement(runs: pd.DataFrame, scores: Mapping[str, ScoreFacts]) -> pd.DataFrame:
    """One row per pair of scores: `one`, `other`, Spearman's correlation `rho`, its interval `low` and `high`, and `runs`.

    Ranks count from the best, so a positive correlation is agreement even if lower is better for one of the scores. A pair is
    compared on the runs that have both; a score that is constant on them has no correlation.

    The interval is Fisher's, tanh(artanh rho -+ z sqrt((1 + rho^2 / 2) / (n - 3))), with z the normal quantile for 95%. It
    treats the n runs as independent, although seeds of one setting resemble each other; there is none for n < 4.

    References:
        Bonett and Wright, Sample Size Requirements for Estimating Pearson, Kendall and Spearman Correlations, 2000,
            https://doi.org/10.1007/BF02294183, equation 4
    """
    signed = runs[list(scores)] * [1 if facts.higher_is_better else -1 for facts in scores.values()]
    rows = [(one, other, *_correlation(signed[[one, other]].dropna())) for one, other in combinations(scores, 2)]
    return pd.DataFrame(rows, columns=["one", "other", "rho", "low", "high", "runs"])


def _correlation(pair: pd.DataFrame) -> tuple[float, float, float, int]:
    number = len(pair)
    if number < 2 or (pair.nunique() < 2).any():
        return np.nan, np.nan, np.nan, number
    rho = float(stats.spearmanr(pair).statistic)
    if number < 4:
        return rho, np.nan, np.nan, number
    if abs(rho) > 1 - 1e-12:
        rho = np.sign(rho).item()
        return rho, rho, rho, number
    half = stats.norm.ppf(0.5 + CONFIDENCE / 2) * np.sqrt((1 + rho**2 / 2) / (number - 3))
    low, high = np.tanh(np.arctanh(rho) + np.array([-half, half]))
    return rho, float(low), float(high), number
