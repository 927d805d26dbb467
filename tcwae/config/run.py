"""The settings of a run, its data and its evaluation: typed, frozen, and checked, with one line for a wrong value.

Every default, range and choice of the project is defined here once; the command line's flags, its help and the checks of
`config.yaml` are made from these models. "Table" and "section" refer to the paper. This module imports pydantic alone,
because every job of a cluster parses the Snakefile again.
"""

import hashlib
import itertools
import shlex
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tcwae.config.base import Settings, check, distinct, exact, keys
from tcwae.config.costs import Cost
from tcwae.config.datasets import PUBLISHED
from tcwae.config.methods import AnyMethod
from tcwae.config.scores import ScoreName, each_score

__all__ = [
    "KNOWN_DATASETS",
    "Count",
    "Dataset",
    "DatasetName",
    "EncoderKernel",
    "Evaluation",
    "Name",
    "Run",
    "Scores",
    "Scoring",
    "Seeds",
    "Training",
    "check",
    "evaluation_flags",
    "flatten",
    "run_flags",
    "scoring_flags",
    "unflatten",
]


Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Seeds = Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(distinct)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]

KNOWN_DATASETS = tuple(PUBLISHED)

DatasetName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
EncoderKernel = Annotated[int, Field(ge=2, le=4, multiple_of=2)]
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")]


class Training(Settings):
    """The length of a training and its steps; the defaults are those of section 4.1 and Table 4."""

    iterations: Count = Field(600_000, description="training steps (section B.1: 600,000; section 4.3: 300,000)")
    batch_size: Annotated[int, Field(ge=2)] = Field(256, description="images a step (section B.1: 256; 4.2: 64)")
    learning_rate: Positive = Field(4e-4, description="Adam's step size (section B.1)")
    learning_rate_decay: Literal["none", "cosine"] = Field(
        "none",
        description="cosine: each step size rises linearly over the first fiftieth of the steps and falls to zero along half a "
        "cosine (Loshchilov and Hutter, 2017, eq. 5, without restarts); the paper's is constant",
    )
    adam_beta1: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.9, description="decay rate of Adam's first moment (section B.1)"
    )
    adam_beta2: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.999, description="decay rate of Adam's second moment (section B.1)"
    )
    adam_epsilon: Positive = Field(
        8e-4, description="Adam's epsilon (section B.1; the authors' code left it at TensorFlow's 1e-8)"
    )
    discriminator_learning_rate: Positive = Field(1e-4, description="the discriminators' step size (Table 4)")
    discriminator_beta1: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.5, description="beta 1 of the discriminators' Adam (Table 4)"
    )
    discriminator_beta2: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.9, description="beta 2 of the discriminators' Adam (Table 4)"
    )
    discriminator_epsilon: Positive = Field(1e-8, description="epsilon of the discriminators' Adam (Table 4)")
    log_every: Annotated[int, Field(ge=1, le=100)] = Field(
        100, description="steps between two rows of curves.csv (each their mean), and between two checks for divergence"
    )
    precision: Literal["float32", "tf32", "bfloat16"] = Field(
        "float32",
        description="precision of the networks' products; tf32 only on a GPU; weights and divergences stay float32 (authors' "
        "code: float32)",
    )


class Run(Settings):
    """One training with all its settings."""

    dataset: DatasetName = Field(description="data set (section B.1)")
    method: AnyMethod = Field(description="objective (section 3)")
    cost: Cost = Field("cross_entropy", description="reconstruction cost c of eq. (8) (section 4.1)")
    latent_dimension: Count = Field(10, description="d_Z (section B.1: 10; CelebA 20)")
    encoder_kernel: EncoderKernel = Field(
        4, description="kernel size of the encoder's last two convolutions (Table 3: 4; disentanglement_lib: 2)"
    )
    seed: Seed = Field(0, description="seed of the initial weights, the batches and the noise")
    training: Training = Training()
    code: dict[str, str] = Field({}, description="SHA-256 of the study's own code that the run uses, by path")


