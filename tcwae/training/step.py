"""One step of a training, from drawing the batch to updating the parameters.

All of it happens on the device: random numbers come from the run's generator there, images are gathered and unpacked there,
and nothing waits for a value or branches on one. So on a GPU the whole step can be one CUDA graph, which is recorded once and
launched as one operation.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from tcwae.config.run import Run
from tcwae.data.images import Images, split
from tcwae.errors import InputError
from tcwae.methods.build import build
from tcwae.methods.objectives import OBJECTIVES, Noise, discriminator_loss, draw_noise, loss
from tcwae.training import adam

__all__ = ["Step", "Unrecordable", "recorded"]

WARM_UP = 3
"""Steps before a graph is recorded, in which libraries set up what they need (as torch's documentation advises)."""


class Unrecordable(InputError):  # noqa: N818
    """A step cannot be recorded as a CUDA graph."""


class Step:
    """The model, optimisers and generator of a run; each call takes a step.

    `terms` names the values that a call returns, known after the first; `batch` holds the images of the step; `moving` says
    whether parameters are being updated: a step that fails before has not changed them.
    """

    terms: tuple[str, ...] = ()
    batch: Float[Tensor, "batch channel 64 64"]
    moving: bool = False

    def __init__(self, run: Run, images: Images, memory_format: torch.memory_format = torch.channels_last) -> None:
        device = images.bytes.device
        weights_seed, noise_seed = (int(word) for word in np.random.SeedSequence(run.seed).generate_state(2, np.uint64))
        self.run, self.images = run, images
        self.generator = torch.Generator(device).manual_seed(noise_seed % 2**63)
        model = build(run, images.channels, weights_seed % 2**63)
        self.model = model.to(device=device, memory_format=memory_format)
        if run.training.precision == "bfloat16":
            for network in (self.model.encoder, self.model.decoder, *self.model.discriminators.values()):
                network.forward = torch.autocast(device.type, torch.bfloat16)(network.forward)
        self.objective = OBJECTIVES[run.method.name](run.method, len(images))
        self.autoencoder = [*self.model.encoder.parameters(), *self.model.decoder.parameters()]
        self.discriminators = list(self.model.discriminators.parameters())
        self.optimisers = adam.make(run.training, self.autoencoder, self.discriminators)
        self.training_images = torch.from_numpy(split(len(images))[0]).to(device)

    def __call__(self) -> Float[Tensor, "terms"]:
        """Take a step. Returns its terms and its loss, on the device."""
        self.batch, noise = self.draw()
        return self.move(self.batch, noise)

    def draw(self) -> tuple[Float[Tensor, "batch channel 64 64"], Noise]:
        """Images and noise of the next step."""
        batch, candidates = self.run.training.batch_size, self.training_images
        drawn = torch.randint(len(candidates), (batch,), generator=self.generator, device=candidates.device)
        images = self.images.fresh(candidates[drawn], self.generator)
        return images, draw_noise(batch, self.run.latent_dimension, self.generator)

    def move(self, images: Float[Tensor, "batch channel 64 64"], noise: Noise) -> Float[Tensor, "terms"]:
        """Update the parameters by a step on these images with this noise. Returns the same as a call."""
        self.set_precision()
        total, terms, codes = loss(self.objective, self.run.cost, self.model, images, noise)
        total.backward(inputs=self.autoencoder)
        if self.discriminators:
            losses = discriminator_loss(self.objective, self.model, codes, noise)
            sum(losses.values()).backward(inputs=self.discriminators)
            terms |= losses
        self.moving = True
        for optimiser in self.optimisers:
            optimiser.step()
        self.moving = False
        self.terms = (*terms, "loss")
        return torch.stack([*terms.values(), total]).detach()

    def set_precision(self) -> None:
        """Choose the precision of a GPU's float32 products, which is one for the whole process and may differ by run."""
        tf32 = self.run.training.precision == "tf32"
        if hasattr(torch.backends.cuda.matmul, "fp32_precision"):  # torch 2.9 and later
            torch.backends.cuda.matmul.fp32_precision = "tf32" if tf32 else "ieee"
            torch.backends.cudnn.conv.fp32_precision = "tf32" if tf32 else "ieee"  # torch's default is tf32
        else:
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32


def recorded(step: Step) -> Callable[[], Float[Tensor, "terms"]]:
    """The same steps, from the fourth on as the replay of a CUDA graph; only where the images of `step` are on a GPU.

    Call it on its own stream, which must not be the default stream.

    Raises:
        Unrecordable: by the call that records; the parameters are then as they were before it.
    """
    graph = torch.cuda.CUDAGraph()
    if not hasattr(graph, "register_generator_state"):
        raise Unrecordable(f"expected a torch that records random numbers, 2.4 or later, found {torch.__version__}")
    graph.register_generator_state(step.generator)
    taken, values = 0, torch.empty(0)

    def call() -> Tensor:
        nonlocal taken, values
        taken += 1
        if taken <= WARM_UP:
            return step()
        if taken == WARM_UP + 1:
            values = _record(graph, step)
        graph.replay()
        return values.clone()  # the next replay overwrites it

    return call


def _record(graph: Any, step: Step) -> Float[Tensor, "terms"]:  # noqa: ANN401 - CUDAGraph exists in CUDA builds alone
    try:
        with torch.cuda.graph(graph, stream=torch.cuda.current_stream()):
            return step()
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        raise Unrecordable(f"the step cannot be recorded: {str(error).splitlines()[0]}") from error
    finally:
        step.moving = False  # recording moves nothing
