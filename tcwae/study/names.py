"""The names of data sets, methods, settings and scores for readers."""

from collections.abc import Mapping, Sequence
from typing import Any

from tcwae.config.base import exact
from tcwae.config.costs import COSTS
from tcwae.config.datasets import PUBLISHED
from tcwae.config.experiment import Row
from tcwae.config.methods import METHODS, symbol

__all__ = [
    "DATASETS",
    "NO_BREAK",
    "brief",
    "called",
    "cost",
    "count",
    "dataset",
    "listing",
    "method",
    "minus",
    "setting",
]

DATASETS = {name: published.label for name, published in PUBLISHED.items()}
NO_BREAK = "\N{NO-BREAK SPACE}"

LONGEST = 36
"""Letters of a name that stands in tables and sentences."""


def method(name: str) -> str:
    """A method: "TCWAE-MWS"."""
    return METHODS[name].label


def cost(name: str) -> str:
    """A reconstruction cost: "cross-entropy"."""
    return COSTS[name].label


def minus(text: str) -> str:
    """A number's hyphen as the minus sign."""
    return text.replace("-", "−")  # noqa: RUF001


def setting(values: Mapping[str, Any]) -> str:
    """Settings for readers: {"beta": 4.0, "gamma": 1.0} is "β = 4, γ = 1", with no-break spaces inside each part."""
    parts = (f"{symbol(key)} = {exact(value).replace('_', ' ')}" for key, value in values.items())
    return ", ".join(part.replace(" ", NO_BREAK) for part in parts)


def dataset(name: str, source: str) -> str:
    """A data set with the source of its images: "dSprites, rendered"."""
    return f"{DATASETS.get(name, name)}, {source}"


def count(number: int, noun: str) -> str:
    """A number with its noun: "1 run", "2,000 iterations"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listing(words: Sequence[str]) -> str:
    """As "one, two and three"."""
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def brief(words: str, most: int) -> str:
    """Words in one line of so many letters at most; of longer ones the middle is left out, as the ends tell them apart."""
    words = " ".join(words.split())
    return words if len(words) <= most else f"{words[: most * 2 // 3]}…{words[most * 2 // 3 + 1 - most :]}"


def called(row: Row, usual: str) -> str:
    """The name of an experiment's row: its own name, else its method, with its cost if that is not the `usual` one."""
    unusual = row.cost is not None and row.cost != usual
    return brief(row.name or "", LONGEST) or method(row.method) + (f" ({cost(row.cost)})" if unusual else "")
