"""Codes with the factors they stand for, and the draws that every score is made of.

All cells of a factor grid, or a plain sample of a data set, are drawn from in the same way, with replacement. On a grid a
draw has exactly the distribution of disentanglement_lib's `sample_factors`, the factors that are not scored being redrawn
at random; so an encoder runs once over the grid, and never again for a score.

References:
    https://github.com/google-research/disentanglement_lib, data/ground_truth
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int, Integer

from tcwae.errors import InputError

__all__ = ["CodeTable", "UnavailableScoreError"]

LARGEST_CODE = 1e15
"""The square of a larger one may overflow in float32."""

MOST_CLASSES = 1024
"""Of a factor: 10,000 samples would hold fewer than ten of each class of a finer one."""

Codes = Float[np.ndarray, "*draws latent"]
Factors = Integer[np.ndarray, "*draws factor"]
Rows = Int[np.ndarray, "*draws"]


class UnavailableScoreError(InputError):
    """A score cannot be had for this table. Others can: leave this one out, with the message as the reason."""


@dataclass(frozen=True, eq=False)
class CodeTable:
    """Codes (rows, latent) and the classes, counted from 0, of their scored factors (rows, factor).

    `deviations` are the standard deviations of the posteriors whose means the codes are. If `sampled`, each draw is then a
    fresh sample codes + deviations * noise (the protocol of sampled codes); otherwise, or without deviations, a draw is the
    code itself (posterior means).

    `grid` says that the rows are all cells of a factor grid: the population itself and not a sample of it. Codes that come
    as integers are `discrete` latents, unless they are sampled.

    Raises:
        InputError: fewer than two rows, latents or factors; codes that are not finite; classes that are not integers from
            0 to 1023; shapes that do not fit together.
    """

    codes: np.ndarray
    factors: np.ndarray
    deviations: np.ndarray | None = None
    names: Sequence[str] = ()
    grid: bool = False
    sampled: bool = True
    discrete: bool = field(init=False)

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "discrete", np.asarray(self.codes).dtype.kind in "iu" and not self.draws_noise)
        set_(self, "codes", _finite(self.codes, "codes"))
        set_(self, "factors", _classes(self.factors, rows=len(self.codes)))
        set_(self, "names", tuple(self.names) or tuple(f"factor_{k}" for k in range(self.factors.shape[1])))
        if len(self.names) != self.factors.shape[1] or len(set(self.names)) < len(self.names):
            found = ", ".join(self.names)
            raise InputError(f"expected {self.factors.shape[1]} different factor names, found {found}")
        if self.deviations is not None:
            set_(self, "deviations", _finite(self.deviations, "deviations").astype(self.codes.dtype, copy=False))
            if self.deviations.shape != self.codes.shape or self.deviations.min() < 0:
                raise InputError(f"expected deviations >= 0 with the shape {self.codes.shape} of the codes")

    @classmethod
    def of_grid(
        cls,
        codes: np.ndarray,
        sizes: Sequence[int],
        scored: Sequence[int] | None = None,
        deviations: np.ndarray | None = None,
        names: Sequence[str] = (),
        sampled: bool = True,
    ) -> "CodeTable":
        """A row for each cell of the grid of factor `sizes`, in C order (the last factor changes fastest).

        `scored` are the indices of the factors to score, all by default; the others are nuisances. `names` name all factors.

        Raises:
            InputError: as the class, and where the number of rows is not the number of cells or an index is no factor's.
        """
        sizes = [int(size) for size in sizes]
        if min(sizes, default=0) < 1 or np.shape(codes)[:1] != (math.prod(sizes),):
            cells = f"{math.prod(sizes)} codes, one for each cell of the grid {sizes}"
            raise InputError(f"expected {cells}, found an array of shape {np.shape(codes)}")
        scored, names = _selected(len(sizes), scored, names)
        cells = np.indices(sizes, sparse=True)
        factors = np.empty((len(scored), *sizes), np.uint16)
        for row, k in enumerate(scored):
            factors[row] = cells[k]
        return cls(codes, factors.reshape(len(scored), len(codes)).T, deviations, names, grid=True, sampled=sampled)

    @classmethod
    def of_rows(
        cls,
        codes: np.ndarray,
        factors: np.ndarray,
        scored: Sequence[int] | None = None,
        deviations: np.ndarray | None = None,
        names: Sequence[str] = (),
        sizes: Sequence[int] | None = None,
        sampled: bool = True,
    ) -> "CodeTable":
        """A row for each code, with the classes (rows, factor) of all factors. `scored` and `names` are those of `of_grid`.

        Rows that hold every combination of classes once are all cells of a grid, in whatever order.

        Raises:
            InputError: as the class, and where a class is not below the one of `sizes` or an index is no factor's.
        """
        factors = _classes(factors, rows=len(codes) if np.ndim(codes) else 0)
        shape = [int(largest) + 1 for largest in factors.max(axis=0)]
        if sizes is not None and (len(sizes) != len(shape) or np.greater(shape, sizes).any()):
            raise InputError(f"expected classes below the factor sizes {list(sizes)}, found classes of sizes {shape}")
        scored, names = _selected(len(shape), scored, names)
        grid = math.prod(shape) == len(codes) and bool(
            (np.bincount(np.ravel_multi_index(factors.T.astype(int), shape), minlength=len(codes)) == 1).all()
        )
        return cls(codes, factors[:, scored], deviations, names, grid, sampled)

    @property
    def draws_noise(self) -> bool:
        """Whether a draw is a sample from a posterior."""
        return self.sampled and self.deviations is not None

    @property
    def sizes(self) -> tuple[int, ...]:
        """The largest class of each factor, plus one."""
        return tuple(len(counts) for counts in self.class_counts)

    @cached_property
    def class_counts(self) -> list[Int[np.ndarray, "_"]]:
        """The rows of each class, for each factor."""
        return [np.bincount(factor) for factor in self.factors.T]

    def require(self, rows: int = 1) -> None:
        """Check that every factor has at least two classes, and each of them at least `rows` rows.

        Raises:
            UnavailableScoreError: one has not.
        """
        for name, counts in zip(self.names, self.class_counts, strict=True):
            there = counts[counts > 0]
            if len(there) < 2:
                raise UnavailableScoreError(f"expected at least 2 classes of {name!r}, found 1: leave this factor out")
            if there.min() < rows:
                found = f"{there.min()} of class {counts.tolist().index(there.min())}: merge classes, or take more rows"
                raise UnavailableScoreError(f"expected at least {rows} rows of every class of {name!r}, found {found}")

    @cached_property
    def _groups(self) -> tuple[Int[np.ndarray, "_"], Int[np.ndarray, "_ _"], Int[np.ndarray, "_ _"]]:
        """The rows sorted by each factor, end to end; and where a factor's class begins there, and its count."""
        counts = np.zeros((len(self.class_counts), max(self.sizes)), int)
        for k, of_factor in enumerate(self.class_counts):
            counts[k, : len(of_factor)] = of_factor
        order = np.empty(self.factors.shape[::-1], np.int32)
        for rows, factor in zip(order, self.factors.T, strict=True):
            rows[:] = np.argsort(factor, kind="stable")
        return order.ravel(), np.cumsum(counts).reshape(counts.shape) - counts, counts

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> Int[np.ndarray, "..."]:
        """Rows, uniformly and with replacement."""
        return rng.integers(len(self.codes), size=size)

    def draw_sharing(
        self, rng: np.random.Generator, rows: Int[np.ndarray, "*draws"], factor: Int[np.ndarray, "*draws"], size: int
    ) -> Int[np.ndarray, "size *draws"]:
        """For each of `rows`, `size` rows drawn uniformly among those with its class of its `factor`."""
        order, begin, counts = self._groups
        classes = self.factors[rows, factor]
        # uniform * count rounds to less than count for every double below 1
        offset = (rng.random((size, *rows.shape)) * counts[factor, classes]).astype(int)
        return order.take(offset + begin[factor, classes])

    def look_up(self, rng: np.random.Generator, rows: Rows) -> Codes:
        """The codes of rows; if they are `sampled`, a sample from each posterior, new at each call."""
        codes = self.codes.take(rows, axis=0)
        if not self.draws_noise:
            return codes
        noise = rng.standard_normal(codes.shape, dtype=codes.dtype)
        return codes + self.deviations.take(rows, axis=0) * noise

    def sample(self, rng: np.random.Generator, size: int) -> tuple[Codes, Factors]:
        """Codes (size, latent) and factors (size, factor) of rows drawn uniformly."""
        rows = self.draw(rng, size)
        return self.look_up(rng, rows), self.factors[rows]

    def distinct_rows(self, rng: np.random.Generator, size: int) -> Int[np.ndarray, "rows"]:
        """`size` rows, or all there are if they are fewer, each at most once and in random order."""
        return rng.choice(len(self.codes), size=min(size, len(self.codes)), replace=False)

    def train_and_test(self, rng: np.random.Generator, train: int, test: int) -> list[tuple[Codes, Factors]]:
        """Two samples, of `train` and of `test` rows, to learn from and to test on.

        Both are drawn from all cells of a grid, as it is the population. The rows of a sample are divided first, at random
        and in the proportion of the two sizes, so that nothing is tested on what it learned from.
        """
        if self.grid:
            return [self.sample(rng, train), self.sample(rng, test)]
        cut = min(max(1, round(len(self.codes) * train / (train + test))), len(self.codes) - 1)
        parts = np.split(rng.permutation(len(self.codes)), [cut])
        rows = [part[rng.integers(len(part), size=size)] for part, size in zip(parts, (train, test), strict=True)]
        return [(self.look_up(rng, some), self.factors[some]) for some in rows]


