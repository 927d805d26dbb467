"""The FactorVAE score.

References:
    Kim and Mnih, Disentangling by Factorising, 2018, https://arxiv.org/abs/1802.05983, section 4
    disentanglement_lib, evaluation/metrics/factor_vae.py, whose defaults and pruning these are
"""

import numpy as np
from jaxtyping import Float, Int

from tcwae.metrics.result import Score
from tcwae.metrics.table import CodeTable

__all__ = ["factor_vae"]

CHUNK = 256
"""Votes whose codes are held at once: those of 10 latents stay in a core's cache."""


def factor_vae(
    table: CodeTable,
    rng: np.random.Generator,
    *,
    train_votes: int = 10_000,
    test_votes: int = 5_000,
    batch: int = 64,
    variance_samples: int = 10_000,
    smallest_deviation: float = 0.05,
) -> Score:
    """Accuracy of naming the factor that a batch shares from the latent that varies least in it.

    A vote draws a factor k, a class of it, and `batch` codes of that class; it goes to the latent with the smallest
    variance in the batch over that in `variance_samples` codes of all classes. Latents of less standard deviation than
    `smallest_deviation` are left out. The factor that most training votes gave a latent is its name, and the score is the
    share of test votes named rightly: 0 if no latent is left. The matrix counts the training votes.

    Raises:
        UnavailableScoreError: a factor has one class only, or a class one row only, and so no variance.
    """
    table.require(rows=2)
    overall = table.look_up(rng, table.draw(rng, variance_samples)).var(axis=0, ddof=1, dtype=np.float64)
    active = overall >= smallest_deviation**2
    if not active.any():
        nothing = np.zeros((len(overall), len(table.sizes)))
        return Score(0.0, nothing, per_factor=nothing[0], parts={"active_latents": Score(0.0)})
    scale = np.where(active, overall, 1.0)
    train, test = (_votes(table, rng, votes, batch, scale, active) for votes in (train_votes, test_votes))
    named = train.argmax(axis=1)
    right = np.array([test[named == k, k].sum() for k in range(test.shape[1])], float)
    drawn = np.maximum(test.sum(axis=0), 1)
    parts = {
        "train_accuracy": Score(float(train.max(axis=1).sum() / train_votes)),
        "active_latents": Score(float(active.sum())),
    }
    return Score(float(right.sum() / test_votes), train.astype(float), per_factor=right / drawn, parts=parts)


def _votes(
    table: CodeTable,
    rng: np.random.Generator,
    votes: int,
    batch: int,
    scale: Float[np.ndarray, "latent"],
    active: np.ndarray,
) -> Int[np.ndarray, "latent factor"]:
    """How many votes each latent got in batches that share each factor."""
    latents, factors = len(scale), len(table.sizes)
    factor = rng.integers(factors, size=votes)
    rows = table.draw(rng, votes)
    winners = []
    for begin in range(0, votes, CHUNK):
        some = slice(begin, begin + CHUNK)
        codes = table.look_up(rng, table.draw_sharing(rng, rows[some], factor[some], batch))
        codes -= codes.mean(axis=0)
        variance = np.square(codes, out=codes).sum(axis=0) / scale
        winners.append(np.where(active, variance, np.inf).argmin(axis=1))
    return np.bincount(np.concatenate(winners) * factors + factor, minlength=latents * factors).reshape(
        latents, factors
    )
