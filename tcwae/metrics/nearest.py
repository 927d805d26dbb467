"""Mutual information between a continuous code and a class, from nearest neighbours.

References:
    Ross, Mutual Information between Discrete and Continuous Data Sets, 2014, https://doi.org/10.1371/journal.pone.0087357
    https://scikit-learn.org/stable/modules/generated/sklearn.feature_selection.mutual_info_classif.html
"""

import numpy as np
from jaxtyping import Float, Integer
from scipy.special import digamma

__all__ = ["nearest_neighbour_information"]

NOISE = 1e-10
"""Of a standardised code: it decides between equal codes, and is part of scikit-learn's definition."""


def nearest_neighbour_information(
    codes: Float[np.ndarray, "rows latent"],
    factors: Integer[np.ndarray, "rows factor"],
    neighbours: int,
    rng: np.random.Generator,
) -> Float[np.ndarray, "latent factor"]:
    """I(z_d; v_k) in nats for each pair of columns, as scikit-learn's mutual_info_classif estimates it, at least 0.

        I = psi(n) + E psi(k) - E psi(n_v) - E psi(m)

    where n_v rows have the class of a row, k is the smaller of `neighbours` and n_v - 1, and m counts the rows of all classes,
    itself included, that are nearer to it than the k-th neighbour in its class. Rows that are alone in their class are left
    out. A constant latent has 0.

    A latent is sorted once for all factors. In one dimension the k nearest of a class and the row itself are k + 1
    neighbours in the sorted order, so that k + 1 windows are tried, and no tree is built.
    """
    information = np.zeros((codes.shape[1], factors.shape[1]))
    counts = [np.bincount(factor) for factor in factors.T]
    for d, z in enumerate(codes.T):
        if z.min() < z.max():
            x = (z - z.mean()) / z.std() + NOISE * rng.standard_normal(len(z))
            order = np.argsort(x)
            for k, factor in enumerate(factors.T):
                some = order[counts[k][factor[order]] > 1]
                information[d, k] = _information(x[some], factor[some], neighbours)
    return information


def _information(x: Float[np.ndarray, "rows"], classes: Integer[np.ndarray, "rows"], neighbours: int) -> float:
    """The estimate from sorted codes, whose classes have two rows or more."""
    rows = len(x)
    if not rows:
        return 0.0
    rank = np.argsort(classes, kind="stable")
    counts = np.bincount(classes)
    size = np.repeat(counts, counts)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    k = np.minimum(neighbours, size - 1)
    nearer = np.maximum(_nearer(x, rank, first, first + size - 1 - k, k, neighbours), 1)
    psi = digamma(np.arange(1, rows + 1))
    return max(0.0, float(psi[-1] + np.mean(psi[k - 1] - psi[size - 1] - psi[nearer - 1])))


def _nearer(
    x: Float[np.ndarray, "rows"],
    rank: Integer[np.ndarray, "rows"],
    first: Integer[np.ndarray, "rows"],
    last: Integer[np.ndarray, "rows"],
    k: Integer[np.ndarray, "rows"],
    neighbours: int,
) -> Integer[np.ndarray, "rows"]:
    """How many rows are nearer to each than its k-th neighbour in its class, itself included.

    `rank` sorts the rows by class, and within a class by x; `first` and `last` are where a class's windows may begin. The
    side on which the k-th neighbour lies is counted by ranks, so that rounding never counts the neighbour itself.
    """
    own, place = x[rank], np.arange(len(x))
    radius, end = np.full(len(x), np.inf), np.empty(len(x), int)
    for back in range(neighbours + 1):
        low = np.clip(place - back, first, last)
        high = low + k
        below, above = own - own[low], own[high] - own
        distance = np.maximum(below, above)
        better = distance < radius
        np.copyto(radius, distance, where=better)
        np.copyto(end, np.where(above >= below, high, low), where=better)
    right = end > place
    other = np.searchsorted(x, np.where(right, own - radius, own + radius))
    return np.where(right, rank[end] - other, other - rank[end] - 1)
