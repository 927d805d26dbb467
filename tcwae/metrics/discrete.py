"""Mutual information between codes in equal-width bins and discrete factors."""

import numpy as np
from jaxtyping import Float, Int, Integer

__all__ = ["entropies", "equal_width_bins", "mutual_information"]


def equal_width_bins(codes: Float[np.ndarray, "samples latent"], bins: int) -> Int[np.ndarray, "samples latent"]:
    """The bin, from 0 to bins - 1, of each code among equal intervals from its latent's smallest code to its largest.

    The edges are numpy.histogram's, in the precision of the codes, and a bin holds its left edge, as with numpy.digitize.
    A constant latent fills one bin.
    """
    binned = np.empty(codes.shape, int)
    for latent, values in enumerate(codes.T):
        low, high = values.min(), values.max()
        if low == high:
            low, high = low - 0.5, high + 0.5
        edges = np.linspace(low, high, bins + 1, dtype=codes.dtype)[:-1]
        binned[:, latent] = np.searchsorted(edges, values, side="right") - 1
    return binned


def mutual_information(
    binned: Int[np.ndarray, "samples latent"], factors: Integer[np.ndarray, "samples factor"]
) -> Float[np.ndarray, "latent factor"]:
    """I(a; b) = sum_ab p(a, b) log [p(a, b) / (p(a) p(b))] of the empirical distribution, in nats, for each pair of columns."""
    classes = [column.astype(int) for column in factors.T]
    return np.array([[_pair(a, b) for b in classes] for a in binned.T])


def _pair(a: Int[np.ndarray, "samples"], b: Int[np.ndarray, "samples"]) -> float:
    columns = int(b.max()) + 1
    joint = np.bincount(a * columns + b, minlength=(int(a.max()) + 1) * columns).reshape(-1, columns) / len(a)
    independent = joint.sum(1, keepdims=True) * joint.sum(0)
    seen = joint > 0
    if min(np.count_nonzero(joint.sum(axis)) for axis in (0, 1)) < 2:
        return 0.0
    return float(max(0.0, np.sum(joint[seen] * np.log(joint[seen] / independent[seen]))))


def entropies(factors: Integer[np.ndarray, "samples factor"]) -> Float[np.ndarray, "factor"]:
    """H(b) = -sum_b p(b) log p(b) of each column's empirical distribution, in nats."""
    return np.array([_entropy(np.bincount(column) / len(column)) for column in factors.T])


def _entropy(p: Float[np.ndarray, "classes"]) -> float:
    return float(-np.sum(p[p > 0] * np.log(p[p > 0])))
