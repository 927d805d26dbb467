"""A small study with its page."""

import shutil

import pytest

from page import studied


@pytest.fixture(scope="session")
def folder(small_data, tmp_path_factory):
    """The results of a small study, with its page."""
    return studied.make(tmp_path_factory.mktemp("page") / "small", small_data)


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "small")
