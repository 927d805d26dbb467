"""Published scores of other studies, read from their files into one table.

Two kinds of file are read, and folders of them:

- a CSV with columns as in metrics.csv: `dataset`, `method`, the method's coefficients and scores, one line per run, such as
  another study's metrics.csv;
- a zip of disentanglement_lib's study (Locatello et al., 2019), one for each run, as
  https://storage.googleapis.com/disentanglement_lib/unsupervised_study_v1/0.zip. Of each score of the means it holds
  metrics/mean/<score>/results/aggregate/evaluation.json, which repeats the settings of the training.
"""

import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tcwae.config.methods import METHODS, coefficients
from tcwae.config.scores import SCORES
from tcwae.data.damage import refusing
from tcwae.errors import InputError

__all__ = ["read"]

LARGEST = 2**22
"""Most bytes of a JSON file in an archive; the published ones have a few thousand."""

MEMBER = re.compile(r"(?:.*/)?metrics/mean/([^/]+)/results/aggregate/evaluation\.json")

DATASETS = {"dsprites_full": "dsprites"}
"""Data sets with another name in disentanglement_lib."""

TRAINED = {
    "vae": ("beta_vae", {"beta": "vae.beta"}),
    "beta_tc_vae": ("beta_tcvae", {"beta": "beta_tc_vae.beta"}),
    "factor_vae": ("factor_vae", {"gamma": "factor_vae.gamma"}),
}
"""By disentanglement_lib's name of a model, the method here and where its coefficients are."""

RESULTS = {
    "mig": {"mig": "discrete_mig"},
    "factor_vae_metric": {"factor_vae": "eval_accuracy"},
    "sap_score": {"sap": "SAP_score"},
    "dci": {"dci": "disentanglement"},
    "modularity_explicitness": {"modularity": "modularity_score", "explicitness": "explicitness_score_test"},
    "beta_vae_sklearn": {"beta_vae": "eval_accuracy"},
    "irs": {"irs": "IRS"},
}
"""By disentanglement_lib's name of a score, the scores here and what its result calls them."""


def read(paths: Iterable[Path]) -> pd.DataFrame:
    """One row per published run: source, dataset, method, its coefficients and scores.

    Raises:
        InputError: a file is missing, damaged, of another kind, or there is no run of a known method in all of them.
        OSError: it cannot be read.
    """
    runs = [run for path in paths for run in _of_path(path)]
    if not runs:
        raise InputError(f"expected published runs in {', '.join(map(str, paths))}, found none of a method of tcwae")
    return pd.DataFrame(runs)


def _of_path(path: Path) -> Iterator[dict[str, Any]]:
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in (".zip", ".csv"))
        if not files:
            raise InputError(f"{path}: expected zip or CSV files of published scores, found none")
        for file in files:
            yield from _of_path(file)
    elif not path.exists():
        raise InputError(f"{path}: expected published scores, a zip, a CSV or a folder of them; found nothing")
    elif path.suffix.lower() == ".csv":
        yield from _of_csv(path)
    elif (run := _of_archive(path)) is not None:
        yield run


def _of_csv(path: Path) -> Iterator[dict[str, Any]]:
    try:
        table = pd.read_csv(path, converters={"dataset": str})  # one may be called nan
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: expected a CSV table, found {' '.join(str(error).split())}") from None
    scores = [score for score in SCORES if score in table]
    missing = [column for column in ("dataset", "method") if column not in table]
    if missing or not scores:
        expected = f"the column {missing[0]!r}" if missing else f"a column of scores, as {', '.join(SCORES)}"
        raise InputError(f"{path}: expected {expected}, found {', '.join(map(str, table.columns))}")
    for line, row in enumerate(table.to_dict("records"), start=2):
        if row["method"] in METHODS:
            columns = [*coefficients(METHODS[row["method"]]), *scores]
            numbers = {column: _number(row.get(column), f"{path}: line {line}: {column}") for column in columns}
            yield {"source": str(path), "dataset": row["dataset"], "method": row["method"], **numbers}


def _number(value: Any, place: str) -> float:  # noqa: ANN401
    """A number of a table; one that is missing is NaN."""
    try:
        return float("nan" if value is None else value)
    except (TypeError, ValueError):
        raise InputError(f"{place}: expected a number, found {value!r}") from None


def _of_archive(path: Path) -> dict[str, Any] | None:
    """The run of a zip of disentanglement_lib's; None where it is of another method."""
    result: dict[str, Any] = {}
    for metric, values in _evaluations(path):
        run = _run(values, path)
        if run is None:
            return None
        result = result or run
        for score, key in RESULTS.get(metric, {}).items():
            result[score] = _number(_value(values, f"evaluation_results.{key}", path), f"{path}: {metric}")
    if not result:
        expected = "metrics/mean/<score>/results/aggregate/evaluation.json, as disentanglement_lib has them"
        raise InputError(f"{path}: expected files {expected}, found none")
    return result


def _evaluations(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The name of each score in an archive, and its JSON."""
    with refusing(path, "a readable zip of disentanglement_lib's, with JSON in it"), zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if match := MEMBER.fullmatch(info.filename):
                if info.file_size > LARGEST:
                    raise InputError(f"{info.filename} of {info.file_size} bytes")
                values = json.loads(archive.read(info))
                if not isinstance(values, dict):
                    raise InputError(f"{info.filename} with a {type(values).__name__} in place of an object")
                yield match[1], values


def _run(values: Mapping[str, Any], path: Path) -> dict[str, Any] | None:
    """What was trained: gin writes names as "'dsprites_full'" or "@vae()", and numbers as text."""
    model = str(_value(values, "train_config.model.model", path)).strip("@()'\"")
    if model not in TRAINED:
        return None
    method, keys = TRAINED[model]
    dataset = str(_value(values, "train_config.dataset.name", path)).strip("'\"")
    settings = {key: _value(values, f"train_config.{name}", path) for key, name in keys.items()}
    numbers = {key: _number(value, f"{path}: {key}") for key, value in settings.items()}
    return {"source": str(path), "dataset": DATASETS.get(dataset, dataset), "method": method, **numbers}


def _value(values: Mapping[str, Any], key: str, path: Path) -> Any:  # noqa: ANN401
    if key not in values:
        raise InputError(f"{path}: expected the key {key!r} in an evaluation.json, found none")
    return values[key]
