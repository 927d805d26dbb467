"""What a score returns."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

__all__ = ["Score"]


@dataclass(frozen=True, eq=False)
class Score:
    """A score of a table of codes.

    Attributes:
        value: the score itself.
        matrix: what it is read off, a row a latent and a column a factor.
        per_factor: its value for each factor, where it has one.
        per_latent: its value for each latent, where it has one.
        parts: other scores of the same computation, by name.
    """

    value: float
    matrix: Float[np.ndarray, "latent factor"] | None = None
    per_factor: Float[np.ndarray, "factor"] | None = None
    per_latent: Float[np.ndarray, "latent"] | None = None
    parts: Mapping[str, "Score"] = field(default_factory=dict)
