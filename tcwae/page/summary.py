"""The page's data of the study: the results of each experiment, and the table of all runs."""

import math
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd

from tcwae.config.figures import FIGURES
from tcwae.config.methods import METHODS
from tcwae.config.run import Run
from tcwae.config.runs import coefficients_of, runs, unusual
from tcwae.config.scores import PAPER
from tcwae.errors import InputError
from tcwae.figures.plot import KINDS
from tcwae.report.content import contents
from tcwae.study import names
from tcwae.study.results import Results, read_images
from tcwae.study.tables import read_csv

__all__ = ["FIGURES", "summary"]

MEASURES = {
    **{name: (score.label, score.decimals, 1 if score.higher_is_better else -1) for name, score in PAPER.items()},
    "total_correlation": ("TC", 2, 0),
    "dimension_wise_kl": ("KL of latents", 2, 0),
    "active_units": ("active", 0, 0),
    "iterations": ("steps", 0, 0),
    "train_seconds": ("seconds", 0, 0),
}
"""Columns of the table of runs: label, decimals, and whether more (1) or less (-1) is better. All runs alike: no column."""


def summary(study: Results) -> dict[str, Any]:
    """All that the page shows of the study except the single runs.

    Raises:
        InputError: a table that the summary needs is damaged.
    """
    said = contents(study, partial=True)
    numbers = {run: number for number, run in enumerate(study.metrics["run"])}
    begun = [name for name in study.study.experiments if study.begun(name)]
    shown = [
        _experiment(study, name, numbers, part["unread"]) for name, part in zip(begun, said["experiments"], strict=True)
    ]
    kept = (
        "study",
        "date",
        "data",
        "methods",
        "runs",
        "iterations",
        "missing",
        "left_out",
        "agreement",
        "summary",
        "remarks",
        "provenance",
        "configuration",
    )
    return {
        **{key: said[key] for key in kept},
        "experiments": [{**experiment, **more} for experiment, more in zip(said["experiments"], shown, strict=True)],
        "scores": said["scores"],
        "measures": [list(MEASURES[measure]) for measure in _measures(study)],
        "table": _table(study),
        "best": _best(study, numbers),
    }


def _experiment(study: Results, name: str, numbers: dict[str, int], unread: dict[str, str]) -> dict[str, Any]:
    """What the report does not have: the runs behind each line of the table, and the files of the figures."""
    finished = set(study.best(name)["best_run"])
    members = study.runs(name).groupby(["row", "setting"])["run"].first()
    lines = [
        {
            "runs": members[row.row, row.setting].rpartition("/")[0] + "/",
            "best": numbers[row.best_run] if row.best_run in finished else None,
        }
        for row in study.selected(name).itertuples()
    ]
    shows = study.experiment(name).shows
    drawings = [_drawing(study, name, kind, unread.get(kind)) for kind in KINDS if kind in shows]
    return {"name": name, "lines": lines, "drawings": drawings}


def _drawing(study: Results, name: str, kind: str, unread: str | None) -> dict[str, Any]:
    files = [f"{name}-{kind}{end}" for end in (".svg", ".pdf", ".csv", ".h5")]
    there = [file for file in files if (study.folder / "figures" / file).exists()]
    faults = [unread] if unread else [fault for file in there if (fault := _fault(study.folder / "figures" / file))]
    return {"kind": FIGURES[kind].title, "words": FIGURES[kind].caption, "files": there, "faults": faults}


def _fault(path: Path) -> str | None:
    """What is wrong with a file of a figure, if it is damaged."""
    try:
        if path.suffix == ".csv":
            read_csv(path, [])
        elif path.suffix == ".h5":
            read_images(path, [])
        elif path.suffix == ".svg":
            ElementTree.parse(path)
    except (InputError, ElementTree.ParseError) as error:
        return f"figures/{path.name}: {' '.join(str(error).replace(f'{path}: ', '').split())}"
    return None


def _measures(study: Results) -> list[str]:
    """The paper's scores, and whatever else differs between the runs."""
    return [measure for measure in MEASURES if measure in PAPER or study.metrics[measure].nunique() > 1]


def _table(study: Results) -> list[dict[str, Any]]:
    """A line a run, in the order of its number."""
    typed, measures = runs(study.study), _measures(study)
    return [_line(study, typed[row["run"]], row, measures) for _, row in study.metrics.iterrows()]


def _line(study: Results, run: Run, row: pd.Series, measures: list[str]) -> dict[str, Any]:
    lost = row["status"] == "diverged"
    remarks = [f"diverged at step {row['diverged_step']:,.0f}"] if lost else []
    if isinstance(row["warnings"], str):
        remarks.append(row["warnings"].replace("_", " "))
    return {
        "id": row["run"],
        "method": names.method(run.method.name),
        "colour": METHODS[run.method.name].colour,
        "setting": names.setting(coefficients_of(run) | unusual(run, study.study.training)),
        "seed": run.seed,
        "data": f"{names.dataset(run.dataset, row['source'])}, {names.cost(run.cost)}",
        "experiments": list(dict.fromkeys(place.partition("/")[0] for place in row["experiments"].split())),
        "remark": "; ".join(remarks),
        "values": [float(row[measure]) if math.isfinite(row[measure]) else None for measure in measures],
    }


def _best(study: Results, numbers: dict[str, int]) -> list[int]:
    """The best run of each method in each experiment with a table of scores, or in all where there is none."""
    begun = [name for name in study.study.experiments if study.begun(name)]
    compared = [name for name in begun if "scores_table" in study.experiment(name).shows] or begun
    return list(dict.fromkeys(numbers[run] for name in compared for run in study.best(name)["best_run"]))
