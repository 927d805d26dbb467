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
"""Of the Newton decrement (twice the excess over the minimum of the quadratic piece), relative to the objective."""

ROUNDING = 1e-12
"""Of two objectives that count as equal, relative."""

SHORTEST_STEP, ITERATIONS = 1e-9, 100
"""Reached only with outliers a million deviations away, where rounding allows no better line; 3 to 40 iterations are usual."""


class _Piece(NamedTuple):
    """The quadratic 1/2 t'Ht - t'r + const around lines t = (slope, intercept), and the objective there."""

    h11: Problems
    h12: Problems
    h22: Problems
    r1: Problems
    r2: Problems
    determinant: Problems
    objective: Problems

    def step(self, slope: Problems, intercept: Problems) -> tuple[Problems, Problems, Problems]:
        """The way to the minimum of the piece, and its Newton decrement d'Hd."""
        g1 = self.r1 - self.h11 * slope - self.h12 * intercept
        g2 = self.r2 - self.h12 * slope - self.h22 * intercept
        d1 = (self.h22 * g1 - self.h12 * g2) / self.determinant
        d2 = (self.h11 * g2 - self.h12 * g1) / self.determinant
        return d1, d2, d1 * g1 + d2 * g2


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
        m0, m1, m2 = inside + outside
        l0, l1, _ = inside - outside
        h11 = 2 * m2 + (1 + self.mean**2) / self.scale**2
        h12 = 2 * m1 - self.mean / self.scale
        h22 = 2 * m0 + 1
        quadratic = (h11 * slope**2 + h22 * intercept**2) / 2 + h12 * slope * intercept
        # the losses add to the determinant of the regularisation, whatever rounding makes of the difference
        determinant = np.maximum(h11 * h22 - h12**2, 1 / self.scale**2)
        objective = quadratic - 2 * (l1 * slope + l0 * intercept) + m0
        return _Piece(h11, h12, h22, 2 * l1, 2 * l0, determinant, objective)


def fit_lines(codes: Float[np.ndarray, "samples feature"], labels: Labels, c: float) -> tuple[Problems, Problems]:
    """Slopes and intercepts (feature, line) of the lines of all classes of all factors, one factor after the other.

    `labels` of each factor count its classes, all of which occur, from 0. The weights C_i are those of LIBLINEAR for
    "balanced" classes: c n / (K n_k) in the class k of K; outside it c, or c n / (2 n_other) where there are two classes.
    """
    objective = _Objective(codes, labels, c)
    slope, intercept = np.zeros((2, codes.shape[1], len(objective.weight)))
    piece, length = objective.piece(slope, intercept), np.ones_like(slope)
    for _ in range(ITERATIONS):
        d1, d2, decrement = piece.step(slope, intercept)
        if not ((decrement > TOLERANCE * piece.objective) & (length > SHORTEST_STEP)).any():
            break
        trial = objective.piece(slope + length * d1, intercept + length * d2)
        bound = piece.objective * (1 + ROUNDING) - 1e-4 * length * decrement
        better = trial.objective <= bound
        slope = np.where(better, slope + length * d1, slope)
        intercept = np.where(better, intercept + length * d2, intercept)
        piece = _Piece(*(np.where(better, new, old) for new, old in zip(trial, piece, strict=True)))
        length = np.where(better, 1.0, length / 2)
    slope = slope / objective.scale
    return slope, intercept - slope * objective.mean
