"""What a cluster does to jobs: no run is lost, none trained twice at a time, and nobody waits for ever."""

import os
import re
import signal
import threading
import time

import pytest

from tcwae.records import STATES

from .cluster import command, wait_until
from .study import make_study

pytestmark = pytest.mark.slurm
SEEDS = KILLED, CANCELLED, DRAINED, PREEMPTED, BROKEN = range(5)


def field(job, name):
    """A field of `scontrol show job`."""
    return re.search(rf"\b{name}=(\S+)", command("scontrol", "show", "job", job))[1]


def update_node(node, state):
    command("scontrol", "update", f"nodename={node}", f"state={state}", "reason=test")


def requeued(job, cluster):
    """Wait until it is, and skip the delay of two minutes that SLURM has."""
    wait_until(lambda: field(job, "JobState") == "PENDING", "the job requeued")
    for waiting in command("squeue", "-h", "-t", "PENDING", "-o", "%i").split():
        wait_until(lambda job=waiting: cluster.has_left_nodes(job), "the end of its processes")
        command("scontrol", "update", f"jobid={waiting}", "starttime=now")


def preempt(job, cluster):
    """Let an urgent job have all of the node on which `job` runs."""
    node = field(job, "NodeList")
    urgent = ("sbatch", "--parsable", "--account=lab", "--partition=urgent", f"--nodelist={node}", "--gpus=4")
    other = command(*urgent, "--output=/dev/null", "--wrap=sleep 5")
    wait_until(lambda: field(other, "JobState") == "COMPLETED", "the urgent job")
    requeued(job, cluster)


class Watch(threading.Thread):
    """Notes the runs that two processes train at a time."""

    def __init__(self, study):
        super().__init__(daemon=True)
        self.study, self.over, self.twice = study, threading.Event(), set()

    def run(self):
        while not self.over.wait(0.5):
            self.twice |= {seed for seed in SEEDS if len(self.study.alive(seed)) > 1}


@pytest.fixture(scope="module")
def troubled(cluster, tmp_path_factory):
    """Five trainings in one call of Snakemake, each with its own trouble, and then an outage of the controller."""
    study = make_study(tmp_path_factory.mktemp("faults") / "here", len(SEEDS), prepared=True, seconds=30)
    (study.run(BROKEN) / STATES[0]).mkdir(parents=True)
    snakemake = study.snakemake(*map(study.model, SEEDS))
    watch = Watch(study)
    watch.start()

    study.killed_at = study.wait_for_state(KILLED)
    os.kill(study.calls(seed=KILLED)[-1].process, signal.SIGKILL)
    study.wait_for_state(CANCELLED)
    command("scancel", study.calls(seed=CANCELLED)[-1].job)
    study.wait_for_state(DRAINED)
    job = study.calls(seed=DRAINED)[-1].job
    node = field(job, "NodeList")
    update_node(node, "drain")  # what runs there ends there
    time.sleep(3)
    study.drained = field(job, "JobState")
    update_node(node, "resume")
    study.wait_for_state(PREEMPTED)
    preempt(study.calls(seed=PREEMPTED)[-1].job, cluster)
    # a job whose `srun` finds no controller fails, and Snakemake submits the run under another number
    wait_until(lambda: len(study.begun(PREEMPTED)) > 1, "the preempted training, which goes on")
    cluster.kill_controller()
    time.sleep(15)
    cluster.start_controller()

    study.status, study.said = snakemake.finish()
    watch.over.set()
    study.twice = watch.twice
    return study


def test_no_run_is_lost(troubled):
    """Killed, cancelled, preempted, on a node that was drained, and all of them without slurmctld for a while."""
    assert troubled.status == 1  # one run can only fail
    for seed in SEEDS[:-1]:
        assert troubled.weights(seed) == troubled.uninterrupted(seed)
        assert not list(troubled.run(seed).glob("state*"))
    assert not list(troubled.path.rglob("*.part"))


def test_none_is_trained_twice_at_a_time(troubled):
    assert not troubled.twice


def test_a_kill_loses_at_most_what_came_after_the_last_save(troubled):
    assert troubled.resumed_at(KILLED) >= troubled.killed_at > 0


def test_scancel_is_a_failure_that_is_tried_again(troubled):
    assert "SLURM status is: 'CANCELLED" in troubled.said
    assert len({call.job for call in troubled.calls(seed=CANCELLED)}) > 1


def test_a_node_that_is_drained_ends_its_jobs(troubled):
    assert troubled.drained == "RUNNING"


def test_a_preempted_job_is_requeued_under_its_number(troubled):
    first, second, *_ = troubled.begun(PREEMPTED)
    assert second.job == first.job
    assert troubled.resumed_at(PREEMPTED) > 0


def test_a_job_that_fails_shows_its_own_words(troubled):
    """Where Snakemake was started, when it has been tried as often as the profile says."""
    words = f"{troubled.run(BROKEN).relative_to(troubled.path)}/state.safetensors: Is a directory"
    assert words in troubled.said
    assert troubled.said.count("Trying to restart job") >= 3
    assert list(troubled.path.glob("slurm_logs/rule_train/*seed=4/*.log"))


def test_an_unknown_partition_is_refused_by_name(troubled):
    """Before anything is queued."""
    jobs = command("squeue", "-h", "-t", "all", "-o", "%i")
    given = ("--set-resources", "train:slurm_partition=moon", "--retries", "0")
    status, output = troubled.snakemake(troubled.model(BROKEN), *given).finish()
    assert status == 1
    assert "train: expected the partition moon of slurm/profile.v9+.yaml, found cpu, gpu, urgent" in output
    assert command("squeue", "-h", "-t", "all", "-o", "%i") == jobs
