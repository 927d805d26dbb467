"""One Snakemake a study, and the jobs that a killed one left. Scripts play SLURM; tests/slurm/test_head.py has the real one."""

import errno
import fcntl
import os
import subprocess
import sys

import pytest

from tcwae.doctor import head
from tcwae.doctor.head import Head
from tcwae.errors import InputError

HOLD = """
import sys
from pathlib import Path
from tcwae.doctor.head import Head
head = Head(Path(sys.argv[1]))
head.names_jobs("tcwae_1")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def file(tmp_path):
    return tmp_path / "results/study/.head"


@pytest.fixture
def killed(file):
    """A process that took the lock, recorded the name of its jobs, and was killed; the function kills it."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"

    def kill():
        process.kill()
        process.communicate()

    yield process.pid, kill
    kill()


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """A queue with three jobs of tcwae_1 until they are cancelled; calls of its clients are recorded."""
    monkeypatch.setattr(head, "SAVE_SECONDS", 0.0)
    folder = tmp_path / "bin"
    folder.mkdir()
    queue = (
        "1|RUNNING|rule_train_wildcards_a\\n2|PENDING|rule_train_wildcards_b\\n3|RUNNING|rule_evaluate_wildcards_c\\n"
    )
    scripts = {
        "squeue": f"[ -e {tmp_path}/cancelled ] || printf '{queue}'",
        "scancel": f"touch {tmp_path}/cancelled",
        "srun": "true",
    }
    for name, script in scripts.items():
        (folder / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {tmp_path}/calls\n{script}\n')
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return lambda: (tmp_path / "calls").read_text().splitlines()


def test_a_second_one_is_refused_and_named(file, killed):
    with pytest.raises(
        InputError, match=rf"study: another Snakemake runs this study: process {killed[0]} on \S+, since "
    ):
        Head(file)


def test_the_lock_ends_with_its_process_and_the_jobs_are_known(file, killed, slurm):
    killed[1]()
    taken = Head(file)
    assert taken.end_left_jobs() == ["1", "2", "3"]
    calls = slurm()
    assert "scancel 1 2 3" in calls
    assert all("--name=tcwae_1" in call for call in calls if call.startswith("squeue"))
    assert [call.split()[1] for call in calls if call.startswith("srun")] == ["--jobid=1"]  # alone it trains
    assert taken.end_left_jobs() == []
    assert file.read_text().count("\n") == 1


def test_a_new_study_asks_nobody(file, slurm, tmp_path):
    assert Head(file).end_left_jobs() == []
    assert not (tmp_path / "calls").exists()


def test_jobs_that_do_not_end(file, killed, slurm, monkeypatch, tmp_path):
    """They stay known to the next call."""
    killed[1]()
    monkeypatch.setattr(head, "END_SECONDS", 0.0)
    (tmp_path / "bin/scancel").write_text("#!/bin/sh\n")
    taken = Head(file)
    with pytest.raises(InputError, match="the jobs 1 2 3 were cancelled but have not ended"):
        taken.end_left_jobs()
    assert "tcwae_1" in file.read_text()


def test_without_locks_nothing_is_cancelled(file, slurm, monkeypatch, tmp_path, capsys):
    def refuse(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "lockf", refuse)
    file.parent.mkdir(parents=True)
    file.write_text("process 1 on here\ntcwae_1\n")
    assert Head(file).end_left_jobs() == []
    assert not (tmp_path / "calls").exists()
    assert "has no locks" in capsys.readouterr().err
