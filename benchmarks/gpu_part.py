"""What the parts of `benchmarks.gpu` share: arguments, a clock, and rows that are written at once."""

import argparse
import json
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from benchmarks.steps import COEFFICIENTS
from tcwae.config.run import Run, check, unflatten

__all__ = ["METHODS", "Part", "run_of"]

METHODS = tuple(COEFFICIENTS)


def run_of(method: str, batch: int, **settings: Any) -> Run:  # noqa: ANN401
    """A run on dSprites with small coefficients."""
    values = {"dataset": "dsprites", "method": method, "batch_size": batch, **COEFFICIENTS[method], **settings}
    return check(Run, unflatten(values), "benchmark")


class Part:
    """A part in progress."""

    def __init__(self) -> None:
        parser = argparse.ArgumentParser()
        parser.add_argument("name")
        parser.add_argument("--output", type=Path, required=True)
        parser.add_argument("--device", default="cuda")
        parser.add_argument("--seconds", type=float, default=120.0)
        parser.add_argument("--small", action="store_true")
        parser.add_argument("--resume", type=Path)
        options = parser.parse_args()
        self.name, self.output, self.device, self.small = options.name, options.output, options.device, options.small
        self.resume = options.resume
        self.end = time.monotonic() + options.seconds
        self.gpu = self.device.startswith("cuda")
        self.file = (self.output / f"{self.name}.jsonl").open("w", encoding="utf-8", buffering=1)
        self.failed = 0

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.end - time.monotonic()

    def row(self, what: str, value: float, unit: str = "", **fields: Any) -> None:  # noqa: ANN401
        """Write a row, and print it."""
        row = {"part": self.name, "what": what, "value": value, "unit": unit, **fields}
        self.file.write(json.dumps(row) + "\n")
        print(f"{what}: {value:.5g} {unit} {fields}", flush=True)

    def each(self, works: Iterator[tuple[str, Callable[[], None]]]) -> int:
        """Do the works one by one while time is left; one that fails does not stop the next. Returns the exit status."""
        for what, work in works:
            if self.left <= 0:
                print(f"no time left for {what}", flush=True)
                self.row("not done for lack of time", 1, show=True, precision=what)
                break
            try:
                work()
            except Exception:
                traceback.print_exc()
                self.failed += 1
                self.row("failed", 1, ok=False, precision=what)
            if self.gpu:
                torch.cuda.empty_cache()
        return int(self.failed > 0)
