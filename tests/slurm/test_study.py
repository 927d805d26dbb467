"""A study through `snakemake --profile slurm`, from submission to the report, and what a user does next."""

import re

import pytest
import yaml

from .cluster import command
from .study import PROFILE, make_study

pytestmark = pytest.mark.slurm


@pytest.fixture(scope="module")
def long_study(cluster, tmp_path_factory):
    """One training that needs more than the minute that its first job has, begun beside the other study."""
    study = make_study(tmp_path_factory.mktemp("long") / "here", 1, prepared=True, seconds=45)
    resources = yaml.safe_load(PROFILE.read_text())["set-resources"]["train"] | {"runtime": "min(attempt, 2)"}
    given = [f"train:{key}={value}" for key, value in resources.items()]
    return study, study.snakemake(study.model(0), "--set-resources", *given)


@pytest.fixture(scope="module")
def study(long_study, tmp_path_factory):
    """A study of two runs, from nothing to its report."""
    study = make_study(tmp_path_factory.mktemp("study") / "here", 2)
    status, output = study.snakemake().finish()
    assert status == 0, output
    return study


def jobs(study):
    """For each job of a study: its rule, partition, allocation, minutes and state."""
    form = "jobid,comment%120,partition,alloctres%80,timelimitraw,state"
    lines = command("sacct", "-X", "-n", "-P", "-o", form, "-S", "now-1hour").splitlines()
    mine = set(re.findall(r"submitted with SLURM jobid (\d+)", "".join(map(str, study.outputs()))))
    found = [line.split("|") for line in lines]
    return [(words[1].split("_")[1], *words[2:]) for words in found if words[0] in mine]


def test_ends_with_the_report(study):
    assert (study.path / "results/small/report.pdf").read_bytes().startswith(b"%PDF")
    assert not list(study.path.rglob("*.part"))
    assert not list(study.path.rglob("state*"))


def test_a_training_has_one_gpu_of_its_own_and_no_other_job_has_any(study):
    found = jobs(study)
    assert sorted(job[0] for job in found) == [
        "evaluate",
        "evaluate",
        "measure",
        "measure",
        "page",
        "prepare",
        "train",
        "train",
    ]
    for rule, partition, allocated, minutes, state in found:
        assert state == "COMPLETED"
        assert partition == ("gpu" if rule == "train" else "cpu")
        assert ("gres/gpu=1" in allocated.split(",")) == (rule == "train")
        assert int(minutes) == (480 if rule == "train" else 60)
    trained = [call.gpu for call in study.calls() if call.what == "begin"]
    assert len(trained) == len(set(trained)) == 2
    assert all(gpu.isdecimal() for gpu in trained)
    assert {call.gpu for call in study.calls("evaluate")} == {"None"}


def test_logs_of_what_ended_well_are_gone(study):
    assert not list(study.path.glob("slurm_logs/**/*.log"))
    assert (study.run(0) / "train.log").read_text().startswith("cpu, 1 threads, step 0 of 100")


def test_one_seed_again_and_what_depends_on_it(study):
    """The other run is neither trained nor scored again, and the same weights come out."""
    before = [(study.run(seed) / "metrics.json").stat().st_mtime_ns for seed in (0, 1)]
    weights, calls = study.weights(1), len(study.calls())
    status, output = study.snakemake("--forcerun", study.model(1)).finish()
    assert status == 0, output
    after = [(study.run(seed) / "metrics.json").stat().st_mtime_ns for seed in (0, 1)]
    assert after[0] == before[0]
    assert after[1] > before[1]
    assert len(study.calls()) == calls + 2
    assert study.weights(1) == weights
    assert study.planned() == {}


def test_another_time_limit_trains_nothing_again(study):
    assert study.planned("--set-resources", "train:runtime=77") == {}


def test_a_training_that_outlasts_its_job_goes_on_in_the_next(long_study):
    """It leaves with 75 when its budget is spent, and the next job has more time."""
    study, snakemake = long_study
    status, output = snakemake.finish()
    assert status == 0, output
    ended = [call for call in study.calls() if call.what != "begin"]
    assert [call.what for call in ended] == ["75"] * (len(ended) - 1) + ["0"]
    assert len(ended) > 1
    budgets = [call.flags[call.flags.index("--time-budget") + 1] for call in ended]
    assert budgets == ["30", "60", "60", "60"][: len(ended)]
    assert [job[3] for job in jobs(study) if job[0] == "train"] == ["1", "2", "2", "2"][: len(ended)]
    assert "the time budget is spent: saved at step " in output
    assert study.weights(0) == study.uninterrupted(0)


def test_the_budget_is_the_job_s_time_but_for_five_minutes(study):
    flags = study.calls()[0].flags
    assert flags[flags.index("--time-budget") + 1] == str(480 * 60 - 300)
