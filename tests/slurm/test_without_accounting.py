"""A site without accounting: the two lines of the profile that it changes, and figures among the jobs."""

import shutil

import pytest

from .cluster import command
from .study import PROFILE, make_study

pytestmark = pytest.mark.slurm


def test_the_profile_as_it_stands_is_refused(bare_cluster, tmp_path):
    """Before anything is queued: Snakemake would wait for ever for the end of its jobs."""
    status, output = make_study(tmp_path / "here", 1).snakemake().finish()
    assert status == 1
    assert "sacct: Slurm accounting storage is disabled: where there is no accounting, uncomment " in output
    assert command("squeue", "-h", "-t", "all") == ""


def test_a_study_ends_with_the_report(bare_cluster, tmp_path):
    """`squeue` is asked in place of `sacct`. The folder has a name as people have it, and no node has the user's home."""
    lines = PROFILE.read_text().replace("# slurm-status-command: squeue", "slurm-status-command: squeue").splitlines()
    profile = "\n".join(line for line in lines if not line.strip().startswith("slurm_account"))
    shows = ("scores_table", "scores_vs_reconstruction")
    study = make_study(tmp_path / "it's here, a & b", 1, profile=profile, shows=shows)
    sbatch = study.path / "bin/sbatch"
    sbatch.write_text(f'#!/bin/sh\nHOME=/proc/none exec {shutil.which("sbatch")} "$@"\n')
    sbatch.chmod(0o755)
    status, output = study.snakemake().finish()
    assert status == 0, output
    assert (study.path / "results/small/report.pdf").read_bytes().startswith(b"%PDF")
    assert (study.path / "results/small/figures/comparison-scores_vs_reconstruction.pdf").exists()
    assert [call.gpu for call in study.calls()] == ["0", "0"]
    assert {call.gpu for verb in ("evaluate", "plot") for call in study.calls(verb)} == {"None"}
