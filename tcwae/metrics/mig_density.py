"""The mutual information gap from the densities of the posteriors, in the two forms that are in use.

With the aggregated posterior q(z_d) = mean_n N(z_d; mean_n, deviation_n^2) of all rows, and q(z_d | v_k) that of the rows of a
class,

    I(z_d; v_k) = E [log q(z_d | v_k) - log q(z_d)],   MIG = mean_k [I_(1)k - I_(2)k] / H(v_k).

The two forms differ in the codes at which they take the expectation.

References:
    Chen et al., Isolating Sources of Disentanglement in VAEs, 2018, https://arxiv.org/abs/1802.04942, section 4
    https://github.com/rtqichen/beta-tcvae (1a3577d), disentanglement_metrics.py
    https://github.com/YannDubs/disentangling-vae (f045219), disvae/evaluate.py; its issues 64 and 78
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from tcwae.metrics.discrete import entropies
from tcwae.metrics.result import Score
from tcwae.metrics.table import CodeTable, UnavailableScoreError

__all__ = ["log_density", "merge", "mig_chen", "mig_yanndubs"]

CELLS = 8
"""Posteriors are merged whose means differ by less than this fraction of their deviation, and the deviations likewise."""

CHUNK = 2**20
"""Pairs of a code and a posterior at once."""


def mig_chen(table: CodeTable, rng: np.random.Generator, *, samples: int = 10_000) -> Score:
    """MIG as its authors compute it: at `samples` codes that are drawn from the posteriors, whether or not `table.sampled`.

    The densities are those of all rows of the table. The matrix holds I(z_d; v_k) in nats, at least 0. One code serves both
    densities, where the authors draw others for each class: the expectation is the same, its error smaller.

    Raises:
        UnavailableScoreError: the table has no deviations, one of them is 0, or a factor has one class only.
    """
    deviations = _deviations(table)
    rows = table.draw(rng, samples)
    codes = table.codes[rows] + deviations[rows] * rng.standard_normal((samples, table.codes.shape[1]))
    return _gaps(table, _information(table, codes, np.broadcast_to(rows[:, None], codes.shape)))


def mig_yanndubs(table: CodeTable, rng: np.random.Generator, *, samples: int = 10_000) -> Score:
    """MIG as the repository YannDubs/disentangling-vae computes it: at posterior means, with the latents mixed up.

    There the table (samples, latent) of the means is read as one of (latent, samples) without being transposed, so that the
    density of a latent is taken at codes of all latents. The score is therefore near 0 for most models. The part
    `transposed` is the score with the latents kept apart.

    Raises:
        UnavailableScoreError: the table has no deviations, one of them is 0, or a factor has one class only.
    """
    _deviations(table)
    rows = table.distinct_rows(rng, samples)
    means = table.codes[rows].astype(float)
    of_rows = np.broadcast_to(rows[:, None], means.shape)
    mixed, of_mixed = (array.reshape(array.shape[::-1]).T for array in (means, of_rows))
    transposed = _gaps(table, _information(table, means, of_rows))
    score = _gaps(table, _information(table, mixed, of_mixed))
    return Score(score.value, score.matrix, per_factor=score.per_factor, parts={"transposed": transposed})


def _deviations(table: CodeTable) -> Float[np.ndarray, "rows latent"]:
    table.require()
    if table.deviations is None:
        raise UnavailableScoreError("expected the posteriors' deviations beside the codes, found codes alone")
    if table.deviations.min() <= 0:
        raise UnavailableScoreError("expected posteriors of deviations above 0, which have a density, found 0")
    return table.deviations


def _gaps(table: CodeTable, information: Float[np.ndarray, "latent factor"]) -> Score:
    information = np.maximum(information, 0)
    second, first = np.sort(information, axis=0)[-2:]
    each = (first - second) / entropies(table.factors)
    return Score(float(each.mean()), information, per_factor=each)


def _information(
    table: CodeTable, codes: Float[np.ndarray, "samples latent"], rows: Int[np.ndarray, "samples latent"]
) -> Float[np.ndarray, "latent factor"]:
    """The mean of log q(z_d | v_k) - log q(z_d) over codes whose class is that of `rows`."""
    information = np.empty((codes.shape[1], table.factors.shape[1]))
    for d, (z, of_row) in enumerate(zip(codes.T, rows.T, strict=True)):
        means, deviations = (array[:, d].astype(float) for array in (table.codes, table.deviations))
        alone = log_density(z, merge(means, deviations)).mean()
        for k, factor in enumerate(table.factors.T):
            classes, total = factor[of_row], 0.0
            for v in np.unique(classes):
                own = factor == v
                total += log_density(z[classes == v], merge(means[own], deviations[own])).sum()
            information[d, k] = total / len(z) - alone
    return information


class _Mixture(NamedTuple):
    """Of normal densities."""

    weights: Float[np.ndarray, "component"]
    means: Float[np.ndarray, "component"]
    deviations: Float[np.ndarray, "component"]


def merge(means: Float[np.ndarray, "rows"], deviations: Float[np.ndarray, "rows"]) -> _Mixture:
    """The mixture of equal parts with neighbouring components merged into one of the same mean and variance.

    Components of one cell, by the logarithm of their deviation and their mean in units of it, are alike to 1/8.
    """
    width = np.floor(np.log(deviations) * CELLS)
    keys = width + 1j * np.floor(means / np.exp(width / CELLS) * CELLS)
    _, cell, counts = np.unique(keys, return_inverse=True, return_counts=True)
    mean = np.bincount(cell, means) / counts
    variance = np.bincount(cell, deviations**2 + (means - mean[cell]) ** 2) / counts
    return _Mixture(counts / len(means), mean, np.sqrt(variance))


def log_density(z: Float[np.ndarray, "samples"], mixture: _Mixture) -> Float[np.ndarray, "samples"]:
    """log sum_c w_c N(z; mean_c, deviation_c^2) in nats."""
    constant = np.log(mixture.weights / mixture.deviations) - 0.5 * np.log(2 * np.pi)
    step = max(1, CHUNK // len(constant))
    result = np.empty(len(z))
    for begin in range(0, len(z), step):
        terms = (z[begin : begin + step, None] - mixture.means) / mixture.deviations
        terms *= terms
        terms *= -0.5
        terms += constant
        largest = terms.max(axis=1)
        terms -= largest[:, None]
        result[begin : begin + step] = largest + np.log(np.exp(terms, out=terms).sum(axis=1))
    return result
