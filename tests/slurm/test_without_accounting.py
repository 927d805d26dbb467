"""A site without accounting: the two lines of the profile that it changes, and figures among the jobs."""

import pytest

from .study import PROFILE, make_study

pytestmark = pytest.mark.slurm


def test_a_study_ends_with_the_report(bare_cluster, tmp_path):
    """`squeue` is asked in place of `sacct`."""
    lines = PROFILE.read_text().replace("# slurm-status-command: squeue", "slurm-status-command: squeue").splitlines()
    profile = "\n".join(line for line in lines if not line.strip().startswith("slurm_account"))
    study = make_study(tmp_path / "here", 1, profile=profile, shows=("scores_table", "scores_vs_reconstruction"))
    status, output = study.snakemake().finish()
    assert status == 0, output
    assert (study.path / "results/small/report.pdf").read_bytes().startswith(b"%PDF")
    assert (study.path / "results/small/figures/comparison-scores_vs_reconstruction.pdf").exists()
    assert [call.gpu for call in study.calls()] == ["0", "0"]
    assert {call.gpu for verb in ("evaluate", "plot") for call in study.calls(verb)} == {"None"}
