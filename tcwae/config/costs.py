"""The reconstruction costs: labels and units, without PyTorch. `tcwae.methods.costs` computes them (section 4.1)."""

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

from pydantic import PlainValidator

from tcwae.errors import InputError

__all__ = ["COSTS", "FUNCTIONS", "Cost", "CostFacts", "register"]


class CostFacts(NamedTuple):
    """How a cost is displayed."""

    label: str
    """In tables and captions."""
    unit: str
    """Of log-reconstruction, the natural logarithm of an image's cost summed over its pixels; `$...$` is a formula."""


COSTS = {
    "cross_entropy": CostFacts("cross-entropy", "ln nats"),
    "l1": CostFacts("L₁", "ln $L_1$"),
    "l2_squared": CostFacts("L₂²", "ln $L_2^2$"),
}
"""By name; a study's own code adds to it."""

FUNCTIONS: dict[str, Callable[..., Any]] = {}
"""What each cost computes: logits and images to one number an image. `tcwae.methods.costs` fills it."""


def register(name: str, function: Callable[..., Any], *, label: str, unit: str) -> None:
    """Add a cost: `function(logits, images)`, both (batch, channel, 64, 64), gives a number an image, (batch,).

    Raises:
        InputError: the name is taken.
    """
    if name in COSTS:
        raise InputError(f"cost {name!r}: found it registered already, expected a new name; rename yours")
    COSTS[name], FUNCTIONS[name] = CostFacts(label, unit), function


def _known(name: Any) -> str:  # noqa: ANN401
    if name not in COSTS:
        known = [repr(cost) for cost in COSTS]
        raise ValueError(f"expected {', '.join(known[:-1])} or {known[-1]}, found {name!r}")
    return name


Cost = Annotated[str, PlainValidator(_known)]
