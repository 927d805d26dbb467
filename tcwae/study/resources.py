"""The memory, time and seeds that a study needs, estimated from its finished runs."""

import ast
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist, median, variance
from typing import Any

from tcwae import records
from tcwae.config.run import Run
from tcwae.errors import InputError

__all__ = ["Usage", "attempt_value", "measure", "proposals", "read_records", "seeds_for", "seeds_lines"]

Kind = tuple[str, str]
"""A data set and a method."""

SPARE = 1.25
"""Requested over largest measured amount."""

MARGIN_MINUTES = 10.0
"""For the start of a job, and the five minutes before its limit at which a training saves."""

WASTEFUL = 3.0
"""Requests of more than this many times the need are reported: they keep jobs waiting."""

LEVEL, POWER = 0.05, 0.8


@dataclass(frozen=True)
class Usage:
    """The speed and memory of the finished trainings of a data set and a method, on the device of the latest one.

    Images per second are the median and the slowest; the memory is the largest, in megabytes (10^6 bytes; None in older
    records).
    """

    runs: int
    device: str
    images_per_second: float
    slowest: float
    memory_mb: float | None


def read_records(results: Path) -> dict[str, records.MetricsRecord | None]:
    """The records of the runs in `results` by id; None where one is damaged and would be made again."""
    return {path.parent.relative_to(results / "runs").as_posix(): _read(path)
            for path in sorted((results / "runs").rglob("metrics.json"))}  # fmt: skip


def _read(path: Path) -> records.MetricsRecord | None:
    try:
        return records.read(records.MetricsRecord, path)
    except InputError:
        return None


def measure(known: Iterable[records.MetricsRecord | None]) -> dict[Kind, Usage]:
    """The usage of the finished runs, by data set and method."""
    groups: dict[Kind, list[records.TrainingRecord]] = defaultdict(list)
    for record in known:
        if record is not None and record.training.status == "finished":
            groups[record.training.settings["dataset"], record.training.settings["method"]].append(record.training)
    return {kind: _measured(trainings) for kind, trainings in groups.items()}


def _measured(trainings: Sequence[records.TrainingRecord]) -> Usage:
    device = max(trainings, key=lambda training: training.finished).device
    trainings = [training for training in trainings if training.device == device]
    speeds = [training.images_per_second for training in trainings]
    memory = [training.memory_mb for training in trainings if training.memory_mb is not None]
    return Usage(len(trainings), device, median(speeds), min(speeds), max(memory, default=None))


def proposals(measured: Mapping[Kind, Usage], runs: Iterable[Run], profile: Mapping[str, Any]) -> list[str]:
    """A line for each measured kind of run: what to request, and whether the profile requests too little or too much.

    The time is that of the longest run at the slowest speed. `profile` is the cluster's. A job of a training gets what
    `set-resources` says of `train`, else `default-resources`; the rule itself asks for 4000 MB (workflow/rules/train.smk).
    """
    defaults = profile.get("default-resources") or {}
    train = (profile.get("set-resources") or {}).get("train") or {}
    asked = {"mem_mb": attempt_value(train.get("mem_mb", 4000))}
    asked["runtime"] = attempt_value(train.get("runtime", defaults.get("runtime")))
    images: dict[Kind, int] = defaultdict(int)
    for run in runs:
        kind = run.dataset, run.method.name
        images[kind] = max(images[kind], run.training.iterations * run.training.batch_size)
    lines = []
    for kind, usage in sorted(measured.items()):
        if kind not in images:
            continue
        minutes = images[kind] / usage.slowest / 60
        needed = {"runtime": math.ceil(SPARE * minutes + MARGIN_MINUTES)}
        if usage.memory_mb is not None:
            needed["mem_mb"] = 100 * math.ceil(SPARE * usage.memory_mb / 100)
        most = f"{minutes:,.0f} min" + (f", {usage.memory_mb:,.0f} MB" if usage.memory_mb is not None else "")
        words = [f"{name}: {amount:,}{_verdict(amount, asked[name])}" for name, amount in sorted(needed.items())]
        measured_on = f"{usage.runs} run{'s' * (usage.runs > 1)} on {usage.device}"
        lines.append(f"{', '.join(kind)} ({measured_on}, at most {most}): {', '.join(words)}")
    return lines


def _verdict(needed: int, asked: int | float | None) -> str:
    if asked is None:
        return ""
    if asked < needed:
        return f" (the profile asks for {asked:,.0f}, too little)"
    return f" (the profile asks for {asked:,.0f}, too much)" if asked > WASTEFUL * needed else ""


def attempt_value(written: int | float | str | None, attempt: int = 1) -> int | float | None:
    """The number that a resource of the profile has in an attempt: `4000 * attempt`, `min(480 * attempt, 1440)`.

    None where it is written in another way, with names, functions or units that are not known here.
    """
    if written is None or isinstance(written, int | float):
        return written
    operators = {ast.Mult: math.prod, ast.Add: math.fsum}

    def value(node: ast.expr) -> int | float:
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            return node.value
        if isinstance(node, ast.Name) and node.id == "attempt":
            return attempt
        if isinstance(node, ast.BinOp) and type(node.op) in operators:
            return operators[type(node.op)]([value(node.left), value(node.right)])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("min", "max"):
            return {"min": min, "max": max}[node.func.id](map(value, node.args))
        raise ValueError(ast.unparse(node))

    try:
        return value(ast.parse(written, mode="eval").body)
    except (SyntaxError, ValueError):
        return None


def seeds_for(difference: float, deviation: float) -> int:
    """Seeds per setting needed to detect a difference between the means of two settings (power 80 %, level 5 %, two-sided).

    n = 2 (z(1 - level/2) + z(power))^2 deviation^2 / difference^2 + z(1 - level/2)^2 / 4: the sample size for two normal means
    of equal deviation, with the correction for Student's t of Guenther, The American Statistician 35 (1981), 243-244.
    """
    normal = NormalDist()
    level, power = normal.inv_cdf(1 - LEVEL / 2), normal.inv_cdf(POWER)
    return max(2, math.ceil(2 * ((level + power) * deviation / difference) ** 2 + level**2 / 4))


def seeds_lines(known: Iterable[records.MetricsRecord | None], difference: float) -> list[str]:
    """For each score a line: the deviation over seeds, pooled over settings with several, and the seeds that are needed.

    The pooled variance weighs that of a setting with n seeds by n - 1.
    """
    groups: dict[str, dict[tuple, list[float]]] = defaultdict(lambda: defaultdict(list))
    for record in known:
        if record is None:
            continue
        setting = tuple(sorted((key, str(value)) for key, value in record.training.settings.items() if key != "seed"))
        for score, value in record.scores.items():  # of a run that diverged there are none
            groups[score][setting].append(value)
    lines = []
    for score, settings in groups.items():
        several = [values for values in settings.values() if len(values) > 1]
        if several:
            squares = math.fsum((len(values) - 1) * variance(values) for values in several)
            deviation = math.sqrt(squares / sum(len(values) - 1 for values in several))
            lines.append(
                f"{score}: deviation {deviation:.3g} over seeds, {seeds_for(difference, deviation):,} seeds per setting"
            )
    return lines or ["unknown until two seeds of a setting are done"]
