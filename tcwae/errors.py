"""Errors that a user can mend."""

import difflib
from collections.abc import Iterable

__all__ = ["InputError", "suggestion"]


class InputError(ValueError):
    """Something handed in is not what it must be; the message is one line: what was expected, found, and what to do.

    The command line prints it without a traceback and exits with status 2. Any other exception is a defect.
    """


def suggestion(word: str, known: Iterable[str]) -> str:
    """What somebody who wrote `word` may have meant, to be put behind it."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f", did you mean {close[0]!r}?" if close else ""
