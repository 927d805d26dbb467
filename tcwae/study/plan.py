"""The size of a study before it is queued: runs, jobs, steps and hours, what is done, and what would be trained again."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tcwae import records
from tcwae.config import planned
from tcwae.config.run import Run
from tcwae.config.runs import chosen, experiment_runs, grids, left_out, resolve, runs, without_selects
from tcwae.config.study import Study
from tcwae.study.declared import same_settings
from tcwae.study.resources import Usage, measure, read_records

__all__ = ["Plan", "format_plan", "plan", "write_runs"]


@dataclass
class Plan:
    """One experiment's share; a run that several experiments use is counted in the first."""

    experiment: str
    runs: int = 0
    new: int = 0
    done: int = 0
    again: int = 0
    jobs: int = 0
    steps: int = 0
    hours: float | None = 0.0
    undecided: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def plan(study: Study, results: Path, images_per_second: float | None = None) -> list[Plan]:
    """The study's experiments, each with the runs that it adds.

    `jobs`, `steps` and `hours` are those still to be done: three jobs a run (train, evaluate, measure), one to rank the
    experiment and one a figure; the study's table and report are added to the total. Hours are training hours: steps times
    batch size over the images per second of finished runs of the same data set and method in `results`, else over
    `images_per_second`; None if neither is known. `again` counts runs that exist with other settings and would be trained
    again. A row that selects from a grid without results is counted with the first cell of the grid: its runs, and how many of
    them another experiment shares, are not known yet.
    """
    study, undecided, lost = _stand_in(study, results)
    known = read_records(results)
    measured = measure(known.values())
    seen: set[str] = set()
    plans = []
    for name, experiment in study.experiments.items():
        members = experiment_runs(study, name)
        new = {identifier: run for identifier, run in members.items() if identifier not in seen}
        seen |= new.keys()
        done = {identifier for identifier in new if _same(known.get(identifier), new[identifier])}
        left = [run for identifier, run in new.items() if identifier not in done]
        hours = [_hours(run, measured, images_per_second) for run in left]
        figures = sum(kind != "scores_table" for kind in experiment.shows)
        plans.append(
            Plan(
                experiment=name,
                runs=len(members),
                new=len(new),
                done=len(done),
                again=len((known.keys() & new.keys()) - done),
                jobs=3 * len(left) + (1 + figures if left else 0),
                steps=sum(run.training.iterations for run in left),
                hours=None if None in hours else math.fsum(hours),
                undecided=undecided.get(name, []),
                left_out=lost.pop(name, []),
            )
        )
    return plans + [Plan(name, left_out=rows) for name, rows in lost.items()]


def write_runs(study: Study, results: Path, folder: Path) -> list[Path]:
    """Write the runs that are known now as files for `tcwae train-many`: FOLDER/DATA.json for each prepared resources/DATA.h5.

    The files contain all runs of the study, finished or not, so that `--share` always divides them in the same way; rows with
    `select` are included once their grid has been ranked. Returns the files.
    """
    tables = {grid: results / "selection" / f"{grid}.csv" for name in study.experiments for grid in grids(study, name)}
    study = without_selects(resolve(study, {grid: chosen(table) for grid, table in tables.items() if table.exists()}))
    known: dict[str, dict[Path, Run]] = {}
    for identifier, run in runs(study).items():
        data = f"{run.dataset}-{study.dataset(run.dataset).label}"
        known.setdefault(data, {})[results / "runs" / identifier] = run
    folder.mkdir(parents=True, exist_ok=True)
    for data, runs_by_folder in known.items():
        planned.write(runs_by_folder, folder / f"{data}.json")
    return [folder / f"{data}.json" for data in known]


def _stand_in(study: Study, results: Path) -> tuple[Study, dict[str, list[str]], dict[str, list[str]]]:
    """The study with the selections of its grids, or else their first cells.

    And the rows whose selection is not known yet, and those for which the grid has nothing to select.
    """
    choices, undecided = {}, {}
    for name, experiment in study.experiments.items():
        for key, row in experiment.methods.items():
            if row.grid is None:
                continue
            table = results / "selection" / f"{row.grid}.csv"
            if table.exists():
                choices[row.grid] = chosen(table)
                continue
            searched = study.searched(name, key)
            cells = study.experiments[row.grid].methods[searched].coefficients
            first = {selected: float(cells[selected][0]) for selected in row.selects}
            choices.setdefault(row.grid, {}).setdefault(searched, {}).update(first)
            undecided.setdefault(name, []).append(key)
    return without_selects(resolve(study, choices)), undecided, left_out(study, choices)


def _same(record: records.MetricsRecord | None, run: Run) -> bool:
    return record is not None and same_settings(record.training, run)


def _hours(run: Run, measured: Mapping[tuple[str, str], Usage], images_per_second: float | None) -> float | None:
    usage = measured.get((run.dataset, run.method.name))
    speed = usage.images_per_second if usage else images_per_second
    return run.training.iterations * run.training.batch_size / speed / 3600 if speed else None


COLUMNS = ("experiment", "runs", "new", "done", "again", "jobs left", "steps left", "hours left")


def format_plan(plans: list[Plan]) -> str:
    """The plan as a table with a line of totals, and below it what is not known yet."""
    lines = [COLUMNS, *(_line(plan) for plan in plans), _line(_total(plans))]
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    text = ["  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) for line in lines]
    text += [
        f"{plan.experiment}: the runs of {', '.join(plan.undecided)} depend on a grid that is not done"
        for plan in plans
        if plan.undecided
    ]
    text += [
        f"{plan.experiment}: {', '.join(plan.left_out)} left out, as no setting to select has finished with all its runs"
        for plan in plans
        if plan.left_out
    ]
    if any(plan.hours is None for plan in plans):
        text.append("hours: unknown until a run of each method is done here; or give the device's --images-per-second")
    return "\n".join(text)


def _total(plans: list[Plan]) -> Plan:
    hours = [plan.hours for plan in plans]
    sums = {key: sum(getattr(plan, key) for plan in plans) for key in ("new", "done", "again", "jobs", "steps")}
    left = 2 if sums["jobs"] else 0  # the study's own table and report
    return Plan(
        "total", sums["new"], **sums | {"jobs": sums["jobs"] + left}, hours=None if None in hours else math.fsum(hours)
    )


def _line(plan: Plan) -> tuple[str, ...]:
    counts = (plan.runs, plan.new, plan.done, plan.again, plan.jobs, plan.steps)
    return (plan.experiment, *(f"{count:,}" for count in counts), "—" if plan.hours is None else f"{plan.hours:,.1f}")
