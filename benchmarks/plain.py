"""The step against a plain PyTorch loop over the same networks, as popular public repositories write it.

A DataLoader that turns one picture at a time into a tensor, layers called one by one on pictures in torch's usual layout,
`torch.optim.Adam` as it is, `zero_grad`, densities of all pairs kept for autograd, and the loss read at every step.
"""

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms.functional import to_tensor

from benchmarks.measure import Row, interleaved, on_threads, peak
from benchmarks.steps import SIZE, pictures, run_of, step_of
from tcwae.methods.networks import VARIANCE_FLOOR, Autoencoder
from tcwae.training.device import set_up

__all__ = ["PlainVAE", "plain_loss", "rows"]

BETA = 4


class Pictures(Dataset):
    """Unpacked pictures, each transformed when it is asked for."""

    def __init__(self) -> None:
        self.images = pictures().pixels(np.arange(SIZE))

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return to_tensor(self.images[index])


class PlainVAE(nn.Module):
    """The layers of Table 3, one after the other."""

    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.encoder = nn.Sequential(model.encoder.convolutions, nn.Flatten(), model.encoder.fully_connected)
        self.decoder = nn.Sequential(
            model.decoder.fully_connected, nn.Unflatten(1, (64, 4, 4)), model.decoder.convolutions
        )

    def forward(self, images: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Logits, codes, mean and log-variance."""
        mean, raw = self.encoder(images).chunk(2, dim=1)
        variance = functional.softplus(raw) + VARIANCE_FLOOR
        codes = mean + variance.sqrt() * (torch.randn_like(mean) if noise is None else noise)
        return self.decoder(codes), codes, mean, variance.log()


def log_density(codes: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Of a Gaussian, elementwise."""
    return -0.5 * ((codes - mean) ** 2 / log_variance.exp() + log_variance + math.log(2 * math.pi))


def plain_loss(
    output: tuple[Tensor, Tensor, Tensor, Tensor], images: Float[Tensor, "batch 1 64 64"], size: int
) -> Float[Tensor, ""]:
    """beta-TCVAE's loss, equation (9), with alpha = gamma = 1."""
    logits, codes, mean, log_variance = output
    reconstruction = functional.binary_cross_entropy_with_logits(logits, images, reduction="sum") / len(images)
    pairs = log_density(codes[:, None], mean[None], log_variance[None])
    constant = math.log(size * len(images))
    log_joint = pairs.sum(2).logsumexp(1) - constant
    log_marginals = (pairs.logsumexp(1) - constant).sum(1)
    log_posterior = log_density(codes, mean, log_variance).sum(1)
    log_prior = log_density(codes, torch.zeros_like(mean), torch.zeros_like(mean)).sum(1)
    information, correlation = (log_posterior - log_joint).mean(), (log_joint - log_marginals).mean()
    return reconstruction + information + BETA * correlation + (log_marginals - log_prior).mean()


def plain_step(batch: int) -> Callable[[], float]:
    """A step of the loop."""
    model = PlainVAE(Autoencoder(1, 10)).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-4)
    loader = DataLoader(Pictures(), batch_size=batch, shuffle=True, drop_last=True)
    batches = (images for _ in iter(int, 1) for images in loader)  # endless

    def call() -> float:
        images = next(batches)
        loss = plain_loss(model(images), images, SIZE)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return loss.item()

    return call


def plain_steps(batch: int, count: int = 3) -> None:
    """Some steps of the loop, for their memory."""
    torch.set_num_threads(1)
    call = plain_step(batch)
    for _ in range(count):
        call()


def rows(threads: tuple[int, ...] = (1, 2), batches: tuple[int, ...] = (64, 256)) -> Iterator[Row]:
    """Both, on one thread and on two, with small and large batches."""
    set_up(max(threads))
    for batch in batches:
        calls = {"plain loop": plain_step(batch), "step": step_of(run_of("beta_tcvae", batch, beta=BETA))}
        seconds = interleaved({(name, n): on_threads(n, call) for name, call in calls.items() for n in threads})
        memory = peak(plain_steps, batch)
        for n in threads:
            plain, step = seconds["plain loop", n], seconds["step", n]
            yield Row("plain loop, beta_tcvae", n, batch, 1e3 * plain, batch / plain, memory)
            yield Row("beta_tcvae", n, batch, 1e3 * step, batch / step, ratio=plain / step, to="times the plain loop")
