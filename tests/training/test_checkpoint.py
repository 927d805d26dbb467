"""A state is whole or it is not there; a damaged one is known, and the one before it is used."""

import json
import os

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from tcwae.config.run import Run, check, unflatten
from tcwae.errors import InputError
from tcwae.methods.build import build
from tcwae.records import STATES
from tcwae.training import loop
from tcwae.training.checkpoint import State, load_model, load_state, remove_states, save_model, save_state

IDENTITY = {"seed": "3", "torch": "2.14.1"}
RUN = check(Run, unflatten({"dataset": "dsprites", "method": "factor_vae", "gamma": 5}), "test")


def state_of(step):
    return State({"weights": torch.full((4, 2), float(step)), "generator": torch.arange(5)}, {"step": step})


def damage(path):
    whole = bytearray(path.read_bytes())
    whole[-1] ^= 1
    path.write_bytes(whole)


@pytest.fixture
def folder(tmp_path):
    """Three states, one after the other."""
    for step in (1, 2, 3):
        save_state(tmp_path, IDENTITY, state_of(step))
    return tmp_path


def test_the_newest_state_is_read_and_the_one_before_it_is_kept(folder):
    tensors, record = load_state(folder, IDENTITY)
    assert record == {"identity": IDENTITY, "step": 3}
    assert torch.equal(tensors["weights"], torch.full((4, 2), 3.0))
    assert torch.equal(tensors["generator"], torch.arange(5))
    assert sorted(file.name for file in folder.iterdir()) == sorted(STATES)


def test_a_damaged_state_gives_way_to_the_one_before_it(folder, capsys):
    damage(folder / STATES[0])
    assert load_state(folder, IDENTITY).record["step"] == 2
    warning = (
        f"warning: {folder / STATES[0]}: expected a checkpoint of tcwae with its checksum, found another; removed\n"
    )
    assert capsys.readouterr().err == warning
    save_state(folder, IDENTITY, state_of(4))
    damage(folder / STATES[0])
    assert load_state(folder, IDENTITY).record["step"] == 2


def test_with_none_left_it_starts_over_and_says_why(folder, capsys):
    damage(folder / STATES[0])
    (folder / STATES[1]).write_bytes(b"")
    assert load_state(folder, IDENTITY) is None
    *_, last = capsys.readouterr().err.splitlines()
    assert last == "warning: no whole state is left: the training starts over"
    assert not list(folder.iterdir())


@pytest.mark.parametrize("damaged", range(2))
def test_a_state_of_another_training_is_kept_aside_until_it_is_asked_for(folder, capsys, damaged):
    for name in STATES[:damaged]:
        damage(folder / name)
    other = {"seed": "4", "data": "x"}
    assert load_state(folder, other) is None
    differs = "seed 3 there, 4 here; data None there, x here; torch 2.14.1 there, None here"
    assert f"warning: {folder / STATES[0]}: is of another training ({differs}); kept as " in capsys.readouterr().err
    save_state(folder, other, state_of(7))
    save_state(folder, other, state_of(8))
    assert load_state(folder, IDENTITY).record["step"] == 3 - damaged
    assert load_state(folder, other).record["step"] == 8
    remove_states(folder)
    assert not list(folder.iterdir())


def test_a_kill_while_a_state_is_set_aside_loses_none(folder, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        load_state(folder, {"seed": "4"})
    monkeypatch.undo()
    assert load_state(folder, {"seed": "4"}) is None
    assert load_state(folder, IDENTITY).record["step"] == 3


@pytest.mark.parametrize("rename", range(2))
@pytest.mark.parametrize("after", [False, True])
def test_at_no_instant_of_a_save_is_there_no_whole_state(folder, monkeypatch, rename, after):
    """Saving stops just before or just after one of its two renames."""
    replace, count = os.replace, iter(range(2))

    def stopping(*paths):
        last = next(count) == rename
        if after or not last:
            replace(*paths)
        if last:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stopping)
    with pytest.raises(KeyboardInterrupt):
        save_state(folder, IDENTITY, state_of(4))
    assert load_state(folder, IDENTITY).record["step"] == (4 if (rename, after) == (1, True) else 3)


def test_equal_weights_give_equal_bytes_that_any_tool_reads(tmp_path):
    for name in ("first", "again"):
        save_model(tmp_path / name, build(RUN, 1, seed=0), RUN, channels=1, step=7)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "again").read_bytes()
    with safe_open(tmp_path / "first", "np") as file:
        record = json.loads(file.metadata()["tcwae"])
        assert (record["step"], record["channels"], len(record["sha256"])) == (7, 1, 64)
        assert file.get_tensor("encoder.convolutions.0.weight").shape == (32, 1, 4, 4)


def test_one_changed_bit_of_the_weights_is_found(tmp_path):
    path = tmp_path / "model"
    save_model(path, build(RUN, 1, seed=0), RUN, channels=1, step=7)
    assert load_model(path)[1] == RUN
    damage(path)
    with pytest.raises(InputError, match=r"model: expected a checkpoint of tcwae with its checksum, found another"):
        load_model(path)


def test_weights_of_another_program_are_refused(tmp_path):
    save_file({"weights": torch.zeros(3)}, tmp_path / "model")
    with pytest.raises(InputError, match=r"model: expected a checkpoint of tcwae"):
        load_model(tmp_path / "model")


def forged(state, **changes):
    """A state with a right checksum and wrong contents, as no damage makes it."""
    tensors = {**state.tensors, **{name: value for name, value in changes.items() if value is not None}}
    for name in [name for name, value in changes.items() if value is None]:
        del tensors[name]
    return State(tensors, state.record)


@pytest.mark.parametrize(
    "changes",
    [
        {"optimiser.0.0.exp_avg": torch.zeros(2)},
        {"optimiser.1.3.exp_avg_sq": None},
        {"model.encoder.convolutions.0.weight": None},
        {"generator": torch.zeros(3)},
        {"curves": torch.zeros(2, 1)},
        {"recent": None},
    ],
    ids=str,
)
def test_a_forged_state_is_refused(changes, small_data, tmp_path):
    run = RUN.model_copy(update={"training": RUN.training.model_copy(update={"iterations": 2, "batch_size": 4})})
    with pytest.raises(loop.Interrupted):
        loop.train(run, small_data, tmp_path, time_budget=0.0)
    with safe_open(tmp_path / STATES[0], "pt") as file:
        record = json.loads(file.metadata()["tcwae"])
        state = State({name: file.get_tensor(name) for name in file.keys()}, record)
    del record["sha256"]
    save_state(tmp_path, record.pop("identity"), forged(state, **changes))
    with pytest.raises(InputError, match="expected the state of this training"):
        loop.train(run, small_data, tmp_path)
