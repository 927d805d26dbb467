"""What a trained model makes of images: codes, reconstructions, samples, traversals, and their divergences."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from tqdm import tqdm

from tcwae.config.costs import Cost
from tcwae.data.images import Images
from tcwae.methods import divergences
from tcwae.methods.costs import COSTS
from tcwae.methods.networks import Autoencoder

__all__ = [
    "Codes",
    "aggregated_terms",
    "as_bytes",
    "batch_terms",
    "encode",
    "mmd_to_prior",
    "reconstruction",
    "traverse",
]

BATCH = 250
"""Images at once: its activations stay in a core's cache, larger batches are slower on a CPU."""


@dataclass(frozen=True)
class Codes:
    """The posteriors of a set of images: q(z|x) = N(mean, diag variance)."""

    mean: Float[Tensor, "images latent"]
    variance: Float[Tensor, "images latent"]

    def __getitem__(self, index: Int[Tensor, "some"]) -> "Codes":
        return Codes(self.mean[index], self.variance[index])

    def sample(self, generator: torch.Generator) -> Float[Tensor, "images latent"]:
        """One code of each."""
        noise = torch.randn(self.mean.shape, generator=generator, device=self.mean.device)
        return self.mean + self.variance.sqrt() * noise


@torch.no_grad()
def encode(model: Autoencoder, images: Images, index: Int[Tensor, "images"]) -> Codes:
    """The posteriors of `images[index]`."""
    means, variances = zip(*(model.encoder(images[some]) for some in _progress(index)), strict=True)
    return Codes(torch.cat(means), torch.cat(variances))


def _progress(index: Int[Tensor, "images"]) -> Iterator[Int[Tensor, "some"]]:
    """Batches of an index, with the time that is left for a person at a terminal."""
    with tqdm(total=len(index), desc="encode", unit="image", disable=None, leave=False, delay=2) as bar:
        for some in index.split(BATCH):
            yield some
            bar.update(len(some))


@torch.no_grad()
def reconstruction(
    model: Autoencoder, images: Images, index: Int[Tensor, "images"], cost: Cost, codes: Float[Tensor, "images latent"]
) -> float:
    """Mean cost of decoding `codes` against `images[index]`, summed over pixels (Rec of Table 1 is its logarithm)."""
    costs = [
        COSTS[cost](model.decoder(some_codes), images[some])
        for some, some_codes in zip(index.split(BATCH), codes.split(BATCH), strict=True)
    ]
    return torch.cat(costs).double().mean().item()


@torch.no_grad()
def as_bytes(model: Autoencoder, codes: Float[Tensor, "codes latent"]) -> UInt8[np.ndarray, "codes 64 64 channel"]:
    """Decode to pictures. Where a diverged decoder gives no number, the picture is black."""
    pixels = torch.cat([model.decoder(some).sigmoid() for some in codes.split(BATCH)]).nan_to_num(0)
    return (pixels * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()


def traverse(
    model: Autoencoder, anchors: Float[Tensor, "anchors latent"], values: Float[Tensor, "steps"]
) -> UInt8[np.ndarray, "anchors latent steps 64 64 channel"]:
    """Decode each anchor with one latent after the other moved by each of `values` (Figures 2, 4 and 5)."""
    count, latent = anchors.shape
    moves = torch.eye(latent, device=anchors.device)[:, None, :] * values[:, None]
    pictures = as_bytes(model, (anchors[:, None, None, :] + moves).flatten(0, 2))
    return pictures.reshape(count, latent, len(values), *pictures.shape[1:])


def aggregated_terms(
    codes: Codes, chosen: Int[Tensor, "chosen"], generator: torch.Generator
) -> dict[str, float | list[float]]:
    """The terms of equations (4) and (5), in nats, of the aggregated posterior of the encoded images.

    q(z) is the mean over all of `codes`, so it is exact where they are the whole data set, and index_code_mi is at most the
    logarithm of their number. The outer expectation is over one code of each of the `chosen` images, which are among them: an
    image whose own posterior q(z) lacked would be taken for less likely than it is.

    Returns:
        total_correlation, dimension_wise_kl, index_code_mi, and latent_kl: KL(q_d(z_d) || p(z_d)) of each latent.
    """
    some = codes[chosen]
    drawn = some.sample(generator)
    joint, marginals = divergences.aggregated_log_density(drawn, codes.mean, codes.variance.log())
    zero = torch.zeros_like(drawn)
    return {
        "total_correlation": divergences.total_correlation(joint, marginals).item(),
        "dimension_wise_kl": divergences.dimension_wise_kl(drawn, marginals).item(),
        "index_code_mi": divergences.index_code_mi(drawn, some.mean, some.variance.log(), joint).item(),
        "latent_kl": (marginals - divergences.log_normal(drawn, zero, zero)).mean(0).tolist(),
    }


def batch_terms(codes: Codes, batch: int, dataset_size: int, generator: torch.Generator) -> dict[str, float]:
    """The terms of equation (5), in nats, as a training with batches of `batch` images sees them: one code an image.

    Returns:
        total_correlation_mws and dimension_wise_kl_mws, by equation (10) as printed, and total_correlation_batch and
        dimension_wise_kl_batch, by the log-mean-exp of the batch; each the mean over all whole batches.
    """
    drawn = codes.sample(generator)
    whole = len(drawn) - len(drawn) % batch
    values = []
    parts = (tensor[:whole].split(batch) for tensor in (drawn, codes.mean, codes.variance.log()))
    for some, mean, log_variance in zip(*parts, strict=True):
        joint, marginals = divergences.minibatch_weighted_log_density(some, mean, log_variance, dataset_size)
        values.append((divergences.total_correlation(joint, marginals), divergences.dimension_wise_kl(some, marginals)))
    tc, dw = torch.tensor(values).double().mean(0).tolist()
    own_tc, own_dw = divergences.without_log_n(tc, dw, drawn.shape[1], dataset_size)
    return {
        "total_correlation_mws": tc,
        "dimension_wise_kl_mws": dw,
        "total_correlation_batch": own_tc,
        "dimension_wise_kl_batch": own_dw,
    }


def mmd_to_prior(codes: Float[Tensor, "codes latent"], generator: torch.Generator, batch: int = 1000) -> float:
    """MMD(q(z), p(z)), equation (7), as the mean over batches of codes against fresh codes of the prior (Figure 6d)."""
    prior = torch.randn(codes.shape, generator=generator, device=codes.device)
    pairs = zip(codes.split(batch), prior.split(batch), strict=True)
    return float(np.mean([divergences.imq_mmd(*pair).item() for pair in pairs if len(pair[0]) > 1]))
