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
        matrix: what the score is read off, a row a latent and a column a factor.
        per_factor: the score of each factor, where it has one.
        per_latent: the score of each latent, where it has one.
        parts: other numbers of the same computation, by name.
    """

    value: float
    matrix: Float[np.ndarray, "latent factor"]
    per_factor: Float[np.ndarray, "factor"] | None = None
    per_latent: Float[np.ndarray, "latent"] | None = None
    parts: Mapping[str, float] = field(default_factory=dict)
