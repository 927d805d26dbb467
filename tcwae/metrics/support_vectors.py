"""Linear support vector classifiers that see one feature.

With one feature x each class is a line w x + b, the minimum of

    1/2 (w^2 + b^2) + sum_i C_i max(0, 1 - y_i (w x_i + b))^2,   y_i = 1 in the class, -1 outside,

the objective of scikit-learn's LinearSVC with its regularised intercept: convex, and quadratic between kinks. The samples
with a loss lie on one side of the place where the line crosses 1 (inside the class) or -1 (outside), so all sums over them
are differences of prefix sums over the sorted samples, and Newton's method with step halving solves all classes of all
factors and features at once. Nothing is random, and codes of any shift or scale reach the minimum, because the steps are
taken on the standardised feature while the objective stays that of x.

References:
    LIBLINEAR, linear.cpp: of three classes or more, only the class itself is weighted and not the rest
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

__all__ = ["fit_lines"]

Problems = Float[np.ndarray, "feature line"]
Labels = Sequence[Int[np.ndarray, "samples"]]
Sums = Float[np.ndarray, "3 feature line"]

TOLERANCE = 1e-14
"""Of the excess over the minimum of the quadratic piece, relative to the objective."""

ROUNDING = 1e-12
"""Of two objectives that count as equal, relative."""

SHORTEST_STEP, ITERATIONS = 1e-12, 100
"""Not reached but where outliers a million deviations away leave no digits to the rest; 3 to 10 iterations are usual."""


class _Piece(NamedTuple):
    """Around lines t, the objective is the quadratic sum_k weight_k (t(place_k) - level_k)^2 + ridge slope^2.

    Written as this sum of squares nothing is lost by cancellation. `excess` is how far it is above its minimum.
    """

    objective: Problems
    best_slope: Problems
    best_intercept: Problems
    excess: Problems


def _piece(weight: Sums, place: Sums, ridge: Problems, slope: Problems, intercept: Problems) -> _Piece:
    """The quadratic with levels 1, -1 and 0, which is a weighted ridge regression on three points."""
    level = np.array([1.0, -1.0, 0.0])[:, None, None]
    total = weight.sum(axis=0)
    centre, middle = (np.sum(weight * values, axis=0) / total for values in (place, level))
    best_slope = np.sum(weight * (place - centre) * (level - middle), axis=0)
    best_slope /= np.sum(weight * (place - centre) ** 2, axis=0) + ridge
    best_intercept = middle - best_slope * centre
    objective = np.sum(weight * (slope * place + intercept - level) ** 2, axis=0) + ridge * slope**2
    away, up = slope - best_slope, intercept - best_intercept
    excess = np.sum(weight * (away * place + up) ** 2, axis=0) + ridge * away**2
    return _Piece(objective, best_slope, best_intercept, excess)


class _Samples:
    """Samples sorted by each feature, with prefix sums of 1, x and x^2 over all of them and over each line's class."""

    def __init__(self, x: Float[np.ndarray, "samples feature"], labels: Labels) -> None:
        counts = [np.bincount(label) for label in labels]
        begins = np.cumsum([0, *(len(count) for count in counts[:-1])])
        order = np.argsort(x, axis=0, kind="stable").T
        self.sorted = np.take_along_axis(x.T, order, axis=1)
        # a sample's key for each factor: the line of its class there, then its rank
        ranks, keys = [], []
        for begin, label in zip(begins, labels, strict=True):
            line = (label + begin).astype(np.min_scalar_type(sum(map(len, counts))))[order]
            ranks.append(np.argsort(line, axis=1, kind="stable"))
            keys.append(np.take_along_axis(line, ranks[-1], axis=1).astype(int) * len(x) + ranks[-1])
        self.count = np.concatenate(counts)
        self._feature = np.arange(len(order))[:, None]
        self._line = (self._feature * len(self.count) + np.arange(len(self.count))) * len(x)
        self._keys = (np.concatenate(keys, axis=1) + self._line[:, :1]).ravel()
        self._all = _prefix_sums(self.sorted)
        self._classes = _prefix_sums(np.take_along_axis(self.sorted, np.concatenate(ranks, axis=1), axis=1))
        self._start = np.cumsum(self.count) - self.count
        self._before = self._classes[:, :, self._start]
        self.inside = self._classes[:, :, self._start + self.count] - self._before
        self.outside = self._all[:, :, -1:] - self.inside

    def below(self, threshold: Problems) -> tuple[Sums, Sums]:
        """Sums over the samples less than a threshold, inside and outside of each line's class."""
        rank = np.stack([x.searchsorted(t) for x, t in zip(self.sorted, threshold, strict=True)])
        place = self._keys.searchsorted(self._line + rank) - self._feature * (self._classes.shape[2] - 1)
        inside = self._classes[:, self._feature, place] - self._before
        return inside, self._all[:, self._feature, rank] - inside


