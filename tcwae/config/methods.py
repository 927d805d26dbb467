"""The methods: their names, formulas, colours and settings, without PyTorch.

A method's objective, the terms that it minimises, is a class of `tcwae.methods.objectives`; `register` joins the two. Nothing
else in the project lists methods: figures, tables, the report and the command line read `METHODS`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field as PlainField
from pydantic import PlainSerializer, PlainValidator, ValidationError

from tcwae.config.base import Field, Settings, first_line, keys
from tcwae.errors import InputError

__all__ = [
    "METHODS",
    "OBJECTIVES",
    "TCWAEGAN",
    "TCWAEMWS",
    "WAEMMD",
    "AnyMethod",
    "BetaTCVAE",
    "BetaVAE",
    "FactorVAE",
    "Method",
    "MethodName",
    "Weight",
    "coefficients",
    "register",
    "symbol",
    "weights",
]

Weight = Annotated[float, PlainField(ge=0)]


class Method(Settings):
    """Base of all methods: the name, how it is displayed, and its settings as fields.

    Settings without a default are the method's coefficients: a study must give them, and they are in the names of runs.
    """

    name: str
    label: ClassVar[str]
    """What figures and tables call it."""
    tuned: ClassVar[str]
    """The coefficient that a study varies (Table 1 gives it for each method)."""
    formula: ClassVar[str]
    """What it minimises, averaged over the data, in Typst's mathematics; without the quotation marks it is plain text."""
    source: ClassVar[str]
    """Where the formula is from: an equation of the paper, or another paper."""
    colour: ClassVar[str]
    """In figures, #RRGGBB; those here are Okabe and Ito's, which people with any common colour vision can distinguish."""
    marker: ClassVar[str]
    """In figures, one of matplotlib's."""


class WassersteinMethod(Method):
    """What the methods with a deterministic decoder share."""

    sigma_penalty: Weight = Field(
        0.0,
        symbol="σ penalty",
        description="weight of E sum_d |log sigma_d^2(x)|, which keeps posteriors from collapsing; "
        "not in the paper, 1.0 on dSprites in its authors' code",
    )


class WAEMMD(WassersteinMethod):
    """WAE-MMD, equation (7) with the IMQ-mixture MMD of section B.1."""

    label, tuned = "WAE-MMD", "lambda"
    formula, source = '𝔼 c(x, f(z)) + λ "MMD"(q(z), p(z))', "Eq. (7), kernels of section B.1"
    colour, marker = "#4D4D4D", "P"

    name: Literal["wae_mmd"] = "wae_mmd"
    lambda_: Weight = Field(
        alias="lambda", symbol="λ", description="lambda of eq. (7), weight of the MMD (Table 1a: 200)"
    )


_TCWAE = '𝔼 c(x, f(z)) + β "TC"(q(z)) + γ ∑_d "KL"(q_d (z_d), p(z_d))'
_SLOPE = Field(
    0.2,
    symbol="slope",
    description="slope of the discriminators' ReLU below zero (Table 3: 0; Kim and Mnih, and the code: 0.2)",
)
_ESTIMATOR = Field(
    "mws",
    symbol="estimator",
    description="minibatch weighted sampling, eq. (10), or stratified sampling (Chen et al., 2018)",
)


class TCWAEMWS(WassersteinMethod):
    """TCWAE-MWS, equation (8) with the minibatch estimator of equation (10)."""

    label, tuned = "TCWAE-MWS", "beta"
    formula, source = _TCWAE, "Eqs. (8) and (10)"
    colour, marker = "#0072B2", "o"

    name: Literal["tcwae_mws"] = "tcwae_mws"
    beta: Weight = Field(symbol="β", description="beta of eq. (8), weight of the total correlation (Table 1a: 50)")
    gamma: Weight = Field(
        symbol="γ",
        description="gamma of eq. (8), weight of the dimension-wise KL (Table 5: 100)",
    )
    mws_kernel: Literal["posterior", "smoothed"] = Field(
        "posterior",
        symbol="kernel",
        description="density around each posterior mean: the posterior itself, eq. (10), or one whose log-variance is "
        "the posterior's variance, as in the authors' code until June 2020",
    )
    estimator: Literal["mws", "mss"] = _ESTIMATOR


class TCWAEGAN(WassersteinMethod):
    """TCWAE-GAN, equation (8) with the density ratios of equation (11)."""

    label, tuned = "TCWAE-GAN", "beta"
    formula, source = _TCWAE, "Eqs. (8) and (11)"
    colour, marker = "#D55E00", "s"

    name: Literal["tcwae_gan"] = "tcwae_gan"
    beta: Weight = Field(symbol="β", description="beta of eq. (8), weight of the total correlation (Table 1a: 100)")
    gamma: Weight = Field(
        symbol="γ",
        description="gamma of eq. (8), weight of the dimension-wise KL (Table 5: 5)",
    )
    discriminator_slope: Weight = _SLOPE


