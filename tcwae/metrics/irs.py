"""The interventional robustness score.

References:
    Suter et al., Robustly Disentangled Causal Mechanisms, 2019, https://arxiv.org/abs/1811.00007, section 4
    disentanglement_lib, evaluation/metrics/irs.py, which takes the quantile 0.99 where the paper takes the maximum
"""

import numpy as np

from tcwae.metrics.discrete import equal_width_bins
from tcwae.metrics.result import Score
from tcwae.metrics.table import CodeTable

__all__ = ["irs"]


def irs(
    table: CodeTable, rng: np.random.Generator, *, samples: int = 10_000, bins: int = 20, quantile: float = 0.99
) -> Score:
    """IRS = sum_d M_d max_k IRS_dk / sum_d M_d with IRS_dk = 1 - mean_v Q_{z | v_k = v}(|z_d - E[z_d | v]|) / M_d.

    Q is a quantile and M_d the largest |z_d - E z_d|: a latent is robust if the class of one factor holds it fast, whatever
    the others do. Factors are put in `bins` equal intervals, as disentanglement_lib does. `per_latent` holds max_k IRS_dk,
    the matrix IRS_dk; those of a constant latent are 0 and, as its M_d is 0, do not count.

    Raises:
        UnavailableScoreError: a factor has one class only.
    """
    table.require()
    codes, factors = table.sample(rng, samples)
    codes = codes.astype(float)
    largest = np.abs(codes - codes.mean(axis=0)).max(axis=0)
    moves = largest > 1e-12 * np.abs(codes).max(axis=0)
    robust = np.zeros((codes.shape[1], factors.shape[1]))
    for k, factor in enumerate(equal_width_bins(factors.astype(float), bins).T):
        groups = [codes[factor == v][:, moves] for v in np.unique(factor)]
        spreads = [np.quantile(np.abs(group - group.mean(axis=0)), quantile, axis=0) for group in groups]
        robust[moves, k] = 1 - np.mean(spreads, axis=0) / largest[moves]
    each, weight = robust.max(axis=1), np.where(moves, largest, 0)
    return Score(float(each @ weight / weight.sum()) if moves.any() else 0.0, robust, per_latent=each)
