"""Disentanglement, completeness and informativeness.

References:
    Eastwood and Williams, A Framework for the Quantitative Evaluation of Disentangled Representations, 2018,
        https://openreview.net/forum?id=By-7dz-AZ
    disentanglement_lib, evaluation/metrics/dci.py, which takes the importances from gradient boosted trees
"""

import numpy as np
from jaxtyping import Float

from tcwae.metrics.boosting import STAGES, boost
from tcwae.metrics.result import Score
from tcwae.metrics.table import CodeTable

__all__ = ["dci", "expected_seconds", "one_sidedness"]


def dci(table: CodeTable, rng: np.random.Generator, *, train: int = 10_000, test: int = 5_000) -> Score:
    """Disentanglement D = sum_d w_d (1 - H_K(R_d)), from the share R_dk of latent d in predicting factor k.

    R (the matrix) holds the importances of the latents in gradient boosted trees that predict each factor from all latents;
    H_K is the entropy of the normalised row to base K, and w_d the row's share of R. The part `completeness` is the same of
    the columns, to the base of the number of latents; `informativeness` is the accuracy of the trees on the `test` samples,
    and `train_accuracy` that on the samples they learned from.

    Raises:
        UnavailableScoreError: a factor has one class only.
    """
    table.require()
    (codes, factors), (test_codes, test_factors) = table.train_and_test(rng, train, test)
    importance = np.empty((codes.shape[1], factors.shape[1]))
    accuracy = np.empty((2, factors.shape[1]))
    for k, (factor, test_factor) in enumerate(zip(factors.T, test_factors.T, strict=True)):
        classes, labels = np.unique(factor, return_inverse=True)
        trees = boost(codes, labels, test_codes, rng)
        importance[:, k] = trees.importance
        accuracy[0, k] = np.mean(classes[trees.train_classes] == factor)
        accuracy[1, k] = np.mean(classes[trees.test_classes] == test_factor)
    disentanglement, per_latent = one_sidedness(importance)
    completeness, per_factor = one_sidedness(importance.T)
    parts = {
        "completeness": Score(completeness, per_factor=per_factor),
        "informativeness": Score(float(accuracy[1].mean()), per_factor=accuracy[1]),
        "train_accuracy": Score(float(accuracy[0].mean()), per_factor=accuracy[0]),
    }
    return Score(disentanglement, importance, per_latent=per_latent, parts=parts)


def expected_seconds(table: CodeTable, *, train: int = 10_000) -> float:
    """About how long one core takes for `dci`, from the number of trees, latents and samples: right to a factor of two."""
    trees = STAGES * sum(size if size > 2 else 1 for size in table.sizes)
    return trees * (1e-3 + 4e-8 * train * table.codes.shape[1])


def one_sidedness(importance: Float[np.ndarray, "rows columns"]) -> tuple[float, Float[np.ndarray, "rows"]]:
    """1 - H(row) / log(columns) of each row, and the mean of the rows weighted by their sums; 0 of a row of zeros."""
    share = importance + 1e-11
    share /= share.sum(axis=1, keepdims=True)
    each = 1 + np.sum(share * np.log(share), axis=1) / np.log(importance.shape[1])
    weight = importance.sum(axis=1)
    total = weight.sum()
    return float(each @ weight / total) if total > 0 else 0.0, each
