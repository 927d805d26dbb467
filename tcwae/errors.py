"""Errors that a user can correct."""

import difflib
from collections.abc import Iterable

__all__ = ["InputError", "one_line", "suggestion"]


class InputError(ValueError):
    """A mistake in what the user gave; the message is one line: what was expected, what was found, and what to do.

    The command line prints it without a traceback and exits with status 2. Any other exception is a defect.
    """


def one_line(error: Exception) -> str:
    """The message of an error; that of the operating system begins with the file."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def suggestion(word: str, known: Iterable[str]) -> str:
    """The known word that is closest to `word`, as the end of a message; empty where none is close."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f", did you mean {close[0]!r}?" if close else ""