def _selected(amount: int, scored: Sequence[int] | None, names: Sequence[str]) -> tuple[list[int], Sequence[str]]:
    """The indices of the scored ones of `amount` factors, and their names."""
    scored = list(range(amount)) if scored is None else [int(k) for k in scored]
    if len(set(scored)) < len(scored) or not set(scored) <= set(range(amount)):
        raise InputError(f"expected distinct scored factors from 0 to {amount - 1}, found {scored}")
    if names and len(names) != amount:
        raise InputError(f"expected {amount} different factor names, found {', '.join(names)}")
    return scored, [names[k] for k in scored] if names else ()


def _finite(values: np.ndarray, name: str) -> Float[np.ndarray, "rows latent"]:
    """Two-dimensional floats of single precision or more, all finite."""
    values = np.ascontiguousarray(values)
    if values.ndim != 2 or values.dtype.kind not in "fiu":
        raise InputError(f"expected {name} of real numbers with the axes (rows, latent), found {_kind(values)}")
    if min(values.shape) < 2:
        raise InputError(f"expected {name} of at least 2 rows and 2 latents, found {values.shape}")
    if values.dtype not in (np.float32, np.float64):
        values = values.astype(np.float32 if values.dtype == np.float16 else np.float64)
    if not (np.abs(values) < LARGEST_CODE).all():
        row, latent = np.argwhere(~(np.abs(values) < LARGEST_CODE))[0]
        found = values[row, latent]
        raise InputError(f"expected finite {name} below {LARGEST_CODE:g}, found {found} at row {row}, latent {latent}")
    return values


