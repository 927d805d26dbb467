"""Tables whose scores are known."""

import numpy as np

from tcwae.metrics.table import CodeTable

DSPRITES = (3, 6, 40, 32, 32)


def cells(sizes):
    """The classes of every cell of a grid, in C order, as floats."""
    return np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1).astype(float)


def standardised(factors):
    return (factors - factors.mean(axis=0)) / factors.std(axis=0)


def perfect(sizes, noise=0, scored=None):
    """One latent of mean 0 and deviation 1 a factor, and `noise` latents of N(0, 1)."""
    codes = standardised(cells(sizes))
    extra = np.random.default_rng(0).normal(size=(len(codes), noise))
    return CodeTable.of_grid(np.concatenate([codes, extra], axis=1).astype(np.float32), sizes, scored)


def noise(sizes, latents=5):
    """Codes that know nothing."""
    codes = np.random.default_rng(0).normal(size=(np.prod(sizes), latents))
    return CodeTable.of_grid(codes.astype(np.float32), sizes)
