"""The state of a study from its files and from a `squeue` that a script plays."""

import json
import multiprocessing
import time
from datetime import datetime
from pathlib import Path

import pytest
import torch
from patience import HANG
from recorded import record

from tcwae.cli.main import main
from tcwae.config.run import check, flatten
from tcwae.config.runs import runs, without_selects
from tcwae.config.study import Study, read
from tcwae.study import status as module
from tcwae.study.status import format_status, status
from tcwae.training.checkpoint import State, save_state
from tcwae.training.lock import exclusive

VALUES = {
    "study": "example",
    "seeds": [0, 1, 2, 3, 4, 5],
    "training": {"iterations": 1000, "batch_size": 36},
    "experiments": {"one": {"dataset": "dsprites", "methods": {"wae_mmd": {"lambda": 3}}}},
}
STUDY = check(Study, VALUES, "test")
RUNS = list(runs(STUDY))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Be in an empty folder, where only bin/ is on PATH."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    return tmp_path


def squeue(here, script):
    (here / "bin/squeue").write_text(f"#!/bin/sh\n{script}\n")
    (here / "bin/squeue").chmod(0o755)


def finish(results, identifier, run, **training):
    folder = results / "runs" / identifier
    folder.mkdir(parents=True)
    (folder / "model.safetensors").touch()
    (folder / "metrics.json").write_text(json.dumps(record(run, **training)))


def begin(results, identifier, step=250, seconds=100.0):
    folder = results / "runs" / identifier
    run = runs(STUDY)[identifier]
    identity = {key: str(value) for key, value in flatten(run).items()}
    save_state(folder, identity, State({"weights": torch.zeros(3)}, {"step": step, "seconds": seconds}))
    return folder


def states(results):
    return {name: run.state for name, run in status(STUDY, results).runs.items()}


def test_nothing_is_there(here):
    found = status(STUDY, Path("results"))
    assert {run.state for run in found.runs.values()} == {"open"}
    text = format_status(found)
    assert "time left unknown" in text
    assert text.splitlines()[1].split() == ["one", "6", "0", "0", "0", "0", "0", "0", "6"]


def test_every_state(here):
    """One run each; the job of the last one is of another folder and says nothing."""
    settings, results = runs(STUDY), Path("results")
    finish(results, RUNS[0], settings[RUNS[0]], images_per_second=90.0, seconds=400.0)
    finish(results, RUNS[1], settings[RUNS[1]], status="diverged", term="loss", step=7, seconds=10.0)
    begin(results, RUNS[2])
    failed = begin(results, RUNS[3], step=500, seconds=200.0)
    (failed / "train.log").write_text("cpu, 1 threads, step 0 of 1000\ntcwae train: no space left on device\n")
    lines = [
        f"11|RUNNING|gpu7|{here}|rule_train_wildcards_{RUNS[2].replace('/', '_')}",
        f"12|PENDING||{here}|rule_train_wildcards_{RUNS[4].replace('/', '_')}",
        f"13|PENDING||/elsewhere|rule_train_wildcards_{RUNS[5].replace('/', '_')}",
    ]
    squeue(here, "\n".join(f"echo '{line}'" for line in lines))
    assert list(states(results).values()) == ["done", "diverged", "running", "failed", "queued", "open"]
    text = format_status(status(STUDY, results), datetime(2026, 1, 1))
    assert f"{RUNS[2]}: step 250 of 1,000, 2.5 steps/s, 0.1 h left, job 11 on gpu7" in text
    assert f"{RUNS[3]}: tcwae train: no space left on device" in text
    # 750 steps of the run that trains and 500 + 2 * 1000 of the others, 36 images each, at 90 images a second
    left = 3250 * 36 / 90
    assert (
        f"{710 / 3600:.1f} h used, {left / 3600:.1f} h left; done at 2026-01-01 00:21 with 1 at a time, as now" in text
    )


def test_the_log_is_newer_than_the_state(here):
    folder = begin(Path("results"), RUNS[0])
    (folder / "train.log").write_text("step 300: loss 1; 9.0 min left\nstep 500: loss 1; 3.3 min left\n")
    squeue(here, f"echo '1|RUNNING|n|{here}|rule_train_wildcards_{RUNS[0].replace('/', '_')}'")
    run = status(STUDY, Path("results")).runs[RUNS[0]]
    assert (run.step, run.seconds, run.speed) == (500, pytest.approx(200.0), pytest.approx(90.0))


def hold(path, event):
    with exclusive(Path(path)):
        event.set()
        time.sleep(10**6)


def test_a_training_without_slurm_is_known_by_its_lock(here):
    """Which is left alone."""
    event = multiprocessing.get_context("fork").Event()
    process = multiprocessing.get_context("fork").Process(target=hold, args=(f"results/runs/{RUNS[0]}/.lock", event))
    process.start()
    try:
        assert event.wait(HANG)
        run = status(STUDY, Path("results")).runs[RUNS[0]]
        assert (run.state, f"process {process.pid} on " in run.line) == ("running", True)
    finally:
        process.kill()
        process.join()
    assert states(Path("results"))[RUNS[0]] == "open"


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("exec /bin/sleep 99", "squeue: expected an answer, found none after 0.2 s"),
        ("echo 'squeue: error: down' >&2; exit 1", "squeue: error: down"),
    ],
)
def test_slurm_that_does_not_answer(here, script, why, monkeypatch):
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.2)
    squeue(here, script)
    assert f"jobs unknown: {why}" in format_status(status(STUDY, Path("results")))


def test_damaged_records_are_to_be_made_again(here):
    finish(Path("results"), RUNS[0], runs(STUDY)[RUNS[0]])
    (Path("results/runs") / RUNS[0] / "metrics.json").write_text("{")
    assert states(Path("results"))[RUNS[0]] == "open"


def test_the_paper_s_study(here, capsys):
    """All 716 runs that are known at first, at once done but for the last ten; the time is that of a person who looks."""
    source = Path(__file__).parents[2] / "workflow/studies/paper.yaml"
    every = runs(without_selects(read(source)))
    results = Path("results/paper")
    for identifier, run in list(every.items())[:-10]:
        finish(results, identifier, run)
    begun = time.process_time()
    assert main(["status", "--configfile", str(source)]) == 0
    assert time.process_time() - begun < 3
    text = capsys.readouterr().out
    (total,) = (line.split() for line in text.splitlines() if line.startswith("all runs"))
    assert total[2:4] == [str(len(every)), str(len(every) - 10)]
    assert "rows wait for the selection of a grid" in text
