"""Files appear whole or not at all."""

import ast
import errno
import fcntl
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tcwae
from tcwae.files import atomic, remove_leftovers


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


def test_the_file_that_is_replaced_is_kept_under_another_name(tmp_path):
    path, previous = tmp_path / "file", tmp_path / "previous"
    for text in ("first", "second", "third"):
        with atomic(path, previous=previous) as temporary:
            temporary.write_text(text)
    assert (path.read_text(), previous.read_text()) == ("third", "second")


def test_an_error_names_the_file_and_the_space(tmp_path, monkeypatch):
    """What the system says of a descriptor has no name in it."""
    monkeypatch.setattr("tcwae.files.os.fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left")))
    path = tmp_path / "file"
    with pytest.raises(OSError, match="No space") as failure, atomic(path, size=3_000_000) as temporary:
        temporary.write_bytes(bytes(5))
    assert failure.value.filename == str(path)
    assert re.fullmatch(r"No space left: 3\.0 MB needed, [\d.]+ MB free", failure.value.strerror)
    assert not list(tmp_path.iterdir())


def test_errors_of_other_files_keep_their_names(tmp_path):
    with pytest.raises(FileNotFoundError) as failure, atomic(tmp_path / "file"):
        (tmp_path / "missing").read_bytes()
    assert failure.value.filename == str(tmp_path / "missing")


def leftovers(folder):
    return sorted(file.name for file in folder.iterdir() if file.name.endswith(".part"))


def test_what_a_killed_writer_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path):
    script = (
        "import os, signal\n"
        "from tcwae.files import atomic\n"
        f"with atomic('{tmp_path}/file') as temporary:\n"
        "    temporary.write_text('half')\n"
        "    print(flush=True)\n"
        "    signal.pause()\n"
    )
    (tmp_path / ".other.3.part").touch()
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"\n"
        with atomic(tmp_path / "file"):
            assert len(leftovers(tmp_path)) == 3
        assert len(leftovers(tmp_path)) == 2
        writer.kill()
    assert len(leftovers(tmp_path)) == 2
    remove_leftovers(tmp_path / "file")
    assert leftovers(tmp_path) == [".other.3.part"]


def test_without_locks_a_writer_is_dead_after_a_day(tmp_path, monkeypatch):
    monkeypatch.setattr("tcwae.files.fcntl.flock", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOLCK, "no locks")))
    for name, age in ((".file.1.part", 25), (".file.2.part", 1)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, time.time() - age * 3600))
    with atomic(tmp_path / "file"):
        pass
    assert leftovers(tmp_path) == [".file.2.part"]


def test_a_file_taken_for_abandoned_before_it_is_held_is_made_again(tmp_path, monkeypatch):
    lock = fcntl.flock

    def late(descriptor, how):
        monkeypatch.setattr("tcwae.files.fcntl.flock", lock)
        remove_leftovers(tmp_path / "file")
        lock(descriptor, how)

    monkeypatch.setattr("tcwae.files.fcntl.flock", late)
    with atomic(tmp_path / "file") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "file").read_text() == "new"


def calls_without(keyword, *functions):
    """Where in the package a function is called without a keyword; and how often it is called."""
    package = Path(tcwae.__file__).parent
    calls = [
        (f"{path.relative_to(package)}:{call.lineno}", keyword in {given.arg for given in call.keywords})
        for path in package.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and re.search(rf"(^|\.)({'|'.join(functions)})$", ast.unparse(call.func))
    ]
    return [place for place, given in calls if not given], len(calls)


def test_every_hdf5_file_is_opened_without_a_lock():
    """Some file systems of clusters have no locks."""
    without, calls = calls_without("locking", "h5py.File")
    assert (without, calls > 5) == ([], True)


def test_every_text_has_its_encoding():
    """In another locale, Python would read and write that locale's."""
    without, calls = calls_without("encoding", "read_text", "write_text", "subprocess.run")
    assert (without, calls > 5) == ([], True)
