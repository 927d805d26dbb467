"""Killed at any instant and started again by the same command, a training ends with the bytes of one that was not."""

import itertools
import os
import random
import signal
import time

import pytest
from patience import HANG

from tcwae.records import STATES

from .processes import TRAIN, finish, start, train_command

LONG = pytest.mark.faults


def results(folder):
    return {name: (folder / name).read_bytes() for name in ("model.safetensors", "curves.csv")}


def only_results_are_left(folder):
    return {file.name for file in folder.iterdir()} == {*results(folder), "training.json", ".lock"}


def whole(method, data, folder, iterations):
    status, log = finish(train_command(method, data, folder / "whole", iterations), folder / "log")
    assert status == 0, log
    return results(folder / "whole")


def wait_for_a_state(folder):
    while not (folder / STATES[0]).exists():
        time.sleep(0.01)


def attempts(command, folder, chance, longest, kills):
    """Start `command` until it ends, killing it after up to `longest` s at most `kills` times.

    Returns:
        The number of kills, and of those that met a file half written.
    """
    killed = writing = 0
    while True:
        process = start(command, folder / "log")
        process.join(chance.uniform(0, longest) if killed < kills else 300)
        process.kill()  # nothing, if it has ended
        process.join()
        if process.exitcode == 0:
            return killed, writing
        assert process.exitcode == -signal.SIGKILL, (folder / "log").read_text()
        killed += 1
        writing += bool(list((folder / "run").glob(".*.part")))


@pytest.mark.parametrize(
    ("methods", "kills"), [(["factor_vae"], 3), pytest.param(list(TRAIN), 100, marks=LONG)], ids=["quick", "long"]
)
def test_kills_at_random_times_lose_nothing(methods, kills, small_data, tmp_path):
    """The state is saved after every step, so that many a kill meets it half written."""
    chance, killed, writing, rounds = random.Random(1), 0, 0, 0
    expected = {}
    while killed < kills:
        method = methods[rounds % len(methods)]
        folder = tmp_path / f"{rounds}"
        folder.mkdir()
        if method not in expected:
            expected[method] = whole(method, small_data, folder, 12)
        command = train_command(method, small_data, folder / "run", 12, "--save-every", 0)
        found = attempts(command, folder, chance, longest=2.5, kills=min(8, kills - killed))
        killed, writing, rounds = killed + found[0], writing + found[1], rounds + 1
        assert results(folder / "run") == expected[method]
        assert only_results_are_left(folder / "run")
    print(f"{killed} kills, {writing} of them in a file being written; {rounds} runs, none lost")


@LONG
@pytest.mark.parametrize("method", ["wae_mmd", "factor_vae"])
def test_kills_at_every_rename_lose_nothing(method, small_data, tmp_path):
    """Just before and just after each: one for the first state, two for the second, three for the results."""
    expected = whole(method, small_data, tmp_path, 3)
    command = train_command(method, small_data, tmp_path / "run", 3, "--save-every", 0)
    for instant in itertools.product(range(6), (False, True)):
        status, _ = finish(command, tmp_path / "log", killed_at_rename=instant)
        assert status == -signal.SIGKILL
        status, log = finish(command, tmp_path / "log")
        assert status == 0, log
        assert results(tmp_path / "run") == expected
        assert only_results_are_left(tmp_path / "run")


def test_two_processes_on_one_run(small_data, tmp_path):
    """The second stops with status 75 and one line while the first lives, and goes on where it was killed."""
    expected = whole("wae_mmd", small_data, tmp_path, 60)
    command = train_command("wae_mmd", small_data, tmp_path / "run", 60, "--save-every", 0)
    first = start(command, tmp_path / "first")
    wait_for_a_state(tmp_path / "run")
    status, log = finish(command, tmp_path / "log", patience=0.3)
    assert status == 75
    assert log.splitlines()[-1].startswith(
        f"tcwae train: {tmp_path / 'run'}: another process trains this run: process "
    )
    assert str(first.pid) in log
    first.kill()
    first.join()
    status, log = finish(command, tmp_path / "log", patience=0.0)
    assert status == 0
    assert "step 0 of" not in log
    assert results(tmp_path / "run") == expected


def test_two_runs_side_by_side_are_as_each_alone(small_data, tmp_path):
    expected = whole("tcwae_mws", small_data, tmp_path, 20)
    folders = [tmp_path / "one", tmp_path / "two"]
    both = [
        start(train_command("tcwae_mws", small_data, folder, 20), tmp_path / f"{folder.name}.log") for folder in folders
    ]
    for process, folder in zip(both, folders, strict=True):
        process.join(HANG)
        assert process.exitcode == 0
        assert results(folder) == expected


@LONG
def test_a_day_of_signals(small_data, tmp_path):
    """Stopped by SIGTERM, SIGUSR1 and its time budget again and again, with status 75 each time."""
    expected = whole("tcwae_gan", small_data, tmp_path, 12)
    command = train_command("tcwae_gan", small_data, tmp_path / "run", 12)
    stops = 0
    for number in [signal.SIGTERM, signal.SIGUSR1, None] * 20:
        more = ("--time-budget", 0) if number is None else ()
        log = tmp_path / f"{stops}.log"
        process = start([*command, *more], log)
        while number is not None and process.is_alive() and not (log.exists() and "step" in log.read_text()):
            time.sleep(0.01)
        if number is not None and process.is_alive():
            os.kill(process.pid, number)
        process.join(HANG)
        if process.exitcode == 0:
            break
        assert process.exitcode == 75, log.read_text()
        stops += 1
    assert process.exitcode == 0
    assert stops >= 3
    assert results(tmp_path / "run") == expected
