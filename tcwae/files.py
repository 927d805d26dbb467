"""Files that appear whole or not at all."""

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from uuid import uuid4

__all__ = ["atomic", "flush_folder", "remove_leftovers"]

DAY = 24 * 60 * 60.0
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def atomic(path: Path | str, *, size: int | None = None, previous: Path | None = None) -> Iterator[Path]:
    """Yield an empty temporary file beside `path`; on success flush it to the disk and rename it, else remove it.

    A reader therefore sees the previous file or the whole new one, also after a crash or a power cut. A folder that cannot
    be written is refused before the work. The temporary file is locked, so HDF5 need not lock it (`locking=False`).
    `previous` is the name under which to keep the file that is replaced; `size` is the number of bytes that will be
    needed, if known, for the message of a full disk.

    Raises:
        OSError: the folder cannot be written or the disk is full; `path` is then as it was. The error names `path`, and
            for a full disk the space that is needed and free.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path)
    temporary = path.with_name(f".{path.name}.{uuid4().hex}.part")
    held = None
    try:
        held = _create(temporary)
        yield temporary
        _flush(temporary)
        if previous is not None and path.exists():
            os.replace(path, previous)
        os.replace(temporary, path)
        os.close(held)  # before anyone opens it under its name
        held = None
        flush_folder(path.parent)
    except OSError as error:
        if error.filename in (None, str(temporary)):
            raise _named(error, path, temporary, size) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)
        if held is not None:
            os.close(held)


def remove_leftovers(path: Path) -> None:
    """Remove temporary files of `path` whose writers were killed.

    A writer holds a lock (`flock`) on its file, which the system releases when the writer ends, even if it is killed. On a
    file system without locks, a writer counts as dead when it has not written for a day.
    """
    for leftover in path.parent.glob(f".{escape(path.name)}.*.part"):
        with suppress(FileNotFoundError, PermissionError):  # another process removed it, or it is another user's
            descriptor = os.open(leftover, os.O_RDWR)  # NFS locks only what may be written
            try:
                if _is_abandoned(descriptor):
                    leftover.unlink()
            finally:
                os.close(descriptor)


def _is_abandoned(descriptor: int) -> bool:
    """Whether no writer holds the file; if so, this process locks it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return time.time() - os.fstat(descriptor).st_mtime >= DAY
    return True


def _create(temporary: Path) -> int:
    """Make an empty file and lock it until the caller closes the descriptor."""
    while True:
        held = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        with suppress(OSError):  # no locks on this file system
            fcntl.flock(held, fcntl.LOCK_EX)
        if os.fstat(held).st_nlink:
            return held
        os.close(held)  # another process took it for abandoned before it was held


def flush_folder(folder: Path) -> None:
    """Make a rename in `folder` durable: POSIX guarantees it only after the folder itself is flushed."""
    _flush(folder)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _named(error: OSError, path: Path, temporary: Path, size: int | None) -> OSError:
    """The error with the name of the final file in place of the temporary one."""
    text = error.strerror or " ".join(str(error).split())
    if error.errno in FULL:
        written = temporary.stat()
        needed = f"{size / 1e6:.1f}" if size else f"more than {written.st_size / 1e6:.1f}"
        free = shutil.disk_usage(path.parent).free + 512 * written.st_blocks
        text += f": {needed} MB needed, {free / 1e6:.1f} MB free"
    return OSError(error.errno or errno.EIO, text, str(path))
