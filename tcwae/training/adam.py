"""Adam for encoder and decoder, and one of its own for the discriminators; and their moments as named tensors."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import Parameter

from tcwae.config.run import Training

__all__ = ["Adam", "make", "moments", "restore"]


class Adam:
    """Adam (Kingma and Ba, 2015, https://arxiv.org/abs/1412.6980) in one operation on all its parameters.

    The operation is the one of `torch.optim.Adam(fused=True)`, whose class imports torch's compiler and takes seconds.
    """

    def __init__(
        self, parameters: Sequence[Parameter], learning_rate: float, beta1: float, beta2: float, epsilon: float
    ) -> None:
        self.parameters = list(parameters)
        self.settings = {"lr": learning_rate, "beta1": beta1, "beta2": beta2, "eps": epsilon}
        self.means, self.squares = (
            [torch.zeros_like(parameter, requires_grad=False) for parameter in self.parameters] for _ in range(2)
        )
        self.steps = [torch.zeros((), device=parameter.device) for parameter in self.parameters]

    @torch.no_grad()
    def step(self) -> None:
        """Move the parameters against their gradients, which are used up."""
        torch._foreach_add_(self.steps, 1)
        torch._fused_adam_(
            self.parameters,
            [parameter.grad for parameter in self.parameters],
            self.means,
            self.squares,
            [],
            self.steps,
            **self.settings,
            weight_decay=0.0,
            amsgrad=False,
            maximize=False,
        )
        for parameter in self.parameters:
            parameter.grad = None


def make(settings: Training, autoencoder: Sequence[Parameter], discriminators: Sequence[Parameter]) -> list[Adam]:
    """Adam with the settings of section B.1, and if there are discriminators one with those of Table 4."""
    adams = [
        Adam(autoencoder, settings.learning_rate, settings.adam_beta1, settings.adam_beta2, settings.adam_epsilon),
        Adam(
            discriminators,
            settings.discriminator_learning_rate,
            settings.discriminator_beta1,
            settings.discriminator_beta2,
            settings.discriminator_epsilon,
        ),
    ]
    return [adam for adam in adams if adam.parameters]


def moments(optimisers: Sequence[Adam]) -> dict[str, Tensor]:
    """optimiser.<i>.<k>.step, .exp_avg and .exp_avg_sq for the k-th parameter of the i-th optimiser."""
    return {
        f"optimiser.{i}.{k}.{name}": tensor
        for i, optimiser in enumerate(optimisers)
        for name, tensors in (
            ("step", optimiser.steps),
            ("exp_avg", optimiser.means),
            ("exp_avg_sq", optimiser.squares),
        )
        for k, tensor in enumerate(tensors)
    }


def restore(optimisers: Sequence[Adam], tensors: Mapping[str, Tensor]) -> None:
    """Take up moments.

    Raises:
        KeyError: one is missing.
        ValueError: one has another shape than its parameter.
    """
    for name, there in moments(optimisers).items():
        found = tensors[name]
        if (found.shape, found.dtype) != (there.shape, there.dtype):
            raise ValueError(f"{name} {found.dtype} {tuple(found.shape)}, expected {there.dtype} {tuple(there.shape)}")
        there.copy_(found)