class Dataset(Settings):
    """Where the images of a data set come from."""

    source: Literal["rendered", "real"] = Field("rendered", description="rendered by tcwae, or read from an archive")
    archive: str | None = Field(None, description="path of the archive (source: real); none: it is downloaded")
    format: Literal["images", "npz"] | None = Field(None, description="format of your own archive")
    crop: Word | None = Field(None, description="how images are cropped; none: the data set's default")
    count: Count | None = Field(None, description="number of faces to render (celeba, rendered)")
    traversal_range: Positive | None = Field(None, description="replaces the evaluation's (Figure 5, CelebA: 6)")

    @model_validator(mode="after")
    def _archive_only_when_real(self) -> "Dataset":
        if self.source == "rendered" and (self.archive or self.format):
            raise ValueError("expected source: real where there is an archive or a format")
        if self.format and not self.archive:
            raise ValueError("expected an archive where there is a format")
        return self

    @property
    def label(self) -> str:
        """Distinguishes the prepared files of a data set: source, archive, and every setting that is not at its default."""
        archive = None if self.archive is None else hashlib.sha256(self.archive.encode()).hexdigest()[:8]
        parts = (self.source, archive, self.format, self.crop, self.count)
        return "-".join(str(part) for part in parts if part is not None)


def _names(values: Any) -> Any:  # noqa: ANN401
    words = values.split(",") if isinstance(values, str) else values
    return each_score(words) if isinstance(words, list | tuple) else words


Scores = Annotated[tuple[ScoreName, ...], BeforeValidator(_names), AfterValidator(distinct), Field(min_length=1)]


class Evaluation(Settings):
    """How a trained model is evaluated."""

    codes: Annotated[int, Field(ge=1000)] | None = Field(
        None,
        description="number of images to encode for the scores: the held-out ones and others at random; none: all",
    )
    held_out: Annotated[int, Field(ge=100)] | None = Field(
        None, description="number of held-out images for reconstruction and MMD; none: all"
    )
    traversal_range: Positive = Field(
        2.0, description="how far a latent is moved to either side in figures (section 4.2; caption of Figure 4)"
    )
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(
        0, description="seed of all random numbers in the evaluation (32 bits, for scikit-learn)"
    )


class Scoring(Settings):
    """How the codes of an evaluated run are scored."""

    scores: Scores = Field(
        ("mig", "factor_vae", "sap"),
        description="scores, separated by commas on the command line; infomec is infom, infoe and infoc (section 4.1)",
    )
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(0, description="seed of all random numbers in the scores")


def flatten(run: Run) -> dict[str, Any]:
    """A run's fields at one level, as in the columns of tables and the flags of `tcwae train`.

    The method's name is under `method`, beside its coefficients.
    """
    values = run.model_dump()
    method, training = values.pop("method"), values.pop("training")
    name = method.pop("name")
    return {"dataset": values.pop("dataset"), "method": name, **method, **values, **training}


def unflatten(values: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `flatten`, not yet validated; keys that no model knows are left to the method to refuse."""
    values = dict(values)
    training = {key: values.pop(key) for key in Training.model_fields if key in values}
    run = {key: values.pop(key) for key in Run.model_fields if key in values and key != "method"}
    return {**run, "training": training, "method": {"name": values.pop("method", None), **values}}


def flags(values: Mapping[str, Any], code: Mapping[str, str], *models: type[Settings]) -> str:
    """Settings as flags of a verb, quoted for a shell; what is at its default in one of `models` is left out.

    A number is the shortest text that reads back as the same number. `code` is the SHA-256 of own code by path.
    """
    defaults = {key: value for model in models for key, value in _defaults(model).items()}
    words = [
        (f"--{key.replace('_', '-')}", exact(value))
        for key, value in values.items()
        if key != "code" and (key not in defaults or value != defaults[key])
    ]
    words += [("--code", f"{path}={checksum}") for path, checksum in code.items()]
    return shlex.join(itertools.chain.from_iterable(words))


def run_flags(run: Run) -> str:
    """A run as flags of `tcwae train`."""
    return flags(flatten(run), run.code, type(run.method), Run, Training)


def evaluation_flags(settings: Evaluation) -> str:
    """How a run is evaluated, as flags of `tcwae evaluate`."""
    return flags(settings.model_dump(), {}, Evaluation)


def scoring_flags(settings: Scoring, code: Mapping[str, str]) -> str:
    """How a run is scored, as flags of `tcwae measure`; `code` are the files that register its scores."""
    return flags(settings.model_dump(), code, Scoring)


def _defaults(model: type[Settings]) -> dict[str, Any]:
    return {key: field.default for key, field in keys(model).items() if not field.is_required() and key != "name"}
