"""Several trainings at a time: their total throughput, and the memory of each besides the shared data set."""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from benchmarks.data import dsprites_file
from benchmarks.measure import REPEATS, Row, kilobytes
from benchmarks.steps import layer_by_layer, run_of, step_of
from tcwae import records
from tcwae.config.methods import METHODS
from tcwae.training.device import set_up

__all__ = ["rows"]

BATCH, STEPS, TOGETHER = 64, 60, 2


def training(output: Path, threads: int, iterations: int = STEPS) -> subprocess.Popen:
    """Start a training in its own process."""
    words = ["--dataset", "dsprites", "--method", "tcwae_mws", "--beta", 4, "--gamma", 1, "--batch-size", BATCH]
    words += ["--iterations", iterations, "--data", dsprites_file(), "--output", output, "--threads", threads]
    program = [Path(sys.executable).parent / "tcwae", "train", *map(str, words)]
    return subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def together(folder: Path, processes: int, threads: int) -> float:
    """Images per second of several concurrent trainings with some threads each, without start-up."""
    outputs = [folder / f"{processes}-{threads}-{time.monotonic_ns()}-{number}" for number in range(processes)]
    for started in [training(output, threads) for output in outputs]:
        assert started.wait() == 0
    return sum(records.read(records.TrainingRecord, output / "training.json").images_per_second for output in outputs)


def memory(folder: Path) -> dict[str, float]:
    """Megabytes of one of two concurrent trainings: total, private, and mapped from files."""
    started = [training(folder / f"memory-{number}", 1, 100_000) for number in range(TOGETHER)]
    time.sleep(15)
    keys = ("Rss", "Private_Clean", "Private_Dirty")
    megabytes = {key: kilobytes(key, "smaps_rollup", started[0].pid) / 1024 for key in keys}
    for process in started:
        process.kill()
        process.wait()
    return megabytes


def device_memory(method: str, batch: int) -> dict[str, float]:
    """Megabytes of tensors of a run on a GPU, besides the data set: parameters with Adam's moments; the peak of a step.

    Counted by torch's profiler with the layers that a GPU would run, on a CPU.
    """
    step = step_of(run_of(method, batch))
    with layer_by_layer():
        step()
        with torch.profiler.profile(profile_memory=True) as profiled:
            step()
    weights = sum(tensor.nbytes for tensor in step.model.parameters())
    live = most = 0
    for event in profiled.profiler.kineto_results.events():
        if event.name() == "[memory]":
            live += event.nbytes()
            most = max(most, live)
    return {"parameters": 3 * weights / 2**20, "step": most / 2**20}


def rows() -> Iterator[Row]:
    """Throughput in turns; memory once, because it does not vary."""
    set_up(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pairs = [(together(folder, TOGETHER, 1), together(folder, 1, TOGETHER)) for _ in range(REPEATS)]
        found = memory(folder)
    several, one = (statistics.median(values) for values in zip(*pairs, strict=True))
    yield Row(f"one training of {TOGETHER} threads", TOGETHER, BATCH, images_per_second=one)
    yield Row(f"{TOGETHER} trainings of one thread, together", 1, BATCH, images_per_second=several, ratio=several / one,
              to=f"times one of {TOGETHER} threads")  # fmt: skip
    unshared = found["Private_Clean"] + found["Private_Dirty"]
    yield Row("a training beside another, resident memory", 1, BATCH, megabytes=found["Rss"])
    yield Row("a training beside another, what it does not share", 1, BATCH, megabytes=unshared)
    for method in METHODS:
        counted = device_memory(method, 256)
        yield Row(f"on a GPU, {method}: weights, moments", batch=256, megabytes=counted["parameters"])
        yield Row(f"on a GPU, {method}: gradients and activations", batch=256, megabytes=counted["step"])
