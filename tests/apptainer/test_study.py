"""A study through `snakemake --profile slurm` on a real SLURM, every job in the image, as root and as an ordinary user."""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import pandas as pd
import pytest
import yaml
from slurm.cluster import Cluster, command, missing
from slurm.study import PROFILE

import tcwae.workflow
from tcwae.provenance import commit

from .conftest import ROOT

pytestmark = pytest.mark.apptainer

STUDY = {
    "study": "small",
    "seeds": [0],
    "training": {"iterations": 4, "batch_size": 4, "log_every": 2},
    "evaluation": {"codes": 1000, "held_out": 100},
    "datasets": {"celeba": {"count": 1200}},
    "experiments": {
        "grid": {
            "dataset": "celeba",
            "methods": {"tcwae_mws": {"beta": [1, 4], "gamma": 1}},
            "shows": ["scores_table", "reconstructions"],
        },
    },
}


@pytest.fixture(scope="module")
def cluster(machine):
    """A SLURM on which root and the ordinary user have accounts."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/var/tmp"))
    cluster = Cluster(folder, accounting=True)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def interpreter(machine):
    """Snakemake in an environment that all users reach, without torch: the jobs bring their own."""
    environment = machine.folder / "environment"
    command(sys.executable, "-m", "uv", "venv", "--python", "/usr/bin/python3", environment)
    needed = ("snakemake", "snakemake-executor-plugin-slurm", "pydantic", "numpy", "h5py")
    install = (sys.executable, "-m", "uv", "pip", "install", "--python", environment / "bin/python")
    command(*install, "--constraint", ROOT / "requirements.lock", *needed)
    shutil.copytree(ROOT / "tcwae", machine.folder / "code/tcwae")
    host = environment / "bin/tcwae"
    host.write_text("#!/bin/sh\necho 'this is the tcwae of the host, not of the image' >&2; exit 1\n")
    host.chmod(0o755)
    return environment / "bin"


@pytest.fixture
def folder(who, place, image, cluster, interpreter):
    """The study's: with a space in its name, and with the profile as it stands but for the device."""
    known = command("sacctmgr", "--noheader", "--parsable2", "list", "user", "format=user").split()
    if who.user not in known:
        command("sacctmgr", "--immediate", "add", "user", who.user, "account=lab")
    folder = place / "my study"
    tcwae.workflow.copy(folder)
    profile = folder / "slurm" / PROFILE.name
    profile.write_text(profile.read_text().replace("device: cuda", "device: cpu"))
    (folder / "config.yaml").write_text(yaml.safe_dump(STUDY | {"container": str(image)}))
    for path in (folder, *folder.rglob("*")):
        shutil.chown(path, who.user, who.user)
    return folder


def snakemake(who, folder, interpreter):
    variables = {"PATH": f"{interpreter}:{who.environment['PATH']}", "PYTHONPATH": str(who.folder / "code")}
    early = ("--slurm-init-seconds-before-status-checks", "10")
    return who.run("snakemake", "--profile", "slurm", *early, cwd=folder, **variables)


@pytest.fixture
def archive():
    """A file where Apptainer binds nothing."""
    path = Path("/srv/tcwae-archive.zip")
    path.touch(mode=0o644)
    yield path
    path.unlink()


def test_an_archive_that_jobs_do_not_see_is_refused_before_queueing(who, folder, image, interpreter, archive):
    """It is outside of the working directory, and not bound."""
    study = json.loads(json.dumps(STUDY).replace("celeba", "mine"))
    study["datasets"] = {"mine": {"source": "real", "format": "images", "archive": str(archive)}}
    (folder / "config.yaml").write_text(yaml.safe_dump(study | {"container": str(image)}))
    done = snakemake(who, folder, interpreter)
    assert done.returncode == 1
    assert f"{archive} is at {archive}, which jobs do not see: add --bind {archive} to apptainer-args" in done.stderr
    assert command("squeue", "-h", "-t", "all", "-u", who.user) == ""


def test_a_study_ends_with_the_report(who, folder, image, interpreter):
    """Every job in the image, up to the PDF."""
    done = snakemake(who, folder, interpreter)
    assert done.returncode == 0, done.stdout + done.stderr

    results = folder / "results/small"
    assert (results / "report.pdf").read_bytes().startswith(b"%PDF")
    assert (pd.read_csv(results / "metrics.csv")["status"] == "finished").all()
    inside = who.output("apptainer", "exec", image, "python", "--version").split()[1]
    for record in (*results.rglob("training.json"), *results.rglob("metrics.json")):
        versions = json.loads(record.read_text())["versions"]
        assert (versions["python"], versions["commit"]) == (inside, commit())
        assert record.owner() == who.user
    assert {path.owner() for path in folder.rglob("*")} == {who.user}
    assert tcwae.__version__ in who.output("apptainer", "inspect", image)
