"""Gradient boosted trees on binned codes: scikit-learn's GradientBoostingClassifier at its defaults, many times as fast.

Each of 100 stages adds to the logit of every class a tenth of the values of a regression tree of depth 3, fitted by least
squares to the residuals y - p of the softmax; a leaf's value is a Newton step of the log loss. Thresholds are searched
among at most 256 quantiles of a code instead of all its values, and nothing else differs. The sums of the residuals in
every bin, for the trees of all classes at once, are then the product of a sparse matrix and the residuals.

References:
    Friedman, Greedy Function Approximation: A Gradient Boosting Machine, 2001, algorithm 6
    https://scikit-learn.org/stable/modules/generated/sklearn.ensemble.GradientBoostingClassifier.html
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Integer
from scipy.sparse import csr_array
from scipy.special import expit, softmax

__all__ = ["Boosted", "boost"]

BINS, STAGES, DEPTH, RATE = 256, 100, 3, 0.1

Logits = Float[np.ndarray, "trees samples"]
Nodes = Int[np.ndarray, "trees samples"]


class Boosted(NamedTuple):
    """The share of each code in the decrease of the squared error, and the classes predicted."""

    importance: Float[np.ndarray, "code"]
    train_classes: Int[np.ndarray, "train"]
    test_classes: Int[np.ndarray, "test"]


class _Codes:
    """Training codes in bins, which hold equal numbers of samples where a code has more than 256 values."""

    def __init__(self, codes: Float[np.ndarray, "samples code"]) -> None:
        self._edges = []
        for code in codes.T.astype(float):
            values = np.unique(code)
            if len(values) > BINS:
                values = np.unique(np.quantile(code, np.linspace(0, 1, BINS), method="higher"))
            self._edges.append((values[:-1] + values[1:]) / 2)
        self.bins = self.bins_of(codes)
        self.shape = len(self.bins), int(self.bins.max()) + 1
        row = self.bins + np.arange(self.shape[0])[:, None] * self.shape[1]
        ones, column = np.ones(row.size), np.tile(np.arange(len(codes)), len(row))
        self._members = csr_array((ones, (row.ravel(), column)), shape=(self.shape[0] * self.shape[1], len(codes)))

    def bins_of(self, codes: Float[np.ndarray, "samples code"]) -> Integer[np.ndarray, "code samples"]:
        """The bin of each code."""
        return np.stack([np.searchsorted(e, x) for e, x in zip(self._edges, codes.T, strict=True)]).astype(np.uint16)

    def sums_up_to(self, values: Logits) -> Float[np.ndarray, "code bin trees"]:
        """For each code and bin, the sum of the values of the samples in this bin and those below."""
        sums = self._members @ np.ascontiguousarray(values.T)
        return sums.reshape(*self.shape, len(values)).cumsum(axis=1)


class _Splits(NamedTuple):
    """The split of each node of a level: the code asked, its last bin that goes left, and the decrease of the squared error."""

    code: Int[np.ndarray, "trees nodes"]
    last: Int[np.ndarray, "trees nodes"]
    decrease: Float[np.ndarray, "trees nodes"]

    def descend(self, nodes: Nodes, bins: Integer[np.ndarray, "code samples"]) -> Nodes:
        """The children of `nodes` that samples fall into, numbered 2 n (left) and 2 n + 1 (right)."""
        right = np.zeros(nodes.shape, bool)
        for node, (code, last) in enumerate(zip(self.code.T, self.last.T, strict=True)):
            right |= (nodes == node) & (bins[code] > last[:, None])
        return 2 * nodes + right


def _best_splits(
    sums: Float[np.ndarray, "code bin trees nodes"], counts: Float[np.ndarray, "code bin #trees nodes"]
) -> _Splits:
    """The splits that decrease the squared error most: by S_l^2 / n_l + S_r^2 / n_r - S^2 / n for sums S of n residuals."""
    total, count = sums[:1, -1:], counts[:1, -1:]
    possible = (counts > 0) & (counts < count)
    mean = sums / np.where(possible, counts, 1)
    decrease = mean * sums
    np.subtract(total, sums, out=mean)
    decrease += mean**2 / np.where(possible, count - counts, 1)
    decrease -= total**2 / np.maximum(count, 1)
    flat = np.where(possible, decrease, 0).reshape(-1, *sums.shape[2:])
    best = flat.argmax(axis=0)
    code, last = np.divmod(best, sums.shape[1])
    return _Splits(code, last, np.take_along_axis(flat, best[None], axis=0)[0])


def _grow(codes: _Codes, residuals: Logits) -> tuple[list[_Splits], Nodes]:
    """The splits of a tree for each row of residuals, level by level, and the leaf of every sample."""
    nodes = np.zeros(residuals.shape, np.uint8)
    sums = codes.sums_up_to(residuals)[..., None]
    counts = np.broadcast_to(codes.sums_up_to(np.ones((1, residuals.shape[1])))[..., None], sums.shape)
    levels = []
    for level in range(DEPTH):
        levels.append(_best_splits(sums, counts))
        nodes = levels[-1].descend(nodes, codes.bins)
        if level + 1 < DEPTH:
            left = [nodes == 2 * parent for parent in range(2**level)]
            sums = _children(sums, [codes.sums_up_to(residuals * some) for some in left])
            counts = _children(counts, [codes.sums_up_to(some.astype(float)) for some in left])
    return levels, nodes


def _children(
    parents: Float[np.ndarray, "code bin trees nodes"], left: list[Float[np.ndarray, "code bin trees"]]
) -> Float[np.ndarray, "code bin trees children"]:
    """The sums of both children of each node from its own and its left child's."""
    left = np.stack(left, axis=-1)
    return np.stack([left, parents - left], axis=-1).reshape(*left.shape[:3], -1)


