"""A file that starts with 512 bytes of text: the kind of file, and the checksum of all other bytes."""

import hashlib
from pathlib import Path
from typing import BinaryIO

from tcwae.data.damage import kind
from tcwae.errors import InputError

__all__ = ["HEAD_BYTES", "seal", "verify"]

HEAD_BYTES = 512
_HEAD = "tcwae prepared data set, version 1\nSHA-256 of all that follows these 512 bytes: {}\n"


def seal(path: Path) -> None:
    """Write the head of a file whose other bytes are complete."""
    with open(path, "r+b") as file:
        head = _head(file)
        file.seek(0)
        file.write(head)


def verify(path: Path) -> None:
    """Compare the head of a file with the bytes that follow.

    Raises:
        InputError: another kind of file, or a truncated or damaged one.
        OSError: the file is missing or cannot be read.
    """
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
        if not head.startswith(_HEAD.partition("\n")[0].encode()):
            other = kind(head)
            found = (
                "an empty file" if not head else f"another kind of file, {other}" if other else "another kind of file"
            )
            raise InputError(f"{path}: expected a data set written by `tcwae prepare`, found {found}")
        if head != _head(file):
            raise InputError(f"{path}: expected the checksum in its first bytes, found another: prepare it again")


def _head(file: BinaryIO) -> bytes:
    file.seek(HEAD_BYTES)
    return _HEAD.format(hashlib.file_digest(file, "sha256").hexdigest()).encode().ljust(HEAD_BYTES, b"\n")
