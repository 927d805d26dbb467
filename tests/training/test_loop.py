"""The loop: exact to repeat, exact to resume, and honest where it ends."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open

from tcwae import provenance
from tcwae.config.run import Run, check, unflatten
from tcwae.data import prepared
from tcwae.data.images import split
from tcwae.errors import InputError
from tcwae.methods import costs
from tcwae.training import lock, loop
from tcwae.training.checkpoint import load_model
from tcwae.training.loop import Diverged, Interrupted

METHODS = {
    "wae_mmd": {"lambda": 10},
    "tcwae_mws": {"beta": 4, "gamma": 2},
    "tcwae_gan": {"beta": 4, "gamma": 2},
    "beta_tcvae": {"beta": 4},
    "factor_vae": {"gamma": 5},
}


def run_of(method="beta_tcvae", **settings):
    values = {"dataset": "dsprites", "method": method, "batch_size": 8, "iterations": 6, "log_every": 4, **settings}
    return check(Run, unflatten({**values, **METHODS[method]}), "test")


def contents(folder):
    return {name: (folder / name).read_bytes() for name in ("model.safetensors", "curves.csv")}


@pytest.mark.parametrize("method", METHODS)
def test_resumed_at_any_step_it_ends_with_the_same_bytes(method, small_data, tmp_path):
    run = run_of(method)
    loop.train(run, small_data, tmp_path / "whole")
    for _ in range(run.training.iterations):
        try:
            loop.train(run, small_data, tmp_path / "pieces", time_budget=0.0)  # one step, then out
        except Interrupted:
            assert not (tmp_path / "pieces" / "model.safetensors").exists()
    assert contents(tmp_path / "whole") == contents(tmp_path / "pieces")
    assert not list((tmp_path / "pieces").glob("*state*"))


def test_seed_decides_everything(small_data, tmp_path):
    for name, seed in (("first", 1), ("again", 1), ("other", 2)):
        loop.train(run_of(seed=seed), small_data, tmp_path / name)
    assert contents(tmp_path / "first") == contents(tmp_path / "again")
    assert contents(tmp_path / "first") != contents(tmp_path / "other")


def test_curves_are_means_of_the_steps_between(small_data, tmp_path):
    """A row of every 4 steps holds the mean of the four rows of every single step."""
    loop.train(run_of(log_every=1), small_data, tmp_path / "each")
    loop.train(run_of(log_every=4), small_data, tmp_path / "mean")
    each, mean = (pd.read_csv(tmp_path / name / "curves.csv") for name in ("each", "mean"))
    assert mean["step"].tolist() == [4, 6]
    np.testing.assert_allclose(mean.iloc[0, 1:-1], each.iloc[:4, 1:-1].mean(), rtol=1e-12)
    np.testing.assert_allclose(mean.iloc[1, 1:-1], each.iloc[4:, 1:-1].mean(), rtol=1e-12)
    assert mean["active_units"].tolist() == each["active_units"].iloc[[3, 5]].tolist()
    assert list(mean) == [
        "step",
        "reconstruction",
        "index_code_mi",
        "total_correlation",
        "dimension_wise_kl",
        "loss",
        "active_units",
    ]


def test_training_lowers_the_loss(small_data, tmp_path):
    loop.train(run_of(iterations=60, log_every=20, learning_rate=1e-3, adam_epsilon=1e-8), small_data, tmp_path)
    curves = pd.read_csv(tmp_path / "curves.csv")
    assert curves["reconstruction"].iloc[-1] < 0.7 * curves["reconstruction"].iloc[0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_signals_save_the_state(number, small_data, tmp_path):
    """In a process of its own, as it is on a cluster."""
    timer = threading.Timer(0.7, os.kill, (os.getpid(), number))
    timer.start()
    with pytest.raises(Interrupted, match=number.name):
        loop.train(run_of(iterations=100_000), small_data, tmp_path)
    with safe_open(tmp_path / "state.safetensors", "np") as file:
        assert 0 < json.loads(file.metadata()["tcwae"])["step"] < 100_000
    assert signal.getsignal(number) is not None


def test_other_settings_start_over_and_the_old_ones_go_on_where_they_stopped(small_data, tmp_path, capsys):
    with pytest.raises(Interrupted):
        loop.train(run_of(), small_data, tmp_path, time_budget=0.0)
    with pytest.raises(Interrupted):
        loop.train(run_of(learning_rate=0.01, seed=7), small_data, tmp_path, time_budget=0.0)
    said = capsys.readouterr()
    assert "seed 0 there, 7 here; learning_rate 0.0004 there, 0.01 here" in said.err
    loop.train(run_of(), small_data, tmp_path)
    starts = [line.partition("step ")[2][0] for line in (said.out + capsys.readouterr().out).splitlines()]
    assert starts[:3] == ["0", "0", "1"]
    assert not list(tmp_path.glob("state*"))


ANOTHER = """
import shutil, sys, time
from pathlib import Path
from tcwae.training.lock import exclusive

