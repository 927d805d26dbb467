"""The scores: labels and meanings, without NumPy. `tcwae.metrics` computes them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import PlainValidator

from tcwae.errors import InputError

__all__ = ["FUNCTIONS", "GROUPS", "PAPER", "SCORES", "ScoreFacts", "ScoreName", "each_score", "facts", "register"]


@dataclass(frozen=True)
class ScoreFacts:
    """A score's label, its decimals in tables, whether higher is better, and its meaning in one line."""

    label: str
    decimals: int = 3
    higher_is_better: bool = True
    meaning: str = ""

    @property
    def arrow(self) -> str:
        """The better direction: up or down."""
        return "↑" if self.higher_is_better else "↓"

    def text(self, value: float) -> str:
        """A value with the score's decimals and a true minus sign."""
        return f"{value:z.{self.decimals}f}".replace("-", "−")  # noqa: RUF001

    def best(self, values: Iterable[float]) -> float:
        """The best of the values that are not NaN; NaN if there is none."""
        known = [value for value in values if value == value]
        return (max if self.higher_is_better else min)(known, default=float("nan"))


SCORES = {
    "mig": ScoreFacts(
        "MIG",
        meaning="mutual information gap: between the two latents that share most information with a factor, the difference "
        "of that information, in parts of the factor's entropy; averaged over factors (Chen et al., 2018)",
    ),
    "factor_vae": ScoreFacts(
        "FactorVAE",
        meaning="accuracy of telling which factor was held fixed from the latent that varies least (Kim and Mnih, 2018)",
    ),
    "sap": ScoreFacts(
        "SAP",
        meaning="difference of accuracy between the two latents that classify a factor best; averaged over factors (Kumar et "
        "al., 2018)",
    ),
    "dci": ScoreFacts(
        "DCI",
        meaning="disentanglement: how far each latent matters to one factor alone, by its importance in gradient boosted "
        "trees (Eastwood and Williams, 2018)",
    ),
    "modularity": ScoreFacts(
        "modularity", meaning="how far each latent has information on one factor alone (Ridgeway and Mozer, 2018)"
    ),
    "explicitness": ScoreFacts(
        "explicitness",
        meaning="area under the ROC curve of a logistic regression that tells the classes of a factor from all latents "
        "(Ridgeway and Mozer, 2018)",
    ),
    "beta_vae": ScoreFacts(
        "beta-VAE score",
        meaning="accuracy of a linear classifier that tells which factor pairs of images share from the distance of their "
        "codes (Higgins et al., 2017)",
    ),
    "irs": ScoreFacts(
        "IRS",
        meaning="interventional robustness: how little a latent moves while other factors than its own change (Suter et al., "
        "2019)",
    ),
    "infom": ScoreFacts(
        "InfoM (modularity)",
        meaning="how far each latent has information on one factor alone, by nearest neighbours (Hsu et al., 2023)",
    ),
    "infoe": ScoreFacts(
        "InfoE (explicitness)",
        meaning="how much of each factor a logistic regression predicts from all latents (Hsu et al., 2023)",
    ),
    "infoc": ScoreFacts(
        "InfoC (compactness)",
        meaning="how far one latent alone has the information on each factor, by nearest neighbours (Hsu et al., 2023)",
    ),
    "mig_chen": ScoreFacts(
        "MIG (Chen et al.)",
        meaning="MIG of sampled codes by the densities of their posteriors, as Chen et al. (2018) compute it",
    ),
    "mig_yanndubs": ScoreFacts(
        "MIG (YannDubs)",
        meaning="MIG of posterior means by the densities of the posteriors, as YannDubs/disentangling-vae computes it",
    ),
}
"""Of a table of codes, by name; a study's own code adds to it."""

GROUPS = {"infomec": ("infom", "infoe", "infoc")}
"""One name for several scores."""

PAPER = {
    "log_reconstruction": ScoreFacts(
        "log-reconstruction",
        2,
        higher_is_better=False,
        meaning="natural logarithm of the cost of a held-out image, summed over its pixels and averaged over images",
    ),
    **{name: SCORES[name] for name in ("mig", "factor_vae", "sap")},
}
"""The four scores of Table 1, by which the paper ranks and selects."""

FUNCTIONS: dict[str, Callable[..., Any]] = {}
"""What each score computes: `function(table, rng)` gives a `tcwae.metrics.result.Score`. `tcwae.metrics.registry` fills it."""


def register(
    name: str, function: Callable[..., Any], *, label: str, decimals: int = 3, higher_is_better: bool = True
) -> None:
    """Add a score: `function(table, rng)` gives a `tcwae.metrics.result.Score` of a `tcwae.metrics.table.CodeTable`.

    Raises:
        InputError: the name is taken.
    """
    if name in SCORES or name in GROUPS or name in PAPER:
        raise InputError(f"score {name!r}: found it registered already, expected a new name; rename yours")
    SCORES[name], FUNCTIONS[name] = ScoreFacts(label, decimals, higher_is_better), function


def facts(name: str) -> ScoreFacts:
    """The facts of a score, or of the reconstruction."""
    return PAPER.get(name) or SCORES[name]


def each_score(names: Iterable[Any]) -> list[Any]:
    """The names with those of `GROUPS` spelt out."""
    return [score for name in names for score in (GROUPS.get(name, (name,)) if isinstance(name, str) else (name,))]


def _known(name: Any) -> str:  # noqa: ANN401
    if name not in SCORES:
        known = [repr(score) for score in SCORES]
        raise ValueError(f"expected {', '.join(known[:-1])} or {known[-1]}, found {name!r}")
    return name


ScoreName = Annotated[str, PlainValidator(_known)]
