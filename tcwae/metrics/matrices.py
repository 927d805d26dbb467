"""What each latent knows of each factor, and which latent is a factor's."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment

from tcwae.metrics.discrete import entropies, equal_width_bins, mutual_information
from tcwae.metrics.table import CodeTable

__all__ = ["Information", "information", "matched"]


class Information(NamedTuple):
    """Mutual information of latents and factors, and the factors' entropies, of one sample, in nats."""

    mutual: Float[np.ndarray, "latent factor"]
    entropy: Float[np.ndarray, "factor"]

    @property
    def share(self) -> Float[np.ndarray, "latent factor"]:
        """I(z_d; v_k) / H(v_k), the part of a factor that a latent knows; 0 of a factor of one class."""
        return np.divide(self.mutual, self.entropy, out=np.zeros_like(self.mutual), where=self.entropy > 0)


def information(table: CodeTable, rng: np.random.Generator, *, samples: int = 10_000, bins: int = 20) -> Information:
    """I(z_d; v_k) and H(v_k) as MIG has them: codes in `bins` equal intervals of each latent's range.

    Raises:
        UnavailableScoreError: a factor has one class only.
    """
    table.require()
    codes, factors = table.sample(rng, samples)
    return Information(mutual_information(equal_width_bins(codes, bins), factors), entropies(factors))


def matched(share: Float[np.ndarray, "latent factor"]) -> dict[int, int]:
    """The latent of each factor, each latent at most once, such that the sum of their shares is largest.

    With fewer latents than factors, some factors have none.

    References:
        Kuhn, The Hungarian Method for the Assignment Problem, 1955; scipy.optimize.linear_sum_assignment
    """
    latents, factors = linear_sum_assignment(share, maximize=True)
    return dict(sorted(zip(factors.tolist(), latents.tolist(), strict=True)))
