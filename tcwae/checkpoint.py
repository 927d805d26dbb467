"""Weights for everybody (safetensors), and the state that a training resumes from (a torch file beside them)."""

import json
from io import BytesIO
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from tcwae.config import Run, check
from tcwae.errors import InputError
from tcwae.files import atomic
from tcwae.networks import Autoencoder
from tcwae.objectives import OBJECTIVES
from tcwae.provenance import versions

__all__ = ["build", "load_model", "load_state", "save_model", "save_state"]


def build(run: Run, channels: int, seed: int) -> Autoencoder:
    """The model of a run, with the discriminators of its objective, initialised from `seed`."""
    return Autoencoder(
        channels,
        run.latent_dimension,
        discriminators=OBJECTIVES[run.method.name].discriminators,
        slope=getattr(run.method, "discriminator_slope", 0.0),
        seed=seed,
    )


def save_model(path: Path, model: Autoencoder, run: Run, channels: int, step: int) -> None:
    """Write the weights as safetensors; run, channels, step and versions travel as JSON in its metadata, under `tcwae`."""
    record = {"run": run.model_dump(), "channels": channels, "step": step, "versions": versions()}
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    with atomic(path) as temporary:
        temporary.write_bytes(save(weights, {"tcwae": json.dumps(record)}))  # one key: the order of several is random


def load_model(path: Path, device: torch.device | str = "cpu") -> tuple[Autoencoder, Run, dict[str, Any]]:
    """Read what `save_model` wrote: the model, its run, and all of the record.

    Raises:
        InputError: the file is not such a checkpoint.
        OSError: it cannot be read.
    """
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            record = json.loads(file.metadata()["tcwae"])
            weights = {name: file.get_tensor(name) for name in file.keys()}
        run = check(Run, record["run"], f"{path}: run")
        model = build(run, record["channels"], seed=0).to(device)
        model.load_state_dict(weights)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: expected a checkpoint of tcwae, found {_one_line(error)}") from None
    return model, run, record


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write a resumable state."""
    whole = BytesIO()  # torch reports a full disk without its name
    torch.save(state, whole)
    with atomic(path) as temporary:
        temporary.write_bytes(whole.getbuffer())


def load_state(path: Path, identity: dict[str, str]) -> dict[str, Any]:
    """Read a resumable state, which must have been written by the same run on the same data with the same versions.

    Raises:
        InputError: it is damaged, or of another run; the message lists what differs.
    """
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
        found = state["identity"]
    except (RuntimeError, KeyError, ValueError, EOFError, TypeError, UnpicklingError) as error:
        raise InputError(f"{path}: expected the state of a training, found {_one_line(error)}; remove it") from None
    differs = [
        f"{key} {found.get(key)} there, {value} here" for key, value in identity.items() if found.get(key) != value
    ]
    if differs:
        raise InputError(f"{path}: is of another training ({'; '.join(differs)}); remove it to start over")
    return state


def _one_line(error: Exception) -> str:
    return str(error).split("\n")[0]
