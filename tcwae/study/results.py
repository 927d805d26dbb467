"""A study's folder of results, read and checked for the figures and the report."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from tcwae.config.experiment import Experiment
from tcwae.config.run import Run
from tcwae.config.runs import coefficients_of, experiment_runs, row_runs, setting, unusual
from tcwae.config.scores import PAPER, ScoreFacts, facts
from tcwae.config.study import Study, parse
from tcwae.errors import InputError
from tcwae.study import declared, names
from tcwae.study.tables import VERSIONS, check_values, read_csv, read_table

__all__ = ["Results", "load", "read_images", "source_note"]

METRICS_TEXT = (
    *("run", "experiments", "dataset", "source", "method", "cost", "setting", "status"),
    *("finished", "images_sha256"),
)
METRICS_NUMBERS = (
    *(*PAPER, "total_correlation", "dimension_wise_kl", "index_code_mi", "mmd", "active_units"),
    *("mig_sampled", "factor_vae_sampled", "sap_sampled", "reconstruction"),
    *("total_correlation_trained", "dimension_wise_kl_trained"),
    *("seed", "iterations", "batch_size", "diverged_step", "train_seconds", "evaluate_seconds"),
)
SELECTION_TEXT = ("row", "dataset", "method", "cost", "setting")
SELECTION_NUMBERS = ("seeds", "diverged", "mean_rank", "udr_mean", "udr_sd")


@dataclass(frozen=True)
class Results:
    """The contents of `results/<study>`: the resolved study, one row per run, and one row per setting of each experiment."""

    folder: Path
    study: Study
    metrics: pd.DataFrame
    selection: pd.DataFrame

    @property
    def asked(self) -> Study:
        """The study as it was given to the workflow; the resolved one where it was made without."""
        return declared.read(self.folder) if (self.folder / "config.json").exists() else self.study

    @property
    def scores(self) -> dict[str, ScoreFacts]:
        """What tables and figures show of each run: the reconstruction, then the study's scores."""
        return {score: facts(score) for score in self.study.shown}

    def reasons(self, run: pd.Series) -> dict[str, str]:
        """Why scores of a run, a line of metrics.csv, cannot be had."""
        if not isinstance(run["reasons"], str):
            return {}
        _, *parts = re.split(rf"(?:^|; )({'|'.join(map(re.escape, self.study.scores))}): ", run["reasons"])
        return dict(zip(parts[::2], parts[1::2], strict=True))

    def run(self, identifier: str) -> Path:
        """The folder of a run."""
        return self.folder / "runs" / identifier

    def begun(self, name: str) -> bool:
        """Whether there is any run of an experiment."""
        return bool(self.metrics["run"].isin(experiment_runs(self.study, name).keys()).any())

    def experiment(self, name: str) -> Experiment:
        """The resolved experiment.

        Raises:
            InputError: the study has none of that name.
        """
        if name not in self.study.experiments:
            raise InputError(f"expected an experiment of {', '.join(self.study.experiments)}, found {name!r}")
        return self.study.experiments[name]

    def runs(self, experiment: str) -> pd.DataFrame:
        """The experiment's available runs, in the order of its rows, of coefficients and of seeds.

        A run that two rows share appears twice. Besides the columns of metrics.csv: row and those of `_named`.

        Raises:
            InputError: there is none.
        """
        rows = self.experiment(experiment).methods
        members = {row: row_runs(self.study, experiment, row).keys() for row in rows}
        tables = [self.metrics[self.metrics["run"].isin(runs)].assign(row=row) for row, runs in members.items()]
        table = pd.concat(tables, ignore_index=True)
        if table.empty:
            raise InputError(
                f"{self.folder / 'metrics.csv'}: expected runs of {experiment!r}, found none; make it again"
            )
        return self._named(table, experiment)

    def settings(self, experiment: str) -> pd.DataFrame:
        """The experiment's settings, in the order of its rows and of coefficients; with row and the columns of `_named`."""
        rows = self.experiment(experiment).methods
        table = self.selection[self.selection["experiment"] == experiment]
        order = {row: place for place, row in enumerate(rows)}
        table = table.sort_values("row", key=lambda rows: rows.map(order), kind="stable", ignore_index=True)
        return self._named(table, experiment)

    def typed(self, experiment: str) -> dict[tuple[str, str], Run]:
        """A run of each setting of an experiment, by row and setting."""
        usual = self.study.training
        return {
            (row, setting(run, usual)): run
            for row in self.experiment(experiment).methods
            for run in row_runs(self.study, experiment, row).values()
        }

    def _named(self, table: pd.DataFrame, name: str) -> pd.DataFrame:
        """With the columns name, twin, common and shown, all for readers.

        They are the name of the row, the number of earlier rows of the same method (its look in figures), the unusual settings
        that all its runs share besides the coefficients, and the setting without these.
        """
        experiment, typed = self.experiment(name), self.typed(name)
        runs = [typed[pair] for pair in zip(table["row"], table["setting"], strict=True)]
        common = [names.setting(unusual(run, self.study.training)) for run in runs]
        table = table.assign(common=common)
        mixed = table.groupby("row")["common"].transform("nunique") > 1
        table["shown"] = [
            names.setting(coefficients_of(run) | (unusual(run, self.study.training) if several else {}))
            for run, several in zip(runs, mixed, strict=True)
        ]
        table["common"] = table["common"].where(~mixed, "")
        calls = {key: names.called(row, experiment.cost) for key, row in experiment.methods.items()}
        methods = [row.method for row in experiment.methods.values()]
        twins = {key: methods[:place].count(methods[place]) for place, key in enumerate(experiment.methods)}
        return table.assign(name=table["row"].map(calls), twin=table["row"].map(twins))

    def drawn(self, experiment: str, kind: str, text: Sequence[str], numbers: Sequence[str]) -> pd.DataFrame:
        """What a figure of an experiment shows: the table that `tcwae plot` wrote beside it, with columns of two kinds.

        Raises:
            InputError: it is missing, no table, empty, or lacks one of the columns; or a value is not of its column's kind.
        """
        path = self.folder / "figures" / f"{experiment}-{kind}.csv"
        table = read_csv(path, (*text, *numbers))
        if table.empty:
            raise InputError(f"{path}: expected lines below the first, found none; make it again")
        check_values(table, text, numbers, path)
        return table

    def selected(self, experiment: str) -> pd.DataFrame:
        """The selected setting of each row, even if none of its runs finished."""
        settings = self.settings(experiment)
        return settings[settings["selected"]]

    def best(self, experiment: str) -> pd.DataFrame:
        """The selected setting of each method whose best run finished."""
        finished = self.metrics.loc[self.metrics["status"] == "finished", "run"]
        settings = self.selected(experiment)
        return settings[settings["best_run"].isin(finished)]


