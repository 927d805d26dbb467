"""What each estimator says of one trained model as its sample grows: total correlation and dimension-wise KL.

The population is the aggregated posterior of the N encoded images of a run, q(z) = 1/N sum_n q(z|x_n), so that its
large-sample value is exact but for the expectation over codes. Its estimators see a batch of M codes: equation (10) as printed
(MWS); the same with the batch alone as the data, log 1/M sum_j q(z|x_j); stratified sampling (MSS, Chen et al., 2018);
and the density ratio of equation (11), by a classifier of M codes of each kind that is asked about other codes.
"""

import math
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from tcwae.errors import InputError
from tcwae.figures import style
from tcwae.figures.images import note, runs
from tcwae.study.results import Results

if TYPE_CHECKING:
    import torch

__all__ = ["COLUMNS", "ESTIMATORS", "TERMS", "data", "density_ratio_terms", "draw", "note", "runs", "terms"]

SIZES, REPEATS, OUTER = (64, 256, 1024, 4096), 3, 1000
"""Codes of a batch, batches of each size, and codes over which the large-sample value is averaged."""

ESTIMATORS = {
    "large sample": ("0.2", "-", ""),
    "MWS": ("#0072B2", "-", "o"),
    "in batch": ("#56B4E9", "--", "v"),
    "MSS": ("#009E73", "-", "s"),
    "density ratio": ("#D55E00", "-", "D"),
}
"""Colour, line and marker of each."""

LEFT, RIGHT, TOP, GAP, HEIGHT, LOWER, LEGEND = 13.0, 2.5, 12.0, 3.0, 40.0, 5.0, 17.0
"""Millimetres: for the axes, for half a number at the right, above and between panels sideways, of a panel, between its two
rows, for the axis and legend."""

TERMS = {"total_correlation": "TC / nats", "dimension_wise_kl": "dimension-wise KL / nats"}

COLUMNS = ("estimator", "size", "repeat", *TERMS, "row", "name", "run")

Codes = Float[np.ndarray, "_ latent"]


def data(results: Results, experiment: str) -> pd.DataFrame:
    """One row an estimate of each row's best run: estimator, size, repeat and the two terms, in nats.

    Raises:
        InputError: no row has a finished run, or its codes are missing.
    """
    tables = []
    for own in results.best(experiment).itertuples():
        path = results.folder / "runs" / own.best_run / "codes.h5"
        try:
            with h5py.File(path, locking=False) as file:
                means, deviations = file["codes"][()], file["deviations"][()]
        except (OSError, KeyError) as error:
            raise InputError(f"{path}: expected codes and deviations, found {error}; evaluate the run again") from None
        tables.append(terms(means, deviations).assign(row=own.row, name=own.name, run=own.best_run))
    if not tables:
        raise InputError(f"{results.folder / 'selection'}: expected a best_run in {experiment!r}, found none")
    return pd.concat(tables, ignore_index=True)


def terms(means: Codes, deviations: Codes, *, seed: int = 0) -> pd.DataFrame:
    """All estimates for one aggregated posterior; sizes beyond its number of images are left out."""
    import torch  # its estimators are those of the training

    generator = torch.Generator().manual_seed(seed)
    posterior = torch.from_numpy(means).double(), torch.from_numpy(deviations).double().square().log()
    rows = list(_estimates(posterior, generator, seed))
    return pd.DataFrame(rows, columns=["estimator", "size", "repeat", *TERMS])


def _estimates(
    posterior: tuple["torch.Tensor", "torch.Tensor"], generator: "torch.Generator", seed: int
) -> Iterator[tuple]:
    import torch

    from tcwae.methods import divergences as estimators

    def draw(count: int) -> tuple["torch.Tensor", ...]:
        chosen = torch.randperm(len(posterior[0]), generator=generator)[:count]
        mean, log_variance = posterior[0][chosen], posterior[1][chosen]
        noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype)
        return mean + (log_variance / 2).exp() * noise, mean, log_variance

    def both(codes: "torch.Tensor", densities: tuple["torch.Tensor", "torch.Tensor"]) -> tuple[float, float]:
        joint, marginals = densities
        tc, dw = estimators.total_correlation(joint, marginals), estimators.dimension_wise_kl(codes, marginals)
        return tc.item(), dw.item()

    total = len(posterior[0])
    codes = draw(OUTER)[0]
    yield "large sample", total, 0, *both(codes, estimators.aggregated_log_density(codes, *posterior))
    for size in (size for size in SIZES if size <= total):
        for repeat in range(REPEATS):
            batch = draw(size)
            tc, dw = both(batch[0], estimators.minibatch_weighted_log_density(*batch, total))
            yield "MWS", size, repeat, tc, dw
            latents, shift = codes.shape[1], math.log(total)  # which equation (10) subtracts from each log-density
            yield "in batch", size, repeat, tc - (latents - 1) * shift, dw + latents * shift
            yield "MSS", size, repeat, *both(batch[0], estimators.minibatch_stratified_log_density(*batch, total))
            ratio = density_ratio_terms(batch[0].numpy(), draw(OUTER)[0].numpy(), seed + repeat)
            yield "density ratio", size, repeat, *ratio


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


def draw(estimates: pd.DataFrame, note: str) -> Figure:
    """A column for each run; above the total correlation, below the dimension-wise KL, by the size of the sample."""
    rows = estimates.drop_duplicates("row")
    wide = (style.WIDTH - LEFT - RIGHT - GAP * (len(rows) - 1)) / len(rows)
    figure = style.new(TOP + 2 * HEIGHT + LOWER + LEGEND, note)
    for line, (term, label) in enumerate(TERMS.items()):
        shared: Axes | None = None
        for column, row in enumerate(rows.itertuples(index=False)):
            left, top = LEFT + column * (wide + GAP), TOP + line * (HEIGHT + LOWER)
            axes = style.axes(figure, left, top, wide, HEIGHT, sharey=shared)
            shared = shared or axes
            _panel(axes, estimates[estimates["row"] == row.row], term)
            axes.set(xlabel="M" if line else "", ylabel="" if column else label)
            axes.tick_params(labelleft=not column, labelbottom=bool(line), labelsize=7)
            if not line:
                lines = style.wrap(row.name, wide - 2)
                for up, words in enumerate(reversed(lines)):
                    middle = left + wide / 2
                    style.text(figure, middle, top - 2 - 3 * up, words, ha="center", weight="bold", fontsize=7)
    handles = [
        Line2D([], [], color=colour, linestyle=dash, marker=marker, markersize=3.5, linewidth=0.9, label=name)
        for name, (colour, dash, marker) in ESTIMATORS.items()
    ]
    style.legend(figure, TOP + 2 * HEIGHT + LOWER + LEGEND - 4, handles)
    return figure


def _panel(axes: Axes, estimates: pd.DataFrame, term: str) -> None:
    for name, (colour, dash, marker) in ESTIMATORS.items():
        own = estimates[estimates["estimator"] == name]
        if name == "large sample":
            axes.axhline(own[term].iloc[0], color=colour, linewidth=1.0)
            continue
        means = own.groupby("size")[term].agg(["mean", "min", "max"])
        look = {"color": colour, "linestyle": dash, "linewidth": 0.9}
        axes.plot(means.index, means["mean"], marker=marker, markersize=3.5, **look)
        axes.fill_between(means.index, means["min"], means["max"], color=colour, alpha=0.15, linewidth=0)
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=1)
    style.log_ticks(axes.xaxis)
    axes.set_xticks(SIZES)
    axes.xaxis.minorticks_off()
