"""Snakemake is killed while its jobs run, wait and end, and called again: no run is trained twice, and nothing is lost.

Trainings are stopped and continued, and the job that waits is held back, so that the order of events does not depend on how
fast the machine is.
"""

import os
import signal

import pytest

from .cluster import command, wait_until
from .study import make_study

pytestmark = pytest.mark.slurm
SEEDS = range(5)
LEFT = "jobs of a killed Snakemake are still in the queue"


def occupy(node, gpus):
    """Have a job of another name hold GPUs."""
    words = (
        "sbatch",
        "--parsable",
        "--account=lab",
        "--partition=gpu",
        f"--nodelist={node}",
        f"--gpus={gpus}",
        "--mem=100",
    )
    return command(*words, "--output=/dev/null", "--wrap=sleep 3600")


def send(number, study, seed):
    """Send a signal to the process that trains a run."""
    os.kill(study.calls(seed=seed)[-1].process, number)


@pytest.fixture(scope="module")
def restarted(cluster, tmp_path_factory):
    """Three GPUs for five runs, Snakemake killed with SIGKILL, and called again while two of its jobs run and one waits."""
    study = make_study(tmp_path_factory.mktemp("head") / "here", len(SEEDS), prepared=True, seconds=40)
    study.others = [occupy("gpu1", 4), occupy("gpu2", 1)]
    for job in study.others:
        wait_until(lambda job=job: command("squeue", "-h", "-j", job, "-o", "%T") == "RUNNING", "the other jobs")
    first = study.snakemake(*map(study.model, SEEDS))
    wait_until(lambda: len(study.trained()) == 3, "three trainings")
    order = study.trained()  # SLURM starts jobs in the order in which they came, which is not that of the seeds
    study.before, study.during, study.running = order
    study.wait_for_state(study.running, step=10)
    send(signal.SIGSTOP, study, study.running)
    study.wait_for_state(study.during, step=70)
    send(signal.SIGSTOP, study, study.during)
    study.refused = study.snakemake(*map(study.model, SEEDS)).finish()
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    wait_until((study.run(study.before) / "model.safetensors").exists, "the end of one of them")
    wait_until(lambda: len(study.trained()) == 4, "the start of another one")
    study.started = study.trained()[3]
    (study.pending,) = set(SEEDS) - set(study.trained())
    study.wait_for_state(study.started)
    send(signal.SIGSTOP, study, study.started)
    (waiting,) = command("squeue", "-h", "-t", "PENDING", "-o", "%i").split()
    command("scontrol", "update", f"jobid={waiting}", "starttime=now+1hour")
    second = study.snakemake(*map(study.model, SEEDS))
    send(signal.SIGCONT, study, study.during)
    wait_until(lambda: LEFT in second.output() or second.poll() is not None, "the notice of the jobs that are left")
    for seed in (study.running, study.started):
        send(signal.SIGCONT, study, seed)
    study.status, study.said = second.finish()
    study.left = command("squeue", "-h", "-o", "%i").split()
    command("scancel", *study.others)
    return study


def ends(study, seed):
    return [call.what for call in study.calls(seed=seed) if call.what != "begin"]


def test_a_second_one_beside_it_is_refused(restarted):
    status, output = restarted.refused
    assert status == 1
    assert "another Snakemake runs this study: process " in output


def test_the_next_call_needs_no_clean_up(restarted):
    assert restarted.status == 0, restarted.said
    assert LEFT in restarted.said
    assert sorted(restarted.left) == sorted(restarted.others)  # which are none of its


def test_what_ended_meanwhile_is_not_trained_again(restarted):
    assert ends(restarted, restarted.before) == ["0"]
    assert ends(restarted, restarted.during) in (["0"], ["75", "0"])  # it ended before the signal came, or saved


def test_what_ran_saved_and_went_on_there(restarted):
    for seed in (restarted.running, restarted.started):
        assert ends(restarted, seed) == ["75", "0"]
        assert restarted.resumed_at(seed) > 0


def test_what_waited_is_trained_once(restarted):
    assert [call.what for call in restarted.calls(seed=restarted.pending)] == ["begin", "0"]


def test_the_weights_are_those_of_a_training_without_a_pause(restarted):
    assert restarted.weights(restarted.running) == restarted.uninterrupted(restarted.running)


def test_forced_it_trains_again(restarted):
    """Though everything is there."""
    assert restarted.planned("--forcerun", restarted.model(restarted.before))["train"] == 1
    assert restarted.planned(*map(restarted.model, SEEDS)) == {}