folder, *made = map(Path, sys.argv[1:])
with exclusive(folder / ".lock"):
    (folder / "held").touch()
    while (folder / "held").exists():
        time.sleep(0.01)
    for source in made:
        shutil.copytree(source, folder, copy_function=shutil.copy, dirs_exist_ok=True)
"""


@pytest.fixture
def beside_another(small_data, tmp_path, monkeypatch, capsys):
    """Train a run that another process holds until it is waited for; whether the files that it leaves are made again."""

    def trains_again(made, commit="0123456789", **settings):
        folder = tmp_path / "run"
        monkeypatch.setattr(lock, "say", lambda text: (folder / "held").unlink())
        monkeypatch.setattr(loop, "commit", lambda: commit)
        with subprocess.Popen([sys.executable, "-c", ANOTHER, folder, *([made] if made else [])]) as process:
            while not (folder / "held").exists() and process.poll() is None:
                time.sleep(0.01)
            assert loop.train(run_of(**settings), small_data, folder) is None
        assert process.returncode == 0
        return "nothing is left to do" not in capsys.readouterr().out

    return trains_again


@pytest.fixture
def made(small_data, tmp_path, capsys):
    """A training that has ended."""
    loop.train(run_of(), small_data, tmp_path / "made")
    capsys.readouterr()
    return tmp_path / "made"


def test_what_the_process_that_is_waited_for_has_made_is_not_made_again(beside_another, made, tmp_path):
    assert not beside_another(made)
    assert contents(tmp_path / "run") == contents(made)
    assert not beside_another(made)  # nor where there was one before


def test_a_diverged_training_is_a_result_too(beside_another, made):
    record = json.loads((made / "training.json").read_text())
    (made / "training.json").write_text(json.dumps(record | {"status": "diverged", "step": 5, "term": "loss"}))
    with pytest.raises(AssertionError, match=r"Diverged\(step=5, term='loss'\)"):
        beside_another(made)


def test_it_is_made_again_where_the_other_made_none(beside_another, made, tmp_path):
    assert beside_another(None)
    shutil.copytree(made, tmp_path / "run", dirs_exist_ok=True)
    assert beside_another(None)  # what is there is older


@pytest.mark.parametrize(
    "other",
    [{"seed": 1}, {"iterations": 7}, {"commit": "0123456789+"}, {"commit": "unknown"}],
    ids=lambda other: " ".join(map(str, *other.items())),
)
def test_it_is_made_again_where_the_other_s_is_not_known_to_be_the_same(other, beside_another, made):
    assert beside_another(made, **other)


@pytest.mark.parametrize("name", ["curves.csv", "training.json", "model.safetensors"])
def test_it_is_made_again_where_a_file_is_gone(name, beside_another, made):
    (made / name).unlink()
    assert beside_another(made)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"threads": 1', b'"threads": 2'),
        (b'"images_sha256": "', b'"images_sha256": "0'),
        (b'"commit": "', b'"commit": "0'),
        (b'"deterministic": false', b'"deterministic": true'),
        (b'"device": "cpu"', b'"device": "TPU"'),
    ],
)
def test_it_is_made_again_where_the_other_s_was_made_otherwise(old, new, beside_another, made):
    record = (made / "training.json").read_bytes()
    assert old in record
    (made / "training.json").write_bytes(record.replace(old, new))
    assert beside_another(made)


def test_it_is_made_again_where_the_other_s_is_damaged(beside_another, made):
    whole = bytearray((made / "model.safetensors").read_bytes())
    whole[-1] ^= 1
    (made / "model.safetensors").write_bytes(whole)
    assert beside_another(made)


def test_it_is_made_again_where_a_state_is_left(small_data, beside_another, made):
    """It would be taken up by the next training of the run."""
    with pytest.raises(Interrupted):
        loop.train(run_of(), small_data, made, time_budget=0.0)
    assert beside_another(made)


def test_what_nobody_else_makes_meanwhile_is_always_made(small_data, made, capsys):
    """A finished training is made again where it is asked for."""
    loop.train(run_of(), small_data, made)
    assert "step 0 of" in capsys.readouterr().out


def test_divergence_is_recorded_with_step_and_term(small_data, tmp_path, monkeypatch):
    calls = []

    def breaks_at_the_sixth(logits, images):
        calls.append(None)
        return costs.cross_entropy(logits, images) * (float("nan") if len(calls) == 6 else 1)

    monkeypatch.setitem(costs.COSTS, "cross_entropy", breaks_at_the_sixth)
    diverged = loop.train(run_of(iterations=1000), small_data, tmp_path)
    assert diverged == Diverged(6, "reconstruction")
    record = json.loads((tmp_path / "training.json").read_text())
    assert (record["status"], record["step"], record["term"]) == ("diverged", 6, "reconstruction")
    assert len(calls) <= 8


def test_the_record_and_the_checkpoint_say_what_was_run(small_data, tmp_path):
    run = run_of("factor_vae", seed=4)
    loop.train(run, small_data, tmp_path)
    model, found, record = load_model(tmp_path / "model.safetensors")
    assert found == run
    assert record["step"] == 6
    assert {"tcwae", "torch", "commit"} <= record["versions"].keys()
    assert list(model.discriminators) == ["total_correlation"]
    with safe_open(tmp_path / "model.safetensors", "np") as file:
        assert "encoder.convolutions.0.weight" in file.keys()
    record = json.loads((tmp_path / "training.json").read_text())
    assert record["status"] == "finished"
    assert record["data"]["source"] == "rendered"


def test_held_out_images_are_never_trained_on(small_data, tmp_path, monkeypatch):
    seen = []
    whole = loop.Images.__getitem__
    monkeypatch.setattr(loop.Images, "__getitem__", lambda self, index: (seen.append(index), whole(self, index))[1])
    loop.train(run_of(iterations=100, batch_size=16), small_data, tmp_path)
    training, held_out = split(432)
    drawn = set(torch.cat(seen).tolist())
    assert drawn <= set(training.tolist())
    assert not drawn & set(held_out.tolist())
    assert len(drawn) > 0.9 * len(training)


def test_no_device_no_training(small_data, tmp_path):
    with pytest.raises(InputError, match="--device cuda: expected a CUDA device, found none"):
        loop.train(run_of(), small_data, tmp_path / "run", device="cuda")
    with pytest.raises(InputError, match="--device: expected cpu, cuda, or one GPU of several as cuda:0, found 'gpu0'"):
        loop.train(run_of(), small_data, tmp_path / "run", device="gpu0")
    assert not (tmp_path / "run").exists()


def test_same_bytes_from_the_command_line(small_data, tmp_path):
    provenance.commit.cache_clear()  # files may have been edited since this process asked for it
    loop.train(run_of(), small_data, tmp_path / "here")
    flags = "--dataset dsprites --method beta_tcvae --beta 4 --batch-size 8 --iterations 6 --log-every 4".split()
    command = [sys.executable, "-m", "tcwae", "train", *flags, "--data", small_data, "--output", tmp_path / "there"]
    subprocess.run(command, check=True, capture_output=True)
    assert contents(tmp_path / "here") == contents(tmp_path / "there")


def test_images_too_few_to_evaluate_are_refused_before_the_training(small_data, tmp_path):
    whole = prepared.read(small_data)
    for count in (9, 19):
        path = tmp_path / f"{count}.h5"
        prepared.write(replace(whole, images=whole.images[:count], factors=whole.factors[:count]), path)
        with pytest.raises(InputError, match=rf"{count}.h5: expected at least 20 images, .* found {count}$"):
            loop.train(run_of(batch_size=4), path, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_batch_larger_than_the_data_set_is_refused(small_data, tmp_path):
    with pytest.raises(InputError, match=r"small.h5: expected a batch of at most its 432 images, found 500"):
        loop.train(run_of(batch_size=500), small_data, tmp_path / "run")
    assert not (tmp_path / "run").exists()
