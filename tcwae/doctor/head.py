"""Lets one Snakemake at a time run a study, and cancels the jobs that a killed one left in SLURM.

Snakemake's own lock is a file that stays when Snakemake is killed, and a new Snakemake does not know the jobs of the old one:
it would submit every run again. Here the operating system holds the lock, on the file `.head` of the study's results, and
releases it when the process ends, however it ends. The file also holds the name of the jobs, so that the next Snakemake finds
them, lets the trainings save, and cancels the jobs before it submits its own.
"""

import errno
import fcntl
import os
import socket
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from shutil import which

from tcwae.errors import InputError
from tcwae.log import complain
from tcwae.programs import output_of

__all__ = ["Head"]

ANSWER_SECONDS = 60.0
"""Seconds that a client of SLURM gets."""

SAVE_SECONDS = 60.0
"""Seconds that trainings get to save and exit before their jobs are cancelled: a step and a file of some megabytes."""

END_SECONDS = 600.0
"""Seconds that cancelled jobs get to end: SLURM's KillWait, by default 30 s, and its epilogue."""

UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)

SAVE = """
for process in /proc/[0-9]*; do
    if [ "$(cat $process/comm 2> /dev/null)" = tcwae ] && grep -qzx "SLURM_JOB_ID=$SLURM_JOB_ID" $process/environ 2> /dev/null
    then kill -USR1 "${process#/proc/}"; fi
done
"""
"""Asks the trainings of a job to save and exit (`training.signals`). SLURM's own signals do not reach them."""


class Head:
    """The lock of a study, held until the process ends."""

    def __init__(self, path: Path) -> None:
        """Take the lock.

        Raises:
            InputError: another process holds it; the message says which one, and since when.
            OSError: the file cannot be written.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        # opened once: a process that closes a file loses its locks on it
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        first, *self.names = os.pread(self.descriptor, 100_000, 0).decode(errors="replace").splitlines() or [""]
        self.alone = True
        try:
            fcntl.lockf(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                os.close(self.descriptor)
                raise InputError(f"{path.parent}: another Snakemake runs this study: {first}") from None
            complain(f"warning: {path}: this file system has no locks: start no second Snakemake on this study")
            self.alone = False
        self._write()

    def _write(self) -> None:
        since = datetime.now(UTC).isoformat(timespec="seconds")
        lines = [f"process {os.getpid()} on {socket.gethostname()}, since {since}", *self.names]
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, "".join(f"{line}\n" for line in lines).encode(), 0)
        os.fsync(self.descriptor)

    def names_jobs(self, name: str) -> None:
        """Record under which name jobs will be submitted, before the first one is."""
        self.names.append(name)
        self._write()

    def end_left_jobs(self) -> list[str]:
        """Let the trainings of an earlier Snakemake save, cancel its jobs, and wait for their end; their numbers.

        Without locks, the other Snakemake may still be running, so nothing is cancelled.

        Raises:
            InputError: SLURM does not answer, or the jobs do not end.
        """
        if not self.alone or not self.names or which("squeue") is None:
            return []
        left = self._jobs()
        if left:
            complain(
                f"{len(left)} jobs of a killed Snakemake are still in the queue: cancelled once their trainings have saved"
            )
            training = [job for job, state, comment in left if state == "RUNNING" and comment.startswith("rule_train_")]
            _save(training)
            self._wait(SAVE_SECONDS, set(training))
            remaining = [job for job, *_ in self._jobs()]
            if remaining:
                output_of(["scancel", *remaining], ANSWER_SECONDS)
            if not self._wait(END_SECONDS):
                raise InputError(f"the jobs {' '.join(remaining)} were cancelled but have not ended: try again later")
        self.names.clear()
        self._write()
        return [job for job, *_ in left]

    def _jobs(self) -> list[tuple[str, str, str]]:
        """Number, state and comment of each job that has not ended."""
        form = ("--noheader", "--format", "%i|%T|%k")
        lines = output_of(["squeue", "--me", f"--name={','.join(self.names)}", *form], ANSWER_SECONDS).splitlines()
        return [(number, state, comment) for number, state, comment in (line.split("|", 2) for line in lines)]

    def _wait(self, seconds: float, jobs: set[str] | None = None) -> bool:
        """Whether these jobs, or all, have ended within that time."""
        deadline = time.monotonic() + seconds
        while any(jobs is None or job in jobs for job, *_ in self._jobs()):
            if time.monotonic() > deadline:
                return False
            time.sleep(1)
        return True


def _save(jobs: Sequence[str]) -> None:
    """Ask the trainings of these jobs to save; one that cannot be asked loses what came after its last save."""

    def ask(job: str) -> None:
        step = ["srun", f"--jobid={job}", "--overlap", "--ntasks=1", "--quiet", "sh", "-c", SAVE]
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "SRUN_"))}
        with suppress(subprocess.TimeoutExpired, OSError):
            subprocess.run(step, env=environment, capture_output=True, encoding="utf-8", timeout=ANSWER_SECONDS)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, jobs))
