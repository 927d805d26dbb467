"""Files appear whole or not at all."""

import pytest

from tcwae.files import atomic


def test_appears_at_the_end(tmp_path):
    path = tmp_path / "folder" / "file"
    with atomic(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert [file.name for file in path.parent.iterdir()] == ["file"]


def test_failure_leaves_what_was_there(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def fail():
        with atomic(path) as temporary:
            temporary.write_text("half")
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        fail()
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_cannot_be_written_is_told_before_the_work(tmp_path):
    (tmp_path / "file").touch()

    def work():
        with atomic(tmp_path / "file" / "result"):
            raise AssertionError("too late")

    with pytest.raises((FileExistsError, NotADirectoryError)):
        work()
