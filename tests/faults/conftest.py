"""Shared by the tests of faults; the long ones carry the mark `faults`."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def _same_versions_throughout():
    """A commit to the repository while a long test runs would change the versions in the files that it compares."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_DIR", "/nonexistent")
        yield
