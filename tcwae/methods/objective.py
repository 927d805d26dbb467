"""What an objective is. This module imports no torch, so that a study's own code may subclass `Objective` and stay quick."""

from collections.abc import Mapping
from typing import Any

__all__ = ["Objective"]


class Objective:
    """The terms that a method adds to the reconstruction cost: it minimises E c(x, f(z)) + sum_term weight_term * term.

    Built as `Objective(settings, dataset_size)`. Its methods are pure functions: everything random is in `noise`.
    """

    discriminators: tuple[str, ...] = ()
    """The terms that `contrasts` estimates, each by a discriminator of its own."""
    weights: Mapping[str, float]
    """The weight of each term besides the reconstruction."""

    def terms(self, posterior: Any, noise: Any) -> dict[str, Any]:  # noqa: ANN401
        """Terms that are computed from the codes alone, in nats, each a mean over the batch.

        `posterior` is a `networks.Posterior`, `noise` an `objectives.Noise`.
        """
        return {}

    def contrasts(self, codes: Any, noise: Any) -> dict[str, tuple[Any, Any]]:  # noqa: ANN401
        """Terms that are estimated by density ratios, equation (11).

        For each of `discriminators`, samples of the numerator and of the denominator, both (batch, latent).
        """
        return {}
