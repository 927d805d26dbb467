"""The settings of a study, as files that are inputs of the workflow's rules.

Snakemake remembers the settings of a job in `.snakemake`, which may be deleted, or the results moved. So the settings are
files, and a job runs again if its file is newer than its results:

- `config.json`: the whole study, an input of the tables;
- `runs/<run>/run.json`: the run, an input of its training;
- `evaluation/<dataset>.json`: how runs on a data set are evaluated, an input of their evaluation;
- `scores.json`: how the codes of all runs are scored.

They are written when the workflow starts, and only if they change. A run whose results were made with its settings on the
current images keeps a file that is older than its results; any other run gets a new file.
"""

import json
import os
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tcwae import records
from tcwae.config.extensions import sources
from tcwae.config.run import Evaluation, Run, Scoring, flatten
from tcwae.config.runs import chosen, grids, left_out, resolve
from tcwae.config.study import Study, parse
from tcwae.errors import InputError
from tcwae.log import complain

__all__ = ["declare", "evaluation_of", "read", "read_resolved", "same_settings", "scoring_of"]


def declare(study: Study, runs: Mapping[str, Run], results: Path, images: Callable[[str], str | None]) -> None:
    """Write the files of a study's `runs`, by id.

    `images` gives the SHA-256 of the images of a data set, None if they are not prepared; it is called only for trained
    runs.

    Raises:
        OSError: a file cannot be written.
    """
    _write(results / "config.json", study.model_dump(mode="json", exclude_defaults=True))
    for dataset in {run.dataset for run in runs.values()}:
        _write(results / "evaluation" / f"{dataset}.json", evaluation_of(study, dataset).model_dump(mode="json"))
    settings, code = scoring_of(study)
    _write(results / "scores.json", {**settings.model_dump(mode="json"), "code": code})
    images = cache(images)
    for identifier, run in runs.items():
        _declare_run(results / "runs" / identifier, run, images)


def _declare_run(folder: Path, run: Run, images: Callable[[str], str | None]) -> None:
    file, results, values = folder / "run.json", folder / "training.json", flatten(run)
    if not results.exists():
        _write(file, values)
        return
    record, there = _record(results), images(run.dataset)
    changed = record is not None and there not in (None, record.data.images_sha256)
    if changed:  # the content must change: Snakemake ignores a file of which only the time is new
        values["images_sha256"] = there
    _write(file, values)
    made, valid = results.stat().st_mtime_ns, record is not None and not changed and same_settings(record, run)
    if valid != (file.stat().st_mtime_ns <= made):
        os.utime(file, ns=(made, made) if valid else (time.time_ns(), time.time_ns()))


def _record(path: Path) -> records.TrainingRecord | None:
    """The record of a training; None if it is damaged."""
    try:
        return records.read(records.TrainingRecord, path)
    except InputError:
        return None


def same_settings(record: records.TrainingRecord, run: Run) -> bool:
    """Whether a training was made with exactly the settings of a run."""
    return record.settings == json.loads(json.dumps(flatten(run)))


def _write(path: Path, values: Any) -> None:  # noqa: ANN401
    text = json.dumps(values, ensure_ascii=False, indent=1) + "\n"
    try:
        if path.read_text(encoding="utf-8") == text:
            return
    except (FileNotFoundError, UnicodeDecodeError):
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")  # not flushed to disk: a lost file is written again
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def evaluation_of(study: Study, dataset: str) -> Evaluation:
    """How runs on a data set are evaluated."""
    reach = study.dataset(dataset).traversal_range
    return study.evaluation if reach is None else study.evaluation.model_copy(update={"traversal_range": reach})


def scoring_of(study: Study) -> tuple[Scoring, dict[str, str]]:
    """How codes are scored, and the SHA-256 of the study's own code that registers the scores, by path."""
    code = {path: checksum for name in study.scores for path, checksum in sources(score=name).items()}
    return Scoring(scores=study.scores, seed=study.evaluation.seed), code


def read(results: Path) -> Study:
    """The study of a folder of results, as it was given to the workflow.

    Raises:
        InputError: config.json is missing or damaged.
    """
    path = results / "config.json"
    try:
        return parse(json.loads(path.read_text(encoding="utf-8")), str(path), Path())
    except FileNotFoundError:
        raise InputError(
            f"{path}: found no such file, expected the study; snakemake writes it when it starts"
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: found no JSON ({error}); remove it, snakemake writes it when it starts") from None


def read_resolved(results: Path, *experiments: str) -> Study:
    """The study with numbers for each `select` of some experiments, by default all; their grids must be ranked.

    Rows for which their grid has found nothing say it still; a line on standard error tells.

    Raises:
        InputError: config.json or the selection of a grid is missing or damaged.
        OSError: a file cannot be read.
    """
    study = read(results)
    experiments = experiments or tuple(study.experiments)
    wanted = {grid for name in experiments for grid in grids(study, name)}
    choices = {grid: chosen(results / "selection" / f"{grid}.csv") for grid in sorted(wanted)}
    for name, rows in left_out(study, choices).items():
        if name in experiments:
            complain(f"left out of {name}: {', '.join(rows)}, as no setting to select has finished with all its runs")
    return resolve(study, choices)
