"""Files that appear whole or not at all."""

import errno
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

    A reader therefore sees the previous file or the whole new one, also after a crash or a power cut; and where the
    folder cannot be written, one learns it before the work. `previous` is the name under which the file that is replaced
    is kept; `size` is how many bytes will be needed, if known, for the message when they are not there.

    Raises:
        OSError: the folder cannot be written or the disk is full; `path` is then as it was. The error names `path`, and
            for a full disk the space that is needed and free.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path, older_than=DAY)
    temporary = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        temporary.touch(exist_ok=False)
        yield temporary
        _flush(temporary)
        if previous is not None and path.exists():
            os.replace(path, previous)
        os.replace(temporary, path)
        flush_folder(path.parent)
    except OSError as error:
        if error.filename in (None, str(temporary)):
            raise _named(error, path, temporary, size) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(path: Path, older_than: float = 0.0) -> None:
    """Remove temporary files of `path`, older than so many seconds, whose writers were killed."""
    for leftover in path.parent.glob(f".{escape(path.name)}.*.part"):
        with suppress(FileNotFoundError):  # another process removed it
            if time.time() - leftover.stat().st_mtime >= older_than:
                leftover.unlink()


def flush_folder(folder: Path) -> None:
    """Make a rename in `folder` last (POSIX promises it only after the folder itself is flushed)."""
    _flush(folder)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _named(error: OSError, path: Path, temporary: Path, size: int | None) -> OSError:
    """The error with the name of the file that was to be written."""
    text = error.strerror or " ".join(str(error).split())
    if error.errno in FULL:
        written = temporary.stat()
        needed = f"{size / 1e6:.1f}" if size else f"more than {written.st_size / 1e6:.1f}"
        free = shutil.disk_usage(path.parent).free + 512 * written.st_blocks
        text += f": {needed} MB needed, {free / 1e6:.1f} MB free"
    return OSError(error.errno or errno.EIO, text, str(path))
