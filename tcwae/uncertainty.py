"""How sure a table of means over a few seeds is: intervals, who else might have won, and what another rule would select."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from jaxtyping import Float

from tcwae.figures import names
from tcwae.select import RANKED

__all__ = ["RULES", "best_shares", "bootstrap", "selections"]

RESAMPLES = 2_000
SCORES = tuple(names.SCORES)


def bootstrap(values: Float[np.ndarray, "seeds"], *, confidence: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """The percentile interval of the mean over resampled seeds (Efron, 1979); NaN for fewer than two seeds.

    With n seeds a resampled mean has at most (2n - 1 choose n) values, 126 for five: the interval is rough, and too narrow by
    about sqrt((n - 1) / n).
    """
    if len(values) < 2 or np.isnan(values).any():
        return np.nan, np.nan
    drawn = np.random.default_rng(seed).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.quantile(values[drawn].mean(axis=1), [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def best_shares(scores: Mapping[str, pd.DataFrame], *, seed: int = 0) -> dict[str, float]:
    """In which share of resamples each row of a table has the lowest mean rank on the four scores; ties are shared.

    Args:
        scores: for each row a run a line, with the four scores. The seeds of a row are resampled together, so that its
            scores stay those of whole runs.
    """
    random = np.random.default_rng(seed)
    means = []
    for own in scores.values():
        values = own[list(SCORES)].to_numpy(float)
        drawn = random.integers(len(values), size=(RESAMPLES, len(values)))
        means.append(values[drawn].mean(axis=1))
    table = np.stack(means, axis=1)  # resample, row, score
    signed = table * [1 if RANKED[score] else -1 for score in SCORES]
    better = (signed[:, None] < signed[:, :, None]).sum(axis=2)
    equal = (signed[:, None] == signed[:, :, None]).sum(axis=2)
    mean_rank = (better + (equal + 1) / 2).mean(axis=2)
    best = mean_rank == mean_rank.min(axis=1, keepdims=True)
    return dict(zip(scores, (best / best.sum(axis=1, keepdims=True)).mean(axis=0).tolist(), strict=True))


def _first(table: pd.DataFrame, column: str, ascending: bool) -> str:
    """The setting with the best mean; of equal ones the one that reconstructs better."""
    keys = [column, "log_reconstruction_mean"]
    return table.sort_values(keys, ascending=[ascending, True], kind="stable", na_position="last")["setting"].iloc[0]


def _median_rank(table: pd.DataFrame) -> str:
    ranks = table[[f"rank_{score}" for score in SCORES]].median(axis=1)
    return _first(table.assign(median_rank=ranks), "median_rank", True)


def _disentanglement(table: pd.DataFrame) -> str:
    ranks = table[[f"rank_{score}" for score in SCORES[1:]]].mean(axis=1)
    return _first(table.assign(rank_of_three=ranks), "rank_of_three", True)


RULES: dict[str, Callable[[pd.DataFrame], str]] = {
    "mean rank of the four scores": lambda table: _first(table, "mean_rank", True),
    "median rank of the four scores": _median_rank,
    "mean rank without reconstruction": _disentanglement,
    "reconstruction": lambda table: _first(table, "log_reconstruction_mean", True),
    "MIG": lambda table: _first(table, "mig_mean", False),
    "FactorVAE": lambda table: _first(table, "factor_vae_mean", False),
    "SAP": lambda table: _first(table, "sap_mean", False),
}
"""Rules that select one of a row's settings; the first is the paper's."""


def selections(settings: pd.DataFrame) -> dict[str, str]:
    """The setting that each rule selects among those of one row."""
    return {name: rule(settings) for name, rule in RULES.items()}
