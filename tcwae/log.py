"""Lines that a verb prints while it works."""

import io
import sys
from contextlib import suppress

__all__ = ["complain", "replace_unprintable", "say"]


def say(line: str) -> None:
    """Print a line at once; if standard output cannot be written, as on a full disk, the work continues."""
    with suppress(OSError):
        print(line, flush=True)


def complain(line: str) -> None:
    """Print a line on standard error; if it cannot be written, the exit status still tells."""
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def replace_unprintable() -> None:
    """Print a question mark for every character that the encoding of standard output lacks, instead of failing."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # not a notebook's, and not None, as where it is closed
        sys.stdout.reconfigure(errors="replace")
