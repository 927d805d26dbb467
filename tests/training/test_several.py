"""Several trainings in one process: each as it is alone, whatever happens to the others."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from tcwae.cli.main import main
from tcwae.config.planned import read, write
from tcwae.config.run import Run, check, unflatten
from tcwae.errors import InputError
from tcwae.methods import costs
from tcwae.training import loop, several
from tcwae.training.adam import Adam
from tcwae.training.lock import HeldError
from tcwae.training.loop import Diverged, Interrupted, Machine, OutOfMemory, Task
from tcwae.training.several import Crowd
from tcwae.training.step import Step, Unrecordable

METHODS = {
    "wae_mmd": {"lambda": 10},
    "tcwae_mws": {"beta": 4, "gamma": 2},
    "tcwae_gan": {"beta": 4, "gamma": 2},
    "beta_tcvae": {"beta": 4},
    "factor_vae": {"gamma": 5},
    "beta_vae": {"beta": 4},
}


def run_of(method="beta_vae", **settings):
    values = {"dataset": "dsprites", "method": method, "batch_size": 4, "iterations": 4, "log_every": 2, **settings}
    return check(Run, unflatten({**values, **METHODS[method]}), "test")


def contents(folder):
    return {name: (folder / name).read_bytes() for name in ("model.safetensors", "curves.csv")}


def tasks_of(folder, **runs):
    return [Task(run, folder / name, folder / name / "train.log") for name, run in runs.items()]


def train(tasks, data, device="cpu", at_a_time=10, **machine):
    return loop.train_many(tasks, data, Machine(device, deterministic=device != "cpu", **machine), at_a_time)


@pytest.fixture(scope="module")
def alone(small_data, device, tmp_path_factory):
    """One run of each method, of different lengths, each trained alone."""
    folder = tmp_path_factory.mktemp("alone")
    runs = {method: run_of(method, iterations=3 + number) for number, method in enumerate(METHODS)}
    for name, run in runs.items():
        loop.train(run, small_data, folder / name, device=device, deterministic=device != "cpu")
    return runs, {name: contents(folder / name) for name in runs}


@pytest.mark.parametrize("at_a_time", [2, 6])
def test_together_they_are_as_each_alone(at_a_time, alone, small_data, device, tmp_path):
    runs, expected = alone
    assert train(tasks_of(tmp_path, **runs), small_data, device, at_a_time) == [None] * len(runs)
    assert {name: contents(tmp_path / name) for name in runs} == expected
    assert not list(tmp_path.rglob("*state*"))
    assert all("step 0 of" in (tmp_path / name / "train.log").read_text() for name in runs)


def test_interrupted_at_different_steps_they_end_alike(alone, small_data, device, tmp_path):
    """Each call stops after a step; the runs that wait come to their turn later."""
    runs, expected = alone
    for at_a_time in [3, 2, 6, 1, 4] * 10:
        outcomes = train(tasks_of(tmp_path, **runs), small_data, device, at_a_time, time_budget=0.0)
        runs = {name: run for (name, run), outcome in zip(runs.items(), outcomes, strict=True) if outcome is not None}
        assert all(isinstance(outcome, Interrupted | None) for outcome in outcomes)
        if not runs:
            break
    assert {name: contents(tmp_path / name) for name in expected} == expected


def test_a_killed_process_loses_none_of_them(alone, small_data, tmp_path):
    runs, expected = alone
    write({tmp_path / name: run for name, run in runs.items()}, tmp_path / "runs.json")
    words = ["train-many", "--data", small_data, "--runs", tmp_path / "runs.json", "--at-a-time", 6, "--save-every", 0]
    words = [str(word) for word in words]
    with subprocess.Popen([sys.executable, "-m", "tcwae", *words], stderr=subprocess.DEVNULL) as process:
        while not len(list(tmp_path.rglob("state.safetensors"))) >= 2 and process.poll() is None:
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
    assert main(words) == 0
    for name in expected:
        assert (tmp_path / name / "curves.csv").read_bytes() == expected[name]["curves.csv"]


def failing(monkeypatch, seed, at, error):
    """Make a run fail by `error` in its step number `at`, once for each error in a list."""
    taken, errors, step = [], list(error) if isinstance(error, list) else None, Step.__call__

    def call(self):
        if self.run.seed == seed:
            taken.append(None)
            if len(taken) == at and (errors is None or errors):
                taken.clear()
                torch.rand(3, generator=self.generator)  # it fails after it drew
                raise errors.pop() if errors is not None else error
        return step(self)

    monkeypatch.setattr(Step, "__call__", call)


@pytest.mark.parametrize("error", [ZeroDivisionError("x"), OSError(5, "broken"), RuntimeError("y")])
def test_one_that_fails_takes_no_other_along(error, small_data, tmp_path, monkeypatch):
    runs = {name: run_of(seed=seed) for seed, name in enumerate(("first", "second", "third"))}
    loop.train(runs["third"], small_data, tmp_path / "alone")
    failing(monkeypatch, 1, 2, error)
    assert train(tasks_of(tmp_path, **runs), small_data) == [None, error, None]
    assert contents(tmp_path / "third") == contents(tmp_path / "alone")
    assert type(error).__name__ in (tmp_path / "second" / "train.log").read_text() or isinstance(error, OSError)


def test_one_that_diverges_ends_alone(small_data, tmp_path, monkeypatch):
    def breaks(logits, images):
        return costs.l1(logits, images) * float("nan")

    monkeypatch.setitem(costs.COSTS, "l1", breaks)
    runs = {"good": run_of(), "bad": run_of(cost="l1"), "other": run_of(seed=3)}
    assert train(tasks_of(tmp_path, **runs), small_data) == [None, Diverged(1, "reconstruction"), None]
    assert json.loads((tmp_path / "bad" / "training.json").read_text())["status"] == "diverged"


def test_out_of_memory_it_saves_and_goes_on_with_fewer(small_data, tmp_path, monkeypatch):
    runs = {name: run_of(seed=seed) for seed, name in enumerate(("first", "second"))}
    for name, run in runs.items():
        loop.train(run, small_data, tmp_path / "alone" / name)
    failing(monkeypatch, 1, 3, [torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 MiB")])
    assert train(tasks_of(tmp_path, **runs), small_data) == [None, None]
    for name in runs:
        assert contents(tmp_path / name) == contents(tmp_path / "alone" / name)
    log = (tmp_path / "second" / "train.log").read_text()
    assert "the device has no memory left; the run is saved at step 2" in log
    assert "step 2 of 4" in log


def test_out_of_memory_alone_the_same_command_goes_on(small_data, tmp_path, monkeypatch):
    loop.train(run_of(), small_data, tmp_path / "alone")
    failing(monkeypatch, 0, 3, [torch.OutOfMemoryError("CUDA out of memory")])
    with pytest.raises(OutOfMemory, match="saved at step 2: free some memory"):
        loop.train(run_of(), small_data, tmp_path / "run")
    loop.train(run_of(), small_data, tmp_path / "run")
    assert contents(tmp_path / "run") == contents(tmp_path / "alone")


def test_memory_that_ends_while_parameters_move_costs_what_came_after_the_last_save(small_data, tmp_path, monkeypatch):
    loop.train(run_of(), small_data, tmp_path / "alone")
    step, calls = Adam.step, []

    def breaks(self):
        calls.append(None)
        if len(calls) == 3:
            self.parameters[0].data.zero_()
            raise torch.OutOfMemoryError("CUDA out of memory")
        return step(self)

    monkeypatch.setattr(Adam, "step", breaks)
    with pytest.raises(OutOfMemory, match="can resume from its last saved state"):
        loop.train(run_of(), small_data, tmp_path / "run", save_every=0.0)
    loop.train(run_of(), small_data, tmp_path / "run")
    assert contents(tmp_path / "run") == contents(tmp_path / "alone")


def test_a_step_that_cannot_be_recorded_is_saved(small_data, tmp_path, monkeypatch):
    """Alone it says how to go on; beside others it goes on without its graph."""
    monkeypatch.setattr(loop, "_check", lambda *_: None)
    loop.train(run_of(), small_data, tmp_path / "alone")

    def recorded(step):
        taken = []

        def call():
            taken.append(None)
            if len(taken) == 3:
                raise Unrecordable("the step cannot be recorded: operation not permitted when stream is capturing")
            return step()

        return call

    monkeypatch.setattr("tcwae.training.progress.recorded", recorded)
    message = (
        "--cuda-graph: .*not permitted.*; the run is saved at step 2, and the same command without the flag resumes it"
    )
    with pytest.raises(InputError, match=message):
        loop.train(run_of(), small_data, tmp_path / "run", cuda_graph=True)
    loop.train(run_of(), small_data, tmp_path / "run")
    assert contents(tmp_path / "run") == contents(tmp_path / "alone")
    tasks = tasks_of(tmp_path, one=run_of(), two=run_of(seed=1))
    tasks[0].cuda_graph = True
    assert train(tasks, small_data) == [None, None]
    assert contents(tmp_path / "one") == contents(tmp_path / "alone")


def test_a_gpu_that_fails_stops_the_run_in_one_line(monkeypatch, capsys):
    def lost():
        yield
        raise RuntimeError("CUDA error: unspecified launch failure\nCompile with TORCH_USE_CUDA_DSA")

    lane = several._Lane(0, Task(run_of(), Path()), lost(), stream=object())
    monkeypatch.setattr(torch.cuda, "stream", lambda _: several.contextlib.nullcontext())
    assert several._advance(lane) == (False, None)
    ended, outcome = several._advance(lane)
    assert ended
    assert isinstance(outcome, Interrupted)
    assert str(outcome) == (
        "the GPU failed (CUDA error: unspecified launch failure): the same command resumes from the last saved state"
    )


def test_those_that_another_process_trains_wait_for_their_turn(small_data, tmp_path, monkeypatch):
    """The others do not wait with them, and nobody asks again and again."""
    order, exclusive = [], loop.exclusive

    def held(path, patience=None):
        name = path.parent.name
        order.append(name)
        if name in ("a", "b") and patience == 0:
            raise HeldError("another process trains this run")
        return exclusive(path, patience)

    monkeypatch.setattr(loop, "exclusive", held)
    runs = {name: run_of(seed=seed, iterations=2) for seed, name in enumerate(("a", "b", "c"))}
    assert train(tasks_of(tmp_path, **runs), small_data) == [None] * 3
    assert order == ["a", "b", "c", "a", "b"]


def test_a_log_that_cannot_be_written_stops_its_run_alone(small_data, tmp_path):
    runs = {name: run_of(seed=seed, iterations=2) for seed, name in enumerate(("a", "b"))}
    tasks = tasks_of(tmp_path, **runs)
    (tmp_path / "a").write_text("a file where the folder should be")
    refused, done = train(tasks, small_data)
    assert isinstance(refused, OSError)
    assert done is None


def test_no_memory_to_begin_with(small_data, tmp_path, monkeypatch):
    """A model that does not fit beside the other waits until it has ended."""
    begun = []

    def fits(run, images, cuda_graph):
        begun.append(run.seed)
        if begun == [0, 1]:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return progress(run, images, cuda_graph)

    progress = loop.Progress
    monkeypatch.setattr(loop, "Progress", fits)
    runs = {name: run_of(seed=seed, iterations=2) for seed, name in enumerate(("a", "b"))}
    assert train(tasks_of(tmp_path, **runs), small_data) == [None, None]
    assert begun == [0, 1, 1]


def test_two_runs_in_one_folder_are_refused(small_data, tmp_path):
    tasks = [Task(run_of(), tmp_path / "a"), Task(run_of(), tmp_path / "b" / ".." / "a")]
    with pytest.raises(InputError, match=r"expected a folder for each run, found .*a more than once"):
        train(tasks, small_data)


@pytest.mark.parametrize(
    ("speeds", "ends_at"),
    [([100, 190, 360, 370], 8), ([100, 101], 2), ([100, 200, 400, 800, 1600, 1610], 32)],
)
def test_as_many_at_a_time_as_make_the_device_faster(speeds, ends_at, monkeypatch):
    """Doubled until a doubling gains less than a twentieth."""
    now = [0.0]
    monkeypatch.setattr(Crowd, "_free", lambda self: 10**12)
    crowd = Crowd("cuda", clock=lambda: now[0])
    for speed in speeds:
        running = next(count for count in range(100) if not crowd.admits(count))
        now[0] += several.WINDOW
        crowd.advanced(round(speed * several.WINDOW), running)
    assert [crowd.admits(count) for count in (ends_at - 1, ends_at)] == [True, False]


def test_no_more_than_the_memory_holds(monkeypatch):
    """Ten units at first, three a run: a fourth would need a quarter more than the one that is left."""
    free = [10]
    monkeypatch.setattr(Crowd, "_free", lambda self: free[0])
    crowd = Crowd("cuda")
    crowd.limit = 32
    running = 0
    while crowd.admits(running):
        running, free[0] = running + 1, free[0] - 3
    assert running == 3
    crowd.out_of_memory(1)
    assert not crowd.admits(1)
    assert crowd.admits(0)


def test_a_fixed_number_and_a_cpu():
    assert [Crowd("cpu", 3).admits(running) for running in range(4)] == [True, True, True, False]
    assert [Crowd("cpu").admits(running) for running in range(2)] == [True, False]


def test_the_file_of_runs_keeps_every_value(tmp_path):
    runs = {tmp_path / str(number): run_of("tcwae_mws", learning_rate=1 / 3 + number) for number in range(5)}
    write(runs, tmp_path / "runs.json")
    assert {entry.output: entry.run for entry in read(tmp_path / "runs.json")} == runs
    shares = [read(tmp_path / "runs.json", f"{share}/2") for share in range(2)]
    assert sorted(entry.output.name for entry in [*shares[0], *shares[1]]) == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "expected JSON, found "),
        ("[]", "expected a list of runs"),
        ('[{"output": "a"}]', "entry 0: run: expected a value, found none"),
        ('[{"run": {"dataset": "dsprites", "method": {"name": "beta_vae"}}, "output": "a"}]', "entry 0: .*beta"),
    ],
)
def test_a_file_that_is_none_is_refused_in_one_line(text, message, tmp_path, capsys):
    (tmp_path / "runs.json").write_text(text)
    words = ["train-many", "--data", str(tmp_path / "no.h5"), "--runs", str(tmp_path / "runs.json")]
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    with pytest.raises(InputError, match=message):
        read(tmp_path / "runs.json")
    assert line.startswith(f"tcwae train-many: {tmp_path / 'runs.json'}: ")


def test_a_share_that_is_none_is_refused(tmp_path):
    write({tmp_path: run_of()}, tmp_path / "runs.json")
    for share in ("1", "2/2", "a/b"):
        with pytest.raises(InputError, match="--share: expected I/N with I below N"):
            read(tmp_path / "runs.json", share)


def test_what_is_finished_is_not_trained_again(small_data, tmp_path, capsys):
    runs = {name: run_of(seed=seed) for seed, name in enumerate(("first", "second"))}
    loop.train(runs["first"], small_data, tmp_path / "first")
    loop.train(run_of(seed=7), small_data, tmp_path / "second")  # another run in its folder
    before = (tmp_path / "first" / "training.json").stat().st_mtime_ns
    write({tmp_path / name: run for name, run in runs.items()}, tmp_path / "runs.json")
    assert main(["train-many", "--data", str(small_data), "--runs", str(tmp_path / "runs.json")]) == 0
    assert "1 of 2 runs are finished" in capsys.readouterr().out
    assert (tmp_path / "first" / "training.json").stat().st_mtime_ns == before
    assert all(loop.finished(run, tmp_path / name) for name, run in runs.items())