def _classes(factors: np.ndarray, rows: int) -> Integer[np.ndarray, "rows factor"]:
    """The classes of each row, a factor after the other in memory."""
    factors = np.asarray(factors)
    if factors.dtype.kind == "f" and factors.size and np.abs(factors).max() <= LARGEST_CODE:  # not NaN
        if (factors % 1).any():
            advice = "np.digitize(column, edges) makes classes of the values of a factor"
            raise InputError(f"expected factors of whole numbers, found {factors[factors % 1 != 0][0]}: {advice}")
        factors = factors.astype(np.int64)
    if factors.ndim != 2 or factors.dtype.kind not in "iu" or len(factors) != rows:
        raise InputError(f"expected factors of integers with the axes ({rows} rows, factor), found {_kind(factors)}")
    if factors.shape[1] < 2:
        raise InputError(f"expected at least 2 factors to score, found {factors.shape[1]}")
    if not rows:
        raise InputError("expected factors of at least 2 rows, found none")
    if factors.min() < 0 or factors.max() >= MOST_CLASSES:
        found = f"{factors.min()} to {factors.max()}"
        advice = "put finer ones in bins"
        if factors.min() < 0:
            advice = "np.unique(column, return_inverse=True)[1] makes classes of the values of a factor"
        raise InputError(f"expected factor classes from 0 to {MOST_CLASSES - 1}, found {found}: {advice}")
    # 16-bit integers sort several times faster than wider ones
    return np.asfortranarray(factors, dtype=np.uint16)


def _kind(values: np.ndarray) -> str:
    return f"{values.dtype} with shape {values.shape}"
