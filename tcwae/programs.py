"""Other programs: run one with a time limit, and say in one line why it failed."""

import re
import subprocess
from collections.abc import Sequence

from tcwae.errors import InputError

__all__ = ["output_of", "reason"]

ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
"""A control sequence of a terminal, such as a colour (ECMA-48, section 5.4)."""

SEVERITIES = ("FATAL", "ERROR")
"""How lines begin that give a reason, the gravest first."""


def output_of(command: Sequence[str], seconds: float) -> str:
    """The standard output of a program.

    Raises:
        InputError: it is missing, fails, or has not ended after `seconds`.
    """
    try:
        done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", timeout=seconds)
    except subprocess.TimeoutExpired:
        raise InputError(f"{command[0]}: expected an answer, found none after {seconds:g} s") from None
    except OSError as error:
        raise InputError(f"{command[0]}: {error.strerror}") from None
    if done.returncode:
        raise InputError(f"{command[0]}: {reason(command[0], done.stderr) or f'status {done.returncode}'}")
    return done.stdout


def reason(program: str, text: str) -> str:
    """The line of an error output that says most: the last one of the gravest kind, without colours and its beginning.

    Programs begin lines with their own name (`sinfo: fatal: ...`) or with a severity (`FATAL:   ...`). The last line may
    hold nothing but the end of a colour.
    """
    lines = [line for line in (ESCAPE.sub("", line).strip() for line in text.splitlines()) if line]
    for severity in SEVERITIES:
        grave = [line for line in lines if line.startswith(severity)]
        if grave:
            return grave[-1].removeprefix(severity).lstrip(" :")
    return re.sub(rf"^({re.escape(program)}: )+", "", lines[-1]) if lines else ""
