"""Gradient boosted trees: scikit-learn's GradientBoostingClassifier at its defaults, in a fraction of its time.

Each of 100 stages adds to the logit of every class a tenth of the values of a regression tree of depth 3, which is fitted by
least squares to the residuals y - p of the softmax; a leaf's value is a Newton step of the log loss. All thresholds of all
codes are tried. Samples are sorted by each code once, and a node's sorted samples are divided between its children, where
scikit-learn sorts them again in every node.

References:
    Friedman, Greedy Function Approximation: A Gradient Boosting Machine, 2001, algorithm 6
    https://scikit-learn.org/stable/modules/generated/sklearn.ensemble.GradientBoostingClassifier.html
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.special import expit, softmax

__all__ = ["Boosted", "boost"]

STAGES, DEPTH, RATE = 100, 3, 0.1

Residuals = Float[np.ndarray, "train"]


class Boosted(NamedTuple):
    """The share of each code in the decrease of the squared error, and the classes predicted."""

    importance: Float[np.ndarray, "code"]
    train_classes: Int[np.ndarray, "train"]
    test_classes: Int[np.ndarray, "test"]


class _Node(NamedTuple):
    """The samples of a node, sorted by each code, and the ranks of their values, equal for equal values.

    Without ranks all values of each code differ.
    """

    samples: Int[np.ndarray, "code node"]
    ranks: Int[np.ndarray, "code node"] | None

    @classmethod
    def root(cls, codes: Float[np.ndarray, "code train"]) -> "_Node":
        samples = np.argsort(codes, axis=1, kind="stable")
        steps = np.diff(np.take_along_axis(codes, samples, axis=1), axis=1, prepend=-np.inf) > 0
        ranks = None if steps.all() else np.cumsum(steps, axis=1, dtype=np.int32)
        return cls(samples.astype(np.int32), ranks)

    def where(self, chosen: np.ndarray) -> "_Node":
        """The node of the samples that are chosen; sorted still."""
        places = np.flatnonzero(chosen.take(self.samples))
        return _Node(*(None if v is None else v.take(places).reshape(len(v), -1) for v in self))

    def best_split(self, residuals: Residuals, rng: np.random.Generator) -> tuple[int, int, float]:
        """The code, the place of the last sample that goes left, and the decrease of the squared error, 0 without a split.

        The left sum c of the centred residuals of i out of n samples decreases it by c^2 n / (i (n - i)). Codes that do
        equally well are drawn from.
        """
        size = self.samples.shape[1]
        if size < 2:
            return 0, 0, 0.0
        centred = residuals - residuals[self.samples[0]].mean()
        decrease = np.cumsum(centred.take(self.samples), axis=1)[:, :-1]
        decrease *= decrease
        left = np.arange(1, size)
        decrease *= size / (left * (size - left))
        if self.ranks is not None:
            decrease *= self.ranks[:, 1:] != self.ranks[:, :-1]
        most = decrease.max(axis=1)
        best = np.flatnonzero(most >= most.max() * (1 - 1e-12))
        code = int(best[0] if len(best) == 1 else rng.choice(best))
        return code, int(decrease[code].argmax()), float(most[code])


class _Trees:
    """Trees grown on the training codes, which also say in which leaf each test sample falls."""

    def __init__(
        self, train: Float[np.ndarray, "train code"], test: Float[np.ndarray, "test code"], rng: np.random.Generator
    ) -> None:
        self._rng = rng
        self._codes = np.ascontiguousarray(np.concatenate([train, test]).T, dtype=float)
        self._root = _Node.root(self._codes[:, : len(train)])
        self.decrease = np.zeros(len(self._codes))

    def grow(self, residuals: Residuals) -> Int[np.ndarray, "samples"]:
        """The leaf of every sample, training first, in a tree fitted to the residuals."""
        leaves = np.zeros(self._codes.shape[1], int)
        self._split(self._root, 0, 2 ** (DEPTH - 1), residuals, leaves)
        return leaves

    def _split(
        self, node: _Node, label: int, width: int, residuals: Residuals, leaves: Int[np.ndarray, "samples"]
    ) -> None:
        """Divide the node that `leaves` calls `label`, and its children: the right one is called label + width."""
        code, place, decrease = node.best_split(residuals, self._rng)
        if decrease <= 0:
            return
        self.decrease[code] += decrease
        below, above = self._codes[code, node.samples[code, place : place + 2]]
        middle = below / 2 + above / 2
        threshold = middle if middle < above else below
        leaves[(leaves == label) & (self._codes[code] > threshold)] += width
        if width > 1:
            train = leaves[: len(residuals)]
            for child in (label, label + width):
                self._split(node.where(train == child), child, width // 2, residuals, leaves)


def boost(
    train: Float[np.ndarray, "train code"],
    classes: Int[np.ndarray, "train"],
    test: Float[np.ndarray, "test code"],
    rng: np.random.Generator,
) -> Boosted:
    """Learn the classes, which count from 0 and all occur, and predict them for both sets of codes.

    The generator decides between codes that split a node equally well, and nothing else.
    """
    amount, samples, trees = int(classes.max()) + 1, len(train), _Trees(train, test, rng)
    learned = np.arange(amount) if amount != 2 else np.array([1])  # of two classes the second alone has a logit
    targets = (classes == learned[:, None]).astype(float)
    share = np.bincount(classes) / samples
    prior = np.log(share[1:] / share[:1] if amount == 2 else share)
    logits = np.repeat(prior[:, None], samples + len(test), axis=1)
    rate = RATE if amount == 2 else RATE * (amount - 1) / amount
    for _ in range(STAGES):
        now = logits[:, :samples]
        residuals = targets - (expit(now) if amount == 2 else softmax(now, axis=0))
        for logit, target, residual in zip(logits, targets, residuals, strict=True):
            leaves = trees.grow(residual)
            logit += rate * _newton_steps(target, residual, leaves[:samples])[leaves]
    predicted = (logits[0] > 0).astype(int) if amount == 2 else logits.argmax(axis=0)
    importance = trees.decrease / (trees.decrease.sum() or 1.0)
    return Boosted(importance, predicted[:samples], predicted[samples:])


def _newton_steps(
    target: Residuals, residual: Residuals, leaves: Int[np.ndarray, "train"]
) -> Float[np.ndarray, "leaves"]:
    """sum r / sum p (1 - p) over the training samples of each leaf, p = y - r; 0 where the denominator vanishes."""
    p = target - residual
    gradient, curvature = (np.bincount(leaves, values, 2**DEPTH) for values in (residual, p * (1 - p)))
    return np.divide(gradient, curvature, out=np.zeros(2**DEPTH), where=curvature > 1e-150)
