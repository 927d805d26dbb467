"""The base of all models, and the one-line message for a wrong value: the key, what was expected and what was found.

This module imports pydantic alone, because every job of a cluster parses the Snakefile again.
"""

import reprlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pydantic
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.fields import FieldInfo

from tcwae.errors import InputError, suggestion

__all__ = ["Field", "Settings", "check", "check_flags", "distinct", "exact", "first_line", "keys", "read_yaml"]


def Field(  # noqa: N802
    default: Any = ...,  # noqa: ANN401
    *,
    symbol: str | None = None,
    **details: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    """A field of a model as pydantic has it; `symbol` is its name in figures and tables."""
    return pydantic.Field(default, json_schema_extra=None if symbol is None else {"symbol": symbol}, **details)


class Settings(BaseModel):
    """Base of all models: frozen; no unknown keys, no NaN, no infinity, and no booleans in place of numbers."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_by_name=True, serialize_by_alias=True
    )

    @model_validator(mode="before")
    @classmethod
    def _known_keys_and_no_booleans(cls, values: Any) -> Any:  # noqa: ANN401
        """Name the keys that are allowed, which pydantic's own message does not."""
        if isinstance(values, Mapping):
            fields = keys(cls)
            allowed = [key for key in fields if key != "name"]
            for key, value in values.items():
                if key not in allowed and key not in cls.model_fields:
                    raise ValueError(
                        f"unknown key {key!r}{suggestion(str(key), allowed)} (allowed: {', '.join(allowed)})"
                    )
                if key not in fields or fields[key].annotation is not bool:
                    _refuse_booleans(str(key), value)
        return values


def _refuse_booleans(key: str, value: Any) -> None:  # noqa: ANN401
    """Where a number is expected, pydantic would read `yes` as 1."""
    for part in value if isinstance(value, list | tuple) else (value,):
        if isinstance(part, bool):
            raise ValueError(f".{key}: found {part}, expected no boolean (YAML reads yes, no, on and off as booleans)")


def keys(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a model by the keys under which a file has them."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def exact(value: Any) -> str:  # noqa: ANN401
    """A setting as the shortest text that reads back as the same value: 50, 0.1, 1e-08, 0.3333333333333333."""
    if isinstance(value, tuple):
        return ",".join(map(exact, value))
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def distinct(values: Sequence[Any]) -> Sequence[Any]:
    """Refuse a list that names a value twice: it would be trained once and counted twice."""
    repeated = [value for value in values if values.count(value) > 1]
    if repeated:
        raise ValueError(f"expected distinct values, found {repeated[0]!r} more than once")
    return values


_BRIEFLY = reprlib.Repr()
"""A few lines of YAML can stand for gigabytes."""
_BRIEFLY.maxlevel, _BRIEFLY.maxstring, _BRIEFLY.maxother = 2, 200, 200

_EXPECTED = {
    "missing": "a value",
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "multiple_of": "a multiple of {multiple_of}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
    "finite_number": "a finite number",
    "literal_error": "{expected}",
    "string_pattern_mismatch": "text of the form {pattern}",
    "int_from_float": "a whole number",
    **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    **dict.fromkeys(("string_type", "string_sub_type"), "text"),
    **dict.fromkeys(("dict_type", "mapping_type", "model_type", "model_attributes_type"), "keys with values"),
    **dict.fromkeys(("tuple_type", "list_type"), "a list"),
}
"""What was expected, by the type of pydantic's error (docs.pydantic.dev, Validation Errors)."""


def first_line(error: ValidationError) -> str:
    """The first of pydantic's errors as `.key: expected ..., found ...`; a key of an inner one is joined on."""
    first = error.errors()[0]
    location = "".join(f".{part}" for part in first["loc"] if part not in ("[key]", "coefficients"))
    message = _message(first)
    return f"{location}{'' if message.startswith('.') else ': '}{message}"


def _message(error: Mapping[str, Any]) -> str:
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if error["type"] == "missing":
        return "expected a value, found none"
    expected = _EXPECTED.get(error["type"])
    bounds = {key: exact(bound) for key, bound in error.get("ctx", {}).items()}
    value = _BRIEFLY.repr(error["input"])
    said = error["msg"] if expected is None else f"expected {expected.format(**bounds)}"
    return f"{said}, found {'nothing' if value == 'None' else value}"


def check(model: type[Settings], values: Any, source: str) -> Any:  # noqa: ANN401
    """Validate `values`, read from `source`.

    Raises:
        InputError: in one line the source, the key, what was found and what was expected.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        line = " ".join(first_line(error).removeprefix(".").removeprefix(": ").split())
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise InputError(f"{source}: {line}{more}") from None


def check_flags(model: type[Settings], values: Any) -> Any:  # noqa: ANN401
    """Validate what the command line was given: the message begins with the flag.

    Raises:
        InputError: as `check`.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        path, message = [str(part) for part in first["loc"]], _message(first)
        if message.startswith("."):  # a key of the method
            key, _, message = message[1:].partition(": ")
            path = [key]
        raise InputError(f"--{(path or ['?'])[-1].replace('_', '-')}: {message.removeprefix(': ')}") from None


def read_yaml(path: Path) -> Any:  # noqa: ANN401
    """The values in a YAML file.

    YAML lets a later key replace an equal one, and reads 010 as eight and 1:30 as ninety; here both are refused.

    Raises:
        InputError: the file is missing or not YAML, a key stands twice, or a number is not what it looks like.
        OSError: it cannot be read.
    """
    import yaml  # only here: the Snakefile has read its own already

    try:
        text = path.read_text(encoding="utf-8")
        _check_nodes(path, yaml.compose(text, yaml.SafeLoader))
        return yaml.safe_load(text)
    except FileNotFoundError:
        advice = "`tcwae init FOLDER` writes a folder with one, config.yaml"
        raise InputError(f"{path}: expected a study, found no such file; {advice}") from None
    except yaml.MarkedYAMLError as error:
        place = f"line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}"
        raise InputError(f"{path}: expected YAML, found in {place}: {error.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path}: expected YAML, found {' '.join(str(error).split())}") from None


def _check_nodes(path: Path, root: Any) -> None:  # noqa: ANN401
    for node in _nodes(root, set()):
        if node.id == "mapping":
            lines: dict[str, int] = {}
            for key, _ in node.value:
                name, line = str(key.value), key.start_mark.line + 1
                if key.tag != "tag:yaml.org,2002:merge" and lines.setdefault(name, line) != line:
                    raise InputError(
                        f"{path}: found the key {name!r} in line {lines[name]} and again in line {line}, "
                        "expected it once; rename or remove one"
                    )
        elif node.tag == "tag:yaml.org,2002:int" and not node.style:
            digits = node.value.lstrip("+-")
            if ":" in digits or (digits.startswith("0") and digits[1:].isdigit()):
                raise InputError(
                    f"{path}: found {node.value} in line {node.start_mark.line + 1}, which YAML does not read as a decimal "
                    "number; expected one without a leading 0 or a colon"
                )


def _nodes(node: Any, seen: set[int]) -> Iterator[Any]:  # noqa: ANN401
    """All nodes of a YAML document; aliases, of which a document may have billions, once."""
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    yield node
    if node.id == "mapping":
        for pair in node.value:
            for part in pair:
                yield from _nodes(part, seen)
    elif node.id == "sequence":
        for part in node.value:
            yield from _nodes(part, seen)
