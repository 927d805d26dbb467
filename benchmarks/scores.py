"""Evaluation: the encoder over a data set, and each score of 20,000 codes."""

from collections.abc import Iterator

import numpy as np
import torch

from benchmarks.measure import Row, interleaved, on_threads, peak
from benchmarks.steps import pictures
from tcwae.data.dsprites import FACTOR_SIZES
from tcwae.data.images import Images
from tcwae.evaluation import representation
from tcwae.methods.networks import Autoencoder
from tcwae.metrics.registry import METRICS
from tcwae.metrics.table import CodeTable
from tcwae.training.device import set_up

__all__ = ["rows"]

CODES = 20_000
ENCODED = 5_000


def table() -> CodeTable:
    """Codes of dSprites' factors: a random rotation of five of them, with noise, and five latents of noise."""
    rng = np.random.default_rng(0)
    factors = rng.integers(0, FACTOR_SIZES, (CODES, len(FACTOR_SIZES)))
    clean = (factors / (np.array(FACTOR_SIZES) - 1) - 0.5) @ np.linalg.qr(rng.standard_normal((5, 5)))[0]
    codes = np.concatenate([clean, np.zeros_like(clean)], 1) + 0.1 * rng.standard_normal((CODES, 10))
    return CodeTable(codes.astype(np.float32), factors)


def score(name: str) -> float:
    """One score of the table."""
    return METRICS[name](table(), np.random.default_rng(0)).value


def encode() -> representation.Codes:
    """Some pictures through an encoder."""
    model = Autoencoder(1, 10).to(memory_format=torch.channels_last)
    return representation.encode(model, Images(pictures(ENCODED), torch.device("cpu")), torch.arange(ENCODED))


def rows() -> Iterator[Row]:
    """The encoder on one thread and on two; the scores, which are NumPy's and scikit-learn's, on one."""
    set_up(2)
    seconds, memory = interleaved({n: on_threads(n, encode) for n in (1, 2)}), peak(encode)
    for n, duration in seconds.items():
        yield Row(f"encode {ENCODED:,} images", n, representation.BATCH, 1e3 * duration, ENCODED / duration, memory)
    torch.set_num_threads(1)
    codes = table()
    calls = {name: lambda metric=metric: metric(codes, np.random.default_rng(0)) for name, metric in METRICS.items()}
    for name, duration in interleaved(calls).items():
        yield Row(f"{name} of {CODES:,} codes", 1, milliseconds=1e3 * duration, megabytes=peak(score, name))
