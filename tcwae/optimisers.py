"""Adam for encoder and decoder, and one of its own for the discriminators; and their moments as named tensors."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import Parameter

from tcwae.config import Training

__all__ = ["make", "moments", "restore"]


def make(
    settings: Training, autoencoder: Sequence[Parameter], discriminators: Sequence[Parameter]
) -> list[torch.optim.Adam]:
    """Adam with the settings of section B.1, and if there are discriminators one with those of Table 4."""
    adams = [
        (autoencoder, settings.learning_rate, settings.adam_beta1, settings.adam_beta2, settings.adam_epsilon),
        (
            discriminators,
            settings.discriminator_learning_rate,
            settings.discriminator_beta1,
            settings.discriminator_beta2,
            settings.discriminator_epsilon,
        ),
    ]
    return [
        torch.optim.Adam(parameters, lr=rate, betas=(beta1, beta2), eps=epsilon, fused=True)
        for parameters, rate, beta1, beta2, epsilon in adams
        if parameters
    ]


def moments(optimisers: Sequence[torch.optim.Adam]) -> dict[str, Tensor]:
    """optimiser.<i>.<k>.step, .exp_avg and .exp_avg_sq for the k-th parameter of the i-th optimiser, after a step."""
    return {
        f"optimiser.{i}.{k}.{name}": tensor
        for i, optimiser in enumerate(optimisers)
        for k, its in optimiser.state_dict()["state"].items()
        for name, tensor in its.items()
    }


def restore(optimisers: Sequence[torch.optim.Adam], tensors: Mapping[str, Tensor]) -> None:
    """Take up moments, each laid out in memory as its parameter is.

    Raises:
        KeyError: one is missing.
        ValueError: one has another shape than its parameter.
    """
    for i, optimiser in enumerate(optimisers):
        its = {}
        for k, parameter in enumerate(optimiser.param_groups[0]["params"]):
            prefix = f"optimiser.{i}.{k}"
            its[k] = {"step": _like(torch.empty((), dtype=torch.float32), tensors[f"{prefix}.step"])} | {
                name: _like(parameter, tensors[f"{prefix}.{name}"]) for name in ("exp_avg", "exp_avg_sq")
            }
        optimiser.load_state_dict(optimiser.state_dict() | {"state": its})


def _like(parameter: Tensor, tensor: Tensor) -> Tensor:
    if (tensor.shape, tensor.dtype) != (parameter.shape, parameter.dtype):
        raise ValueError(f"a moment {tensor.dtype} {tuple(tensor.shape)} of a parameter {tuple(parameter.shape)}")
    return torch.empty_like(parameter, requires_grad=False).copy_(tensor)
