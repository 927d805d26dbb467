"""The shares of a score's variance over runs that are due to the method, the coefficients and the seed.

A nested analysis of variance: runs within settings, settings within methods. Methods and coefficients are fixed effects, as
they were chosen; seeds are random. With n runs, of which n_s are of setting s and n_m of method m,

    SS_method = sum_m n_m (y_m - y)^2,  SS_coefficient = sum_s n_s (y_s - y_m)^2,  SS_seed = sum_r (y_r - y_s)^2

have the expectation (lambda + df) sigma^2, where sigma^2 is the variance over seeds and lambda the noncentrality from the true
means.

References:
    Kelley, An Unbiased Correlation Ratio Measure, 1935, https://doi.org/10.1073/pnas.21.9.554
    Steiger, Beyond the F Test, 2004, https://doi.org/10.1037/1082-989X.9.2.164
    Locatello et al., Challenging Common Assumptions, 2019, section 5.4, with shares that are not corrected for chance
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import brentq

__all__ = ["CONFIDENCE", "SOURCES", "Source", "shares"]

CONFIDENCE = 0.95
SOURCES = "method", "coefficient", "seed"


class Source(NamedTuple):
    """The share of a score's variance that one source explains, with its interval; NaN if it cannot be estimated."""

    share: float
    low: float
    high: float


def shares(runs: pd.DataFrame, score: str) -> dict[str, Source]:
    """The shares of `SOURCES` in the variance of a score over runs with the columns method and setting; they add up to 1.

    A share is epsilon squared, (SS - df MS_seed) / SS_total: eta squared minus its expectation by chance, so it may be
    slightly negative. The share of seeds is the rest, (n - 1) MS_seed / SS_total. Settings of different methods
    are different, whatever their names. All are NaN if no setting has two seeds, or if all runs have the same score.

    The intervals of 95% hold for normal seeds of equal variance. The interval of the noncentrality lambda of a
    source follows from its F ratio. Its share is lambda / (sum of the lambdas + n - 1), with the other source's lambda at its
    estimate; that of seeds is (n - 1) / (lambda + n - 1), with the lambda of all settings together.
    """
    table = pd.DataFrame({"y": runs[score].astype(float), "method": runs["method"]}).dropna()
    table["setting"] = table["method"] + "/" + runs.loc[table.index, "setting"]
    unknown = dict.fromkeys(SOURCES, Source(np.nan, np.nan, np.nan))
    if table["y"].nunique() < 2:
        return unknown
    of_setting, of_method = (table.groupby(key)["y"].transform("mean") for key in ("setting", "method"))
    squares = {
        "method": float(((of_method - table["y"].mean()) ** 2).sum()),
        "coefficient": float(((of_setting - of_method) ** 2).sum()),
    }
    methods, settings, number = table["method"].nunique(), table["setting"].nunique(), len(table)
    freedom = {"method": methods - 1, "coefficient": settings - methods}
    left = number - settings
    if not left:
        return unknown
    noise = float(((table["y"] - of_setting) ** 2).sum()) / left
    total = sum(squares.values()) + left * noise
    epsilon = {source: (squares[source] - freedom[source] * noise) / total for source in squares}
    epsilon["seed"] = (number - 1) * noise / total
    if noise <= 1e-24 * total:  # as between equal numbers: the seed decides nothing
        return {source: Source(share, share, share) for source, share in epsilon.items()}
    excess = {source: max(0.0, squares[source] / noise - freedom[source]) for source in squares}
    sources = {}
    for source, other in zip(squares, reversed(squares), strict=True):
        bounds = _noncentrality(squares[source] / noise, freedom[source], left)
        sources[source] = Source(epsilon[source], *(at / (at + excess[other] + number - 1) for at in bounds))
    low, high = _noncentrality(sum(squares.values()) / noise, settings - 1, left)
    sources["seed"] = Source(epsilon["seed"], *((number - 1) / (at + number - 1) for at in (high, low)))
    return sources


def _noncentrality(ratio: float, freedom: int, left: int) -> tuple[float, float]:
    """The interval of lambda in SS / MS_seed = `ratio`, where SS / df / MS_seed is noncentral F; NaN without freedom."""
    if not freedom:
        return np.nan, np.nan
    observed = ratio / freedom

    def bound(level: float) -> float:
        def excess(at: float) -> float:
            below = stats.ncf.cdf(observed, freedom, left, at) if at else stats.f.cdf(observed, freedom, left)
            return float(below) - level

        if excess(0.0) <= 0:
            return 0.0
        end = max(1.0, ratio)
        while excess(end) > 0:
            end *= 2
        return float(brentq(excess, 0.0, end, xtol=1e-6 * end))

    return bound(0.5 + CONFIDENCE / 2), bound(0.5 - CONFIDENCE / 2)
