"""Files that appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["atomic", "flush_folder"]


@contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """Yield an empty temporary file beside `path`; on success flush it to the disk and rename it, else remove it.

    A reader therefore sees the previous file or the whole new one, also after a crash or a power cut; and where the
    folder cannot be written, one learns it before the work.

    Raises:
        OSError: the folder cannot be written or the disk is full; `path` is then as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.touch()
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        flush_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def flush_folder(folder: Path) -> None:
    """Make a rename in `folder` last (POSIX promises it only after the folder itself is flushed)."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
