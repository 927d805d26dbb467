"""Several trainings on one GPU: slurm/pack.sbatch, seven runs over two allocations."""

import pytest

from tcwae.cli.main import main
from tcwae.records import STATES

from .cluster import command, wait_until
from .study import DATA, OVERRIDDEN, STEPS, make_study

pytestmark = pytest.mark.slurm
SEEDS, BROKEN = range(7), 6


def state(job):
    """The states of an array's jobs, when all have ended."""
    lines = command("sacct", "-X", "-n", "-P", "-o", "state", "-j", job).split()
    return lines if lines and not {"PENDING", "RUNNING", "COMPLETING"} & set(lines) else None


def submitted(study, array):
    words = ("sbatch", "--parsable", f"--array={array}", "--cpus-per-task=1", "slurm/pack.sbatch", *OVERRIDDEN)
    return command(*words, cwd=study.path, env=study.environment)


@pytest.fixture(scope="module")
def packed(cluster, tmp_path_factory):
    """Seven runs, one of which can only fail, trained by two jobs that hold a GPU each."""
    study = make_study(tmp_path_factory.mktemp("pack") / "here", len(SEEDS), prepared=True)
    (study.run(BROKEN) / STATES[0]).mkdir(parents=True)
    job = submitted(study, "0-1")
    study.states = wait_until(lambda: state(job), "the end of both jobs")
    study.said = "".join(log.read_text() for log in study.path.glob("slurm/tcwae_pack-*.log"))
    return study


def test_each_job_trains_its_share_in_one_process_on_its_gpu(packed):
    calls = [call for call in packed.calls("train-many") if call.what == "begin"]
    assert len({(call.job, call.gpu) for call in calls}) == len(calls) == 2
    assert {call.flags[call.flags.index("--share") + 1] for call in calls} == {"0/2", "1/2"}


def test_the_weights_are_those_of_one_alone(packed, tmp_path):
    words = ["--dataset", "toys", "--method", "wae_mmd", "--lambda", 10, "--iterations", STEPS, "--batch-size", 16]
    words += ["--seed", 2, "--data", packed.path / DATA, "--output", tmp_path]
    assert main(["train", *map(str, words)]) == 0
    assert packed.weights(2) == (tmp_path / "model.safetensors").read_bytes()


def test_one_that_fails_leaves_the_others_and_says_why(packed):
    assert sorted(packed.states) == ["COMPLETED", "FAILED"]
    assert not (packed.run(BROKEN) / "model.safetensors").exists()
    assert "state.safetensors: Is a directory" in packed.said


def test_the_cluster_profile_finds_all_else_done(packed):
    assert packed.planned(*map(packed.model, SEEDS)) == {"train": 1}
    assert packed.planned()["evaluate"] == len(SEEDS)


def test_before_its_time_is_up_a_job_lets_its_trainings_save(packed, tmp_path):
    """The signal is the one that `--signal` of the script asks for."""
    study = make_study(tmp_path / "here", 1, prepared=True, seconds=60)
    job = submitted(study, "0-0")
    study.wait_for_state(0)
    command("scancel", "--batch", "--signal=USR1", job)
    assert wait_until(lambda: state(job), "the end of the job") == ["FAILED"]
    assert [call.what for call in study.calls("train-many")] == ["begin", "75"]
    assert study.wait_for_state(0) > 0
