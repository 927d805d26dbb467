"""The curves of trainings that run, were interrupted, or have ended: as text, as PNG, for TensorBoard.

While a training lasts its curves are in its newest state, which it writes every `--save-every` seconds; at its end they are
`curves.csv`. Both are only read, so that a training is never disturbed. Rows are means over the steps since the row before
(`train`).
"""

import json
import os
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from safetensors import SafetensorError, safe_open

from tcwae import records
from tcwae.config.methods import METHODS
from tcwae.errors import InputError
from tcwae.figures import style
from tcwae.files import atomic
from tcwae.records import STATES

__all__ = ["Curves", "as_text", "draw", "export", "read", "sparkline", "watch"]

SUFFIX = ".tcwae"
"""At the end of the names of TensorBoard files that are ours."""
BARS = "▁▂▃▄▅▆▇█"
LINES = ("-", "--", ":", "-.")
PANELS, HEIGHT = 3, 34.0
"""Panels in a row, and how high one is, with what is around it, in millimetres."""


@dataclass(frozen=True)
class Curves:
    """What a run's folder says of its training."""

    name: str
    status: str
    table: pd.DataFrame
    """A row a log entry: step, loss, and each term; no rows where nothing is saved yet."""
    ended: bool = False
    """Whether the training finished or diverged."""


def read(folders: Sequence[Path]) -> list[Curves]:
    """The curves of runs, each called by what distinguishes its path from the others'.

    Raises:
        InputError: none of the runs has curves yet, or some are damaged.
        OSError: one cannot be read.
    """
    curves = _now(folders)
    if all(run.table.empty for run in curves):
        raise InputError(
            f"{Path(os.path.abspath(folders[0]))}: expected curves.csv, or {STATES[0]} with curves in it, found neither; "
            "a training writes its state every --save-every seconds"
        )
    return curves


def _now(folders: Sequence[Path]) -> list[Curves]:
    folders = list(dict.fromkeys(Path(os.path.abspath(folder)) for folder in folders))
    common = os.path.commonpath([folder.parent for folder in folders])
    return [_read(folder, str(folder.relative_to(common))) for folder in folders]


def watch(folders: Sequence[Path], seconds: float = 10.0) -> None:
    """Print the curves anew every ten seconds until all trainings have ended, or until Ctrl-C.

    Raises:
        InputError: some curves are damaged.
        OSError: some cannot be read.
    """
    while True:
        curves = _now(folders)
        print(f"\x1b[H\x1b[2J{time.strftime('%H:%M:%S')}\n{as_text(curves)}", flush=True)
        if all(run.ended for run in curves):
            return
        time.sleep(seconds)


def _read(folder: Path, name: str) -> Curves:
    for file in STATES:  # a state is removed after curves.csv is written, so one of the two is always there
        with suppress(FileNotFoundError):
            return _of_state(folder / file, name)
    if not (folder / "curves.csv").exists():
        next(folder.iterdir(), None)  # is it a folder at all?
        return Curves(name, "nothing saved yet", pd.DataFrame(columns=["step"]))
    try:
        table = pd.read_csv(folder / "curves.csv").astype(float)
        if list(table)[:1] != ["step"] or table.empty:
            raise ValueError("another table")
    except ValueError as error:
        raise InputError(f"{folder / 'curves.csv'}: expected curves, found {str(error).splitlines()[0]}") from None
    return Curves(name, _ended(folder, table), _loss_first(table), ended=True)


