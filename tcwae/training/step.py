"""One step of a training, from the draw of the batch to the moved parameters.

All of it happens on the device: random numbers come from the run's generator there, images are gathered and unpacked there,
and nothing waits for a value or branches on one. So on a GPU the whole step can be one CUDA graph, which is recorded once and
launched as one operation.
"""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from tcwae.config.run import Run
from tcwae.data.images import Images, split
from tcwae.methods.build import build
from tcwae.methods.objectives import OBJECTIVES, discriminator_loss, draw_noise, loss
from tcwae.training import adam

__all__ = ["Step", "recorded"]

WARM_UP = 3
"""Steps before a graph is recorded, so that libraries have set up what they need (as torch's documentation advises)."""


class Step:
    """A run's model, optimisers and generator; each call moves them by a step.

    `terms` are the names of what a call returns, known after the first; `batch` are the step's images.
    """

    terms: tuple[str, ...] = ()
    batch: Float[Tensor, "batch channel 64 64"]

    def __init__(self, run: Run, images: Images) -> None:
        device = images.bytes.device
        weights_seed, noise_seed = (int(word) for word in np.random.SeedSequence(run.seed).generate_state(2, np.uint64))
        self.run, self.images = run, images
        self.generator = torch.Generator(device).manual_seed(noise_seed % 2**63)
        model = build(run, images.channels, weights_seed % 2**63)
        self.model = model.to(device=device, memory_format=torch.channels_last)
        self._set_precision(device)
        self.objective = OBJECTIVES[run.method.name](run.method, len(images))
        self.autoencoder = [*self.model.encoder.parameters(), *self.model.decoder.parameters()]
        self.discriminators = list(self.model.discriminators.parameters())
        self.optimisers = adam.make(run.training, self.autoencoder, self.discriminators)
        self.training_images = torch.from_numpy(split(len(images))[0]).to(device)

    def _set_precision(self, device: torch.device) -> None:
        """Of the networks alone: the divergences and Adam keep float32."""
        precision = self.run.training.precision
        torch.backends.cuda.matmul.fp32_precision = "tf32" if precision == "tf32" else "ieee"
        torch.backends.cudnn.conv.fp32_precision = "tf32" if precision == "tf32" else "ieee"  # torch's default is tf32
        if precision == "bfloat16":
            model = self.model
            for network in (model.encoder, model.decoder, *model.discriminators.values()):
                network.forward = torch.autocast(device.type, torch.bfloat16)(network.forward)

    def __call__(self) -> Float[Tensor, "terms"]:
        """Take a step. Returns its terms and its loss, on the device."""
        batch, candidates = self.run.training.batch_size, self.training_images
        drawn = torch.randint(len(candidates), (batch,), generator=self.generator, device=candidates.device)
        self.batch = self.images[candidates[drawn]]
        noise = draw_noise(batch, self.run.latent_dimension, self.generator)

        total, terms, codes = loss(self.objective, self.run.cost, self.model, self.batch, noise)
        total.backward(inputs=self.autoencoder)
        if self.discriminators:
            losses = discriminator_loss(self.objective, self.model, codes, noise)
            sum(losses.values()).backward(inputs=self.discriminators)
            terms |= losses
        for optimiser in self.optimisers:
            optimiser.step()
        self.terms = (*terms, "loss")
        return torch.stack([*terms.values(), total]).detach()


def recorded(step: Step) -> Callable[[], Float[Tensor, "terms"]]:
    """The same steps, from the fourth on as the replay of a CUDA graph; only where step's images are on a GPU."""
    graph, stream = torch.cuda.CUDAGraph(), torch.cuda.Stream()
    graph.register_generator_state(step.generator)
    taken, values = 0, torch.empty(0)

    def call() -> Tensor:
        nonlocal taken, values
        taken += 1
        if taken <= WARM_UP:
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                values = step()
            torch.cuda.current_stream().wait_stream(stream)
            return values
        if taken == WARM_UP + 1:
            with torch.cuda.graph(graph):
                values = step()
        graph.replay()
        return values.clone()  # the next replay writes over it

    return call
