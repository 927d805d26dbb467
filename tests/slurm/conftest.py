"""The clusters, started once for the tests of a file."""

import shutil
import tempfile
from pathlib import Path

import pytest

from .cluster import Cluster, missing


@pytest.fixture(scope="module", autouse=True)
def _same_versions_throughout():
    """A commit to the repository while the tests run would change the versions in the files that they compare."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_DIR", "/nonexistent")
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
