"""The logistic regression of the beta-VAE score and of explicitness."""

import warnings
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Integer

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

__all__ = ["logistic_regression"]


def logistic_regression(
    points: Float[np.ndarray, "points feature"], classes: Integer[np.ndarray, "points"]
) -> "LogisticRegression":
    """scikit-learn's LogisticRegression at its defaults, fitted.

    Its 100 iterations of L-BFGS are part of disentanglement_lib's definition, so that they end too early is no warning.
    """
    from sklearn.exceptions import ConvergenceWarning  # two seconds, which an evaluation does not need
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression().fit(points, classes)