def _of_state(path: Path, name: str) -> Curves:
    try:
        age = time.time() - path.stat().st_mtime
        with safe_open(path, "numpy") as file:
            record, rows = json.loads(file.metadata()["tcwae"]), file.get_tensor("curves")
        columns = ["step", *record["columns"], "active_units"] if len(rows) else ["step"]
        table = pd.DataFrame(rows[:, : len(columns)].astype(float), columns=columns)
        step, total, seconds = int(record["step"]), int(record["identity"]["iterations"]), float(record["seconds"])
    except (SafetensorError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: expected the state of a training, found {str(error).splitlines()[0]}") from None
    left = _duration(seconds / step * (total - step))
    status = f"step {step:,} of {total:,}, saved {_duration(age)} ago, {left} of training left"
    return Curves(name, status, _loss_first(table))


def _ended(folder: Path, table: pd.DataFrame) -> str:
    record = records.read(records.TrainingRecord, folder / "training.json")
    if record.status == "diverged":
        return f"diverged at step {record.step:,}: {record.term} is not finite"
    warnings = "".join(f"; {warning.kind.replace('_', ' ')} since step {warning.step:,}" for warning in record.warnings)
    return f"finished, {table['step'].iloc[-1]:,.0f} steps in {_duration(record.seconds)}{warnings}"


def _loss_first(table: pd.DataFrame) -> pd.DataFrame:
    return table[sorted(table, key=lambda column: {"step": 0, "loss": 1}.get(column, 2))]


def _duration(seconds: float) -> str:
    if seconds < 99:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 99 * 60 else f"{seconds / 3600:.1f} h"


def _terms(curves: Sequence[Curves]) -> list[str]:
    return list(dict.fromkeys(column for run in curves for column in run.table if column != "step"))


def _limits(curves: Sequence[Curves], term: str) -> tuple[float, float]:
    """Where a term of all runs lies but for a twentieth at either end, so that its first steps do not flatten the rest."""
    values = np.concatenate([run.table[term].to_numpy() for run in curves if term in run.table])
    values = values[np.isfinite(values)]
    return tuple(np.quantile(values, [0.05, 0.95]).tolist()) if len(values) else (0.0, 1.0)


def as_text(curves: Sequence[Curves], width: int | None = None) -> str:
    """For each term, a line a run: its first value, a sparkline over the training, its last value.

    The sparklines of a term share one scale, given beside its name; what lies beyond it is drawn at its end.
    """
    names = max(len(run.name) for run in curves)
    width = (width or shutil.get_terminal_size().columns) - names - 24
    last = max((run.table["step"].max() for run in curves if len(run.table)), default=0)
    lines = [f"{run.name:<{names}}  {run.status}" for run in curves]
    for term in _terms(curves):
        low, high = _limits(curves, term)
        lines += ["", f"{term}  {BARS[0]} {low:.4g}  {BARS[-1]} {high:.4g}"]
        for run in curves:
            if term in run.table:
                values = run.table[term]
                spark = sparkline(run.table["step"].to_numpy(), values.to_numpy(), last, low, high, max(width, 10))
                lines.append(f"{run.name:<{names}} {values.iloc[0]:>10.4g} {spark} {values.iloc[-1]:<10.4g}".rstrip())
    return "\n".join(lines)


def sparkline(steps: np.ndarray, values: np.ndarray, last: float, low: float, high: float, width: int) -> str:
    """`width` characters from step 0 to `last`, the height of each the mean of its rows between `low` and `high`.

    A row stands for the steps since the row before. Blank is what has not been trained, x what is not finite.
    """
    bounds = np.linspace(0, last, width + 1)
    starts, stops = np.searchsorted(steps, bounds[:-1], "right"), np.searchsorted(steps, bounds[1:]) + 1
    line = ""
    for start, stop in zip(starts, stops, strict=True):
        if start == len(steps):
            return line.ljust(width)
        mean = values[start:stop].mean()
        height = (mean - low) / (high - low) if high > low else 0.0
        line += BARS[int(np.clip(height * len(BARS), 0, len(BARS) - 1))] if np.isfinite(mean) else "x"
    return line


def draw(curves: Sequence[Curves], output: Path) -> None:
    """A panel a term, a line a run, PNG.

    Raises:
        InputError: `output` is not called .png.
        OSError: it cannot be written.
    """
    if output.suffix.lower() != ".png":
        raise InputError(f"{output}: expected a name that ends in .png, found {output.suffix or 'none'}")
    terms = _terms(curves)
    last = max(run.table["step"].max() for run in curves if len(run.table))
    rows = -(-len(terms) // PANELS)
    colours = [method.colour for method in METHODS.values()]
    with style.look():
        figure = Figure(
            figsize=(style.WIDTH / 25.4, (HEIGHT * rows + 4 * len(curves) + 2) / 25.4), layout="constrained"
        )
        for index, term in enumerate(terms):
            axes = figure.add_subplot(rows, PANELS, index + 1, title=term.replace("_", " "))
            for number, run in enumerate(curves):
                if term in run.table:
                    axes.plot(
                        run.table["step"],
                        run.table[term],
                        color=colours[number % len(colours)],
                        linestyle=LINES[number // len(colours) % len(LINES)],
                        linewidth=0.8,
                        label=f"{run.name}: {run.status}",
                    )
            low, high = _limits(curves, term)
            margin = 0.1 * (high - low) or 0.5
            axes.set(ylim=(low - margin, high + margin), xlim=(0, last))
            axes.ticklabel_format(axis="y", useOffset=False)
            axes.xaxis.set_major_locator(MaxNLocator(3, integer=True))
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower left", frameon=False)
        with atomic(output) as temporary:
            figure.savefig(temporary, format="png", dpi=200)


def export(curves: Sequence[Curves], folder: Path) -> None:
    """Write each run for TensorBoard into `folder`/<name>, in place of what was exported there before.

    Raises:
        InputError: TensorBoard is not installed.
        OSError: it cannot be written.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise InputError("expected the package tensorboard, found none: pip install 'tcwae[tensorboard]'") from None
    for run in curves:
        target = folder / run.name
        for earlier in target.glob(f"events.out.tfevents.*{SUFFIX}"):
            earlier.unlink()
        with SummaryWriter(target, filename_suffix=SUFFIX) as writer:
            for term in _terms([run]):
                for step, value in zip(run.table["step"], run.table[term], strict=True):
                    writer.add_scalar(term, value, int(step))
