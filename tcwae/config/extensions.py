"""A study's own code: Python files that register a method, a cost or a score, named under `code` in the study.

    code: [my_method.py]        # beside the study's file

Each job loads the files by path. A run carries the SHA-256 of each file that it uses, so that a changed file trains again
exactly the runs that use it. Such a file imports `Method`, `Field` and `register` from here; if it imports torch inside its
functions only, Snakemake starts as fast as without it.
"""

import hashlib
import importlib.util
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from tcwae.config import costs, methods, scores
from tcwae.config.base import Field, keys
from tcwae.config.methods import Method, Weight
from tcwae.config.run import Run, Training
from tcwae.errors import InputError

__all__ = ["Field", "Method", "Weight", "cost", "load", "locate", "method", "score", "sources", "verify"]

_FILES: dict[str, str] = {}
"""The SHA-256 of each file that is loaded, by path."""
_SOURCES: dict[tuple[str, str], str] = {}
"""The path of the file that registered a method, cost or score, by kind and name."""
_loading: list[str] = []


def method(settings: type[Method], objective: type) -> None:
    """Register a method: the model of its settings, and the class of its objective.

    Raises:
        InputError: the name is taken, a fact is missing, or a setting has the name of one that every run has.
    """
    taken = {*Run.model_fields, *Training.model_fields} & keys(settings).keys()
    if taken:
        raise InputError(
            f"method {settings.__name__}: found the setting {min(taken)!r}, which every run has; rename yours"
        )
    methods.register(settings, objective)
    _remember("method", settings.model_fields["name"].default)


def cost(name: str, function: Callable[..., Any], *, label: str, unit: str) -> None:
    """Register a reconstruction cost; see `costs.register`."""
    costs.register(name, function, label=label, unit=unit)
    _remember("cost", name)


def score(name: str, function: Callable[..., Any], **facts: Any) -> None:  # noqa: ANN401
    """Register a score; see `scores.register`."""
    scores.register(name, function, **facts)
    _remember("score", name)


def _remember(kind: str, name: str) -> None:
    if _loading:
        _SOURCES[kind, name] = _loading[-1]


def locate(names: Iterable[str], folders: Iterable[Path]) -> tuple[str, ...]:
    """The paths of a study's files, from the working directory: each beside the study, that is in the first folder that has it.

    Raises:
        InputError: none has it.
    """
    folders = list(folders)
    paths = []
    for name in names:
        path = next((folder / name for folder in folders if (folder / name).is_file()), None)
        if path is None:
            places = " or ".join(str(folder) for folder in folders)
            raise InputError(
                f"code: found no file {name!r} in {places}, expected one; correct the name or add the file"
            )
        paths.append(os.path.relpath(path))
    return tuple(paths)


def load(paths: Iterable[str]) -> None:
    """Import files that register methods, costs or scores, each once.

    Raises:
        InputError: a file is missing, does not import, or registers a name that is taken; or it changed since it was loaded.
    """
    for path in paths:
        if _FILES.get(path) != (checksum := _sha256(path)):
            if path in _FILES:
                raise InputError(f"{path}: found other code than was loaded before; start again")
            _import(path)
            _FILES[path] = checksum


def verify(code: Mapping[str, str]) -> None:
    """Load the files of a run, which must be those with which it was made: `code` is the SHA-256 of each by path.

    Raises:
        InputError: as `load`, and where a checksum differs.
    """
    load(code)
    for path, checksum in code.items():
        if _FILES[path] != checksum:
            raise InputError(
                f"{path}: found code with SHA-256 {_FILES[path][:12]}..., expected {checksum[:12]}...; "
                "train the run again with this code, or restore the file"
            )


def sources(**names: str) -> dict[str, str]:
    """The files that registered a `method`, a `cost` or a `score`, with their SHA-256; empty for the project's own."""
    paths = [_SOURCES[kind, name] for kind, name in names.items() if (kind, name) in _SOURCES]
    return {path: _FILES.get(path) or _sha256(path) for path in paths}


def _sha256(path: str) -> str:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except FileNotFoundError:
        raise InputError(f"{path}: found no such file, expected a study's own code; restore it") from None


def _import(path: str) -> None:
    specification = importlib.util.spec_from_file_location(f"tcwae_code_{len(_FILES)}", path)
    if specification is None or specification.loader is None:
        raise InputError(f"{path}: found no Python file, expected a name that ends in .py")
    module = importlib.util.module_from_spec(specification)
    _loading.append(path)
    try:
        specification.loader.exec_module(module)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except Exception as error:  # whatever the file does
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise InputError(f"{path}: does not import ({reason}); correct it") from None
    finally:
        _loading.pop()
