"""The clusters, started once for the tests of a file."""

import shutil
import tempfile
from pathlib import Path

import pytest

from .cluster import Cluster, command, missing
from .study import ROOT


@pytest.fixture(scope="module", autouse=True)
def _one_commit(tmp_path_factory):
    """The commit in all files that are compared is one of a repository that nobody changes while the tests run."""
    variables = {"GIT_DIR": tmp_path_factory.mktemp("repository") / ".git", "GIT_CONFIG_GLOBAL": "/dev/null"}
    for who in ("AUTHOR", "COMMITTER"):
        variables |= {
            f"GIT_{who}_NAME": "tests",
            f"GIT_{who}_EMAIL": "tests",
            f"GIT_{who}_DATE": "2026-01-01T00:00:00Z",
        }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, str(value))
        for words in ("init --quiet", "add provenance.py", "commit --quiet --message tests"):
            command("git", "-C", ROOT / "tcwae", *words.split())
        yield


def running(accounting):
    """A cluster while the tests last; its logs are printed where one of them failed."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # short, for the paths of sockets
    cluster = Cluster(folder, accounting=accounting)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def cluster():
    """With accounting, as most sites have it: `sacct` answers."""
    yield from running(accounting=True)


@pytest.fixture(scope="module")
def bare_cluster():
    """Without accounting."""
    yield from running(accounting=False)
