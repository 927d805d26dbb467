"""The scores: what is known of each one without NumPy. `tcwae.metrics` computes them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import PlainValidator

from tcwae.errors import InputError

__all__ = ["FUNCTIONS", "PAPER", "SCORES", "ScoreFacts", "ScoreName", "register"]


@dataclass(frozen=True)
class ScoreFacts:
    """A score's name, its decimals in tables, and which end of it is the better one."""

    label: str
    decimals: int = 3
    higher_is_better: bool = True

    @property
    def arrow(self) -> str:
        """Where better is: up or down."""
        return "↑" if self.higher_is_better else "↓"

    def text(self, value: float) -> str:
        """A value with the score's decimals and a true minus sign."""
        return f"{value:z.{self.decimals}f}".replace("-", "−")  # noqa: RUF001

    def best(self, values: Iterable[float]) -> float:
        """The best of the values that are not NaN; NaN if there is none."""
        known = [value for value in values if value == value]
        return (max if self.higher_is_better else min)(known, default=float("nan"))


SCORES = {
    "mig": ScoreFacts("MIG"),
    "factor_vae": ScoreFacts("FactorVAE"),
    "sap": ScoreFacts("SAP"),
    "dci": ScoreFacts("DCI"),
    "modularity": ScoreFacts("modularity"),
    "explicitness": ScoreFacts("explicitness"),
    "beta_vae": ScoreFacts("beta-VAE score"),
    "irs": ScoreFacts("IRS"),
}
"""Of a table of codes, by name; a study's own code adds to it."""

PAPER = {"log_reconstruction": ScoreFacts("log-reconstruction", 2, False)} | {
    name: SCORES[name] for name in ("mig", "factor_vae", "sap")
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
    if name in SCORES:
        raise InputError(f"score {name!r}: found it registered already, expected a new name; rename yours")
    SCORES[name], FUNCTIONS[name] = ScoreFacts(label, decimals, higher_is_better), function


def _known(name: Any) -> str:  # noqa: ANN401
    if name not in SCORES:
        known = [repr(score) for score in SCORES]
        raise ValueError(f"expected {', '.join(known[:-1])} or {known[-1]}, found {name!r}")
    return name


ScoreName = Annotated[str, PlainValidator(_known)]
