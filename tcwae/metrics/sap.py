"""The separated attribute predictability score.

References:
    Kumar et al., Variational Inference of Disentangled Latent Concepts, 2018, https://arxiv.org/abs/1711.00848, section 3
    disentanglement_lib, evaluation/metrics/sap_score.py: LinearSVC(C=0.01, class_weight="balanced") for discrete factors
"""

import numpy as np
from jaxtyping import Float, Integer

from tcwae.metrics.result import Score
from tcwae.metrics.support_vectors import fit_lines
from tcwae.metrics.table import CodeTable

__all__ = ["accuracies", "sap"]


def sap(
    table: CodeTable, rng: np.random.Generator, *, train: int = 10_000, test: int = 5_000, c: float = 0.01
) -> Score:
    """SAP = mean_k (S_(1)k - S_(2)k), with S_dk the accuracy with which latent d alone predicts factor k.

    The prediction is a linear support vector classifier's, trained on `train` and tested on `test` samples; `c` is the
    weight of its losses. The matrix holds S_dk.

    Raises:
        UnavailableScoreError: a factor has one class only.
    """
    table.require()
    (train_codes, train_factors), (test_codes, test_factors) = table.train_and_test(rng, train, test)
    accuracy = accuracies(train_codes, train_factors, test_codes, test_factors, c)
    second, first = np.sort(accuracy, axis=0)[-2:]
    return Score(float((first - second).mean()), accuracy, per_factor=first - second)


def accuracies(
    train_codes: Float[np.ndarray, "train latent"],
    train_factors: Integer[np.ndarray, "train factor"],
    test_codes: Float[np.ndarray, "test latent"],
    test_factors: Integer[np.ndarray, "test factor"],
    c: float,
) -> Float[np.ndarray, "latent factor"]:
    """The test accuracy of a linear support vector classifier for each pair of a latent and a factor."""
    classes, labels = zip(*(np.unique(factor, return_inverse=True) for factor in train_factors.T), strict=True)
    slopes, intercepts = fit_lines(train_codes, labels, c)
    cuts = np.cumsum([len(some) for some in classes])[:-1]
    accuracy = np.empty((train_codes.shape[1], len(classes)))
    for d, x in enumerate(test_codes.T):
        points = np.stack([x, np.ones_like(x)], axis=1).astype(float)
        for k, lines in enumerate(np.split(np.stack([slopes[d], intercepts[d]]), cuts, axis=1)):
            highest = (points @ lines).argmax(axis=1)
            accuracy[d, k] = np.mean(classes[k][highest] == test_factors[:, k])
    return accuracy
