"""The weights, and the state from which a training resumes: safetensors files with a checksum.

The metadata contain, under `tcwae`, a record as JSON, with the SHA-256 of the record and of all tensors, so that damage is
detected. Nothing is unpickled from either kind of file.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from tcwae.config.extensions import verify
from tcwae.config.run import Run, check
from tcwae.data.damage import kind
from tcwae.errors import InputError
from tcwae.files import atomic
from tcwae.log import complain
from tcwae.methods.build import build
from tcwae.methods.networks import Autoencoder
from tcwae.provenance import versions
from tcwae.records import STATES

__all__ = ["State", "load_model", "load_state", "remove_states", "save_model", "save_state"]


class State(NamedTuple):
    """Everything that the next steps depend on."""

    tensors: dict[str, Tensor]
    record: dict[str, Any]


class DamagedError(InputError):
    """A file is not what was written."""


def save_model(path: Path, model: Autoencoder, run: Run, channels: int, step: int) -> None:
    """Write the weights; run, channels, step and versions are the record."""
    record = {"run": run.model_dump(), "channels": channels, "step": step, "versions": versions()}
    _write(path, State(model.state_dict(), record))


def load_model(path: Path, device: torch.device | str = "cpu") -> tuple[Autoencoder, Run, dict[str, Any]]:
    """Read what `save_model` wrote: the model, its run, and all of the record.

    Raises:
        InputError: the file is damaged or no such checkpoint.
        OSError: it cannot be read.
    """
    weights, record = _read(path)
    try:
        verify(record["run"]["code"])
        run = check(Run, record["run"], f"{path}: run")
        model = build(run, record["channels"], seed=0).to(device)
        model.load_state_dict(weights)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: expected a checkpoint of tcwae, found {_one_line(error)}") from None
    return model, run, record


def save_state(folder: Path, identity: dict[str, str], state: State) -> None:
    """Write the state of the training that `identity` identifies; the previous state is kept."""
    newest, previous = (folder / name for name in STATES)
    _write(newest, State(state.tensors, {"identity": identity, **state.record}), previous)


def load_state(folder: Path, identity: dict[str, str]) -> State | None:
    """Read the newest undamaged state, or None; a damaged one is removed with a warning, and the previous one is read.

    The state of a training with another identity is set aside with a warning that lists what differs. It is found again when
    the identity is what it was.

    Raises:
        OSError: a state cannot be read.
    """
    newest, previous = (folder / name for name in STATES)
    state = _newest(newest, previous)
    there = state.record.get("identity") if state is not None else identity
    if there != identity:
        aside = _aside(folder, there)
        complain(f"warning: {newest}: is of another training ({_differences(there, identity)}); kept as {aside.name}")
        if newest.exists():
            previous.unlink(missing_ok=True)
        os.replace(newest if newest.exists() else previous, aside)
        state = None
    if state is None and (aside := _aside(folder, identity)).exists():
        aside.replace(newest)
        state = _newest(newest)
    return state


def _newest(*paths: Path) -> State | None:
    damaged = False
    for path in paths:
        if path.exists():
            try:
                return _read(path)
            except DamagedError as damage:
                complain(f"warning: {damage}; removed")
                path.unlink()
                damaged = True
    if damaged:
        complain("warning: no whole state is left: the training starts over")
    return None


def _aside(folder: Path, identity: Any) -> Path:  # noqa: ANN401
    """Where the state of a training is kept while another one trains in its folder."""
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    return folder / f"state.{digest[:8]}.safetensors"


def _differences(there: Any, here: dict[str, str]) -> str:  # noqa: ANN401
    there = there if isinstance(there, dict) else {}
    return "; ".join(
        f"{key} {there.get(key)} there, {here.get(key)} here"
        for key in {**here, **there}
        if there.get(key) != here.get(key)
    )


def remove_states(folder: Path) -> None:
    """Remove the states of a training that has ended, those set aside first and the newest last."""
    for path in folder.glob("state.????????.safetensors"):
        path.unlink()
    for name in reversed(STATES):
        (folder / name).unlink(missing_ok=True)


def _write(path: Path, state: State, previous: Path | None = None) -> None:
    tensors = {name: tensor.cpu().contiguous() for name, tensor in state.tensors.items()}
    record = {**state.record, "sha256": _checksum(tensors, state.record)}
    whole = save(tensors, {"tcwae": json.dumps(record)})  # one key: the order of several is random
    with atomic(path, size=len(whole), previous=previous) as temporary:
        temporary.write_bytes(whole)


def _read(path: Path) -> State:
    """Raises DamagedError, or OSError."""
    whole = path.read_bytes()  # not mapped: a disk that fails is then an error and not a signal
    try:
        tensors = load(whole)
        header = json.loads(whole[8 : 8 + int.from_bytes(whole[:8], "little")])
        record = json.loads(header["__metadata__"]["tcwae"])
        expected = record.pop("sha256")
    except (SafetensorError, AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        found = kind(whole[:512]) or _one_line(error)
        raise DamagedError(f"{path}: expected a checkpoint of tcwae, found {found}") from None
    if _checksum(tensors, record) != expected:
        raise DamagedError(f"{path}: expected a checkpoint of tcwae with its checksum, found another")
    return State(tensors, record)


def _checksum(tensors: dict[str, Tensor], record: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(record, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _one_line(error: Exception) -> str:
    return str(error).split("\n")[0] or type(error).__name__
