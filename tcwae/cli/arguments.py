"""Flags of the command line made from the models of `config`: one per field, with its default and source."""

import argparse
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NoReturn, get_args, get_origin

import shtab
from pydantic.fields import FieldInfo

from tcwae.config.base import Settings, exact, keys
from tcwae.config.extensions import load, verify
from tcwae.config.methods import METHODS
from tcwae.errors import suggestion

__all__ = [
    "Number",
    "Parser",
    "Version",
    "add_code",
    "add_completion",
    "add_fields",
    "add_machine",
    "add_methods",
    "own_code",
]


class Parser(argparse.ArgumentParser):
    """Reports a mistake in one line: what was expected, what was found, and the closest known word."""

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> argparse.Namespace:  # noqa: ANN401
        """As argparse does, but report an unknown flag before a missing verb."""
        options, unknown = self.parse_known_args(args, namespace)
        verb_parser = getattr(options, "parser", self)
        if unknown:
            flags = [flag for action in verb_parser._actions for flag in action.option_strings]
            found = f"{unknown[0]!r}{suggestion(unknown[0].split('=')[0], flags)}"
            verb_parser.error(
                f"expected {'another flag' if unknown[0].startswith('-') else 'no further argument'}, found {found}"
            )
        if verb_parser is self:
            self.error("expected a verb, found none")
        return options

    def error(self, message: str) -> NoReturn:
        """One line instead of a page of usage."""
        message = message.removeprefix("argument ").replace("the following arguments are required: ", "expected also ")
        self.exit(2, f"{self.prog}: {message}; `{self.prog} --help` says more\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:  # noqa: ANN401
        if action.choices is not None and value not in action.choices:
            known = [str(choice) for choice in action.choices]
            found = f"{value!r}{suggestion(str(value), known)}"
            raise argparse.ArgumentError(action, f"expected {', '.join(known[:-1])} or {known[-1]}, found {found}")


class Number:
    """Reads an argument as a finite number that is at least `least`."""

    def __init__(self, kind: type[int] | type[float], least: int | float) -> None:
        self.kind, self.least = kind, least

    def __call__(self, text: str) -> int | float:
        """The number.

        Raises:
            ArgumentTypeError: the text is no number, or too small a one.
        """
        try:
            number = self.kind(text)
        except ValueError:
            number = math.nan
        if not self.least <= number < math.inf:
            kind = "a whole number" if self.kind is int else "a number"
            raise argparse.ArgumentTypeError(f"expected {kind}, at least {self.least}, found {text!r}")
        return number


class Version(argparse.Action):
    """Looks up the versions only when they are asked for."""

    def __init__(self, option_strings: list[str], dest: str, **options: Any) -> None:  # noqa: ANN401
        super().__init__(option_strings, dest, nargs=0, **options)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print them and exit."""
        from tcwae.provenance import versions

        numbers = versions()
        print(f"tcwae {numbers.pop('tcwae')} (commit {numbers.pop('commit')})")
        print(", ".join(f"{name} {number}" for name, number in numbers.items()))
        parser.exit()


def add_completion(parser: argparse.ArgumentParser, verbs: Iterable[argparse.ArgumentParser]) -> None:
    """The option --print-completion, which completes paths where a verb takes one."""
    shtab.add_argument_to(parser, help="print the completion script of a shell; see docs/install.md")
    for action in (action for verb in verbs for action in verb._actions):
        if action.type is Path:
            action.complete = shtab.FILE


def add_machine(parser: argparse.ArgumentParser) -> None:
    """The flags that say on what a verb computes."""
    parser.add_argument(
        "--device", default="cpu", help="cpu or cuda; there is no fallback to another device (default cpu)"
    )
    parser.add_argument("--threads", type=Number(int, 1), default=1, help="CPU threads (default %(default)s)")


def add_fields(
    parser: Any,  # noqa: ANN401
    model: type[Settings],
    skip: Sequence[str] = (),
    prefix: str = "run.",
    choices: Mapping[str, Iterable[str]] = MappingProxyType({}),
) -> None:
    """A flag for each field of a model; the model itself checks the values and holds the defaults."""
    for key, field in keys(model).items():
        if key not in skip:
            literal = get_args(field.annotation) if get_origin(field.annotation) is Literal else None
            known = choices.get(key, literal)
            parser.add_argument(
                f"--{key.replace('_', '-')}",
                dest=prefix + key,
                choices=known,
                metavar=None if known else "X",
                help=_meaning(field).replace("%", "%%"),
            )


def _meaning(field: FieldInfo) -> str:
    default = (
        "required" if field.is_required() else f"default {'none' if field.default is None else exact(field.default)}"
    )
    return f"{field.description} ({default})"


def add_methods(parser: Any) -> None:  # noqa: ANN401
    """A flag for each setting of any method; its help gives the meaning for each method that has the setting."""
    meanings: dict[str, dict[str, list[str]]] = {}
    for method, model in METHODS.items():
        for key, field in keys(model).items():
            if key != "name":
                meanings.setdefault(key, {}).setdefault(_meaning(field), []).append(method)
    for key, texts in meanings.items():
        meaning = "; ".join(f"{', '.join(methods)}: {text}" for text, methods in texts.items())
        parser.add_argument(
            f"--{key.replace('_', '-')}", dest=f"run.{key}", metavar="X", help=meaning.replace("%", "%%")
        )


def add_code(parser: Any) -> None:  # noqa: ANN401
    """The flag that loads a study's own code; `own_code` reads it before the parser is made."""
    parser.add_argument(
        "--code", action="append", default=[], metavar="FILE[=SHA256]",
        help="a Python file that registers a method, a cost or a score; may be given several times",
    )  # fmt: skip


def own_code(words: Sequence[str]) -> dict[str, str]:
    """Load the files of `--code`, before the parser is made: they add methods, costs and scores to it.

    Returns:
        The SHA-256 of each file by path.

    Raises:
        InputError: a file is missing, does not import, or is not the one whose checksum is given.
    """
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    add_code(early)
    given = [word.rpartition("=") if "=" in word else (word, "", "") for word in early.parse_known_args(words)[0].code]
    load(path for path, _, _ in given)
    verify({path: checksum for path, _, checksum in given if checksum})
    return {path: checksum for path, _, checksum in given}
