"""The keys of a `config.yaml`: the data, how runs are trained and scored, and the experiments. Imports pydantic alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError, model_validator

from tcwae.config import extensions
from tcwae.config.base import Settings, check, distinct, first_line, read_yaml
from tcwae.config.datasets import PUBLISHED
from tcwae.config.experiment import NEEDED, SELECT, Experiment, Row
from tcwae.config.run import (
    KNOWN_DATASETS,
    Dataset,
    DatasetName,
    Evaluation,
    Name,
    Scores,
    Scoring,
    Seeds,
    Training,
)
from tcwae.config.scores import PAPER

__all__ = ["Study", "parse", "read"]


class Study(Settings):
    """A study: a whole config.yaml."""

    study: Name = Field(description="its results are under results/<study>")
    code: tuple[str, ...] = Field(
        (), description="Python files beside the study that register methods, costs or scores"
    )
    container: Annotated[str, Field(pattern=r"^[A-Za-z0-9_./][A-Za-z0-9_./:@+-]*$")] | None = Field(
        None, description="container image of the cluster's jobs; Snakemake passes it to a shell without quotes"
    )
    seeds: Seeds = Field(description="each setting is trained once per seed")
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    scores: Scores = Field(
        Scoring().scores,
        description="scores of the codes: columns of tables, panels of figures (default: section 4.1's three)",
    )
    selected_by: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(distinct)] | None = Field(
        None,
        description="scores whose mean rank selects a setting; none: those of section 4.1's four that the study has",
    )
    published: tuple[str, ...] = Field(
        (), description="published scores to compare with: CSV files, zips of disentanglement_lib, or folders of them"
    )
    datasets: dict[DatasetName, Dataset] = Field({}, description="where images come from; default: rendered here")
    experiments: Annotated[dict[Name, Experiment], Field(min_length=1)]

    @model_validator(mode="after")
    def _every_experiment_is_valid(self) -> "Study":
        for name in KNOWN_DATASETS:
            if self.dataset(name).format:
                found = f"found {name!r}, with whose published numbers the report would compare"
                raise ValueError(f".datasets.{name}.format: expected a name of your own for your own data, {found}")
        known = [*KNOWN_DATASETS, *(name for name, dataset in self.datasets.items() if dataset.format)]
        for name, experiment in self.experiments.items():
            if experiment.dataset not in known:
                found = (
                    f"expected {', '.join(known)} or one under `datasets` with a format, found {experiment.dataset!r}"
                )
                raise ValueError(f".experiments.{name}.dataset: {found}")
            if self.dataset(experiment.dataset).source == "rendered" and not PUBLISHED[experiment.dataset].rendered:
                expected = f"datasets: {{ {experiment.dataset}: {{ source: real }} }}"
                raise ValueError(
                    f".experiments.{name}.dataset: expected `{expected}`, as tcwae cannot render {experiment.dataset}, "
                    "found source: rendered"
                )
        unknown = [score for score in self.ranked if score not in self.shown]
        if unknown:
            raise ValueError(
                f".selected_by: expected {', '.join(self.shown)}, found {unknown[0]!r}; add it to `scores`"
            )
        self._check_rows()
        for name, experiment in self.experiments.items():
            for figure in filter(experiment.lacks, experiment.shows):
                raise ValueError(f".experiments.{name}.shows: expected for {figure} {NEEDED[figure]}, found others")
        return self

    def _check_rows(self) -> None:
        """Check each cell of each row; rows with `select` last, so that a mistake in a grid is reported at the grid."""
        rows = [
            (name, key, row) for name, experiment in self.experiments.items() for key, row in experiment.methods.items()
        ]
        for name, key, row in sorted(rows, key=lambda place: bool(place[2].selects)):
            for where, changes in ((name, self.experiments[name].training), (f"{name}.methods.{key}", row.training)):
                try:
                    Training(**(self.training.model_dump() | changes))
                except ValidationError as error:
                    raise ValueError(f".experiments.{where}.training{first_line(error)}") from None
            try:
                tuple(self.opened(name, key).cells())
            except ValueError as error:
                raise ValueError(f".experiments.{name}.methods.{key}{error}") from None

    @property
    def shown(self) -> tuple[str, ...]:
        """What tables and figures show of each run: the reconstruction, then the scores."""
        return ("log_reconstruction", *self.scores)

    @property
    def ranked(self) -> tuple[str, ...]:
        """The scores whose mean rank selects a setting."""
        return self.selected_by or tuple(score for score in self.shown if score in PAPER)

    def training_of(self, experiment: str, row: str) -> Training:
        """The study's training with the changes of an experiment and of its row."""
        declared = self.experiments[experiment]
        return Training(**(self.training.model_dump() | declared.training | declared.methods[row].training))

    def dataset(self, name: str) -> Dataset:
        """The source of a data set: what the study says, else the images rendered here."""
        return self.datasets.get(name, Dataset())

    def searched(self, experiment: str, row: str) -> str:
        """The row of the grid from which a row's `select` takes its value: that of the same data, method, cost and options.

        Raises:
            ValueError: there is not exactly one.
        """
        declared, written = self.experiments[experiment], self.experiments[experiment].methods[row]
        grid = self.experiments.get(written.grid or "")
        if grid is None:
            raise ValueError(f".grid: expected an experiment to select from, found {written.grid!r}")
        candidates = [
            name
            for name, other in grid.methods.items()
            if (grid.dataset, other.method, grid.cost_of(name))
            == (declared.dataset, written.method, declared.cost_of(row))
            and (other.options, other.training) == (written.options, written.training)
            and set(written.selects) <= other.coefficients.keys() - {*other.selects}
        ]
        if len(candidates) != 1:
            raise ValueError(
                f".grid: expected one row of {written.grid!r} with the same data set, method, cost and options that lists "
                f"{' and '.join(written.selects)}, found {len(candidates)}"
            )
        return candidates[0]

    def opened(self, experiment: str, row: str) -> Row:
        """A row in which each `select` is replaced by all values that its grid may select.

        Raises:
            ValueError: `select` without a grid, or a grid without `select`.
        """
        written = self.experiments[experiment].methods[row]
        if not written.selects:
            if written.grid:
                raise ValueError(f".grid: expected a coefficient that is `{SELECT}` beside it, found none")
            return written
        for key in written.selects:
            if written.grid is None:
                raise ValueError(f".{key}: expected a `grid` beside `{SELECT}`, found none")
            if len(written.coefficients[key]) > 1:
                raise ValueError(f".{key}: expected `{SELECT}` alone, found it in a list")
        searched = self.searched(experiment, row)
        values = self.experiments[written.grid].methods[searched].coefficients
        return written.model_copy(
            update={"coefficients": written.coefficients | {key: values[key] for key in written.selects}}
        )