class BetaTCVAE(Method):
    """beta-TCVAE (Chen et al., 2018), equation (9)."""

    label, tuned = "β-TCVAE", "beta"
    formula = '𝔼 c(x, f(z)) + α I_q (x; z) + β "TC"(q(z)) + γ ∑_d "KL"(q_d (z_d), p(z_d))'
    source = "Eq. (9)"
    colour, marker = "#009E73", "^"

    name: Literal["beta_tcvae"] = "beta_tcvae"
    alpha: Weight = Field(
        1.0,
        symbol="α",
        description="alpha of eq. (9), weight of the index-code mutual information",
    )
    beta: Weight = Field(symbol="β", description="beta of eq. (9), weight of the total correlation (Table 1a: 8)")
    gamma: Weight = Field(
        1.0,
        symbol="γ",
        description="gamma of eq. (9), weight of the dimension-wise KL",
    )
    estimator: Literal["mws", "mss"] = _ESTIMATOR


class FactorVAE(Method):
    """FactorVAE (Kim and Mnih, 2018)."""

    label, tuned = "FactorVAE", "gamma"
    formula, source = '𝔼 c(x, f(z)) + 𝔼 "KL"(q(z|x), p(z)) + γ "TC"(q(z))', "Kim and Mnih (2018)"
    colour, marker = "#CC79A7", "D"

    name: Literal["factor_vae"] = "factor_vae"
    gamma: Weight = Field(
        symbol="γ",
        description="gamma, weight of the total correlation (Table 1a: 100)",
    )
    discriminator_slope: Weight = _SLOPE


class BetaVAE(Method):
    """beta-VAE (Higgins et al., 2017); beta = 1 is the VAE, equation (3)."""

    label, tuned = "β-VAE", "beta"
    formula, source = '𝔼 c(x, f(z)) + β 𝔼 "KL"(q(z|x), p(z))', "Higgins et al. (2017)"
    colour, marker = "#E69F00", "v"

    name: Literal["beta_vae"] = "beta_vae"
    beta: Weight = Field(symbol="β", description="beta, weight of the analytic KL of each posterior to the prior")


METHODS: dict[str, type[Method]] = {
    model.model_fields["name"].default: model for model in (WAEMMD, TCWAEMWS, TCWAEGAN, BetaTCVAE, FactorVAE, BetaVAE)
}
"""By name, in the order of Table 1; a study's own code adds to it."""

OBJECTIVES: dict[str, type] = {}
"""What each method computes: the classes of `tcwae.methods.objectives`, which fills it, and those of a study's own code."""


def register(settings: type[Method], objective: type) -> None:
    """Add a method.

    Raises:
        InputError: the name is taken, or the settings lack a name, a label or another fact.
    """
    name = settings.model_fields["name"].default
    facts = ("label", "tuned", "formula", "source", "colour", "marker")
    missing = [fact for fact in facts if not hasattr(settings, fact)] + ([] if isinstance(name, str) else ["name"])
    if missing:
        raise InputError(f"method {settings.__name__}: found no {missing[0]}, expected one; add it to the class")
    if settings.tuned not in coefficients(settings):
        expected = ", ".join(coefficients(settings))
        raise InputError(
            f"method {name}: found tuned = {settings.tuned!r}, expected a field without a default ({expected})"
        )
    if METHODS.setdefault(name, settings) is not settings:
        raise InputError(f"method {name!r}: found it registered already, expected a new name; rename yours")
    OBJECTIVES[name] = objective


def _known(name: str) -> str:
    if name not in METHODS:
        known = [repr(method) for method in METHODS]
        raise ValueError(f"expected {', '.join(known[:-1])} or {known[-1]}, found {name!r}")
    return name


def _method(values: Any) -> Method:  # noqa: ANN401
    """The settings of the method that `values` names.

    Raises:
        ValueError: there is no such method, or a setting is wrong.
    """
    if isinstance(values, Method):
        return values
    if not isinstance(values, Mapping) or values.get("name") is None:
        raise ValueError("expected a method's name and its coefficients, found none")
    try:
        return METHODS[_known(values["name"])].model_validate(values)
    except ValidationError as error:
        raise ValueError(first_line(error)) from None


MethodName = Annotated[str, PlainValidator(_known)]
AnyMethod = Annotated[Method, PlainValidator(_method), PlainSerializer(lambda method: method.model_dump())]


def coefficients(method: type[Method]) -> list[str]:
    """A method's required settings, in order: a grid spans them and figures annotate them."""
    return [key for key, field in keys(method).items() if field.is_required() and key != "name"]


def symbol(key: str) -> str:
    """The symbol of a setting: β for beta; without one, the key with blanks for underscores."""
    for method in METHODS.values():
        field = keys(method).get(key)
        if field is not None and isinstance(field.json_schema_extra, dict):
            return field.json_schema_extra["symbol"]
    return key.replace("_", " ")


def weights() -> list[str]:
    """The keys of all methods' coefficients, and of other weights of terms: a column each of metrics.csv."""
    return sorted(
        {
            key
            for method in METHODS.values()
            for key, field in keys(method).items()
            if key != "name" and (field.is_required() or len(symbol(key)) == 1)
        }
    )
