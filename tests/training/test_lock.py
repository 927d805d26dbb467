"""One process at a time; and no lock outlives its process."""

import errno
import fcntl
import signal
import threading
import time

import pytest
from faults.processes import CONTEXT
from patience import HANG

from tcwae.training import lock
from tcwae.training.lock import exclusive
from tcwae.training.signals import Interrupted


def hold(path):
    with exclusive(path):
        time.sleep(10**6)


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock until it is killed."""
    path = tmp_path / "run" / ".lock"
    process = CONTEXT.Process(target=hold, args=(path,))
    process.start()
    while not (path.exists() and path.read_text()):
        time.sleep(0.01)
    yield process
    process.kill()
    process.join()


def test_the_second_process_stops_with_one_line_that_names_the_first(holder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(lock, "PATIENCE", 0.3)
    message = rf"run: another process trains this run: process {holder.pid} on \S+, since \S+$"
    with pytest.raises(Interrupted, match=message), exclusive(tmp_path / "run" / ".lock"):
        pass
    assert capsys.readouterr().out.count("waiting at most 0.3 s for process") == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_dead_process_holds_nothing(holder, tmp_path, monkeypatch, number):
    monkeypatch.setattr(lock, "PATIENCE", 0.0)
    holder.kill() if number == signal.SIGKILL else holder.terminate()
    holder.join()
    with exclusive(tmp_path / "run" / ".lock"):
        assert (tmp_path / "run" / ".lock").exists()
    assert (tmp_path / "run" / ".lock").exists()


def test_waits_for_the_first_to_end(holder, tmp_path):
    killer = threading.Timer(0.5, holder.kill)
    killer.start()
    with exclusive(tmp_path / "run" / ".lock"):
        killer.join()
        holder.join(HANG)
        assert holder.exitcode == -signal.SIGKILL


def test_let_go_at_the_end_and_after_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "PATIENCE", 0.0)
    with pytest.raises(ZeroDivisionError), exclusive(tmp_path / ".lock"):
        raise ZeroDivisionError
    for _ in range(2):
        with exclusive(tmp_path / ".lock"):
            pass


def test_where_there_are_no_locks_a_warning_says_so(tmp_path, monkeypatch, capsys):
    def none(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", none)
    with exclusive(tmp_path / ".lock"):
        pass
    assert capsys.readouterr().err.startswith(f"warning: {tmp_path / '.lock'}: this file system has no locks")


def test_any_other_failure_names_the_file(tmp_path, monkeypatch):
    def broken(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "lockf", broken)
    with pytest.raises(OSError, match=r"\.lock") as failure, exclusive(tmp_path / ".lock"):
        pass
    assert failure.value.filename == str(tmp_path / ".lock")
