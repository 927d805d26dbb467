"""One process at a time writes a run.

The lock is a POSIX record lock (`fcntl`) on a file that is never removed: if it were, two processes could hold locks on two
different files. The lock belongs to the process, not to the file, and the system releases it when the process ends, however it
ends; so there is never anything to remove by hand.

On network file systems:

- NFSv4: the lock is the server's. When a node dies, the server frees its locks after the lease, by default 90 s
  (RFC 7530, section 9.5; Linux' nfsd), for which `PATIENCE` waits.
- NFSv3: the lock is lockd's. A killed process frees its lock at once; those of a dead node are freed when it has rebooted.
- Lustre: with the mount option `flock`. With `localflock` only processes of one node see each other's locks.
- On a file system without locks, a warning is printed and the training runs without one.

`flock` is not suitable: a forked child keeps it alive, and it conflicts with POSIX locks on NFS but not on a local disk.
"""

import errno
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from tcwae.log import complain, say
from tcwae.training.signals import Interrupted

__all__ = ["HeldError", "exclusive"]

PATIENCE = 120.0
"""Seconds to wait for another process to end: longer than an NFSv4 server keeps a dead node's locks."""
TAKEN = (errno.EAGAIN, errno.EACCES)
UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


class HeldError(Interrupted):
    """Another process holds the lock."""


@contextmanager
def exclusive(path: Path, patience: float | None = None) -> Iterator[bool]:
    """Hold the lock `path`, whose folder is made if need be; wait at most `patience` seconds while another process holds it.

    The default is `PATIENCE`. Yields whether another process held it. A process does not exclude itself, so this does not
    lock threads.

    Raises:
        HeldError: another process still holds it.
        OSError: the file cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        yield _lock(descriptor, path, PATIENCE if patience is None else patience)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path, patience: float) -> bool:
    deadline = time.monotonic() + patience
    waiting = False
    while not _try(descriptor, path):
        if time.monotonic() > deadline:
            raise HeldError(f"{path.parent}: another process trains this run: {_holder(descriptor)}")
        if not waiting and patience > 0:
            say(f"{path.parent}: waiting at most {patience:g} s for {_holder(descriptor)}")
            waiting = True
        time.sleep(0.2)
    _sign(descriptor)
    return waiting


def _try(descriptor: int, path: Path) -> bool:
    """Whether this process now holds the lock, or the file system has none."""
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in TAKEN:
            return False
        if error.errno not in UNSUPPORTED:
            raise OSError(error.errno, error.strerror, str(path)) from error
        complain(f"warning: {path}: this file system has no locks: start no second process on this run")
    return True


def _sign(descriptor: int) -> None:
    """Write the holder into the file, for the message of a waiting process; a full disk does not matter."""
    text = f"process {os.getpid()} on {socket.gethostname()}, since {datetime.now(UTC).isoformat(timespec='seconds')}"
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode(), 0)


def _holder(descriptor: int) -> str:
    return os.pread(descriptor, 200, 0).decode(errors="replace") or "another process"