def load(folder: Path, experiment: str | None = None) -> Results:
    """Read study.json, metrics.csv and the selection of one experiment, or of all, of a study.

    Raises:
        InputError: a file is missing, damaged or of another version; the line names it.
    """
    study = _read_study(folder / "study.json")
    metrics = read_table(folder / "metrics.csv", METRICS_TEXT, (*METRICS_NUMBERS, *study.scores))
    metrics = metrics.assign(**{column: None for column in VERSIONS if column not in metrics})
    results = Results(folder, study, metrics, pd.DataFrame())
    if experiment is not None:
        results.experiment(experiment)
    wanted = [name for name in study.experiments if experiment in (None, name) and results.begun(name)]
    if not wanted:
        whose = repr(experiment) if experiment else "the study"
        raise InputError(f"{folder / 'metrics.csv'}: expected runs of {whose}, found none; make it again")
    tables = [_read_selection(folder / "selection" / f"{name}.csv", results, name) for name in wanted]
    return replace(results, selection=pd.concat(tables, ignore_index=True))


def _read_selection(path: Path, results: Results, experiment: str) -> pd.DataFrame:
    scores = [column.format(score) for score in results.scores for column in ("{}_mean", "{}_sd", "rank_{}")]
    table = read_table(path, SELECTION_TEXT, (*SELECTION_NUMBERS, *scores), ("selected", "best_run"))
    foreign = set(table["row"]) - results.experiment(experiment).methods.keys()
    if foreign:
        raise InputError(f"{path}: the row {min(foreign)!r} is not in the study; make it again")
    unknown = set(table["best_run"].dropna()) - set(results.metrics["run"])
    if unknown:
        raise InputError(f"{path}: best_run {min(unknown)!r} is not in metrics.csv; make it again")
    return table.assign(experiment=experiment, selected=table["selected"] == "True")


def _read_study(path: Path) -> Study:
    try:
        return parse(json.loads(path.read_text(encoding="utf-8")), str(path), Path())
    except FileNotFoundError:
        raise InputError(f"expected the file {path}, found none; run the workflow's earlier rules first") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: expected JSON, found {error}; make it again") from None


def read_images(path: Path, datasets: Sequence[str]) -> dict[str, np.ndarray]:
    """Some arrays of a run's images.h5.

    Raises:
        InputError: the file is missing, damaged, or lacks one of them.
    """
    try:
        with h5py.File(path, locking=False) as file:
            missing = [name for name in datasets if name not in file]
            if missing:
                raise InputError(f"{path}: expected the data set {missing[0]!r}, found {', '.join(file) or 'none'}")
            return {name: file[name][()] for name in datasets}
    except OSError as error:
        found = " ".join(str(error).split())
        raise InputError(f"{path}: expected a readable HDF5 file, found {found}; evaluate the run again") from None


def source_note(runs: pd.DataFrame, shown: int | None = None) -> str:
    """The line below a figure: data, runs, seeds, iterations, and the runs that diverged.

    Args:
        runs: all runs that the figure was made from.
        shown: how many of them it shows, where it shows each method's best one only.
    """
    first, distinct = runs.iloc[0], runs.drop_duplicates("run")
    seeds = _range(runs.groupby(["row", "setting"])["seed"].nunique(), "seed")
    some = f", the best {shown} shown" if shown and shown < len(distinct) else ""
    parts = [
        f"Data: {names.dataset(first['dataset'], first['source'])}",
        f"{names.count(len(distinct), 'run')}, {seeds} per setting" + some,
        _range(runs["iterations"], "iteration"),
        *_diverged(distinct[distinct["status"] == "diverged"]),
    ]
    return " · ".join(parts)


def _diverged(runs: pd.DataFrame) -> list[str]:
    if runs.empty:
        return []
    which = [f"{run.name}, {run.shown}, seed{names.NO_BREAK}{run.seed}" for run in runs[:2].itertuples()]
    more = [f"and {len(runs) - 2} more"] if len(runs) > 2 else []
    return [f"{names.count(len(runs), 'run')} diverged ({'; '.join(which + more)})"]


def _range(values: pd.Series, noun: str) -> str:
    low, high = int(values.min()), int(values.max())
    return names.count(high, noun) if low == high else f"{low:,} to {names.count(high, noun)}"
