"""Codes of a factor grid, computed by anything, in the file that `tcwae score` reads."""

import sys

import numpy as np

SIZES, NAMES = (3, 6, 40), ["shape", "size", "angle"]


def encode(cells: np.ndarray) -> np.ndarray:
    """Stands for your encoder: the images of these cells in, the posterior means out."""
    shape, size, angle = cells.T
    noise = 0.1 * np.random.default_rng(0).normal(size=(len(cells), 4))
    turn = 2 * np.pi * angle / SIZES[2]
    return np.stack([shape - 1.0, (size - 2.5) / 2, np.sin(turn), np.cos(turn)], axis=1) + noise


def main(path: str) -> None:
    """Encode all cells in C order, and write."""
    cells = np.stack(np.unravel_index(np.arange(np.prod(SIZES)), SIZES), axis=1)
    np.savez(path, codes=encode(cells), factor_sizes=SIZES, factor_names=NAMES)


if __name__ == "__main__":
    main(sys.argv[1])
