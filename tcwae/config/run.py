"""What a run, its data and its evaluation may be: typed, frozen, and refused in one line where they are something else.

Every default, range and choice of the project stands here once; the command line's flags, its help and the checks of
`config.yaml` are made from these models. "Table" and "section" refer to the paper. This module imports pydantic alone,
because every job of a cluster parses the Snakefile again.
"""

import itertools
import shlex
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, model_validator

from tcwae.config.base import Settings, check, distinct

__all__ = [
    "KNOWN_DATASETS",
    "METHODS",
    "TCWAEGAN",
    "TCWAEMWS",
    "WAEMMD",
    "BetaTCVAE",
    "BetaVAE",
    "Cost",
    "Dataset",
    "DatasetName",
    "Evaluation",
    "FactorVAE",
    "Method",
    "Run",
    "Settings",
    "Training",
    "check",
    "coefficients",
    "flags",
    "flatten",
    "unflatten",
]


Weight = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Seeds = Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(distinct)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]

KNOWN_DATASETS = (
    "dsprites",
    "smallnorb",
    "chairs3d",
    "celeba",
    "shapes3d",
    "mpi3d_toy",
    "color_dsprites",
    "noisy_dsprites",
    "scream_dsprites",
)
DatasetName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")]
Cost = Literal["cross_entropy", "l1", "l2_squared"]


class WassersteinMethod(Settings):
    """What the methods with a deterministic decoder share."""

    sigma_penalty: Weight = Field(
        0.0,
        description="weight of E sum_d |log sigma_d^2(x)|, which keeps posteriors from collapsing; "
        "not in the paper, 1.0 on dSprites in its authors' code",
    )


class WAEMMD(WassersteinMethod):
    """WAE-MMD, equation (7) with the IMQ-mixture MMD of section B.1."""

    name: Literal["wae_mmd"] = "wae_mmd"
    lambda_: Weight = Field(alias="lambda", description="lambda of eq. (7), weight of the MMD (Table 1a: 200)")


class TCWAEMWS(WassersteinMethod):
    """TCWAE-MWS, equation (8) with the minibatch estimator of equation (10)."""

    name: Literal["tcwae_mws"] = "tcwae_mws"
    beta: Weight = Field(description="beta of eq. (8), weight of the total correlation (Table 1a: 50)")
    gamma: Weight = Field(description="gamma of eq. (8), weight of the dimension-wise KL (Table 5: 100)")
    mws_kernel: Literal["posterior", "smoothed"] = Field(
        "posterior",
        description="density around each posterior mean: the posterior itself, eq. (10), or one whose log-variance is "
        "the posterior's variance, as in the authors' code until June 2020",
    )
    estimator: Literal["mws", "mss"] = Field(
        "mws", description="minibatch weighted sampling, eq. (10), or stratified sampling (Chen et al., 2018)"
    )


class TCWAEGAN(WassersteinMethod):
    """TCWAE-GAN, equation (8) with the density ratios of equation (11)."""

    name: Literal["tcwae_gan"] = "tcwae_gan"
    beta: Weight = Field(description="beta of eq. (8), weight of the total correlation (Table 1a: 100)")
    gamma: Weight = Field(description="gamma of eq. (8), weight of the dimension-wise KL (Table 5: 5)")
    discriminator_slope: Weight = Field(
        0.2, description="slope of the discriminators' ReLU below zero (Table 3: 0; Kim and Mnih, and the code: 0.2)"
    )


class BetaTCVAE(Settings):
    """beta-TCVAE (Chen et al., 2018), equation (9)."""

    name: Literal["beta_tcvae"] = "beta_tcvae"
    alpha: Weight = Field(1.0, description="alpha of eq. (9), weight of the index-code mutual information")
    beta: Weight = Field(description="beta of eq. (9), weight of the total correlation (Table 1a: 8)")
    gamma: Weight = Field(1.0, description="gamma of eq. (9), weight of the dimension-wise KL")
    estimator: Literal["mws", "mss"] = Field(
        "mws", description="minibatch weighted sampling, eq. (10), or stratified sampling (Chen et al., 2018)"
    )


class FactorVAE(Settings):
    """FactorVAE (Kim and Mnih, 2018)."""

    name: Literal["factor_vae"] = "factor_vae"
    gamma: Weight = Field(description="gamma, weight of the total correlation (Table 1a: 100)")
    discriminator_slope: Weight = Field(
        0.2, description="slope of the discriminators' ReLU below zero (Table 3: 0; Kim and Mnih, and the code: 0.2)"
    )


class BetaVAE(Settings):
    """beta-VAE (Higgins et al., 2017); beta = 1 is the VAE, equation (3)."""

    name: Literal["beta_vae"] = "beta_vae"
    beta: Weight = Field(description="beta, weight of the analytic KL of each posterior to the prior")


Method = Annotated[WAEMMD | TCWAEMWS | TCWAEGAN | BetaTCVAE | FactorVAE | BetaVAE, Field(discriminator="name")]
METHODS: dict[str, type[Settings]] = {
    model.model_fields["name"].default: model for model in get_args(get_args(Method)[0])
}
MethodName = Literal[tuple(METHODS)]


