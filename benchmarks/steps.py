"""A training step of each method: time, share of what the machine's matrix product allows, and where it goes."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.measure import Row, interleaved, matrix_product, on_threads, peak
from tcwae.config.methods import METHODS
from tcwae.config.run import Run, check, unflatten
from tcwae.data.images import Images
from tcwae.data.prepared import Prepared
from tcwae.methods import networks
from tcwae.methods.networks import Posterior
from tcwae.methods.objectives import OBJECTIVES, Noise, discriminator_loss, draw_noise
from tcwae.training.device import set_up
from tcwae.training.step import Step

__all__ = ["VIEWS", "Operations", "flops", "layer_by_layer", "pictures", "rows", "run_of", "step_of", "steps"]

COEFFICIENTS = {
    "wae_mmd": {"lambda": 10},
    "tcwae_mws": {"beta": 4, "gamma": 1},
    "tcwae_gan": {"beta": 10, "gamma": 1},
    "beta_tcvae": {"beta": 4},
    "factor_vae": {"gamma": 10},
    "beta_vae": {"beta": 4},
}
SIZE = 16_384
"""Images of the data set here, of dSprites' form: 8 MB."""

VIEWS = {
    "view",
    "_unsafe_view",
    "t",
    "transpose",
    "permute",
    "expand",
    "unsqueeze",
    "slice",
    "select",
    "alias",
    "detach",
}
VIEWS |= {"as_strided", "split", "unbind", "squeeze", "diagonal", "empty", "empty_like", "empty_strided", "new_empty"}
"""Operations that launch nothing on a GPU."""


def run_of(method: str, batch: int, **settings: Any) -> Run:  # noqa: ANN401
    """A run with small coefficients."""
    values = {"dataset": "dsprites", "method": method, "batch_size": batch, **COEFFICIENTS[method], **settings}
    return check(Run, unflatten(values), "bench")


def pictures(size: int = SIZE) -> Prepared:
    """A data set of random bits, 4 % of them white as in dSprites; the same 256 pictures over and over."""
    bits = np.random.default_rng(0).random((256, 64, 64)) < 0.04
    images = np.resize(np.packbits(bits, axis=2), (size, 64, 8))
    return Prepared("dsprites", "rendered", images, None, (), (), (), {})


def step_of(run: Run, size: int = SIZE) -> Step:
    """The run's step, on a CPU."""
    return Step(run, Images(pictures(size), torch.device("cpu")))


def steps(run: Run, size: int = SIZE) -> None:
    """Two steps, for their memory."""
    set_up(1)
    step = step_of(run, size)
    for _ in range(2):
        step()


def flops(method: str) -> int:
    """Operations an image and step in the products of Table 3's networks: forward, gradients of weights and of inputs.

    The gradient of the images is not needed; a discriminator is passed by its numerator, through which the codes get their
    gradient, and then by both of its classes, which get none.
    """
    convolutions = 16 * (1 * 32 * 32**2 + 32 * 32 * 16**2 + 32 * 64 * 8**2 + 64 * 64 * 4**2)
    dense = 64 * 4 * 4 * 256 + 256 * 20 + 10 * 256 + 256 * 64 * 4 * 4
    autoencoder = 3 * (2 * convolutions + dense) - 16 * 32 * 32**2
    discriminator = 10 * 1000 + 5 * 1000**2 + 1000 * 2
    adversary = 2 * discriminator + 2 * (3 * discriminator - 10 * 1000)
    return 2 * (autoencoder + len(OBJECTIVES[method].discriminators) * adversary)


