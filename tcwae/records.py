"""The files of a run: the JSON records of its training and of its evaluation, and the names of its states."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from tcwae.errors import InputError
from tcwae.files import atomic

__all__ = [
    "STATES",
    "EvaluationRecord",
    "Matrices",
    "MetricsRecord",
    "TrainingRecord",
    "TrainingWarning",
    "read",
    "write",
]

STATES = ("state.safetensors", "state.previous.safetensors")
"""During a training: its newest state, and the previous one."""


def _finite(settings: dict[str, Any]) -> dict[str, Any]:
    json.dumps(settings, allow_nan=False)  # a ValueError for infinity and NaN, which JSON would write as null
    return settings


_Settings = Annotated[dict[str, Any], AfterValidator(_finite)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Data(_Record):
    """The images a run was trained on."""

    source: Literal["rendered", "real"]
    images_sha256: str


class TrainingWarning(_Record):
    """A sign that a training failed although its numbers are finite; see `collapse`."""

    kind: Literal["collapsed_latents", "discriminator_won"]
    term: str = Field(description="the column of curves.csv that shows it")
    step: int = Field(description="the first step from which on it was so to the end")
    value: float = Field(description="of that column, at the end")


class TrainingRecord(_Record):
    """training.json."""

    settings: _Settings = Field(description="the run, flat, as `config.run.flatten` has it")
    status: Literal["finished", "diverged"]
    step: int = Field(description="the last step, or the first where a term was not finite")
    term: str | None = Field(description="that term")
    finished: str = Field(description="when, ISO 8601, UTC")
    seconds: float = Field(description="of training, without start-up, over all attempts")
    images_per_second: float
    memory_mb: float | None = Field(
        None,
        description="the most resident memory of the last attempt, mapped files included, in 10^6 bytes",
    )
    device: str
    threads: int
    deterministic: bool = Field(False, description="whether torch was held to deterministic algorithms")
    warnings: tuple[TrainingWarning, ...] = ()
    terms: dict[str, float] = Field(
        {}, description="the last row of curves.csv: the terms as the training estimates them"
    )
    data: Data
    versions: dict[str, str]


class Matrices(_Record):
    """The information of each latent about each factor: a row per latent, a column per factor, in the order of `factors`."""

    factors: tuple[str, ...]
    mutual_information: tuple[tuple[float, ...], ...] = Field(description="in nats, estimated as for MIG")
    entropy: tuple[float, ...] = Field(description="of each factor in the same sample, in nats")
    importance: tuple[tuple[float, ...], ...] | None = Field(None, description="DCI's, where the run has that score")
    matched: dict[str, int] = Field(description="the latent of each factor; see `tcwae.metrics.matrices.matched`")


class EvaluationRecord(_Record):
    """evaluation.json; scores are empty where the training diverged."""

    scores: dict[str, float] = Field(description="reconstruction and divergences: what needs the model")
    factors: tuple[str, ...] = Field(description="those of the data that can be scored")
    evaluation: _Settings = Field(description="its settings, with how many images were encoded and held out")
    training: TrainingRecord
    versions: dict[str, str]
    seconds: float


class MetricsRecord(_Record):
    """metrics.json: the evaluation with the scores of its codes; scores are empty where the training diverged."""

    scores: dict[str, float]
    parts: dict[str, dict[str, float]] = Field(description="the scores of each factor")
    reasons: dict[str, str] = Field({}, description="why a score cannot be had for the factors")
    matrices: Matrices | None = Field(None, description="of latents and factors; none without factors")
    evaluation: _Settings = Field(description="its settings and those of the scores; images encoded and held out")
    training: TrainingRecord
    versions: dict[str, str]
    seconds: float = Field(description="of both")


Record = TypeVar("Record", TrainingRecord, EvaluationRecord, MetricsRecord)


def read(model: type[Record], path: Path) -> Record:
    """Read a record.

    Raises:
        InputError: it is damaged or of another version.
        OSError: it is missing.
    """
    try:
        return model.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise InputError(
            f"{path}: expected a record of tcwae, found a fault at {key or 'its beginning'}: {first['msg']}; make it again, "
            f"in a study with snakemake -R {path}"
        ) from None


def write(record: TrainingRecord | EvaluationRecord | MetricsRecord, path: Path) -> None:
    """Write a record."""
    with atomic(path) as temporary:
        temporary.write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")