def parse(values: Any, source: str, *folders: Path) -> Study:  # noqa: ANN401
    """The study that `values`, read from `source`, describe; its own code is loaded from the first of `folders` that has it.

    Raises:
        InputError: the values are no study; in one line the key, what was found and what was expected.
    """
    if isinstance(values, Mapping) and values.get("code"):
        names = values["code"] if isinstance(values["code"], list | tuple) else [values["code"]]
        code = extensions.locate(map(str, names), folders)
        extensions.load(code)
        values = {**values, "code": code}
    return check(Study, values, source)


def read(path: Path) -> Study:
    """The study in a YAML file, or in the study.json of its results.

    A file without experiments changes values of the config.yaml in the working directory, as Snakemake reads it.

    Raises:
        InputError: it is missing, not YAML, or not a study; in one line the key, what was found and what was expected.
        OSError: it cannot be read.
    """
    values, source, folders = read_yaml(path), str(path), [path.parent, Path()]
    usual = Path("config.yaml")
    if isinstance(values, Mapping) and "experiments" not in values and usual.exists() and not path.samefile(usual):
        values, source = _merged(read_yaml(usual), values), f"{usual} + {path}"
    return parse(values, source, *folders)


def _merged(values: Any, changes: Any) -> Any:  # noqa: ANN401
    """Values with changes, key by key, as Snakemake merges its configuration files."""
    if isinstance(values, Mapping) and isinstance(changes, Mapping):
        return {**values, **{key: _merged(values.get(key), change) for key, change in changes.items()}}
    return changes
