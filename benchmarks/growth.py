"""How time and memory of a step grow with the batch, the latent dimension and the data set: of TCWAE-MWS, on one thread.

The networks are linear in the batch. MWS, equation (10), compares all pairs of a batch in each latent: O(batch^2 latent) in
time, and in memory no more than a block of pairs at a time. A step does not depend on the size of the data set.
"""

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import torch

from benchmarks.measure import Row, interleaved, peak
from benchmarks.steps import SIZE, run_of, step_of, steps
from tcwae.methods.divergences import dimension_wise_kl, minibatch_weighted_log_density, total_correlation
from tcwae.training.device import set_up

__all__ = ["draw", "measured", "rows"]

AXES = {
    "batch": (64, 256, 1024, 4096),
    "latent dimension": (10, 20, 50, 100),
    "images of the data set": (16_384, 131_072, 737_280),
}
STANDARD = {"batch": 256, "latent dimension": 10, "images of the data set": SIZE}
MOST = {
    ("batch", "step"): 2,
    ("batch", "MWS"): 2,
    ("latent dimension", "step"): 1,
    ("latent dimension", "MWS"): 1,
    ("images of the data set", "step"): 0,
    ("images of the data set", "MWS"): 0,
}
"""The powers that the algorithm has."""


def estimator(batch: int, latent: int, size: int) -> Callable[[], None]:
    """Both terms of equation (10), forward and backward."""
    inputs = [torch.randn(batch, latent, requires_grad=True) for _ in range(3)]

    def call() -> None:
        joint, marginals = minibatch_weighted_log_density(*inputs, size)
        (total_correlation(joint, marginals) + dimension_wise_kl(inputs[0], marginals)).backward(inputs=inputs)

    return call


def repeated(batch: int, latent: int, size: int) -> None:
    """The estimator twice, for its memory."""
    set_up(1)
    for _ in range(2):
        estimator(batch, latent, size)()


def measured() -> pd.DataFrame:
    """A row for each axis, value and part of the step: milliseconds and megabytes, of the step with its data set."""
    set_up(1)
    measurements = []
    for axis, values in AXES.items():
        for value in values:
            batch, latent, size = (STANDARD | {axis: value}).values()
            run = run_of("tcwae_mws", batch, latent_dimension=latent)
            seconds = interleaved({"step": step_of(run, size), "MWS": estimator(batch, latent, size)})
            memory = {"step": peak(steps, run, size), "MWS": peak(repeated, batch, latent, size)}
            measurements += [(axis, value, part, 1e3 * duration, memory[part]) for part, duration in seconds.items()]
    return pd.DataFrame(measurements, columns=["axis", "value", "part", "milliseconds", "megabytes"])


def rows(table: pd.DataFrame | None = None, plot: Path | None = None) -> Iterator[Row]:
    """The points, and the powers with which time grows between the last two; `plot` is drawn, with its CSV beside it."""
    table = measured() if table is None else table
    if plot is not None:
        draw(table, plot)
        table.to_csv(plot.with_suffix(".csv"), index=False, float_format="%.4g")
    for (axis, part), points in table.groupby(["axis", "part"], sort=False):
        for point in points.itertuples():
            yield Row(f"{part}, {axis} {point.value:,}", 1, milliseconds=point.milliseconds, megabytes=point.megabytes)
        before, last = points.iloc[-2], points.iloc[-1]
        power = math.log(last["milliseconds"] / before["milliseconds"]) / math.log(last["value"] / before["value"])
        yield Row(f"{part}, power of time in {axis}", 1, ratio=power, to=f"at most {MOST[axis, part]} by the algorithm")


def draw(table: pd.DataFrame, path: Path) -> None:
    """Both quantities against the three axes, on logarithmic scales."""
    plt.rcParams.update({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False})
    figure, panels = plt.subplots(2, len(AXES), figsize=(7.4, 3.9), sharey="row", layout="constrained")
    figure.get_layout_engine().set(wspace=0.06)
    for row, (quantity, label) in zip(
        panels, {"milliseconds": "time, ms", "megabytes": "peak memory, MB"}.items(), strict=True
    ):
        for panel, axis in zip(row, AXES, strict=True):
            for part, colour in (("step", "#0072b2"), ("MWS", "#d55e00")):
                points = table[(table["axis"] == axis) & (table["part"] == part)]
                panel.loglog(
                    points["value"], points[quantity], "o-", color=colour, markersize=3, linewidth=1.2, label=part
                )
            panel.set_xticks(AXES[axis], [f"{value:,}" for value in AXES[axis]])
            panel.minorticks_off()
        row[0].set_ylabel(label)
    for panel, axis in zip(panels[1], AXES, strict=True):
        panel.set_xlabel(axis)
    panels[0, 0].legend(frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)
