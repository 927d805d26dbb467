"""What a `config.yaml` may say: experiments, each a set of runs and what is shown of them. Imports pydantic alone."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    model_serializer,
    model_validator,
)

from tcwae.config import extensions
from tcwae.config.base import Settings, check, distinct, first_line, read_yaml
from tcwae.config.costs import Cost
from tcwae.config.datasets import PUBLISHED
from tcwae.config.methods import METHODS, Method, MethodName, coefficients
from tcwae.config.run import (
    KNOWN_DATASETS,
    Count,
    Dataset,
    DatasetName,
    Evaluation,
    Name,
    Seeds,
    Training,
)

__all__ = ["NEEDED", "SELECT", "Experiment", "Row", "Shows", "Study", "parse", "read"]

Shows = Literal[
    "scores_table",
    "heatmap",
    "scores_vs_reconstruction",
    "pareto",
    "violins",
    "ablation",
    "deviations",
    "kl_estimators",
    "traversals",
    "latent_traversals",
    "reconstructions",
    "samples",
    "quadrants",
]

SELECT = "select"


def _axis(values: Any) -> tuple[Any, ...]:  # noqa: ANN401
    """The values of an axis; numbers that YAML reads as text, as 1e-3, are numbers."""
    return tuple(_number(value) for value in (values if isinstance(values, list | tuple) else (values,)))


def _number(value: Any) -> Any:  # noqa: ANN401
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


# Any: the method says what a value may be.
GridAxis = Annotated[
    tuple[Any, ...],
    BeforeValidator(_axis),
    Field(min_length=1),
    AfterValidator(distinct),
]


class Row(Settings):
    """A method with its coefficients: each a number, or a list of them; lists span a grid.

    A coefficient may also be `select`, the value that the experiment named under `grid` selects (section 4.1), or the name
    of another coefficient of the row, whose value it then shares (section 4.3 has beta = gamma).
    """

    method: MethodName
    name: str | None = Field(
        None, description="in tables and figures; none: the method's, with the cost if it is unusual"
    )
    cost: Cost | None = Field(None, description="instead of the experiment's")
    grid: Name | None = Field(None, description="experiment that was searched for what is `select` here")
    training: dict[str, Any] = Field({}, description="what differs from the experiment's training")
    coefficients: dict[str, GridAxis] = Field({}, description="by name; in a file they stand beside `method`")

    @model_validator(mode="before")
    @classmethod
    def _coefficients_beside_the_rest(cls, values: Any) -> Any:  # noqa: ANN401
        if not isinstance(values, Mapping):
            return values
        given = {key: value for key, value in values.items() if key in cls.model_fields}
        others = {key: value for key, value in values.items() if key not in cls.model_fields}
        return {**given, "coefficients": {**given.get("coefficients", {}), **others}}

    @model_serializer(mode="wrap")
    def _flat(self, serialize: Callable[["Row"], dict[str, Any]]) -> dict[str, Any]:
        values = serialize(self)
        axes = values.pop("coefficients", {})
        return {key: value for key, value in values.items() if value not in (None, {})} | axes

    @property
    def selects(self) -> tuple[str, ...]:
        """The coefficients that a grid decides."""
        return tuple(key for key, values in self.coefficients.items() if SELECT in values)

    @property
    def lists(self) -> set[str]:
        """The coefficients with several values."""
        return {key for key, values in self.coefficients.items() if len(values) > 1}

    @property
    def options(self) -> dict[str, Any]:
        """What the row says besides the coefficients that its method cannot do without."""
        return {
            key: values for key, values in self.coefficients.items() if key not in coefficients(METHODS[self.method])
        }

    def cells(self) -> Iterator[Method]:
        """The method's settings, one for each cell of the grid that the lists span.

        Raises:
            ValueError: a coefficient is missing, unknown or out of range.
        """
        for values in itertools.product(*self.coefficients.values()):
            cell = dict(zip(self.coefficients, values, strict=True))
            cell = {key: cell.get(value, value) if isinstance(value, str) else value for key, value in cell.items()}
            try:
                yield METHODS[self.method](**cell)
            except ValidationError as error:
                raise ValueError(first_line(error)) from None


NEEDED = {
    "heatmap": "rows of one cost that list beta and gamma, and nothing else",
    "scores_vs_reconstruction": "a row of the experiment's cost",
    "pareto": "a row of the experiment's cost",
    "violins": "a row of the experiment's cost that lists its tuned coefficient",
    "ablation": "a row of the experiment's cost that lists its tuned coefficient",
    "deviations": "rows of one setting each",
}
"""What some figures need of their experiment."""


class Experiment(Settings):
    """A set of runs and what is shown of them."""

    title: str = Field("", description="one line for the report")
    dataset: DatasetName
    cost: Cost = "cross_entropy"
    latent_dimension: Count = 10
    methods: Annotated[dict[Name, Row], Field(min_length=1)] = Field(
        description="rows of its tables and figures, each under the name of its method, or under any name with a `method`"
    )
    seeds: Seeds | None = Field(None, description="instead of the study's seeds")
    training: dict[str, Any] = Field({}, description="what differs from the study's training")
    shows: Annotated[tuple[Shows, ...], AfterValidator(distinct)] = ()

    @model_validator(mode="before")
    @classmethod
    def _a_row_is_of_the_method_it_is_called(cls, values: Any) -> Any:  # noqa: ANN401
        if not isinstance(values, Mapping) or not isinstance(values.get("methods"), Mapping):
            return values
        rows = {
            name: {"method": name, **row} if isinstance(row, Mapping) else row
            for name, row in values["methods"].items()
        }
        return {**values, "methods": rows}

    def lacks(self, figure: Shows) -> bool:
        """Whether the experiment has not the runs that a figure needs."""
        rows, own = self.methods.values(), [row for key, row in self.methods.items() if self.cost_of(key) == self.cost]
        grids = {key: row for key, row in self.methods.items() if {"beta", "gamma"} <= row.lists}
        has = {
            "heatmap": len({self.cost_of(key) for key in grids}) == 1
            and all(len(row.lists) == 2 for row in grids.values()),
            "scores_vs_reconstruction": bool(own),
            "pareto": bool(own),
            "violins": any(METHODS[row.method].tuned in row.lists for row in own),
            "ablation": any(METHODS[row.method].tuned in row.lists for row in own),
            "deviations": not any(row.lists for row in rows),
        }
        return not has.get(figure, True)

    def cost_of(self, row: str) -> Cost:
        """The reconstruction cost of a row."""
        return self.methods[row].cost or self.cost


class Study(Settings):
    """A study: a whole config.yaml."""

    study: Name = Field(description="its results are under results/<study>")
    code: tuple[str, ...] = Field(
        (), description="Python files beside the study that register methods, costs or scores"
    )
    container: Annotated[str, Field(pattern=r"^[A-Za-z0-9_./][A-Za-z0-9_./:@+-]*$")] | None = Field(
        None, description="image of the cluster's jobs; Snakemake gives it to a shell without quotes"
    )
    seeds: Seeds = Field(description="a run for each")
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
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
        self._check_rows()
        for name, experiment in self.experiments.items():
            for figure in filter(experiment.lacks, experiment.shows):
                raise ValueError(f".experiments.{name}.shows: expected for {figure} {NEEDED[figure]}, found others")
        return self

    def _check_rows(self) -> None:
        """Each cell of each row; those that select last, so that a mistake in a grid is told where it stands."""
        rows = [(name, key, row) for name, its in self.experiments.items() for key, row in its.methods.items()]
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

    def training_of(self, experiment: str, row: str) -> Training:
        """The study's training with the changes of an experiment and of its row."""
        its = self.experiments[experiment]
        return Training(**(self.training.model_dump() | its.training | its.methods[row].training))

    def dataset(self, name: str) -> Dataset:
        """The source of a data set: what the study says, else the images rendered here."""
        return self.datasets.get(name, Dataset())

    def searched(self, experiment: str, row: str) -> str:
        """The row of its grid that decides what is `select` in a row: that of the same data, method, cost and options.

        Raises:
            ValueError: there is not exactly one.
        """
        its, own = self.experiments[experiment], self.experiments[experiment].methods[row]
        grid = self.experiments.get(own.grid or "")
        if grid is None:
            raise ValueError(f".grid: expected an experiment to select from, found {own.grid!r}")
        found = [
            name
            for name, other in grid.methods.items()
            if (grid.dataset, other.method, grid.cost_of(name)) == (its.dataset, own.method, its.cost_of(row))
            and (other.options, other.training) == (own.options, own.training)
            and set(own.selects) <= other.coefficients.keys() - {*other.selects}
        ]
        if len(found) != 1:
            raise ValueError(
                f".grid: expected one row of {own.grid!r} with the same data set, method, cost and options that lists "
                f"{' and '.join(own.selects)}, found {len(found)}"
            )
        return found[0]

    def opened(self, experiment: str, row: str) -> Row:
        """A row with all values that its grid may select where it says `select`.

        Raises:
            ValueError: nothing says from where to select, or there is a grid and nothing to select.
        """
        own = self.experiments[experiment].methods[row]
        if not own.selects:
            if own.grid:
                raise ValueError(f".grid: expected a coefficient that is `{SELECT}` beside it, found none")
            return own
        for key in own.selects:
            if own.grid is None:
                raise ValueError(f".{key}: expected a `grid` beside `{SELECT}`, found none")
            if len(own.coefficients[key]) > 1:
                raise ValueError(f".{key}: expected `{SELECT}` alone, found it in a list")
        searched = self.searched(experiment, row)
        values = self.experiments[own.grid].methods[searched].coefficients
        return own.model_copy(update={"coefficients": own.coefficients | {key: values[key] for key in own.selects}})


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
