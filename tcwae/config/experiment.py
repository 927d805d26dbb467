"""The keys of an experiment: rows of methods with their coefficients, and the figures. Imports pydantic alone."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    model_serializer,
    model_validator,
)

from tcwae.config.base import Settings, distinct, first_line
from tcwae.config.costs import Cost
from tcwae.config.datasets import PUBLISHED
from tcwae.config.figures import FIGURES
from tcwae.config.methods import METHODS, Method, MethodName, coefficients
from tcwae.config.run import Count, DatasetName, EncoderKernel, Name, Seeds

__all__ = ["NEEDED", "PICTURES", "READS", "SELECT", "TABLES", "Experiment", "Row", "Shows"]

PICTURES = ("traversals", "latent_traversals", "reconstructions", "samples", "quadrants")
"""The figures of images; the data beside them are HDF5."""

TABLES = tuple(kind for kind in FIGURES if kind not in PICTURES)
"""The figures of numbers; the data beside them are CSV."""

Shows = Literal["scores_table", *FIGURES]

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
        None, description="name in tables and figures; none: the method's, with the cost if it is not the experiment's"
    )
    cost: Cost | None = Field(None, description="replaces the experiment's cost")
    grid: Name | None = Field(
        None, description="the experiment whose selection gives the coefficients that are `select`"
    )
    training: dict[str, Any] = Field({}, description="settings that differ from the experiment's training")
    coefficients: dict[str, GridAxis] = Field({}, description="by name; in a file they are written beside `method`")

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
        """The row's settings besides its method's required coefficients."""
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
    "matrix": "data with factors to score",
}
"""What the rows of an experiment must be for some figures."""

READS = {
    **dict.fromkeys(PICTURES, "images.h5"),
    "kl_estimators": "estimates.csv",
    "matrix": "metrics.json",
    "deviations": "rescored.csv",
}
"""The file that a figure reads besides the tables: from the best run of each row, for `deviations` from every run of the
default rows."""


class Experiment(Settings):
    """A set of runs, and the tables and figures made from them."""

    title: str = Field("", description="one line for the report")
    dataset: DatasetName
    cost: Cost = "cross_entropy"
    latent_dimension: Count = 10
    encoder_kernel: EncoderKernel = 4
    methods: Annotated[dict[Name, Row], Field(min_length=1)] = Field(
        description="rows of the tables and figures, each under its method's name, or under any name and with a `method`"
    )
    seeds: Seeds | None = Field(None, description="replace the study's seeds")
    training: dict[str, Any] = Field({}, description="settings that differ from the study's training")
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
        """Whether the experiment lacks runs that a figure needs."""
        rows, peers = (
            self.methods.values(),
            [row for key, row in self.methods.items() if self.cost_of(key) == self.cost],
        )
        grids = {key: row for key, row in self.methods.items() if {"beta", "gamma"} <= row.lists}
        has = {
            "heatmap": len({self.cost_of(key) for key in grids}) == 1
            and all(len(row.lists) == 2 for row in grids.values()),
            "scores_vs_reconstruction": bool(peers),
            "pareto": bool(peers),
            "violins": any(METHODS[row.method].tuned in row.lists for row in peers),
            "ablation": any(METHODS[row.method].tuned in row.lists for row in peers),
            "deviations": not any(row.lists for row in rows),
            "matrix": self.dataset not in PUBLISHED or len(PUBLISHED[self.dataset].latent_factor_indices) > 1,
        }
        return not has.get(figure, True)

    def cost_of(self, row: str) -> Cost:
        """The reconstruction cost of a row."""
        return self.methods[row].cost or self.cost
