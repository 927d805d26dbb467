"""The KL divergence of a Gaussian to the prior, for arrays of numpy and for tensors of torch alike."""

from typing import Any

__all__ = ["kl_to_prior"]


def kl_to_prior(mean: Any, variance: Any, log_variance: Any) -> Any:  # noqa: ANN401
    """KL(N(mean, variance) || N(0, 1)) = 1/2 (mean^2 + variance - 1 - log variance) of each entry, in nats, equation (3)."""
    return 0.5 * (mean * mean + variance - 1 - log_variance)
