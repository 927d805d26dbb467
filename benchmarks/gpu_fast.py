"""Part 2 of `benchmarks.gpu`: images per second and memory in each precision and layout, and the device's bounds."""

import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import torch

from benchmarks.gpu_part import METHODS, Part, run_of
from benchmarks.measure import ROOT
from benchmarks.steps import flops, pictures
from tcwae.data.images import Images
from tcwae.training.device import set_up
from tcwae.training.step import Step, recorded

BATCHES = (64, 256)
PRECISIONS = ("float32", "tf32", "bfloat16")
LAYOUTS = {"channels_last": torch.channels_last, "nchw": torch.contiguous_format}
TOGETHER = (2, 4, 8, 16, 32)


class Way(NamedTuple):
    """How a step is computed."""

    method: str
    batch: int
    precision: str = "float32"
    layout: str = "channels_last"
    graph: bool = False


class Bench:
    """The data on the device, and what is measured with it."""

    def __init__(self, part: Part) -> None:
        self.part, self.size = part, 512 if part.small else 65_536
        self.seconds = 0.02 if part.small else 0.3
        self.images = Images(pictures(self.size), torch.device(part.device))

    def wait(self) -> None:
        """Wait for the device."""
        if self.part.gpu:
            torch.cuda.synchronize()

    def rate(self, call: Callable[[], object], seconds: float | None = None) -> float:
        """Calls per second after a warm-up, with a wait for the device before and after many calls."""
        for _ in range(1 if self.part.small else 8):
            call()
        self.wait()
        start, count, some = time.perf_counter(), 0, 1 if self.part.small else 20
        while time.perf_counter() - start < (seconds or self.seconds):
            for _ in range(some):
                call()
            self.wait()
            count += some
        return count / (time.perf_counter() - start)

    def step(self, way: Way) -> Callable[[], object]:
        """A run's step, computed in this way."""
        run = run_of(way.method, way.batch, precision=way.precision)
        step = Step(run, self.images, LAYOUTS[way.layout])
        return recorded(step) if way.graph else step

    def bounds(self) -> None:
        """The device's bounds: how fast it copies and multiplies."""
        size = 2**18 if self.part.small else 2**28
        source = torch.empty(size, device=self.part.device)
        target = torch.empty_like(source)
        self.part.row("copy", 8 * size * self.rate(lambda: target.copy_(source)) / 1e12, "TB/s", show=True)
        del source, target
        width = 128 if self.part.small else 8192
        for precision in PRECISIONS if self.part.gpu else ("float32",):
            dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
            a, b = (torch.randn(width, width, device=self.part.device).to(dtype) for _ in range(2))
            torch.backends.cuda.matmul.fp32_precision = "tf32" if precision == "tf32" else "ieee"
            speed = 2 * width**3 * self.rate(lambda a=a, b=b: torch.mm(a, b))
            self.part.row("matrix product", speed / 1e12, "TFLOP/s", precision=precision, show=True)

    def alone(self, way: Way) -> None:
        """A run alone."""
        with self.stream():
            if self.part.gpu:
                torch.cuda.reset_peak_memory_stats()
                before = torch.cuda.memory_allocated()
            speed = way.batch * self.rate(self.step(way))
            self.part.row("one run", speed, "images/s", **way._asdict())
            share = speed * flops(way.method) / 1e12
            self.part.row("one run, of the networks' products", share, "TFLOP/s", **way._asdict())
            if self.part.gpu:
                peak = (torch.cuda.max_memory_allocated() - before) / 2**20
                self.part.row("one run, memory besides the data", peak, "MB", **way._asdict())

    def stream(self) -> torch.cuda.StreamContext:
        """A stream that is not the default one, as a graph needs; on a CPU nothing."""
        stream = torch.cuda.Stream() if self.part.gpu else None
        if stream is not None:
            stream.wait_stream(torch.cuda.default_stream())
        return torch.cuda.stream(stream)

    def together(self, way: Way, count: int) -> None:
        """Several runs, each on its own stream, which the host serves in turns."""
        before = torch.cuda.mem_get_info()[0] if self.part.gpu else 0
        lanes = [(self.stream(), self.step(way)) for _ in range(count)]
        self.wait()  # the models are made on another stream

        def around() -> None:
            for stream, step in lanes:
                with stream:
                    step()

        speed = count * way.batch * self.rate(around, 2 * self.seconds)
        self.part.row("runs together", speed, "images/s", together=count, **way._asdict())
        if self.part.gpu:
            used = (before - torch.cuda.mem_get_info()[0]) / 2**20 / count
            self.part.row("runs together, memory of each", used, "MB", together=count, **way._asdict())


def ways(part: Part) -> Iterator[Way]:
    """The most informative ways first, because the time may be up before the last."""
    graphs = (True, False) if part.gpu else (False,)
    precisions, batches = (PRECISIONS, BATCHES) if part.gpu else (("float32",), BATCHES)
    if part.small:
        batches = (4,)
    methods: Sequence[str] = ("tcwae_mws", *(name for name in METHODS if name != "tcwae_mws"))
    if part.small:
        methods = methods[:2]
    order = itertools.product(methods[:1], batches, precisions, LAYOUTS, graphs)
    rest = itertools.product(methods[1:], precisions, ("channels_last",), batches, graphs)
    last = itertools.product(methods[1:], precisions, ("nchw",), batches, graphs)
    for method, batch, precision, layout, graph in order:
        yield Way(method, batch, precision, layout, graph)
    for method, precision, layout, batch, graph in itertools.chain(rest, last):
        yield Way(method, batch, precision, layout, graph)


def works(part: Part, bench: Bench) -> Iterator[tuple[str, Callable[[], None]]]:
    """Bounds, then several runs together, then one run in every way."""
    yield "bounds", bench.bounds
    counts = (2,) if part.small else TOGETHER
    batches = (4,) if part.small else BATCHES
    for precision, batch, count in itertools.product(
        ("float32", "tf32") if part.gpu else ("float32",), batches, counts
    ):
        way = Way("tcwae_mws", batch, precision, graph=part.gpu)
        yield f"{count} together, {way}", partial(bench.together, way, count)
    yield "study", partial(study_hours, part)
    for way in ways(part):
        yield str(way), partial(bench.alone, way)


def study_hours(part: Part) -> None:
    """GPU-hours of the paper's study at the best speed of several runs together, as if all methods took as long as that one."""
    from tcwae.config.study import read
    from tcwae.study.plan import plan

    rows = [json.loads(line) for line in (part.output / "fast.jsonl").read_text(encoding="utf-8").splitlines()]
    best = max((row for row in rows if row["what"] == "runs together"), key=lambda row: row["value"])
    plans = plan(read(ROOT / "workflow" / "studies" / "paper.yaml"), part.output / "none", best["value"])
    fields = {name: best[name] for name in ("method", "batch", "precision", "together")}
    part.row(
        "the paper's study at this speed", sum(experiment.hours for experiment in plans), "hours", show=True, **fields
    )


def main() -> int:
    """Measure until the time is up."""
    part = Part()
    set_up(1)
    return part.each(works(part, Bench(part)))


if __name__ == "__main__":
    sys.exit(main())
