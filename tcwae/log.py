"""What a verb says while it works."""

import sys
from contextlib import suppress

__all__ = ["complain", "say"]


def say(line: str) -> None:
    """Print a line at once; a log that cannot be written, on a full disk, is no reason to lose a training."""
    with suppress(OSError):
        print(line, flush=True)


def complain(line: str) -> None:
    """The same on standard error: the status tells as well."""
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)
