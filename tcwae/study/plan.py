"""What a study asks for before it is queued: runs, jobs, steps and hours, what is done, and what would be trained again."""

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
    """One experiment's share; runs that an earlier experiment has are counted there."""

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
    experiment and one a figure; the study's table and report come to it. Hours are those of the trainings: steps times the
    batch size over the images a second of the finished runs of the same data set and method in `results`, else over
    `images_per_second`; None where neither is known. `again` counts runs that are there with other settings, and would be
    trained anew. Of a row that selects from a grid without results the first cell stands in, for how many they are: which
    ones is not known yet, nor how many of them another experiment has too.
    """
    study, undecided, lost = _stand_in(study, results)
    known = read_records(results)
    measured = measure(known.values())
    seen: set[str] = set()
    plans = []
    for name, experiment in study.experiments.items():
        its = experiment_runs(study, name)
        new = {identifier: run for identifier, run in its.items() if identifier not in seen}
        seen |= new.keys()
        done = {identifier for identifier in new if _same(known.get(identifier), new[identifier])}
        left = [run for identifier, run in new.items() if identifier not in done]
        hours = [_hours(run, measured, images_per_second) for run in left]
        figures = sum(kind != "scores_table" for kind in experiment.shows)
        plans.append(
            Plan(
                experiment=name,
                runs=len(its),
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

    They are all of the study's runs, finished or not, so that shares of them stay the same; those of rows whose coefficients
    are `select` only once their grid has been ranked. Returns the files.
    """
    tables = {grid: results / "selection" / f"{grid}.csv" for name in study.experiments for grid in grids(study, name)}
    study = without_selects(resolve(study, {grid: chosen(table) for grid, table in tables.items() if table.exists()}))
    known: dict[str, dict[Path, Run]] = {}
    for identifier, run in runs(study).items():
        data = f"{run.dataset}-{study.dataset(run.dataset).label}"
        known.setdefault(data, {})[results / "runs" / identifier] = run
    folder.mkdir(parents=True, exist_ok=True)
    for data, its in known.items():
        planned.write(its, folder / f"{data}.json")
    return [folder / f"{data}.json" for data in known]


def _stand_in(study: Study, results: Path) -> tuple[Study, dict[str, list[str]], dict[str, list[str]]]:
    """The study with what its grids selected, or with their first cell.

    And the rows of which that is not known yet, and those for which nothing is left to select.
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
    its = measured.get((run.dataset, run.method.name))
    speed = its.images_per_second if its else images_per_second
    return run.training.iterations * run.training.batch_size / speed / 3600 if speed else None


COLUMNS = ("experiment", "runs", "new", "done", "again", "jobs left", "steps left", "hours left")


def format_plan(plans: list[Plan]) -> str:
    """The plan as a table with a last line of totals, and below it what is not known yet."""
    lines = [COLUMNS, *(_line(its) for its in plans), _line(_total(plans))]
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    text = ["  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) for line in lines]
    text += [
        f"{its.experiment}: which runs {', '.join(its.undecided)} will have depends on a grid that is not done"
        for its in plans
        if its.undecided
    ]
    text += [
        f"{its.experiment}: {', '.join(its.left_out)} left out, as no setting to select has finished with all its runs"
        for its in plans
        if its.left_out
    ]
    if any(its.hours is None for its in plans):
        text.append("hours: not known before runs of each method are done here; give --images-per-second of the device")
    return "\n".join(text)


def _total(plans: list[Plan]) -> Plan:
    hours = [its.hours for its in plans]
    sums = {key: sum(getattr(its, key) for its in plans) for key in ("new", "done", "again", "jobs", "steps")}
    left = 2 if sums["jobs"] else 0  # the study's own table and report
    return Plan(
        "total", sums["new"], **sums | {"jobs": sums["jobs"] + left}, hours=None if None in hours else math.fsum(hours)
    )


def _line(its: Plan) -> tuple[str, ...]:
    counts = (its.runs, its.new, its.done, its.again, its.jobs, its.steps)
    return (its.experiment, *(f"{count:,}" for count in counts), "—" if its.hours is None else f"{its.hours:,.1f}")
