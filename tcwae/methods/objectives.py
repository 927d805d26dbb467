"""The objectives: what each method minimises, as named terms with weights.

Every method minimises

    E c(x, f(z)) + sum_term weight_term * term

and differs only in its terms. `loss` is a pure function of the model's parameters, the images and the noise; so is
`discriminator_loss`, for the methods that estimate a term by the density ratio of equation (11).

Terms, all in nats, all means over the batch:

| name | what | estimated by |
|---|---|---|
| reconstruction | c(x, f(z)), summed over pixels and channels | one code an image |
| total_correlation | KL(q(z) || prod q_d(z_d)), eq. (5) | MWS as printed in eq. (10), MSS, or density ratio, eq. (11) |
| dimension_wise_kl | sum_d KL(q_d(z_d) || p(z_d)), eq. (5) | the same |
| index_code_mi | I(x; z), eqs. (4), (9) | the same estimate of q(z) |
| mmd | MMD(q(z), p(z)), eq. (7) | U-statistic, sum of seven IMQ kernels |
| kl | E KL(q(z|x) || p(z)), eq. (3) | exactly |
| sigma | E sum_d |log sigma_d^2(x)| | exactly |

A new method is one class here and one model in `tcwae.config.methods`, or both in a study's own file (docs/howto/method.md).
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy as log_loss

from tcwae.config import methods as config
from tcwae.config.costs import Cost
from tcwae.config.methods import OBJECTIVES
from tcwae.methods.costs import COSTS
from tcwae.methods.divergences import (
    density_ratio,
    dimension_wise_kl,
    gaussian_kl,
    imq_mmd,
    index_code_mi,
    minibatch_stratified_log_density,
    minibatch_weighted_log_density,
    total_correlation,
)
from tcwae.methods.networks import Autoencoder, Posterior
from tcwae.methods.objective import Objective

__all__ = [
    "OBJECTIVES",
    "TCWAEGAN",
    "TCWAEMWS",
    "WAEMMD",
    "BetaTCVAE",
    "BetaVAE",
    "FactorVAE",
    "Noise",
    "Objective",
    "discriminator_loss",
    "draw_noise",
    "loss",
]

Codes = Float[Tensor, "batch latent"]
Scalar = Float[Tensor, ""]
Terms = dict[str, Scalar]


class Noise(NamedTuple):
    """Everything random in a step. All methods draw all of it, so that equal seeds see equal batches and posterior noise."""

    posterior: Codes
    """N(0, I), for codes = mean + sd * noise."""
    prior: Codes
    """Codes of the prior, N(0, I)."""
    shuffle: Int[Tensor, "batch latent"]
    """A permutation of the batch for each latent: codes.gather(0, shuffle) samples prod_d q_d(z_d) (Kim and Mnih, 2018)."""


def draw_noise(batch: int, latent: int, generator: torch.Generator) -> Noise:
    """Draw the noise of one step on the generator's device."""
    posterior, prior = torch.randn((2, batch, latent), generator=generator, device=generator.device)
    return Noise(posterior, prior, torch.rand((batch, latent), generator=generator, device=generator.device).argsort(0))


class WAEMMD(Objective):
    """WAE-MMD (Tolstikhin et al., 2018), equation (7): lambda MMD(q(z), p(z))."""

    def __init__(self, method: config.WAEMMD, dataset_size: int) -> None:
        self.weights = {"mmd": method.lambda_} | _sigma_weight(method)

    def terms(self, posterior: Posterior, noise: Noise) -> Terms:
        return {"mmd": imq_mmd(posterior.codes, noise.prior)} | _sigma_term(self.weights, posterior)


class TCWAEMWS(Objective):
    """TCWAE-MWS, equation (8): beta TC + gamma DW, both by equation (10)."""

    def __init__(self, method: config.TCWAEMWS, dataset_size: int) -> None:
        self.weights = {"total_correlation": method.beta, "dimension_wise_kl": method.gamma} | _sigma_weight(method)
        self.method, self.dataset_size = method, dataset_size

    def terms(self, posterior: Posterior, noise: Noise) -> Terms:
        # The smoothed kernel takes the variance for its logarithm, so that it is at least one wide.
        log_width = posterior.variance if self.method.mws_kernel == "smoothed" else posterior.log_variance
        joint, marginals = ESTIMATORS[self.method.estimator](
            posterior.codes, posterior.mean, log_width, self.dataset_size
        )
        return {
            "total_correlation": total_correlation(joint, marginals),
            "dimension_wise_kl": dimension_wise_kl(posterior.codes, marginals),
        } | _sigma_term(self.weights, posterior)


