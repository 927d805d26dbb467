"""The progress of a training: its steps, its log, and its saved state."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import torch
from tqdm import tqdm

from tcwae.config.run import Run
from tcwae.data.images import Images
from tcwae.errors import InputError
from tcwae.log import say
from tcwae.methods.divergences import active_units
from tcwae.training import adam, checkpoint
from tcwae.training.step import Step, recorded

__all__ = ["Diverged", "Progress"]

REPORT_EVERY = 15.0
"""Seconds between two lines of a log."""


@dataclass(frozen=True)
class Diverged:
    """A loss or a term was not finite."""

    step: int
    term: str


@dataclass
class Progress:
    """A run between two steps. All device work happens on the stream that is current when it is called."""

    run: Run
    images: Images
    cuda_graph: bool = False
    step: int = 0
    seconds: float = 0.0
    """Of training. Where several runs share the device, each counts its share of the time."""
    beside: int = 1
    """How many runs share the device now, this one included."""
    diverged: Diverged | None = None
    curves: list[list[float]] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    recent: list[torch.Tensor] = field(default_factory=list)
    """Terms of the steps since the last row of the curves, still on the device."""
    logging: bool = False
    """Whether a row of the curves is being made."""
    drawn: torch.Tensor | None = None
    """The generator before the step that is being taken; None between two steps."""

    def __post_init__(self) -> None:
        self.advance = Step(self.run, self.images)

    def steps(self) -> Iterator[int | None]:
        """Train to the end; stop early where a term is not finite.

        Yields the number of steps taken after each step but the last, and None while values are copied from a GPU, so that
        other runs can use the device in between.
        """
        settings, call = self.run.training, recorded(self.advance) if self.cuda_graph else self.advance
        bar = tqdm(initial=self.step, total=settings.iterations, unit="step", disable=None, mininterval=1)
        last = reported = time.monotonic()
        while self.step < settings.iterations and self.diverged is None:
            self.drawn = self.advance.generator.get_state()
            self.recent.append(call())
            self.drawn = None
            self.step += 1
            self.columns = list(self.advance.terms)
            bar.update()
            logged = self.step % settings.log_every == 0 or self.step == settings.iterations
            if logged:
                self.logging = True
                yield from self._log()
                self.logging = False
            now = time.monotonic()
            self.seconds, last = self.seconds + (now - last) / self.beside, now
            if logged and bar.disable and now - reported > REPORT_EVERY:
                reported = now
                say(self._line())
            if self.step < settings.iterations and self.diverged is None:
                yield self.step
        bar.close()

    def _log(self) -> Iterator[None]:
        """Turn the recent terms into a row of the curves: the only place where the host waits for the device."""
        with torch.no_grad():
            active = active_units(self.advance.model.encoder(self.advance.batch)[0])
        values = torch.stack([*self.recent, active.to(self.recent[0].dtype).expand_as(self.recent[0])]).double()
        arrival = None
        if values.is_cuda:
            values = torch.empty_like(values, device="cpu", pin_memory=True).copy_(values, non_blocking=True)
            arrival = torch.cuda.Event()
            arrival.record()
        while arrival is not None and not arrival.query():
            yield None
        values, units = values[:-1], int(values[-1, 0])
        first = self.step - len(values) + 1
        self.recent.clear()
        self.curves.append([self.step, *values.mean(0).tolist(), units])
        bad = (~values.isfinite()).nonzero()
        if len(bad):
            self.diverged = Diverged(first + int(bad[0, 0]), self.columns[int(bad[0, 1])])

    def _line(self) -> str:
        left = self.beside * self.seconds / self.step * (self.run.training.iterations - self.step)
        values = ", ".join(
            f"{name} {value:.4g}" for name, value in zip(self.columns, self.curves[-1][1:], strict=False)
        )
        return f"step {self.step}: {values}; {left / 60:.1f} min left"

    def table(self) -> pd.DataFrame:
        """The curves."""
        return pd.DataFrame(self.curves, columns=["step", *self.columns, "active_units"]).astype(
            {"step": int, "active_units": int}
        )

    @property
    def whole(self) -> bool:
        """Whether a state can be saved: after a failed step only if it did not fail while parameters were updated."""
        return not (self.advance.moving or self.logging)

    def state(self) -> checkpoint.State:
        """Everything that the next steps depend on."""
        rows, columns = len(self.curves), len(self.columns)
        tensors = {f"model.{name}": tensor for name, tensor in self.advance.model.state_dict().items()}
        tensors |= adam.moments(self.advance.optimisers)
        tensors["generator"] = self.advance.generator.get_state() if self.drawn is None else self.drawn
        tensors["curves"] = torch.tensor(self.curves, dtype=torch.float64).reshape(rows, columns + 2)
        tensors["recent"] = torch.stack(self.recent) if self.recent else torch.empty(0, columns)
        return checkpoint.State(tensors, {"step": self.step, "seconds": self.seconds, "columns": self.columns})

    def restore(self, state: checkpoint.State) -> None:
        """Go back to a state.

        Raises:
            InputError: it is not a state of this training, though it claims to be.
        """
        try:
            self._take(state.record, state.tensors)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"expected the state of this training, found one with {reason}") from None

    def _take(self, record: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        self.step, self.seconds, self.columns = int(record["step"]), float(record["seconds"]), list(record["columns"])
        width = len(self.columns)
        if tensors["curves"].shape[1:] != (width + 2,) or tensors["recent"].shape[1:] != (width,):
            raise ValueError(f"curves that are not of the columns {self.columns}")
        self.curves = tensors["curves"].tolist()
        self.recent = list(tensors["recent"].to(self.images.bytes.device))
        self.advance.generator.set_state(tensors["generator"])
        weights = {name: tensor for name, tensor in tensors.items() if name.startswith("model.")}
        self.advance.model.load_state_dict({name.removeprefix("model."): tensor for name, tensor in weights.items()})
        adam.restore(self.advance.optimisers, tensors)