def parts(step: Step) -> dict[str, Callable[[], object]]:
    """What a step does besides encoder and decoder, each alone: its data, its divergences, its optimisers."""
    run, batch = step.run, step.run.training.batch_size

    def data() -> Noise:
        drawn = torch.randint(len(step.training_images), (batch,), generator=step.generator)
        step.images[step.training_images[drawn]]
        return draw_noise(batch, run.latent_dimension, step.generator)

    mean, variance = torch.randn(batch, run.latent_dimension), torch.rand(batch, run.latent_dimension) + 0.1
    leaves, noise = (mean.requires_grad_(), variance.requires_grad_()), data()

    def estimator() -> None:
        codes = mean + variance.sqrt() * noise.posterior
        terms = step.objective.terms(Posterior(mean, variance, codes), noise)
        for name, (numerator, _) in step.objective.contrasts(codes, noise).items():
            logits = step.model.discriminators[name](numerator)
            terms[name] = (logits[:, 0] - logits[:, 1]).mean()
        sum(terms.values()).backward(inputs=leaves)
        if step.discriminators:
            losses = discriminator_loss(step.objective, step.model, codes, noise)
            sum(losses.values()).backward(inputs=step.discriminators)

    gradients = [[torch.randn_like(weight) for weight in adam.parameters] for adam in step.optimisers]

    def optimiser() -> None:
        for adam, of_adam in zip(step.optimisers, gradients, strict=True):
            for weight, gradient in zip(adam.parameters, of_adam, strict=True):
                weight.grad = gradient
            adam.step()

    return {"estimator": estimator, "optimiser": optimiser, "data": data}


class Operations(TorchDispatchMode):
    """Counts what reaches the device."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self.copies: list[dict[str, Any]] = []

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), keywords: Any = None) -> Any:  # noqa: ANN401
        name = function._schema.name.split("::")[1]
        self.counts[name] += name not in VIEWS
        if name == "_to_copy" and (keywords or {}).get("device") is not None:
            self.copies.append(keywords)
        return function(*arguments, **(keywords or {}))


def layer_by_layer() -> Any:  # noqa: ANN401
    """A context in which the networks compute as on a GPU."""
    return patch.object(networks, "_stack", lambda function, layers, pictures: layers(pictures))


def operations(method: str) -> int:
    """Operations that a step sends to a GPU."""
    step = step_of(run_of(method, 8), 64)
    with layer_by_layer():
        step()
        with Operations() as counted:
            step()
    return counted.counts.total()


def rows(threads: tuple[int, ...] = (1, 2), batches: tuple[int, ...] = (64, 256)) -> Iterator[Row]:
    """All methods, on one thread and on two, with small and large batches."""
    set_up(max(threads))
    product, product_flops = matrix_product()
    flop = {method: flops(method) for method in METHODS}
    counts = {method: operations(method) for method in METHODS}
    memory = {(method, batch): peak(steps, run_of(method, batch)) for method in METHODS for batch in batches}
    for batch in batches:
        step_by_method = {method: step_of(run_of(method, batch)) for method in METHODS}
        rough = step_of(run_of("tcwae_mws", batch, precision="bfloat16"))
        calls = step_by_method | {"tcwae_mws, bfloat16": rough, "matrix product": product}
        seconds = interleaved({(name, n): on_threads(n, call) for name, call in calls.items() for n in threads})
        for n in threads:
            speed = product_flops / seconds["matrix product", n]
            yield Row(f"matrix product, {speed / 1e9:.0f} GFLOP/s", n, milliseconds=1e3 * seconds["matrix product", n])
            for method in METHODS:
                duration, share = seconds[method, n], batch * flop[method] / speed / seconds[method, n]
                yield _row(f"{method}, {flop[method] / 1e6:.0f} MFLOP an image", n, batch, duration, share, "matrix product",
                           memory[method, batch])  # fmt: skip
            duration, exact = seconds["tcwae_mws, bfloat16", n], seconds["tcwae_mws", n]
            yield _row("tcwae_mws, bfloat16", n, batch, duration, exact / duration, "times float32")
        yield from _shares(step_by_method, batch)
    for method, count in counts.items():
        yield Row(f"{method}, operations a step on a GPU", count=count)


def _row(
    name: str, threads: int, batch: int, seconds: float, ratio: float, to: str, megabytes: float | None = None
) -> Row:
    return Row(name, threads, batch, 1e3 * seconds, batch / seconds, megabytes, ratio=ratio, to=to)


def _shares(step_by_method: dict[str, Step], batch: int) -> Iterator[Row]:
    """Parts of each step on one thread, measured beside the whole."""
    torch.set_num_threads(1)
    for method, step in step_by_method.items():
        seconds = interleaved({"step": step} | parts(step))
        for name in ("estimator", "optimiser", "data"):
            share = seconds[name] / seconds["step"]
            yield Row(f"{method}, {name}", 1, batch, 1e3 * seconds[name], ratio=share, to="its step")
