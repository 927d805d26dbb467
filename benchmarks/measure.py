"""How things are measured: interleaved, by medians, and as ratios to what ran in the same minute."""

import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tcwae.provenance import versions

__all__ = [
    "REPEATS",
    "ROOT",
    "Row",
    "commands",
    "interleaved",
    "kilobytes",
    "machine",
    "matrix_product",
    "on_threads",
    "peak",
]

REPEATS = 5
ROOT = Path(__file__).parents[1]
WIDTH = 1024


@dataclass(frozen=True)
class Row:
    """A line of the table: what was measured, and its ratio to something else."""

    what: str
    threads: int | None = None
    batch: int | None = None
    milliseconds: float | None = None
    images_per_second: float | None = None
    megabytes: float | None = None
    count: float | None = None
    ratio: float | None = None
    to: str = ""


def interleaved(calls: dict[Any, Callable[[], object]], repeats: int = REPEATS) -> dict[Any, float]:
    """Median seconds of each call; the calls take turns, so that a busy machine slows them equally."""
    seconds: dict[Any, list[float]] = {name: [] for name in calls}
    for repeat in range(repeats + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if repeat:  # the first round warms up
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def on_threads(threads: int, call: Callable[[], object]) -> Callable[[], object]:
    """The call with this number of torch's threads."""

    def it() -> object:
        torch.set_num_threads(threads)
        return call()

    return it


def matrix_product() -> tuple[Callable[[], object], int]:
    """The machine's bound: a product of two square matrices, and its operations."""
    a, b = torch.randn(WIDTH, WIDTH), torch.randn(WIDTH, WIDTH)
    return lambda: torch.mm(a, b), 2 * WIDTH**3


LAUNCHER = """
import os, resource, sys, time
start = time.perf_counter()
status = os.waitpid(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ), 0)[1]
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""A small process in between, because the system counts the memory of the process that starts a program as the program's."""


def command(words: Sequence[str | Path], folder: Path) -> tuple[float, float]:
    """Run a program of the environment to its end. Returns its seconds and its peak of resident memory in megabytes.

    Raises:
        CalledProcessError: it failed.
    """
    binaries = Path(sys.executable).parent
    program = [sys.executable, "-I", "-S", "-c", LAUNCHER, binaries / words[0], *words[1:]]
    environment = os.environ | {"PATH": f"{binaries}:{os.environ['PATH']}"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # otherwise every import is compiled each time
    done = subprocess.run(
        list(map(str, program)), cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    seconds, megabytes = map(float, done.stderr.splitlines()[-1].split())
    return seconds, megabytes


def commands(words: Sequence[str | Path], folder: Path = ROOT, repeats: int = REPEATS) -> dict[str, float]:
    """Medians of a program's time and memory, as fields of a row; the first run, which fills caches, is not counted."""
    calls = [command(words, folder) for _ in range(repeats + 1)][1:]
    seconds, megabytes = (statistics.median(values) for values in zip(*calls, strict=True))
    return {"milliseconds": 1e3 * seconds, "megabytes": megabytes}


def kilobytes(key: str, file: str = "status", process: int | str = "self") -> int:
    """A number of /proc/<process>/<file>."""
    lines = Path(f"/proc/{process}/{file}").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key))


def peak(function: Callable[..., object], *arguments: Any) -> float:  # noqa: ANN401
    """Peak megabytes that a function adds to a new process with the same imports as this one."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.steps", "benchmarks.scores"])
    with ProcessPoolExecutor(1, context) as pool:
        return pool.submit(_peak, function, arguments).result()


def _peak(function: Callable[..., object], arguments: Sequence[Any]) -> float:
    before = kilobytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # resets the peak
    function(*arguments)
    return (kilobytes("VmHWM") - before) / 1024


def machine() -> str:
    """What the numbers were measured on."""
    return ", ".join(_machine())


def _machine() -> Iterator[str]:
    information = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    models = [line.partition(": ")[2] for line in information.splitlines() if line.startswith("model name")]
    yield f"{os.cpu_count()} x {models[0] if models else platform.machine()}"
    wanted = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if f" {flag} " in information]
    yield f"{torch.backends.cpu.get_cpu_capability()} ({' '.join(wanted)})"
    yield f"{kilobytes('MemTotal', 'meminfo', '') / 2**20:.0f} GB"
    yield f"{platform.system()} {platform.release()}"
    yield from (f"{name} {version}" for name, version in versions().items() if name in ("commit", "torch"))
