"""The command `tcwae`: a verb for each step of the workflow, and verbs to look at the results.

Exit status: 0 done; 2 an error that the user can correct, reported in one line on standard error, or Ctrl-C; 3 the training
diverged (its files are written); 75 the training was stopped and has saved its state, or another process trains the run: the
same command resumes it.
"""

import argparse
import os
import sys
import warnings
from collections.abc import Sequence

from tcwae.cli.arguments import own_code
from tcwae.cli.parser import parser
from tcwae.errors import InputError, one_line
from tcwae.log import complain, replace_unprintable

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status, which the module's docstring explains."""
    warnings.formatwarning = lambda message, *_, **__: f"{message}\n"  # without the line of code
    os.environ["MPLBACKEND"] = "agg"  # figures go to files; a notebook's or a user's backend may need a display
    replace_unprintable()
    words = sys.argv[1:] if arguments is None else list(arguments)
    name = " ".join(["tcwae", *words[:1]])
    try:
        options = _parsed(words)
        status = options.verb(options) or 0
        _flush()
        return status
    except BrokenPipeError:  # the reader of the output, such as `head`, has read enough
        _drop_output()
        return 0
    except (InputError, OSError) as error:
        complain(f"{name}: {one_line(error)}")
    except KeyboardInterrupt:
        complain(f"{name}: interrupted")
    return 2


def _parsed(words: Sequence[str]) -> argparse.Namespace:
    code = own_code(words)
    try:
        options = parser().parse_args(words)
    except SystemExit:  # after --help or --version
        _flush()
        raise
    options.code = code
    return options


def _flush() -> None:
    """Write buffered output now, while an error can still be reported."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _drop_output()
        raise OSError(error.errno, error.strerror, "standard output") from error


def _drop_output() -> None:
    """Discard what is still buffered: Python would try to write it again when it exits, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
