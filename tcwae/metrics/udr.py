"""Unsupervised disentanglement ranking: which of several models of the same data to trust, without any factor.

References:
    Duan et al., Unsupervised Model Selection for Variational Disentangled Representation Learning, 2020,
        https://arxiv.org/abs/1905.12614, section 4
    disentanglement_lib, evaluation/udr/metrics/udr.py, by its authors; this is its "lasso" variant
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from tcwae.errors import InputError
from tcwae.metrics.kl import kl_to_prior

__all__ = ["Ranking", "posterior_kl", "relative_strength", "udr"]


@dataclass(frozen=True, eq=False)
class Ranking:
    """The UDR of each model (higher is better) and of each pair of models, whose diagonal is 0."""

    scores: Float[np.ndarray, "model"]
    pairs: Float[np.ndarray, "model model"]


def udr(
    codes: Sequence[np.ndarray], kl: Sequence[np.ndarray], *, penalty: float = 0.1, smallest_kl: float = 0.01
) -> Ranking:
    """UDR_j = median_{i != j} UDR_ij: models that disentangle find the same latents, but for order and sign.

    `codes` (samples, latent) of each model are the posterior means of the same images, and `kl` (latent,) the mean KL
    divergence of each latent's posterior to the prior, as `posterior_kl` gives it. Latents of at most `smallest_kl` nats are
    uninformative and left out. UDR_ij is the relative strength of the absolute coefficients of a Lasso regression, of weight
    `penalty`, from the standardised codes of model i to those of model j; 0 where one of them has no informative latent.

    Raises:
        InputError: fewer than two models; codes that differ in their number or are not finite; a KL for each latent lacks.
    """
    from sklearn.linear_model import Lasso  # two seconds, which an evaluation does not need

    _check(codes, kl)
    active = [_standardised(z[:, each > smallest_kl].astype(float)) for z, each in zip(codes, kl, strict=True)]
    pairs = np.zeros((len(active), len(active)))
    for i, source in enumerate(active):
        for j, target in enumerate(active):
            if i != j and source.shape[1] and target.shape[1]:
                lasso = Lasso(alpha=penalty).fit(source, target)
                pairs[i, j] = relative_strength(np.abs(np.atleast_2d(lasso.coef_)).T)
    scores = [np.median(np.delete(pairs[:, j], j)) for j in range(len(pairs))]
    return Ranking(np.array(scores), pairs)


def posterior_kl(
    means: Float[np.ndarray, "samples latent"], deviations: Float[np.ndarray, "samples latent"]
) -> Float[np.ndarray, "latent"]:
    """The mean KL(N(mean, deviation^2) || N(0, 1)) of each latent, in nats."""
    variances = np.square(deviations, dtype=float)
    return kl_to_prior(means.astype(float), variances, np.log(variances)).mean(axis=0)


def relative_strength(similarity: Float[np.ndarray, "source target"]) -> float:
    """Mean over targets of max^2 / sum of their column, averaged with the same of sources and rows; 0 / 0 counts 0.

    It is 1 where the latents of two models correspond one to one with similarity 1.
    """
    sides = []
    for axis in (0, 1):
        total, largest = similarity.sum(axis=axis), similarity.max(axis=axis)
        sides.append(np.divide(largest**2, total, out=np.zeros_like(total), where=total > 0).mean())
    return float(np.mean(sides))


def _standardised(codes: Float[np.ndarray, "samples latent"]) -> Float[np.ndarray, "samples latent"]:
    deviation = codes.std(axis=0)
    return (codes - codes.mean(axis=0)) / np.where(deviation > 0, deviation, 1)


def _check(codes: Sequence[np.ndarray], kl: Sequence[np.ndarray]) -> None:
    if len(codes) < 2 or len(codes) != len(kl):
        raise InputError(f"expected codes and KL of at least 2 models, found {len(codes)} and {len(kl)}")
    for model, (z, each) in enumerate(zip(codes, kl, strict=True)):
        if z.ndim != 2 or len(z) != len(codes[0]) or len(z) < 2 or each.shape != z.shape[1:]:
            shapes = f"{z.shape} and {each.shape}"
            raise InputError(
                f"expected codes of the same images and a KL for each latent, found {shapes} of model {model}"
            )
        if not (np.isfinite(z).all() and np.isfinite(each).all()):
            raise InputError(f"expected finite codes and KL, found others in model {model}")
