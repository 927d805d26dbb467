"""What each estimator says of one trained model as its sample grows: total correlation and dimension-wise KL.

The population is the aggregated posterior of the N encoded images of a run, q(z) = 1/N sum_n q(z|x_n), so that its
large-sample value is exact but for the expectation over codes. Its estimators see a batch of M codes: equation (10) as printed
(MWS); the same with the batch alone as the data, log 1/M sum_j q(z|x_j); stratified sampling (MSS, Chen et al., 2018);
and the density ratio of equation (11), by a classifier of M codes of each kind that is asked about other codes.
"""

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from tcwae import records
from tcwae.evaluation.codes import read_posterior
from tcwae.files import atomic
from tcwae.methods import divergences

__all__ = ["COLUMNS", "REPEATS", "SIZES", "density_ratio_terms", "estimate", "terms"]

SIZES, REPEATS, OUTER = (64, 256, 1024, 4096), 3, 1000
"""Codes of a batch, batches of each size, and codes over which the large-sample value is averaged."""

COLUMNS = ("estimator", "size", "repeat", "total_correlation", "dimension_wise_kl")
"""Of estimates.csv: the estimator, the codes of its batch, which of the batches, and two terms in nats."""

Codes = Float[np.ndarray, "_ latent"]
Densities = tuple[torch.Tensor, torch.Tensor]


def estimate(folder: Path) -> None:
    """Write estimates.csv beside a run's metrics.json and codes.h5: a row an estimate, none of a run that diverged.

    Raises:
        InputError: one of the two files is missing or damaged.
        OSError: the table cannot be written.
    """
    finished = records.read(records.MetricsRecord, folder / "metrics.json").training.status == "finished"
    table = terms(*read_posterior(folder / "codes.h5")) if finished else pd.DataFrame(columns=COLUMNS)
    with atomic(folder / "estimates.csv") as temporary:
        table.to_csv(temporary, index=False)


def terms(means: Codes, deviations: Codes, *, seed: int = 0) -> pd.DataFrame:
    """All estimates for one aggregated posterior; sizes beyond its number of images are left out."""
    generator = torch.Generator().manual_seed(seed)
    posterior = torch.from_numpy(means).double(), torch.from_numpy(deviations).double().square().log()
    return pd.DataFrame(list(_estimates(posterior, generator, seed)), columns=COLUMNS)


def _estimates(posterior: Densities, generator: torch.Generator, seed: int) -> Iterator[tuple]:
    total = len(posterior[0])
    codes = _draw(posterior, OUTER, generator)[0]
    yield "large sample", total, 0, *_both(codes, divergences.aggregated_log_density(codes, *posterior))
    for size in (size for size in SIZES if size <= total):
        for repeat in range(REPEATS):
            batch = _draw(posterior, size, generator)
            tc, dw = _both(batch[0], divergences.minibatch_weighted_log_density(*batch, total))
            yield "MWS", size, repeat, tc, dw
            yield "in batch", size, repeat, *divergences.without_log_n(tc, dw, codes.shape[1], total)
            yield "MSS", size, repeat, *_both(batch[0], divergences.minibatch_stratified_log_density(*batch, total))
            others = _draw(posterior, OUTER, generator)[0]
            yield "density ratio", size, repeat, *density_ratio_terms(batch[0].numpy(), others.numpy(), seed + repeat)


def _draw(posterior: Densities, count: int, generator: torch.Generator) -> tuple[torch.Tensor, ...]:
    """Codes of some images, and their posteriors' means and log-variances."""
    chosen = torch.randperm(len(posterior[0]), generator=generator)[:count]
    mean, log_variance = posterior[0][chosen], posterior[1][chosen]
    noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype)
    return mean + (log_variance / 2).exp() * noise, mean, log_variance


def _both(codes: torch.Tensor, densities: Densities) -> tuple[float, float]:
    joint, marginals = densities
    tc, dw = divergences.total_correlation(joint, marginals), divergences.dimension_wise_kl(codes, marginals)
    return tc.item(), dw.item()


def density_ratio_terms(codes: Codes, others: Codes, seed: int) -> tuple[float, float]:
    """Both terms by equation (11): a classifier learns from `codes`, and its log-odds are averaged over `others`.

    The total correlation compares codes with codes whose columns are permuted, the dimension-wise KL those with the prior.
    """
    random = np.random.default_rng(seed)
    shuffled, others_shuffled = random.permuted(codes, axis=0), random.permuted(others, axis=0)
    prior = random.standard_normal(codes.shape)
    return _ratio(codes, shuffled, others, seed), _ratio(shuffled, prior, others_shuffled, seed)


def _ratio(numerator: Codes, denominator: Codes, others: Codes, seed: int) -> float:
    """Mean log-odds of `others` to be of the numerator's kind: an estimate of the KL of numerator to denominator."""
    scaler = StandardScaler().fit(denominator)
    classifier = MLPClassifier(
        (50, 50),
        alpha=1e-3,
        batch_size=min(256, len(numerator)),
        max_iter=30,
        learning_rate_init=3e-3,
        random_state=seed,
    )
    both = scaler.transform(np.concatenate([numerator, denominator]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # thirty passes, as many as are affordable
        classifier.fit(both, np.repeat([1, 0], len(numerator)))
    log_odds = np.diff(classifier.predict_log_proba(scaler.transform(others)), axis=1)
    return float(log_odds.mean())
