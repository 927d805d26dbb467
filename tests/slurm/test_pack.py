"""Several trainings on one GPU: slurm/pack.sbatch, K = 3 over two allocations."""

import pytest

from tcwae.training.checkpoint import State, save_state

from .cluster import command, wait_until
from .study import OVERRIDDEN, make_study

pytestmark = pytest.mark.slurm
SEEDS, BROKEN = range(7), 6


def state(job):
    """The states of an array's jobs, when all have ended."""
    lines = command("sacct", "-X", "-n", "-P", "-o", "state", "-j", job).split()
    return lines if lines and not {"PENDING", "RUNNING", "COMPLETING"} & set(lines) else None


@pytest.fixture(scope="module")
def packed(cluster, tmp_path_factory):
    """Seven runs, one of which can only fail, trained by two jobs that hold a GPU each."""
    study = make_study(tmp_path_factory.mktemp("pack") / "here", len(SEEDS), prepared=True, seconds=15)
    save_state(study.run(BROKEN), {"seed": "another"}, State({}, {}))
    words = ("sbatch", "--parsable", "--array=0-1", "--cpus-per-task=3", "slurm/pack.sbatch", *OVERRIDDEN)
    job = command(*words, cwd=study.path, env=study.environment)
    study.states = wait_until(lambda: state(job), "the end of both jobs")
    study.said = "".join(log.read_text() for log in study.path.glob("slurm/tcwae_pack-*.log"))
    return study


def spans(study):
    """For each training its job, GPU, folder, status, begin and end."""
    calls = study.calls()
    begun = {call.process: call.seconds for call in calls if call.what == "begin"}
    ended = [call for call in calls if call.what != "begin"]
    return [(call.job, call.gpu, call.folder, call.what, begun[call.process], call.seconds) for call in ended]


def test_the_trainings_of_a_job_overlap_and_share_its_gpu(packed):
    found = spans(packed)
    assert len({job for job, *_ in found}) == len({(job, gpu) for job, gpu, *_ in found}) == 2
    for job in {job for job, *_ in found}:
        times = [(begin, end) for its, *_, begin, end in found if its == job]
        assert max(sum(begin <= instant < end for begin, end in times) for instant, _ in times) == 3


def test_none_is_trained_twice(packed):
    trained = sorted(folder for _, _, folder, status, *_ in spans(packed) if status == "0")
    assert trained == sorted(str(packed.run(seed).relative_to(packed.path)) for seed in SEEDS if seed != BROKEN)


def test_the_weights_are_those_of_one_alone(packed):
    assert packed.weights(2) == packed.uninterrupted(2)


def test_one_that_fails_leaves_the_others_and_says_why(packed):
    assert sorted(packed.states) == ["COMPLETED", "FAILED"]
    assert not (packed.run(BROKEN) / "model.safetensors").exists()
    assert "state.safetensors: is of another training " in packed.said


def test_the_cluster_profile_finds_all_else_done(packed):
    assert packed.planned(*map(packed.model, SEEDS)) == {"train": 1}
    assert packed.planned()["evaluate"] == len(SEEDS)


def test_before_its_time_is_up_a_job_lets_its_trainings_save(packed, tmp_path):
    """The signal is the one that `--signal` of the script asks for."""
    study = make_study(tmp_path / "here", 1, prepared=True, seconds=60)
    words = ("sbatch", "--parsable", "--array=0-0", "slurm/pack.sbatch", *OVERRIDDEN)
    job = command(*words, cwd=study.path, env=study.environment)
    study.wait_for_state(0)
    command("scancel", "--batch", "--signal=USR1", job)
    assert wait_until(lambda: state(job), "the end of the job") == ["FAILED"]
    assert [call.what for call in study.calls()] == ["begin", "75"]
    assert study.wait_for_state(0) > 0
