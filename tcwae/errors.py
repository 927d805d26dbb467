"""Errors that a user can mend."""

__all__ = ["InputError"]


class InputError(ValueError):
    """Something handed in is not what it must be; the message is one line: what was expected, found, and what to do.

    The command line prints it without a traceback and exits with status 2. Any other exception is a defect.
    """
