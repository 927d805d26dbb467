"""The base of all models of `config` and `study`, and how they refuse: in one line, in words.

This module imports pydantic alone, because every job of a cluster parses the Snakefile again.
"""

import re
import reprlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from tcwae.errors import InputError, suggestion

__all__ = ["Settings", "check", "check_flags", "distinct", "first_line", "read_yaml"]


class Settings(BaseModel):
    """Base of all models: frozen, no unknown keys, no NaN and no infinity."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_by_name=True, serialize_by_alias=True
    )

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, values: Any) -> Any:  # noqa: ANN401
        """Name the keys that are allowed, which pydantic's own message does not."""
        if isinstance(values, Mapping):
            allowed = [field.alias or name for name, field in cls.model_fields.items() if name != "name"]
            for key in values:
                if key not in allowed and key not in cls.model_fields:
                    raise ValueError(
                        f"unknown key {key!r}{suggestion(str(key), allowed)} (allowed: {', '.join(allowed)})"
                    )
        return values


def distinct(values: Sequence[Any]) -> Sequence[Any]:
    """Refuse a list that names a value twice: it would be trained once and counted twice."""
    repeated = [value for value in values if values.count(value) > 1]
    if repeated:
        raise ValueError(f"expected distinct values, found {repeated[0]!r} more than once")
    return values


_BRIEFLY = reprlib.Repr()
"""A few lines of YAML can stand for gigabytes."""
_BRIEFLY.maxlevel, _BRIEFLY.maxstring, _BRIEFLY.maxother = 2, 200, 200

_IN_OUR_WORDS = {
    r"^Value error, ": "",
    r"^Field required$": "expected a value, found none",
    r"^(Input|String) should ": "expected ",
    r"^expected be ": "expected ",
    r"^expected match pattern ": "expected text of the form ",
    r", unable to parse string as .*": "",
    r"\ba valid dictionary or instance of .*": "keys with values",
    r"\ban? valid (dictionary|mapping)\b": "keys with values",
    r"\ba valid (tuple|list)\b": "a list",
    r"\ba valid integer\b": "a whole number",
    r"\ba valid (number|string)\b": r"a \1",
    r"\bgreater than or equal to\b": "at least",
    r"\bless than or equal to\b": "at most",
    r"\bgreater than\b": "more than",
}
"""What pydantic says, and how the project says it."""


def first_line(error: ValidationError) -> str:
    """The first of pydantic's complaints as `.key: expected ..., found ...`; a key of an inner one is joined on."""
    first = error.errors()[0]
    location = "".join(f".{part}" for part in first["loc"] if part not in ("[key]", "coefficients"))
    message = _message(first)
    return f"{location}{'' if message.startswith('.') else ': '}{message}"


def _message(complaint: Mapping[str, Any]) -> str:
    message = complaint["msg"]
    for theirs, ours in _IN_OUR_WORDS.items():
        message = re.sub(theirs, ours, message)
    if complaint["type"] in ("value_error", "missing"):
        return message
    found = _BRIEFLY.repr(complaint["input"])
    return f"{message}, found {'nothing' if found == 'None' else found}"


def check(model: type[Settings], values: Any, source: str) -> Any:  # noqa: ANN401
    """Validate `values`, read from `source`.

    Raises:
        InputError: in one line the source, the key, what was found and what is allowed.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        line = " ".join(first_line(error).removeprefix(".").removeprefix(": ").split())
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise InputError(f"{source}: {line}{more}") from None


def check_flags(model: type[Settings], values: Any) -> Any:  # noqa: ANN401
    """The same of what the command line was given: the line begins with the flag.

    Raises:
        InputError: as `check`.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        path = [str(part) for part in first["loc"]]
        flag = " ".join(path) if first["type"] == "value_error" else path[-1].replace("_", "-")
        raise InputError(f"--{flag}: {_message(first)}") from None


def read_yaml(path: Path) -> Any:  # noqa: ANN401
    """What is in the YAML file of a study.

    Raises:
        InputError: it is not there, or not YAML.
        OSError: it cannot be read.
    """
    import yaml  # only here: the Snakefile has read its own already

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        advice = "`tcwae init FOLDER` writes a folder with one, config.yaml"
        raise InputError(f"{path}: expected a study, found no such file; {advice}") from None
    except yaml.MarkedYAMLError as error:
        place = f"line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}"
        raise InputError(f"{path}: expected YAML, found in {place}: {error.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: expected YAML, found {' '.join(str(error).split())}") from None
