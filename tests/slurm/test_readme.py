"""The README's command for a cluster, on the real SLURM; the paper's study is a small one here."""

import pytest
import yaml
from pages import commands

from .study import make_study

pytestmark = pytest.mark.slurm


def test_the_readme_s_command_ends_with_the_paper_s_report(cluster, tmp_path):
    study = make_study(tmp_path / "here", 1, prepared=True)
    small = yaml.safe_load((study.path / "config.yaml").read_text()) | {"study": "paper"}
    small["experiments"]["comparison"]["methods"] = {"tcwae_mws": {"beta": 4, "gamma": 2}}  # an id of several settings
    (study.path / "workflow/studies/paper.yaml").write_text(yaml.safe_dump(small))
    (words,) = (words for words in commands("README.md") if "--profile" in words)
    assert words[:3] == ["snakemake", "--profile", "slurm"]  # which `Snakemake` begins with, too
    status, output = study.snakemake(*words[3:]).finish()
    assert status == 0, output
    assert (study.path / "results/paper/report.pdf").read_bytes().startswith(b"%PDF")
