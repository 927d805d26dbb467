"""How Snakemake calls Apptainer, and what stops a study before a job is queued. The images are programs."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import tcwae.workflow

ROOT = Path(__file__).parents[2]
IMAGE = "containers/tcwae.sif"
STUDY = {
    "study": "small",
    "container": IMAGE,
    "seeds": [0],
    "datasets": {"celeba": {"count": 50}},
    "experiments": {"one": {"dataset": "celeba", "methods": {"wae_mmd": {"lambda": 10}}, "shows": ["scores_table"]}},
}
DATA = "resources/celeba-rendered-50.h5"
PREPARES = f"case $1 in tcwae) echo tcwae {tcwae.__version__};; bash) : > {DATA};; esac"


@pytest.fixture
def folder(tmp_path, warm):
    """A study's folder with the cluster's profile, and the stand-in for Apptainer first on PATH."""
    tcwae.workflow.copy(tmp_path)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(STUDY))
    for name in ("bin", "containers"):
        (tmp_path / name).mkdir()
    (tmp_path / "bin" / "apptainer").symlink_to(ROOT / "tests" / "container" / "stand_in.py")
    return tmp_path


def image(folder, script):
    (folder / IMAGE).write_text(f"#!/bin/sh\n{script}\n")
    (folder / IMAGE).chmod(0o755)


def snakemake(folder, start=("snakemake",), **options):
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    # Snakemake does not end before the time of its rate of submission is over: of the profile's, a minute
    local = ["--executor", "local", "--cores", "1", "--max-jobs-per-timespan", "100/1s"]
    command = [*start, "--profile", "slurm", *local, DATA]
    done = subprocess.run(
        command, cwd=folder, env=os.environ | {"PATH": path, "APPTAINER_CALLS": str(folder / "calls")},
        capture_output=True, text=True, **options,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_a_job_is_this_command(folder):
    """The working directory is home and bound, the profile's options are passed, the image is that of the configuration."""
    image(folder, PREPARES)
    profile = folder / "slurm" / "profile.v9+.yaml"
    given = yaml.safe_load(profile.read_text())
    assert given["apptainer-args"] == "--nv"
    profile.write_text(yaml.safe_dump(given | {"apptainer-args": "--nv --bind /usr:/scratch"}))
    status, output = snakemake(folder)
    assert status == 0, output
    assert (folder / DATA).exists()
    calls = [json.loads(line) for line in (folder / "calls").read_text().splitlines()]
    assert calls[:2] == [["--version"], ["exec", "--home", str(folder), IMAGE, "tcwae", "--version"]]
    assert calls[2][:7] == ["exec", "--home", str(folder), "--nv", "--bind", "/usr:/scratch", IMAGE]  # sees all folders
    (job,) = [call for call in calls if "tcwae prepare" in call[-1]]
    assert job[:6] == ["exec", "--home", str(folder), "--nv", "--bind", "/usr:/scratch"]
    assert job[-4:-1] == [IMAGE, "bash", "-c"]


def test_an_image_of_another_version_stops_before_anything_is_queued(folder):
    image(folder, 'echo "tcwae 0.0.9 (abc)"')
    status, output = snakemake(folder)
    assert status == 1
    assert f"expected tcwae {tcwae.__version__} as here, found tcwae 0.0.9 (abc)" in output
    assert "Traceback" not in output
    assert "rule prepare" not in output


def test_a_folder_that_jobs_do_not_see_stops_before_anything_is_queued(folder):
    """Here the program that plays the image says so; tests/apptainer has a folder that is not bound."""
    image(folder, f"case $1 in tcwae) echo tcwae {tcwae.__version__};; sh) echo workflow;; bash) : > {DATA};; esac")
    status, output = snakemake(folder)
    assert status == 1
    assert f"workflow is at {folder / 'workflow'}, which jobs do not see: add --bind" in output
    assert "rule prepare" not in output


def test_a_full_quota_stops_before_anything_is_queued(folder):
    """A limit of file size stands for the quota."""
    image(folder, PREPARES)
    limit = 10_000_000
    limited = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))}
    status, output = snakemake(folder, start=(sys.executable, "-m", "snakemake"), **limited)
    assert status == 1
    assert f"{folder / 'results'}: expected to write 64 MB to try, found: File too large" in output
    assert "Traceback" not in output
    assert not (folder / "resources").exists()
