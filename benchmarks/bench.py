"""`make bench`: where a training step's time and memory go, as ratios measured side by side in one process.

Medians over interleaved repetitions; the machine's own matrix product is the yardstick, measured in the same minute.
"""

import argparse
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import torch

from tcwae.config import METHODS, Run, check, unflatten
from tcwae.divergences import dimension_wise_kl, minibatch_weighted_log_density, total_correlation
from tcwae.machine import set_up
from tcwae.networks import Autoencoder
from tcwae.objectives import OBJECTIVES, discriminator_loss, draw_noise, loss
from tcwae.optimisers import make

DATASET_SIZE, LATENT = 737_280, 10
COEFFICIENTS = {
    "wae_mmd": {"lambda": 10},
    "tcwae_mws": {"beta": 4, "gamma": 1},
    "tcwae_gan": {"beta": 10, "gamma": 1},
    "beta_tcvae": {"beta": 4},
    "factor_vae": {"gamma": 10},
    "beta_vae": {"beta": 4},
}
FLOPS_AN_IMAGE = 98e6
"""Multiplications and additions of Table 3's encoder and decoder, forward and backward, for one grey image."""


def interleaved(calls: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median seconds of each call; they take turns, so that a busy machine slows all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for repeat in range(repeats + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if repeat:  # the first round warms up
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def step(method: str, batch: int) -> Callable[[], None]:
    """One training step of a method."""
    run = check(Run, unflatten({"dataset": "dsprites", "method": method, **COEFFICIENTS[method]}), "bench")
    objective = OBJECTIVES[method](run.method, DATASET_SIZE)
    model = Autoencoder(1, LATENT, objective.discriminators).to(memory_format=torch.channels_last)
    weights = [*model.encoder.parameters(), *model.decoder.parameters()]
    others = list(model.discriminators.parameters())
    optimisers = make(run.training, weights, others)
    generator = torch.Generator().manual_seed(0)
    images = (torch.rand((batch, 1, 64, 64), generator=generator) < 0.04).float()

    def call() -> None:
        noise = draw_noise(batch, LATENT, generator)
        total, _, codes = loss(objective, "cross_entropy", model, images, noise)
        total.backward(inputs=weights)
        if others:
            sum(discriminator_loss(objective, model, codes, noise).values()).backward(inputs=others)
        for optimiser in optimisers:
            optimiser.step()

    return call


def estimator(batch: int) -> Callable[[], None]:
    """Both terms of equation (10), forward and backward."""
    inputs = [torch.randn(batch, LATENT, requires_grad=True) for _ in range(3)]

    def call() -> None:
        joint, marginals = minibatch_weighted_log_density(*inputs, DATASET_SIZE)
        (total_correlation(joint, marginals) + dimension_wise_kl(inputs[0], marginals)).backward()

    return call


def matrix_product() -> Callable[[], None]:
    """The machine's bound: 2 * 1024^3 operations."""
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    return lambda: torch.mm(a, b)


def peak_memory(batch: int) -> float:
    """Megabytes that equation (10) adds to a process of its own."""
    code = f"""
import benchmarks.bench as bench
def kilobytes(key):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(key))
bench.estimator(8)()
call, before = bench.estimator({batch}), kilobytes("VmRSS")
open("/proc/self/clear_refs", "w").write("5")  # the peak begins anew
call(), call()
print((kilobytes("VmHWM") - before) / 1024)
"""
    root = Path(__file__).parents[1]
    return float(
        subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True).stdout
    )


def measure(threads: int, repeats: int) -> pd.DataFrame:
    """All rows of the table."""
    set_up(threads)
    rows = []
    for batch in (64, 256):
        calls = {method: step(method, batch) for method in METHODS}
        seconds = interleaved({**calls, "estimator": estimator(batch), "matrix": matrix_product()}, repeats)
        bound = batch * FLOPS_AN_IMAGE / (2 * 1024**3 / seconds["matrix"])
        for method in calls:
            rows.append(
                {
                    "what": f"step, {method}",
                    "threads": threads,
                    "batch": batch,
                    "milliseconds": 1e3 * seconds[method],
                    "images_per_second": batch / seconds[method],
                    "share_of_bound": bound / seconds[method],
                }
            )
        rows.append(
            {
                "what": "MWS, share of the step of tcwae_mws",
                "threads": threads,
                "batch": batch,
                "milliseconds": 1e3 * seconds["estimator"],
                "share_of_step": seconds["estimator"] / seconds["tcwae_mws"],
            }
        )
    rows += [{"what": "MWS, memory", "batch": batch, "megabytes": peak_memory(batch)} for batch in (256, 2048)]
    return pd.DataFrame(rows)


def main() -> None:
    """Print the table, and write it as CSV with the machine's description."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path, default=Path("results/bench.csv"))
    options = parser.parse_args()
    table = measure(options.threads, options.repeats)
    print(table.to_string(index=False, na_rep="", float_format="{:.3g}".format))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    machine = f"{platform.machine()}, {platform.system()} {platform.release()}, torch {torch.__version__}"
    table.assign(machine=machine, peak=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss).to_csv(
        options.output, index=False
    )


if __name__ == "__main__":
    main()
