"""Estimators of the divergences between aggregated posterior and prior, all in nats.

The aggregated posterior of N images is q(z) = 1/N sum_n q(z|x_n), with q(z|x) = N(mean(x), diag exp(log_variance(x))) and
z = codes ~ q(z|x); the prior is p(z) = N(0, I). Equation (5) splits its divergence:

    KL(q(z) || p(z)) = TC + DW,   TC = KL(q(z) || prod_d q_d(z_d)),   DW = sum_d KL(q_d(z_d) || p(z_d)).

Both need log q(z_i) and log q_d(z_i,d). Three functions estimate them, and their values are never to be mixed:

- `minibatch_weighted_log_density`: equation (10) as printed. Its constant -log(N M) enters each marginal too, so TC stands
  (D - 1) log N above, and DW D log N below, what the same batch gives with log-mean-exp (N = M). No gradient depends on it.
- `minibatch_stratified_log_density`: unbiased for q(z), not for its logarithm.
- `aggregated_log_density`: log-mean-exp over as many posteriors as one has, for an honest value after training.

References:
    Chen et al., Isolating Sources of Disentanglement in VAEs, 2018, https://arxiv.org/abs/1802.04942
    Kim and Mnih, Disentangling by Factorising, 2018, https://arxiv.org/abs/1802.05983
    Tolstikhin et al., Wasserstein Auto-Encoders, 2018, https://arxiv.org/abs/1711.01558
"""

import math
from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from tcwae.metrics.kl import kl_to_prior

__all__ = [
    "active_units",
    "aggregated_log_density",
    "density_ratio",
    "dimension_wise_kl",
    "gaussian_kl",
    "imq_mmd",
    "index_code_mi",
    "log_normal",
    "minibatch_stratified_log_density",
    "minibatch_weighted_log_density",
    "total_correlation",
    "without_log_n",
]

Codes = Float[Tensor, "batch latent"]
Joint = Float[Tensor, "batch"]
Scalar = Float[Tensor, ""]

