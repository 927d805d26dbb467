"""Modularity, and explicitness beside it.

References:
    Ridgeway and Mozer, Learning Deep Disentangled Embeddings with the F-Statistic Loss, 2018,
        https://arxiv.org/abs/1802.05312, section 3
    disentanglement_lib, evaluation/metrics/modularity_explicitness.py
"""

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import rankdata

from tcwae.metrics.logistic import logistic_regression
from tcwae.metrics.matrices import information
from tcwae.metrics.result import Score
from tcwae.metrics.table import CodeTable

__all__ = ["areas", "explicitness", "modularity", "modularity_of"]


def modularity(table: CodeTable, rng: np.random.Generator, *, samples: int = 10_000, bins: int = 20) -> Score:
    """Mean over all latents of 1 - sum_{k != k*} I(z_d; v_k)^2 / ((K - 1) I(z_d; v_k*)^2), where k* is what z_d knows best.

    The mutual information (the matrix, in nats) is estimated as for MIG. `per_latent` holds each term: 0 for a latent that
    knows nothing at all.

    Raises:
        UnavailableScoreError: a factor has one class only.
    """
    mutual = information(table, rng, samples=samples, bins=bins).mutual
    each = modularity_of(mutual)
    return Score(float(each.mean()), mutual, per_latent=each)


def modularity_of(mutual: Float[np.ndarray, "latent factor"]) -> Float[np.ndarray, "latent"]:
    """The modularity of each latent from its mutual information with each factor."""
    squared = mutual**2
    largest = squared.max(axis=1)
    others = squared.sum(axis=1) - largest
    share = np.divide(others, largest * (squared.shape[1] - 1), out=np.ones_like(largest), where=largest > 0)
    return 1 - share


def explicitness(table: CodeTable, rng: np.random.Generator, *, train: int = 10_000, test: int = 5_000) -> Score:
    """How well all latents together tell each class from the rest: the area under the ROC curve, averaged over the classes.

    The curve is that of a class's probability in a logistic regression on codes of mean 0 and deviation 1, scikit-learn's
    at its defaults, learned from `train` samples. The score is the mean over factors on `test` samples; the part `train`
    that on the samples learned from. A constant code is left at 0. The matrix holds the mean absolute coefficients. A factor
    that has one class in a sample scores 1/2.

    Raises:
        UnavailableScoreError: a factor has one class only.
    """
    table.require()
    (codes, factors), (test_codes, test_factors) = table.train_and_test(rng, train, test)
    mean, deviation = codes.mean(axis=0, dtype=float), codes.std(axis=0, dtype=float)
    codes, test_codes = ((some - mean) / np.where(deviation > 0, deviation, 1) for some in (codes, test_codes))
    area, matrix = np.full((2, factors.shape[1]), 0.5), np.zeros((codes.shape[1], factors.shape[1]))
    for k, (factor, test_factor) in enumerate(zip(factors.T, test_factors.T, strict=True)):
        if len(np.unique(factor)) > 1:
            model = logistic_regression(codes, factor)
            matrix[:, k] = np.abs(model.coef_).mean(axis=0)
            for part, (x, v) in enumerate(((codes, factor), (test_codes, test_factor))):
                each = areas(model.predict_proba(x), v[:, None] == model.classes_)
                area[part, k] = each.mean() if len(each) else 0.5
    parts = {"train": Score(float(area[0].mean()), per_factor=area[0])}
    return Score(float(area[1].mean()), matrix, per_factor=area[1], parts=parts)


def areas(
    scores: Float[np.ndarray, "samples class"], members: Bool[np.ndarray, "samples class"]
) -> Float[np.ndarray, "classes"]:
    """The area under the ROC curve of each class that some, but not all, samples belong to.

    It is the chance that a member scores higher than another sample, ties counting one half: Mann and Whitney's U over its
    maximum, from the sum of the members' ranks.
    """
    inside = members.sum(axis=0)
    outside = len(members) - inside
    u = np.sum(rankdata(scores, axis=0) * members, axis=0) - inside * (inside + 1) / 2
    known = (inside > 0) & (outside > 0)
    return u[known] / (inside * outside)[known]
