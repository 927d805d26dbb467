"""The beta-VAE score.

References:
    Higgins et al., beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework, 2017,
        https://openreview.net/forum?id=Sy2fzU9gl, section 3
    disentanglement_lib, evaluation/metrics/beta_vae.py
"""

import numpy as np
from jaxtyping import Float, Int

from tcwae.metrics.logistic import logistic_regression
from tcwae.metrics.result import Score
from tcwae.metrics.table import CodeTable

__all__ = ["beta_vae"]

CHUNK = 256
"""Points whose codes are held at once: those of 10 latents stay in a core's cache."""


def beta_vae(
    table: CodeTable, rng: np.random.Generator, *, train: int = 10_000, test: int = 5_000, batch: int = 64
) -> Score:
    """Accuracy of telling which factor the two codes of each pair share, from the mean of |z - z'| over `batch` pairs.

    A logistic regression, scikit-learn's at its defaults, learns from `train` such points and is tested on `test`. The
    matrix holds the mean |z - z'| of each latent where each factor is shared. A factor that no test point shares scores 0.

    Raises:
        UnavailableScoreError: a factor has one class only.
    """
    table.require()
    (points, shared), (test_points, test_shared) = (_points(table, rng, size, batch) for size in (train, test))
    model = logistic_regression(points, shared)
    right = model.predict(test_points) == test_shared
    factors = len(table.sizes)
    per_factor = np.bincount(test_shared, right, factors) / np.maximum(np.bincount(test_shared, minlength=factors), 1)
    counts = np.maximum(np.bincount(shared, minlength=factors), 1)
    matrix = np.stack([np.bincount(shared, latent, factors) / counts for latent in points.T])
    parts = {"train_accuracy": Score(float(model.score(points, shared)))}
    return Score(float(right.mean()), matrix, per_factor=per_factor, parts=parts)


def _points(
    table: CodeTable, rng: np.random.Generator, size: int, batch: int
) -> tuple[Float[np.ndarray, "points latent"], Int[np.ndarray, "points"]]:
    """The mean |z - z'| over batches of pairs that share the class of a factor, and this factor."""
    shared = rng.integers(len(table.sizes), size=size)
    points = []
    for begin in range(0, size, CHUNK):
        factor = shared[begin : begin + CHUNK]
        first = table.draw(rng, (batch, len(factor)))
        second = table.draw_sharing(rng, first, np.broadcast_to(factor, first.shape), 1)[0]
        points.append(np.abs(table.look_up(rng, first) - table.look_up(rng, second)).mean(axis=0, dtype=float))
    return np.concatenate(points), shared