def _prefix_sums(x: Float[np.ndarray, "feature samples"]) -> Float[np.ndarray, "3 feature samples+1"]:
    sums = np.zeros((3, len(x), x.shape[1] + 1))
    sums[0, :, 1:] = np.arange(1, x.shape[1] + 1)
    np.cumsum(x, axis=1, out=sums[1, :, 1:])
    np.cumsum(x * x, axis=1, out=sums[2, :, 1:])
    return sums


class _Objective:
    """The objective of every line, on features shifted and scaled to mean 0 and deviation 1."""

    def __init__(self, codes: Float[np.ndarray, "samples feature"], labels: Labels, c: float) -> None:
        codes = codes.astype(float)
        self.mean, deviation = codes.mean(axis=0)[:, None], codes.std(axis=0)[:, None]
        self.scale = np.where(deviation > 0, deviation, 1.0)
        self.samples = _Samples((codes - self.mean.T) / self.scale.T, labels)
        classes = np.concatenate([np.full(label.max() + 1, label.max() + 1) for label in labels])
        count = self.samples.count
        self.weight = c * len(codes) / (classes * count)
        self.weight_outside = np.where(classes == 2, c * len(codes) / (2 * np.maximum(len(codes) - count, 1)), c)

    def piece(self, slope: Problems, intercept: Problems) -> _Piece:
        """The quadratic piece around lines slope * x + intercept of the standardised features."""
        with np.errstate(divide="ignore", invalid="ignore"):
            inside, _ = self.samples.below((1 - intercept) / slope)
            _, outside = self.samples.below((-1 - intercept) / slope)
        rising = slope >= 0
        inside = self.weight * np.where(rising, inside, self.samples.inside - inside)
        outside = self.weight_outside * np.where(rising, self.samples.outside - outside, outside)
        places, spreads = zip(*map(_mean_and_spread, (inside, outside)), strict=True)
        # the regularisation of w and b: with w = slope / scale and b = intercept - w mean
        weight = np.stack([inside[0], outside[0], np.full_like(slope, 0.5)])
        place = np.stack([*places, np.broadcast_to(-self.mean / self.scale, slope.shape)])
        return _piece(weight, place, sum(spreads) + 0.5 / self.scale**2, slope, intercept)


def _mean_and_spread(sums: Sums) -> tuple[Problems, Problems]:
    """sum x / sum 1 and sum (x - mean)^2; 0 of nothing."""
    mean = np.divide(sums[1], sums[0], out=np.zeros_like(sums[0]), where=sums[0] > 0)
    return mean, np.maximum(sums[2] - sums[1] * mean, 0)


def fit_lines(codes: Float[np.ndarray, "samples feature"], labels: Labels, c: float) -> tuple[Problems, Problems]:
    """Slopes and intercepts (feature, line) of the lines of all classes of all factors, one factor after the other.

    `labels` of each factor count its classes, all of which occur, from 0. The weights C_i are those of LIBLINEAR for
    "balanced" classes: c n / (K n_k) in the class k of K; outside it c, or c n / (2 n_other) where there are two classes.
    """
    objective = _Objective(codes, labels, c)
    slope, intercept = np.zeros((2, codes.shape[1], len(objective.weight)))
    piece, length = objective.piece(slope, intercept), np.ones_like(slope)
    for _ in range(ITERATIONS):
        if not ((piece.excess > TOLERANCE * piece.objective) & (length > SHORTEST_STEP)).any():
            break
        next_slope = slope + length * (piece.best_slope - slope)
        next_intercept = intercept + length * (piece.best_intercept - intercept)
        trial = objective.piece(next_slope, next_intercept)
        better = trial.objective <= piece.objective * (1 + ROUNDING) - 2e-4 * length * piece.excess
        slope, intercept = np.where(better, next_slope, slope), np.where(better, next_intercept, intercept)
        piece = _Piece(*(np.where(better, new, old) for new, old in zip(trial, piece, strict=True)))
        length = np.where(better, 1.0, length / 2)
    slope = slope / objective.scale
    return slope, intercept - slope * objective.mean
