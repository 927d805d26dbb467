"""A study through `snakemake --profile slurm`, from submission to the report, and what a user does next."""

import pytest

from .cluster import command
from .study import PROFILE, make_study

pytestmark = pytest.mark.slurm


@pytest.fixture(scope="module")
def study(cluster, tmp_path_factory):
    """A study of two runs, from nothing to its report."""
    study = make_study(tmp_path_factory.mktemp("study") / "here", 2, 60, PROFILE.read_text())
    status, output = study.snakemake().finish()
    assert status == 0, output
    return study


def jobs(study):
    """For each job of SLURM its rule, partition, allocation, minutes and state."""
    form = "comment%120,partition,alloctres%80,timelimitraw,state"
    lines = command("sacct", "-X", "-n", "-P", "-o", form, "-S", "now-1hour").splitlines()
    return [(line.split("|")[0].removeprefix("rule_").split("_")[0], *line.split("|")[1:]) for line in lines]


def test_ends_with_the_report(study):
    assert (study.path / "results/small/report.pdf").read_bytes().startswith(b"%PDF")
    assert not list(study.path.rglob("*.part"))
    assert not list(study.path.rglob("state*"))


def test_a_training_has_one_gpu_of_its_own_and_no_other_job_has_any(study):
    found = jobs(study)
    assert sorted(job[0] for job in found) == ["evaluate"] * 2 + ["plot", "prepare"] + ["train"] * 2
    for rule, partition, allocated, minutes, state in found:
        assert state == "COMPLETED"
        assert partition == ("gpu" if rule == "train" else "cpu")
        assert ("gres/gpu=1" in allocated.split(",")) == (rule == "train")
        assert int(minutes) == {"train": 480, "plot": 60, "evaluate": 60, "prepare": 60}[rule]
    trained = [call for call in study.calls() if call.what == "begin"]
    assert sorted(call.gpu for call in trained) == ["0", "1"]
    assert {call.gpu for call in study.calls("evaluate") + study.calls("plot")} == {"None"}


def test_the_training_knows_its_budget(study):
    flags = study.calls()[0].flags
    assert flags[flags.index("--time-budget") + 1] == str(480 * 60 - 300)


def test_logs_of_what_ended_well_are_gone(study):
    assert not list(study.path.glob("slurm_logs/**/*.log"))
    assert (study.run(0) / "train.log").read_text().startswith("cpu, 1 threads, step 0 of 60")


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


def test_without_accounting(bare_cluster, tmp_path):
    """The two lines that such a site changes; `squeue` is asked instead of `sacct`."""
    lines = PROFILE.read_text().replace("# slurm-status-command: squeue", "slurm-status-command: squeue")
    kept = [line for line in lines.splitlines() if not line.strip().startswith("slurm_account")]
    study = make_study(tmp_path / "here", 1, 60, "\n".join(kept))
    status, output = study.snakemake().finish()
    assert status == 0, output
    assert (study.path / "results/small/report.pdf").exists()
    assert study.calls()[0].gpu == "0"