IMQ_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Scales of the inverse multiquadratic mixture (section B.1; the seven of the WAE paper's code)."""

BLOCK = 2**20
"""Densities held at once: 4 MB in float32, which a core's cache can hold and which is a whole batch of 256."""


def log_normal(
    codes: Float[Tensor, "*#shape"], mean: Float[Tensor, "*#shape"], log_variance: Float[Tensor, "*#shape"]
) -> Float[Tensor, "..."]:
    """log N(z; mean, exp(log_variance)), elementwise with broadcasting."""
    return -0.5 * ((codes - mean).square() * (-log_variance).exp() + log_variance + math.log(2 * math.pi))


def minibatch_weighted_log_density(
    codes: Codes, mean: Codes, log_variance: Codes, dataset_size: int
) -> tuple[Joint, Codes]:
    """Minibatch weighted sampling (MWS), equation (10), for a batch of M out of N = dataset_size images.

        log q(z_i) ~ log 1/(N M) sum_j q(z_i|x_j),   log q_d(z_i,d) ~ log 1/(N M) sum_j q_d(z_i,d|x_j)

    Returns:
        joint (batch,) and marginals (batch, latent).

    Raises:
        ValueError: dataset_size is smaller than the batch.
    """
    _check_batch(codes, mean, log_variance, dataset_size, at_least=1)
    weight = codes.new_full((1, 1), -math.log(dataset_size * codes.shape[0]))
    return _LogDensities.apply(codes, mean, log_variance, weight.expand(codes.shape[0], -1))


def minibatch_stratified_log_density(
    codes: Codes, mean: Codes, log_variance: Codes, dataset_size: int
) -> tuple[Joint, Codes]:
    """Minibatch stratified sampling (MSS), Chen et al. (2018), appendix C.2, for a batch of M out of N images.

        q(z_i) ~ 1/N q(z_i|x_i) + sum_{j != i} w_ij q(z_i|x_j),   w_ij = 1/(M - 1), but (N - M + 1)/(N (M - 1)) for one j

    so that the weights of a row add up to 1. Its own posterior is on the diagonal and gets 1/N, as the derivation says; the
    code that its authors published strides past the diagonal, which makes it nearly MWS.

    Returns:
        joint (batch,) and marginals (batch, latent).

    Raises:
        ValueError: the batch has less than two images, or more than dataset_size.
    """
    _check_batch(codes, mean, log_variance, dataset_size, at_least=2)
    batch, others = codes.shape[0], codes.shape[0] - 1
    own = torch.eye(batch, dtype=codes.dtype, device=codes.device)
    one_other = own.roll(1, dims=1)
    weights = own / dataset_size + one_other * ((dataset_size - others) / (dataset_size * others))
    weights = weights + (1 - own - one_other) / others
    return _LogDensities.apply(codes, mean, log_variance, weights.log())


def _check_batch(codes: Codes, mean: Codes, log_variance: Codes, dataset_size: int, at_least: int) -> None:
    _check_shapes(codes, mean, log_variance)
    if not at_least <= codes.shape[0] <= dataset_size:
        raise ValueError(f"expected a batch of {at_least} to dataset_size={dataset_size} codes, found {codes.shape[0]}")


def _check_shapes(*tensors: Tensor) -> None:
    """Broadcasting would turn tensors that do not belong together into a number."""
    if len({tensor.shape for tensor in tensors}) > 1:
        raise ValueError(f"expected equal shapes, found {', '.join(str(tuple(tensor.shape)) for tensor in tensors)}")


class _LogDensities(torch.autograd.Function):
    """logsumexp_j (log_weights_ij + log q(z_i|x_j)), jointly and for each latent, in blocks of rows i.

    The backward pass computes the densities again, because keeping them costs latent x batch^2 numbers several times over.
    """

    @staticmethod
    def forward(
        context: Any,  # noqa: ANN401
        codes: Codes,
        mean: Codes,
        log_variance: Codes,
        log_weights: Float[Tensor, "batch _"],
    ) -> tuple[Joint, Codes]:
        joint, marginals = [], []
        for some, weights in _blocks(codes, mean, log_weights):
            each = _densities((some.T[:, :, None] - mean.T[:, None, :]).square_(), log_variance)
            joint.append((each.sum(0) + weights).logsumexp(1))
            marginals.append(each.add_(weights).logsumexp(2).T)
        densities = torch.cat(joint), torch.cat(marginals)
        context.save_for_backward(codes, mean, log_variance, log_weights, *densities)
        return densities

    @staticmethod
    def backward(
        context: Any,  # noqa: ANN401
        joint_gradient: Joint,
        marginals_gradient: Codes,
    ) -> tuple[Codes, Codes, Codes, None]:
        codes, mean, log_variance, log_weights, joint, marginals = context.saved_tensors
        precision = (-log_variance).exp().T
        codes_gradient = []
        weighted_sum, square_sum, responsibility_sum = (torch.zeros_like(precision) for _ in range(3))
        start = 0
        for some, weights in _blocks(codes, mean, log_weights):
            rows = slice(start, start := start + len(some))
            differences = some.T[:, :, None] - mean.T[:, None, :]
            each = _densities(differences.square(), log_variance)
            of_joint = (each.sum(0) + weights - joint[rows, None]).exp() * joint_gradient[rows, None]
            # responsibility of component j for code i in latent d, times the gradient that comes in
            responsibility = each.add_(weights).sub_(marginals[rows].T[:, :, None]).exp_()
            responsibility.mul_(marginals_gradient[rows].T[:, :, None]).add_(of_joint)
            weighted = responsibility * differences
            codes_gradient.append(-(weighted @ precision[:, :, None])[:, :, 0].T)
            weighted_sum += weighted.sum(1)
            square_sum += weighted.mul_(differences).sum(1)
            responsibility_sum += responsibility.sum(1)
        log_variance_gradient = 0.5 * (square_sum * precision - responsibility_sum)
        return torch.cat(codes_gradient), (weighted_sum * precision).T, log_variance_gradient.T, None


def _blocks(
    codes: Float[Tensor, "codes latent"],
    mean: Float[Tensor, "components latent"],
    log_weights: Float[Tensor, "codes _"],
) -> Iterator[tuple[Float[Tensor, "rows latent"], Float[Tensor, "rows _"]]]:
    rows = max(1, BLOCK // mean.numel())
    return zip(codes.split(rows), log_weights.split(rows), strict=True)


def _densities(
    squares: Float[Tensor, "latent rows components"], log_variance: Float[Tensor, "components latent"]
) -> Float[Tensor, "latent rows components"]:
    """log N, from the squared differences between code and mean; sums over components run along contiguous memory."""
    offset, scale = -0.5 * (log_variance + math.log(2 * math.pi)), -0.5 * (-log_variance).exp()
    return torch.addcmul(offset.T[:, None, :], squares, scale.T[:, None, :])


def aggregated_log_density(
    codes: Float[Tensor, "codes latent"],
    mean: Float[Tensor, "posteriors latent"],
    log_variance: Float[Tensor, "posteriors latent"],
) -> tuple[Float[Tensor, "codes"], Float[Tensor, "codes latent"]]:
    """log q(z) and log q_d(z_d) with q(z) = 1/N sum_n q(z|x_n) over N = posteriors, in bounded memory, without gradient.

    With all images of a data set this is q(z) itself; with a sample it is biased where the index-code mutual information
    comes near log N.

    Raises:
        ValueError: codes and posteriors differ in their latent dimension.
    """
    _check_shapes(mean, log_variance)
    if codes.shape[1] != mean.shape[1]:
        raise ValueError(f"expected codes of the posteriors' {mean.shape[1]} latents, found {codes.shape[1]}")
    posteriors = max(1, BLOCK // codes.numel())
    joint, marginals = codes.new_full(codes.shape[:1], -math.inf), torch.full_like(codes, -math.inf)
    with torch.no_grad():
        for some_mean, some_log_variance in zip(mean.split(posteriors), log_variance.split(posteriors), strict=True):
            each = _densities((codes.T[:, :, None] - some_mean.T[:, None, :]).square_(), some_log_variance)
            joint = torch.logaddexp(joint, each.sum(0).logsumexp(1))
            marginals = torch.logaddexp(marginals, each.logsumexp(2).T)
    return joint - math.log(len(mean)), marginals - math.log(len(mean))


def total_correlation(joint: Joint, marginals: Codes) -> Scalar:
    """TC = E_q [log q(z) - sum_d log q_d(z_d)], equation (5), as the mean over the batch."""
    return (joint - marginals.sum(1)).mean()


def dimension_wise_kl(codes: Codes, marginals: Codes) -> Scalar:
    """DW = E_q sum_d [log q_d(z_d) - log p(z_d)], equation (5), as the mean over the batch."""
    _check_shapes(codes, marginals)
    zero = torch.zeros_like(codes)
    return (marginals - log_normal(codes, zero, zero)).sum(1).mean()


def index_code_mi(codes: Codes, mean: Codes, log_variance: Codes, joint: Joint) -> Scalar:
    """I = E_q [log q(z|x) - log q(z)], the index-code mutual information of equations (4) and (9)."""
    _check_shapes(codes, mean, log_variance)
    return (log_normal(codes, mean, log_variance).sum(1) - joint).mean()


def gaussian_kl(mean: Codes, log_variance: Codes) -> Scalar:
    """E_x KL(q(z|x) || p(z)) = 1/2 E_x sum_d [mean^2 + variance - 1 - log variance], equation (3), exactly."""
    _check_shapes(mean, log_variance)
    return kl_to_prior(mean, log_variance.exp(), log_variance).sum(1).mean()


def without_log_n(tc: float, dw: float, latents: int, dataset_size: int) -> tuple[float, float]:
    """TC and DW of a batch by its own log-mean-exp, log 1/M sum_j q(z|x_j), from those of equation (10) as printed.

    Equation (10) subtracts log N more from each log-density: TC gains (D - 1) log N by it, DW loses D log N.
    """
    shift = math.log(dataset_size)
    return tc - (latents - 1) * shift, dw + latents * shift


def active_units(mean: Codes) -> Int[Tensor, ""]:
    """How many latents have a mean whose variance over the images is above 0.01 (Burda et al., 2016, arXiv:1509.00519)."""
    return (mean.var(0) > 0.01).sum()


def density_ratio(logits: Float[Tensor, "batch 2"]) -> Scalar:
    """E_a log D(z) / (1 - D(z)) ~ KL(a || b), equation (11), from a discriminator's logits on samples of a.

    D = softmax(logits)_0 is the probability that z comes from a, so log D / (1 - D) = logit_0 - logit_1.
    """
    return (logits[:, 0] - logits[:, 1]).mean()


def imq_mmd(codes: Codes, prior_codes: Codes) -> Scalar:
    """Squared maximum mean discrepancy by the U-statistic of the inverse multiquadratic mixture (equation (7), section B.1).

        k(a, b) = sum_s C_s / (C_s + |a - b|^2),   C_s = 2 D s,   s in IMQ_SCALES
        MMD = mean_{i != j} k(z_i, z_j) + mean_{i != j} k(p_i, p_j) - 2 mean_ij k(z_i, p_j)

    The kernels are summed, not averaged, as in the WAE paper's code. Zero in expectation for equal laws, so a sample's value
    can be negative.

    Raises:
        ValueError: fewer than two codes, or shapes that differ.
    """
    if codes.shape != prior_codes.shape or len(codes) < 2:
        raise ValueError(f"expected two equal batches of at least 2, found {codes.shape} and {prior_codes.shape}")
    both = torch.cat([codes, prior_codes])
    squares = both.square().sum(1)
    distances = (squares[:, None] + squares[None, :] - 2 * both @ both.T).clamp_min(0)
    kernel = _IMQ.apply(distances, [2 * codes.shape[1] * scale for scale in IMQ_SCALES])
    batch = len(codes)
    within = kernel[:batch, :batch].sum() + kernel[batch:, batch:].sum() - kernel.diagonal().sum()
    return within / (batch * (batch - 1)) - 2 * kernel[:batch, batch:].mean()


class _IMQ(torch.autograd.Function):
    """sum_s C_s / (C_s + d) of squared distances d; and its derivative, - sum_s C_s / (C_s + d)^2, in the same pass."""

    @staticmethod
    def forward(context: Any, distances: Tensor, scales: list[float]) -> Tensor:  # noqa: ANN401
        kernel, slope = torch.zeros_like(distances), torch.zeros_like(distances)
        for scale in scales:
            inverse = (distances + scale).reciprocal_()
            kernel.add_(inverse, alpha=scale)
            slope.addcmul_(inverse, inverse, value=-scale)
        context.save_for_backward(slope)
        return kernel

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        return gradient * context.saved_tensors[0], None
