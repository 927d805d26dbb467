"""Part 1 of `benchmarks.gpu`: a GPU computes the same as a CPU, and the same bytes in every mode."""

import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.gpu_part import METHODS, Part, run_of
from benchmarks.steps import pictures
from tcwae.data.images import Images
from tcwae.data.prepared import write
from tcwae.methods.objectives import Noise, draw_noise
from tcwae.training import adam
from tcwae.training.device import set_up
from tcwae.training.loop import Interrupted, Machine, Task, train_many
from tcwae.training.step import Step, recorded

BATCH, STEPS, SIZE = 64, 200, 4096


def trajectory(method: str, device: str, dtype: torch.dtype, batch: int, steps: int) -> Tensor:
    """The loss of each step, from the same weights, with images and noise that a CPU draws."""
    data = pictures(SIZE)
    step = Step(run_of(method, batch), Images(data, torch.device(device)))
    step.model.to(dtype)  # after initialisation: double precision would draw other weights
    step.optimisers = adam.make(step.run.training, step.autoencoder, step.discriminators)
    drawer = Images(data, torch.device("cpu"))
    losses = []
    for number in range(steps):
        generator = torch.Generator().manual_seed(number)
        index = torch.randint(SIZE, (batch,), generator=generator)
        posterior, prior, shuffle = draw_noise(batch, step.run.latent_dimension, generator)
        noise = Noise(posterior.to(device, dtype), prior.to(device, dtype), shuffle.to(device))
        losses.append(step.move(drawer[index].to(device, dtype), noise)[-1])
    return torch.stack(losses).double().cpu()


def against_the_cpu(part: Part, method: str, batch: int, steps: int) -> None:
    """The first step must agree up to rounding; later steps may drift as much as a CPU does between its own precisions.

    Rounding grows from step to step, so a factor of ten is allowed.
    """
    losses_by = {
        (where, dtype): trajectory(method, device, dtype, batch, steps)
        for where, device in (("cpu", "cpu"), ("device", part.device))
        for dtype in (torch.float64, torch.float32)
    }
    exact = losses_by["cpu", torch.float64]
    for (where, dtype), losses in losses_by.items():
        if (where, dtype) == ("cpu", torch.float64):
            continue
        errors = ((losses - exact) / exact).abs()
        first, worst = errors[0].item(), errors.max().item()
        name = f"{where} {str(dtype).removeprefix('torch.')} to cpu float64"
        allowed = 1e-9 if dtype == torch.float64 else 1e-4
        part.row(f"first step, {name}", first, "relative", method=method, batch=batch, ok=first < allowed)
        drift = ((losses_by["cpu", torch.float32] - exact) / exact).abs().max().item()
        limit = 1e-5 if dtype == torch.float64 else max(10 * drift, 1e-3)
        part.row(f"{steps} steps, {name}", worst, "relative", method=method, batch=batch, ok=worst < limit)


def graph_against_eager(part: Part, method: str, batch: int, steps: int) -> None:
    """The same random numbers and kernels, so the same bits."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        eager, graph = (
            Step(run_of(method, batch), Images(pictures(SIZE), torch.device(part.device))) for _ in range(2)
        )
        replay = recorded(graph)
        difference = torch.stack([(eager() - replay()).abs().max() for _ in range(steps)]).max().item()
        states = [step.generator.get_state() for step in (eager, graph)]
    part.row(f"{steps} steps, graph to eager", difference, "nats", method=method, batch=batch, ok=difference == 0)
    part.row("generator, graph as eager", float(torch.equal(*states)), method=method, ok=torch.equal(*states))


def same_bytes(part: Part, batch: int, steps: int) -> None:
    """All methods, each alone, all together, and in pieces: the same files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(pictures(SIZE), folder / "data.h5")

        def train(kind: str, methods: tuple[str, ...], at_a_time: int, budget: float | None = None) -> list:
            tasks = [
                Task(
                    run_of(method, batch, iterations=steps + 10 * METHODS.index(method), log_every=50),
                    folder / kind / method,
                    folder / f"{kind}-{method}.log",
                    cuda_graph=part.gpu,
                )
                for method in methods
            ]
            machine = Machine(part.device, deterministic=True, time_budget=budget)
            return train_many(tasks, folder / "data.h5", machine, at_a_time)

        methods = METHODS[:2] if part.small else METHODS
        for method in methods:
            train("alone", (method,), 1)
        train("together", methods, len(methods))
        outcomes = train("pieces", methods, len(methods), budget=0.0)
        assert all(isinstance(outcome, Interrupted) for outcome in outcomes), outcomes
        train("pieces", methods, len(methods))
        for kind in ("together", "pieces"):
            for method in methods:
                files = [folder / where / method / "model.safetensors" for where in ("alone", kind)]
                same = all(file.exists() for file in files) and files[0].read_bytes() == files[1].read_bytes()
                part.row(f"bytes, {kind} as alone", float(same), method=method, batch=batch, ok=same)
                if not same:
                    print((folder / f"{kind}-{method}.log").read_text()[-2000:])


def works(part: Part) -> Iterator[tuple[str, Callable[[], None]]]:
    """First the bytes of trainings, which matter most; then each method."""
    batch, steps = (4, 3) if part.small else (BATCH, STEPS)
    yield "same bytes", partial(same_bytes, part, batch, steps)
    for method in METHODS[:2] if part.small else METHODS:
        if part.gpu:
            yield f"graph, {method}", partial(graph_against_eager, part, method, batch, steps)
        yield f"cpu, {method}", partial(against_the_cpu, part, method, min(batch, 16), steps)


def main() -> int:
    """All checks, in the deterministic mode."""
    part = Part()
    set_up(1 if part.small else 8, deterministic=True)
    return part.each(works(part))


if __name__ == "__main__":
    sys.exit(main())