class Training(Settings):
    """How long and by which steps; defaults are section 4.1's and Table 4's."""

    iterations: Count = Field(600_000, description="training steps (section B.1: 600,000; section 4.3: 300,000)")
    batch_size: Annotated[int, Field(ge=2)] = Field(256, description="images a step (section B.1: 256; 4.2: 64)")
    learning_rate: Positive = Field(4e-4, description="Adam's step size (section B.1)")
    adam_beta1: Annotated[float, Field(ge=0, lt=1)] = Field(0.9, description="decay of Adam's mean (section B.1)")
    adam_beta2: Annotated[float, Field(ge=0, lt=1)] = Field(0.999, description="decay of Adam's square (section B.1)")
    adam_epsilon: Positive = Field(
        8e-4, description="Adam's epsilon (section B.1; the authors' code left it at TensorFlow's 1e-8)"
    )
    discriminator_learning_rate: Positive = Field(1e-4, description="the discriminators' step size (Table 4)")
    discriminator_beta1: Annotated[float, Field(ge=0, lt=1)] = Field(0.5, description="their Adam's beta 1 (Table 4)")
    discriminator_beta2: Annotated[float, Field(ge=0, lt=1)] = Field(0.9, description="their Adam's beta 2 (Table 4)")
    discriminator_epsilon: Positive = Field(1e-8, description="their Adam's epsilon (Table 4)")
    log_every: Annotated[int, Field(ge=1, le=100)] = Field(
        100, description="steps between two rows of curves.csv, each their mean; and between two looks for divergence"
    )
    precision: Literal["float32", "tf32", "bfloat16"] = Field(
        "float32",
        description="of the networks' products; tf32 on a GPU alone; weights and divergences stay float32 (authors' code: "
        "float32)",
    )


class Run(Settings):
    """One training, resolved to the last number."""

    dataset: DatasetName = Field(description="data set (section B.1)")
    method: Method = Field(description="objective (section 3)")
    cost: Cost = Field("cross_entropy", description="reconstruction cost c of eq. (8) (section 4.1)")
    latent_dimension: Count = Field(10, description="d_Z (section B.1: 10; CelebA 20)")
    seed: Seed = Field(0, description="seed of the initial weights, the batches and the noise")
    training: Training = Training()


class Dataset(Settings):
    """Where the images of a data set come from."""

    source: Literal["rendered", "real"] = Field("rendered", description="drawn here, or read from an archive")
    archive: str | None = Field(None, description="path of the archive (source: real); none: it is downloaded")
    format: Literal["images", "npz"] | None = Field(None, description="of an archive of one's own")
    crop: Word | None = Field(None, description="rule by which the reader cuts its pictures; none: its default")
    count: Count | None = Field(None, description="faces to draw (celeba, rendered)")
    traversal_range: Positive | None = Field(None, description="instead of the evaluation's (Figure 5, CelebA: 6)")

    @model_validator(mode="after")
    def _archive_only_when_real(self) -> "Dataset":
        if self.source == "rendered" and (self.archive or self.format):
            raise ValueError("expected source: real where there is an archive or a format")
        if self.format and not self.archive:
            raise ValueError("expected an archive where there is a format")
        return self

    @property
    def label(self) -> str:
        """Distinguishes the prepared files of a data set: source, and whatever is not at its default."""
        return "-".join(str(part) for part in (self.source, self.crop, self.count) if part is not None)


class Evaluation(Settings):
    """How a trained model is scored."""

    codes: Annotated[int, Field(ge=1000)] | None = Field(
        None,
        description="images that are encoded for the scores, the held-out ones and others at random; none: all of them",
    )
    held_out: Annotated[int, Field(ge=100)] | None = Field(
        None, description="held-out images for reconstruction and MMD; none: all of them"
    )
    traversal_range: Positive = Field(
        2.0, description="how far a latent is moved to either side in figures (section 4.2; caption of Figure 4)"
    )
    seed: Seed = Field(0, description="seed of everything random in the evaluation")


def coefficients(method: str) -> list[str]:
    """The coefficients that a method cannot do without, in order: what a grid spans and a figure annotates."""
    return [field.alias or name for name, field in METHODS[method].model_fields.items() if field.is_required()]


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


def flags(run: Run) -> str:
    """The run as flags of `tcwae train`, quoted for a shell; what is at its default is left out."""
    defaults = {**_defaults(METHODS[run.method.name]), **_defaults(Run), **_defaults(Training)}
    words = itertools.chain.from_iterable(
        (f"--{key.replace('_', '-')}", f"{value:.12g}" if isinstance(value, float) else str(value))
        for key, value in flatten(run).items()
        if key not in defaults or value != defaults[key]
    )
    return shlex.join(words)


def _defaults(model: type[Settings]) -> dict[str, Any]:
    return {
        field.alias or name: field.default
        for name, field in model.model_fields.items()
        if not field.is_required() and name != "name"
    }
