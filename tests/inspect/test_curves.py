"""Curves of running and finished trainings: the numbers of the files, wherever they are shown."""

import itertools
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tcwae.cli.main import main
from tcwae.config.methods import METHODS
from tcwae.config.run import Run, check, unflatten
from tcwae.errors import InputError
from tcwae.inspect import curves
from tcwae.inspect.curves import BARS, sparkline
from tcwae.training.loop import Interrupted, train


def start(folder, data, method, iterations=60, **options):
    settings = {"batch_size": 4, "log_every": 5, "iterations": iterations}
    return train(check(Run, unflatten({"dataset": "dsprites", **method, **settings}), "test"), data, folder, **options)


@pytest.fixture(scope="module")
def runs(small_data, tmp_path_factory):
    """One run that has ended and one that was interrupted."""
    root = tmp_path_factory.mktemp("runs")
    start(root / "one" / "seed=0", small_data, {"method": "beta_vae", "beta": 4})
    with (
        mock.patch("tcwae.training.loop.time.monotonic", side_effect=itertools.count(0.0, 0.1)),
        pytest.raises(Interrupted),
    ):
        start(root / "two" / "seed=0", small_data, {"method": "wae_mmd", "lambda": 3}, 10_000, time_budget=20.0)
    return [root / "one" / "seed=0", root / "two" / "seed=0"]


def rows(text, term):
    lines = text.splitlines()
    first = next(index for index, line in enumerate(lines) if line.startswith(f"{term}  "))
    return [line for line in lines[first + 1 : first + 3] if line]


def test_finished_and_interrupted_runs(runs):
    finished, interrupted = curves.read(runs)
    assert (finished.name, interrupted.name) == ("one/seed=0", "two/seed=0")
    pd.testing.assert_frame_equal(
        finished.table[["step", "reconstruction", "kl", "loss", "active_units"]],
        pd.read_csv(runs[0] / "curves.csv").astype(float),
    )
    assert finished.status.startswith("finished, 60 steps in ")
    assert list(interrupted.table)[:2] == ["step", "loss"]
    steps = interrupted.table["step"]
    assert steps.tolist() == list(range(5, int(steps.iloc[-1]) + 1, 5))
    at = int(interrupted.status.split()[1].replace(",", ""))
    assert 0 <= at - steps.iloc[-1] < 5
    assert " of 10,000, saved " in interrupted.status


def test_reading_changes_nothing(runs):
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for run in runs for file in run.iterdir()}
    curves.as_text(curves.read(runs))
    assert before == {file: (file.read_bytes(), file.stat().st_mtime_ns) for run in runs for file in run.iterdir()}


def test_text_has_first_and_last_value_of_each_run(runs, capsys):
    assert main(["curves", *map(str, runs)]) == 0
    text = capsys.readouterr().out
    table = pd.read_csv(runs[0] / "curves.csv")
    for term in ("loss", "reconstruction", "kl", "active_units"):
        name, first, *_, last = rows(text, term)[0].split()
        assert (name, first, last) == ("one/seed=0", f"{table[term].iloc[0]:.4g}", f"{table[term].iloc[-1]:.4g}")
    assert len(rows(text, "loss")) == 2
    assert "mmd  " in text


def test_lines_are_as_long_as_the_terminal_at_most(runs):
    assert max(map(len, curves.as_text(curves.read(runs), 79).splitlines()[3:])) <= 79


def test_sparkline():
    def bars(values, last, low, high, width, every=1):
        steps = 10.0 * np.arange(every, every * len(values) + 1, every)
        return sparkline(steps, np.array(values, float), float(last), float(low), float(high), width)

    assert bars(range(8), 80, 0, 7, 8) == BARS
    assert bars(range(8), 160, 0, 7, 16) == BARS + " " * 8
    assert bars([0, 7, 0, 7], 80, 0, 7, 8, every=2) == "▁▁██▁▁██"
    assert bars([0, 2] * 4, 80, 0, 2, 4) == "▅▅▅▅"
    assert bars([-9, 99], 20, 0, 1, 2) == "▁█"
    assert bars([3, 3], 20, 3, 3, 2) == "▁▁"
    assert bars([1, np.nan], 20, 0, 1, 2) == "█x"


def test_png_shows_every_run(runs, tmp_path):
    assert main(["curves", *map(str, runs), "--output", str(tmp_path / "curves.png")]) == 0
    pixels = (imread(tmp_path / "curves.png")[..., :3] * 255).round().astype(int)
    for colour in [method.colour for method in METHODS.values()][:2]:
        assert (pixels == [int(colour[place : place + 2], 16) for place in (1, 3, 5)]).all(-1).sum() > 50


def test_tensorboard_reads_the_same_numbers(runs, tmp_path):
    for _ in range(2):  # the second export takes the place of the first
        assert main(["curves", *map(str, runs), "--tensorboard", str(tmp_path)]) == 0
    for run in curves.read(runs):
        assert len(list((tmp_path / run.name).iterdir())) == 1
        events = EventAccumulator(str(tmp_path / run.name)).Reload()
        assert sorted(events.Tags()["scalars"]) == sorted(set(run.table) - {"step"})
        for term in events.Tags()["scalars"]:
            found = [(event.step, event.value) for event in events.Scalars(term)]
            np.testing.assert_allclose(found, run.table[["step", term]], rtol=1e-6)


def test_a_run_without_curves_does_not_hide_the_others(runs, tmp_path):
    text = curves.as_text(curves.read([runs[0], tmp_path]))
    assert "nothing saved yet" in text
    assert len(rows(text, "kl")) == 1
    curves.draw(curves.read([runs[0], tmp_path]), tmp_path / "curves.png")


def test_what_is_no_run_is_refused(runs, tmp_path):
    with pytest.raises(InputError, match="found neither; a training writes its state"):
        curves.read([tmp_path])
    with pytest.raises(FileNotFoundError):
        curves.read([tmp_path / "none"])
    (tmp_path / "curves.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="expected curves, found another table"):
        curves.read([tmp_path])
    (tmp_path / "curves.csv").write_text("step,loss\n1,x\n")
    with pytest.raises(InputError, match="expected curves, found"):
        curves.read([tmp_path])
    whole = (runs[1] / "state.safetensors").read_bytes()
    for damaged in (b"", whole[:50], whole[:-9], (runs[0] / "model.safetensors").read_bytes()):
        (tmp_path / "state.safetensors").write_bytes(damaged)
        with pytest.raises(InputError, match="expected the state of a training, found"):
            curves.read([tmp_path])


def test_watch_follows_running_trainings_and_ends_with_them(runs, tmp_path, monkeypatch, capsys):
    """What is printed is what `tcwae curves` prints; a run without curves is waited for."""
    finished, interrupted = runs
    (tmp_path / "runs" / "empty").mkdir(parents=True)
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        if len(slept) >= 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(curves.time, "sleep", sleep)
    assert main(["curves", str(finished), str(interrupted), str(tmp_path / "runs" / "empty"), "--watch"]) == 2
    screens = capsys.readouterr().out.split("\x1b[H\x1b[2J")[1:]
    assert len(screens) == 2
    assert "nothing saved yet" in screens[0]
    assert main(["curves", str(tmp_path / "runs" / "empty"), "--watch"]) == 2  # slept twice already: it waits
    assert main(["curves", str(finished), "--watch"]) == 0
    (screen,) = capsys.readouterr().out.split("\x1b[H\x1b[2J")[-1:]
    assert screen.split("\n", 1)[1].rstrip() == curves.as_text(curves.read([finished])).rstrip()
