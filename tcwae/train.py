"""Training: one loop, exact to repeat and to resume.

Files of a run's folder:

- `model.safetensors`: the weights, written once, at the end;
- `curves.csv`: step, and the mean of the loss and of each term since the row before (definitions: `objectives`);
- `training.json`: how it ended (`finished`, or `diverged` with step and term), seconds, images a second, device, versions;
- `state.pt`: everything that the next steps depend on, while the training lasts.

The same seed on the same machine and number of threads gives the same bytes, interrupted or not.
"""

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from tcwae import checkpoint, records
from tcwae.config import Run, flatten
from tcwae.data import prepared
from tcwae.errors import InputError
from tcwae.files import atomic
from tcwae.images import Images, split
from tcwae.objectives import OBJECTIVES, discriminator_loss, draw_noise, loss
from tcwae.provenance import versions

__all__ = ["Diverged", "Interrupted", "select_device", "train"]


class Interrupted(Exception):  # noqa: N818
    """The training was asked to stop and has saved its state: the same command goes on where it stopped."""


@dataclass(frozen=True)
class Diverged:
    """A loss or a term was not finite."""

    step: int
    term: str


def select_device(name: str) -> torch.device:
    """The device of that name; there is no silent fall-back to another one.

    Raises:
        InputError: it is not there.
    """
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(f"--device {name}: expected a CUDA device, found none (torch {torch.__version__})")
    try:
        torch.empty(0, device=name)
    except RuntimeError as error:
        raise InputError(f"--device {name}: {str(error).splitlines()[0]}") from None
    return torch.device(name)


def train(
    run: Run,
    data: Path,
    output: Path,
    *,
    device: str = "cpu",
    threads: int = 1,
    save_every: float = 600.0,
    time_budget: float | None = None,
) -> Diverged | None:
    """Train `run` on a prepared data set and write its files into `output`; resume where a state is there.

    save_every and time_budget are in seconds.

    Raises:
        InputError: the data or a state does not fit, or the device is not there.
        Interrupted: a signal came or the time budget is spent; the state is saved.
    """
    start = time.monotonic()
    torch.set_num_threads(threads)
    images = prepared.read(data)
    if images.name != run.dataset:
        raise InputError(f"{data}: expected images of {run.dataset}, found {images.name}")
    identity = _identity(run, images)
    training = Training(run, Images(images, select_device(device)))
    state = output / "state.pt"
    output.mkdir(parents=True, exist_ok=True)
    if state.exists():
        training.restore(checkpoint.load_state(state, identity))

    with _requests() as requests:
        print(f"{device}, {threads} threads, step {training.step} of {run.training.iterations}", flush=True)
        saved = time.monotonic()
        for _ in training.steps(progress=tqdm):
            now = time.monotonic()
            if time_budget is not None and now - start > time_budget:
                requests.append("the time budget is spent")
            if requests or now - saved > save_every:
                checkpoint.save_state(state, {"identity": identity, **training.state()})
                saved = now
            if requests:
                raise Interrupted(f"{requests[0]}: saved at step {training.step}, the same command goes on there")
    _write_results(output, run, training, device=device, threads=threads, data=images)
    state.unlink(missing_ok=True)
    return training.diverged


def _identity(run: Run, images: prepared.Prepared) -> dict[str, str]:
    """What a state must share with the training that resumes from it."""
    numbers = versions()
    return {
        **{key: str(value) for key, value in flatten(run).items()},
        "pixels": images.provenance["images_sha256"],
        "tcwae": numbers["tcwae"],
        "torch": numbers["torch"],
    }


