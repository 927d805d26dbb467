"""Adam for encoder and decoder, a second one for the discriminators, and their moments as named tensors."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import Parameter

from tcwae.config.run import Training

__all__ = ["Adam", "make", "moments", "restore"]

WARM_UP = 50
"""The step size that decays rises before, for one in so many steps."""


class Adam:
    """Adam (Kingma and Ba, 2015, https://arxiv.org/abs/1412.6980) on all its parameters at once.

    It calls the operation behind `torch.optim.Adam(fused=True)`, because importing that class loads torch's compiler, which
    takes seconds. The operation is private; where torch lacks it, public operations compute the same up to rounding.

    With `decay_steps` T, the step size after t of T steps is

        learning_rate min(1, WARM_UP (t + 1) / T) (1 + cos(pi t / T)) / 2

    (Loshchilov and Hutter, 2017, https://arxiv.org/abs/1608.03983, equation 5 without restarts, after a linear rise).
    """

    def __init__(
        self,
        parameters: Sequence[Parameter],
        learning_rate: float,
        beta1: float,
        beta2: float,
        epsilon: float,
        decay_steps: int | None = None,
    ) -> None:
        self.parameters = list(parameters)
        self.learning_rate, self.decay_steps = learning_rate, decay_steps
        self.settings = {"beta1": beta1, "beta2": beta2, "eps": epsilon}
        self.means, self.squares = (
            [torch.zeros_like(parameter, requires_grad=False) for parameter in self.parameters] for _ in range(2)
        )
        self.steps = [torch.zeros((), dtype=torch.float32, device=parameter.device) for parameter in self.parameters]

    def step_size(self) -> float | Tensor:
        """Of the step that follows; one that decays is on the device, so that a CUDA graph computes it anew each time."""
        if self.decay_steps is None:
            return self.learning_rate
        taken, total = self.steps[0], self.decay_steps
        rise = (WARM_UP / total * (taken + 1)).clamp(max=1)
        return self.learning_rate * rise * (1 + torch.cos(math.pi / total * taken)) / 2

    @torch.no_grad()
    def step(self) -> None:
        """Move the parameters against their gradients, then drop the gradients."""
        gradients = [_laid_out_as(parameter, parameter.grad) for parameter in self.parameters]
        step_size = self.step_size()
        fused = getattr(torch, "_fused_adam_", None)
        if fused is not None and hasattr(torch, "_foreach_add_"):
            torch._foreach_add_(self.steps, 1)
            fused(
                self.parameters,
                gradients,
                self.means,
                self.squares,
                [],
                self.steps,
                lr=step_size,
                **self.settings,
                weight_decay=0.0,
                amsgrad=False,
                maximize=False,
            )
        else:
            for each in zip(self.parameters, gradients, self.means, self.squares, self.steps, strict=True):
                _move(*each, lr=step_size, **self.settings)
        for parameter in self.parameters:
            parameter.grad = None


def _move(
    parameter: Tensor,
    gradient: Tensor,
    mean: Tensor,
    square: Tensor,
    step: Tensor,
    *,
    lr: float | Tensor,
    beta1: float,
    beta2: float,
    eps: float,
) -> None:
    """Algorithm 1 of Kingma and Ba; the host never waits for a value."""
    step.add_(1)
    mean.lerp_(gradient, 1 - beta1)
    square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
    unbiased_mean, unbiased_square = mean / (1 - beta1**step), square / (1 - beta2**step)
    parameter.addcdiv_(unbiased_mean.mul_(-lr), unbiased_square.sqrt_().add_(eps))


def _laid_out_as(parameter: Tensor, gradient: Tensor) -> Tensor:
    """The gradient with the parameter's strides: autograd may differ in sides of length one, and CUDA's kernel refuses that."""
    same = gradient.stride() == parameter.stride()
    return gradient if same else gradient.as_strided(parameter.shape, parameter.stride())


def make(settings: Training, autoencoder: Sequence[Parameter], discriminators: Sequence[Parameter]) -> list[Adam]:
    """Adam with the settings of section B.1; where there are discriminators, a second one with those of Table 4."""
    decay_steps = settings.iterations if settings.learning_rate_decay == "cosine" else None
    adams = [
        Adam(
            autoencoder,
            settings.learning_rate,
            settings.adam_beta1,
            settings.adam_beta2,
            settings.adam_epsilon,
            decay_steps,
        ),
        Adam(
            discriminators,
            settings.discriminator_learning_rate,
            settings.discriminator_beta1,
            settings.discriminator_beta2,
            settings.discriminator_epsilon,
            decay_steps,
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
    """Copy moments into the optimisers.

    Raises:
        KeyError: one is missing.
        ValueError: one has another shape than its parameter.
    """
    for name, moment in moments(optimisers).items():
        saved = tensors[name]
        if (saved.shape, saved.dtype) != (moment.shape, moment.dtype):
            raise ValueError(
                f"{name} {saved.dtype} {tuple(saved.shape)}, expected {moment.dtype} {tuple(moment.shape)}"
            )
        moment.copy_(saved)