def boost(
    train: Float[np.ndarray, "train code"],
    classes: Int[np.ndarray, "train"],
    test: Float[np.ndarray, "test code"],
) -> Boosted:
    """Learn the classes, which count from 0 and all occur, and predict them for both sets of codes."""
    codes, amount = _Codes(train), int(classes.max()) + 1
    bins = codes.bins, codes.bins_of(test)
    rows = np.arange(amount) if amount != 2 else np.array([1])
    target = (classes == rows[:, None]).astype(float)
    share = np.bincount(classes) / len(classes)
    prior = np.log(share) if amount != 2 else np.log(share[1:] / share[0])
    logits = [np.repeat(prior[:, None], some.shape[1], axis=1) for some in bins]
    importance = np.zeros(len(codes.bins))
    for _ in range(STAGES):
        residuals = target - _probabilities(logits[0])
        levels, leaves = _grow(codes, residuals)
        steps = RATE * (1 - (amount != 2) / amount) * _newton_steps(target, residuals, leaves)
        for some, logit in zip(bins, logits, strict=True):
            nodes = np.zeros(logit.shape, np.uint8)
            for splits in levels:
                nodes = splits.descend(nodes, some)
            logit += np.take_along_axis(steps, nodes.astype(int), axis=1)
        for splits in levels:
            importance += np.bincount(splits.code.ravel(), splits.decrease.ravel(), len(importance))
    importance /= importance.sum() or 1.0
    return Boosted(importance, *(_predicted(logit) for logit in logits))


def _probabilities(logits: Logits) -> Logits:
    return softmax(logits, axis=0) if len(logits) > 1 else expit(logits)


def _predicted(logits: Logits) -> Int[np.ndarray, "samples"]:
    return logits.argmax(axis=0) if len(logits) > 1 else (logits[0] > 0).astype(int)


def _newton_steps(target: Logits, residuals: Logits, leaves: Nodes) -> Float[np.ndarray, "trees leaves"]:
    """sum r / sum p (1 - p) over the samples of each leaf, with p = y - r; 0 where the denominator vanishes."""
    p = target - residuals
    key = (leaves + 2**DEPTH * np.arange(len(leaves))[:, None]).ravel()
    shape, size = (len(leaves), 2**DEPTH), len(leaves) * 2**DEPTH
    gradient, curvature = (np.bincount(key, v.ravel(), size).reshape(shape) for v in (residuals, p * (1 - p)))
    return np.divide(gradient, curvature, out=np.zeros(shape), where=curvature > 1e-150)