class TCWAEGAN(Objective):
    """TCWAE-GAN, equation (8): beta TC + gamma DW, each by a discriminator of its own, equation (11).

    TC sets codes against shuffled codes, DW shuffled codes against the prior's (the paper is silent on the second; so do its
    authors' code and the chain q -> prod q_d -> p of equation (5)).
    """

    discriminators = ("total_correlation", "dimension_wise_kl")

    def __init__(self, method: config.TCWAEGAN, dataset_size: int) -> None:
        self.weights = {"total_correlation": method.beta, "dimension_wise_kl": method.gamma} | _sigma_weight(method)

    def terms(self, posterior: Posterior, noise: Noise) -> Terms:
        return _sigma_term(self.weights, posterior)

    def contrasts(self, codes: Codes, noise: Noise) -> dict[str, tuple[Codes, Codes]]:
        shuffled = codes.gather(0, noise.shuffle)
        return {"total_correlation": (codes, shuffled), "dimension_wise_kl": (shuffled, noise.prior)}


class BetaTCVAE(Objective):
    """beta-TCVAE (Chen et al., 2018), equation (9): alpha I + beta TC + gamma DW, all by equation (10).

    alpha = beta = gamma is beta-VAE with a sampled KL: the estimates of q(z) cancel.
    """

    def __init__(self, method: config.BetaTCVAE, dataset_size: int) -> None:
        self.weights = {
            "index_code_mi": method.alpha,
            "total_correlation": method.beta,
            "dimension_wise_kl": method.gamma,
        }
        self.method, self.dataset_size = method, dataset_size

    def terms(self, posterior: Posterior, noise: Noise) -> Terms:
        codes, mean, log_variance = posterior.codes, posterior.mean, posterior.log_variance
        joint, marginals = ESTIMATORS[self.method.estimator](codes, mean, log_variance, self.dataset_size)
        return {
            "index_code_mi": index_code_mi(codes, mean, log_variance, joint),
            "total_correlation": total_correlation(joint, marginals),
            "dimension_wise_kl": dimension_wise_kl(codes, marginals),
        }


class FactorVAE(Objective):
    """FactorVAE (Kim and Mnih, 2018): KL(q(z|x) || p(z)) + gamma TC, the latter by equation (11). gamma = 0 is the VAE."""

    discriminators = ("total_correlation",)

    def __init__(self, method: config.FactorVAE, dataset_size: int) -> None:
        self.weights = {"kl": 1.0, "total_correlation": method.gamma}

    def terms(self, posterior: Posterior, noise: Noise) -> Terms:
        return {"kl": gaussian_kl(posterior.mean, posterior.log_variance)}

    def contrasts(self, codes: Codes, noise: Noise) -> dict[str, tuple[Codes, Codes]]:
        return {"total_correlation": (codes, codes.gather(0, noise.shuffle))}


class BetaVAE(Objective):
    """beta-VAE (Higgins et al., 2017): beta KL(q(z|x) || p(z)); beta = 1 is the VAE, equation (3)."""

    def __init__(self, method: config.BetaVAE, dataset_size: int) -> None:
        self.weights = {"kl": method.beta}

    def terms(self, posterior: Posterior, noise: Noise) -> Terms:
        return {"kl": gaussian_kl(posterior.mean, posterior.log_variance)}


OBJECTIVES |= {
    "wae_mmd": WAEMMD,
    "tcwae_mws": TCWAEMWS,
    "tcwae_gan": TCWAEGAN,
    "beta_tcvae": BetaTCVAE,
    "factor_vae": FactorVAE,
    "beta_vae": BetaVAE,
}
ESTIMATORS = {"mws": minibatch_weighted_log_density, "mss": minibatch_stratified_log_density}


def _sigma_weight(method: config.WassersteinMethod) -> dict[str, float]:
    return {"sigma": method.sigma_penalty} if method.sigma_penalty else {}


def _sigma_term(weights: Mapping[str, float], posterior: Posterior) -> Terms:
    return {"sigma": posterior.log_variance.abs().sum(1).mean()} if "sigma" in weights else {}


def loss(
    objective: Objective,
    cost: Cost,
    model: Autoencoder,
    images: Float[Tensor, "batch channel 64 64"],
    noise: Noise,
) -> tuple[Scalar, Terms, Codes]:
    """What encoder and decoder minimise: E c(x, f(z)) + sum_term weight * term.

    Returns:
        The loss, its terms, and the codes that it was computed from.
    """
    posterior = model.posterior(images, noise.posterior)
    terms = {"reconstruction": COSTS[cost](model.decoder(posterior.codes), images).mean()}
    terms |= objective.terms(posterior, noise)
    for name, (numerator, _) in objective.contrasts(posterior.codes, noise).items():
        terms[name] = density_ratio(model.discriminators[name](numerator))
    total = terms["reconstruction"] + sum(weight * terms[name] for name, weight in objective.weights.items())
    return total, terms, posterior.codes


def discriminator_loss(objective: Objective, model: Autoencoder, codes: Codes, noise: Noise) -> Terms:
    """What each discriminator minimises: the log loss of telling numerator (class 0) from denominator (class 1).

    The codes are detached: this moves no encoder.
    """
    losses = {}
    for name, contrast in objective.contrasts(codes.detach(), noise).items():
        logits = model.discriminators[name](torch.cat(contrast))
        classes = torch.arange(2, device=codes.device).repeat_interleave(len(codes))
        losses[f"{name}_discriminator"] = log_loss(logits, classes)
    return losses