@contextmanager
def _requests() -> Iterator[list[str]]:
    """A list to which SIGINT, SIGTERM and SIGUSR1 add their names, so that the step that runs can end first."""
    requests: list[str] = []

    def note(number: int, _: FrameType | None) -> None:
        requests.append(signal.Signals(number).name)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)}
    try:
        yield requests
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass
class Training:
    """A training between two steps."""

    run: Run
    images: Images
    step: int = 0
    seconds: float = 0.0
    diverged: Diverged | None = None
    curves: list[list[float]] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    recent: list[torch.Tensor] = field(default_factory=list)
    """Terms of the steps since the last row of the curves, still on the device."""

    def __post_init__(self) -> None:
        device = self.images.bytes.device
        weights_seed, noise_seed = (
            int(word) for word in np.random.SeedSequence(self.run.seed).generate_state(2, np.uint64)
        )
        self.generator = torch.Generator(device).manual_seed(noise_seed % 2**63)
        model = checkpoint.build(self.run, self.images.channels, weights_seed % 2**63)
        self.model = model.to(device=device, memory_format=torch.channels_last)
        self.objective = OBJECTIVES[self.run.method.name](self.run.method, len(self.images))
        self.autoencoder = [*self.model.encoder.parameters(), *self.model.decoder.parameters()]
        self.discriminators = list(self.model.discriminators.parameters())
        self.optimisers = _optimisers(self.run, self.autoencoder, self.discriminators)

    def steps(self, progress: Callable[..., Any]) -> Iterator[int]:
        """Train to the end, yielding between two steps; stops early where a term is not finite."""
        settings, device = self.run.training, self.images.bytes.device
        training_images = torch.from_numpy(split(len(self.images))[0]).to(device)
        bar = progress(initial=self.step, total=settings.iterations, unit="step", disable=None, mininterval=1)
        started, begun, reported = time.monotonic(), self.seconds, time.monotonic()
        while self.step < settings.iterations and self.diverged is None:
            drawn = torch.randint(len(training_images), (settings.batch_size,), generator=self.generator, device=device)
            images = self.images[training_images[drawn]]
            noise = draw_noise(settings.batch_size, self.run.latent_dimension, self.generator)

            total, terms, codes = loss(self.objective, self.run.cost, self.model, images, noise)
            total.backward(inputs=self.autoencoder)
            if self.discriminators:
                losses = discriminator_loss(self.objective, self.model, codes, noise)
                sum(losses.values()).backward(inputs=self.discriminators)
                terms |= losses
            for optimiser in self.optimisers:
                optimiser.step()
                optimiser.zero_grad()

            self.step += 1
            self.columns = [*terms, "loss"]
            self.recent.append(torch.stack([*terms.values(), total]).detach())
            self.seconds = begun + time.monotonic() - started
            bar.update()
            if self.step % settings.log_every == 0 or self.step == settings.iterations:
                self._log()
                if bar.disable and time.monotonic() - reported > 15:
                    reported = time.monotonic()
                    print(self._line(), flush=True)
            if self.step < settings.iterations and self.diverged is None:
                yield self.step
        bar.close()

    def _log(self) -> None:
        """Turn the recent terms into a row of the curves; the only place where the host waits for the device."""
        values = torch.stack(self.recent).double().cpu()
        first = self.step - len(values) + 1
        self.recent.clear()
        self.curves.append([self.step, *values.mean(0).tolist()])
        bad = (~values.isfinite()).nonzero()
        if len(bad):
            self.diverged = Diverged(first + int(bad[0, 0]), self.columns[int(bad[0, 1])])

    def _line(self) -> str:
        left = self.seconds / self.step * (self.run.training.iterations - self.step)
        values = ", ".join(f"{name} {value:.4g}" for name, value in zip(self.columns, self.curves[-1][1:], strict=True))
        return f"step {self.step}: {values}; {left / 60:.1f} min left"

    def state(self) -> dict[str, Any]:
        """Everything that the next steps depend on."""
        return {
            "model": self.model.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "generator": self.generator.get_state(),
            "step": self.step,
            "seconds": self.seconds,
            "curves": self.curves,
            "columns": self.columns,
            "recent": self.recent,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a state."""
        self.model.load_state_dict(state["model"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.generator.set_state(state["generator"])
        self.step, self.seconds = state["step"], state["seconds"]
        self.curves, self.columns = state["curves"], state["columns"]
        self.recent = [row.to(self.images.bytes.device) for row in state["recent"]]


def _optimisers(
    run: Run, autoencoder: Sequence[torch.nn.Parameter], discriminators: Sequence[torch.nn.Parameter]
) -> list[torch.optim.Adam]:
    """Adam for encoder and decoder (section B.1), and one of its own for the discriminators (Table 4)."""
    settings = run.training
    optimisers = [
        torch.optim.Adam(
            autoencoder,
            lr=settings.learning_rate,
            betas=(settings.adam_beta1, settings.adam_beta2),
            eps=settings.adam_epsilon,
            fused=True,
        )
    ]
    if discriminators:
        optimisers.append(
            torch.optim.Adam(
                discriminators,
                lr=settings.discriminator_learning_rate,
                betas=(settings.discriminator_beta1, settings.discriminator_beta2),
                eps=settings.discriminator_epsilon,
                fused=True,
            )
        )
    return optimisers


def _write_results(
    output: Path, run: Run, training: Training, *, device: str, threads: int, data: prepared.Prepared
) -> None:
    table = pd.DataFrame(training.curves, columns=["step", *training.columns]).astype({"step": int})
    with atomic(output / "curves.csv") as temporary:
        table.to_csv(temporary, index=False)
    diverged = training.diverged
    record = records.Training(
        status="finished" if diverged is None else "diverged",
        step=training.step if diverged is None else diverged.step,
        term=None if diverged is None else diverged.term,
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(training.seconds, 3),
        images_per_second=round(training.step * run.training.batch_size / training.seconds, 1),
        device=torch.cuda.get_device_name(device) if device.startswith("cuda") else device,
        threads=threads,
        data={"source": data.source, "images_sha256": data.provenance["images_sha256"]},
        versions=versions(),
    )
    records.write(record, output / "training.json")
    checkpoint.save_model(output / "model.safetensors", training.model, run, training.images.channels, training.step)
