"""Tables of a study, as other verbs wrote them: read, with their columns and values checked."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from tcwae.config.costs import COSTS
from tcwae.config.methods import METHODS, weights
from tcwae.errors import InputError

__all__ = ["VERSIONS", "check_values", "read_csv", "read_table"]

VERSIONS = ("device", "tcwae", "torch", "commit", "diverged_term", "warnings", "reasons")
"""Text, also where it looks like a number; empty where a table of an older version has no such column."""


def read_table(path: Path, text: Sequence[str], numbers: Sequence[str], other: Sequence[str] = ()) -> pd.DataFrame:
    """A table of runs or settings in reading order: the methods in the order of their registry, weights and seeds rising.

    Columns of `text` and of `numbers` are needed, those of `other` may be empty.

    Raises:
        InputError: the file is missing, no table, lacks a column, or has a value of another kind; the line names it.
    """
    table = _read_csv(path, dict.fromkeys((*text, *other, *VERSIONS), str))
    numbers = (*weights(), *numbers)
    _check_columns(table, (*text, *numbers, *other), path)
    check_values(table, text, numbers, path)
    return _in_reading_order(table)


def read_csv(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """A table that another verb wrote.

    Raises:
        InputError: it is missing, no table, or lacks one of the columns.
    """
    table = _read_csv(path)
    _check_columns(table, columns, path)
    return table


def _read_csv(path: Path, kinds: Mapping[str, type] | None = None) -> pd.DataFrame:
    try:
        # missing is what is empty: a data set, a row or an experiment may be called nan or null
        table = pd.read_csv(path, dtype=kinds, keep_default_na=False, na_values="")
    except FileNotFoundError:
        raise InputError(f"expected the file {path}, found none; run the workflow's earlier rules first") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: expected a CSV table, found {' '.join(str(error).split())}; make it again") from None
    if not isinstance(table.index, pd.RangeIndex):
        raise InputError(f"{path}: expected a CSV table, found more fields in line 2 than columns; make it again")
    return table


def _check_columns(table: pd.DataFrame, wanted: Sequence[str], path: Path) -> None:
    missing = [column for column in wanted if column not in table]
    if missing:
        raise InputError(f"{path}: expected the column {missing[0]!r}, found none; make it again")


def check_values(table: pd.DataFrame, text: Sequence[str], numbers: Sequence[str], path: Path) -> None:
    """Refuse the first value that is not of its column's kind; numbers may be missing, texts may not."""
    choices = {"method": METHODS, "cost": COSTS, "status": ("finished", "diverged")}
    wanted = {
        column: ("a number", pd.to_numeric(table[column], errors="coerce").isna() & table[column].notna())
        for column in numbers
    }
    wanted |= {column: ("text", table[column].isna()) for column in text}
    wanted |= {
        column: (f"one of {', '.join(allowed)}", ~table[column].isin(allowed))
        for column, allowed in choices.items()
        if column in table
    }
    for column, (kind, wrong) in wanted.items():
        if wrong.any():
            line = int(wrong.to_numpy().argmax())
            found = f"found {table[column].iloc[line]!r} in line {line + 2}"
            raise InputError(f"{path}: expected {kind} under {column!r}, {found}; make it again")


def _in_reading_order(table: pd.DataFrame) -> pd.DataFrame:
    order = list(METHODS)
    keys = ["method", *weights(), *(["seed"] if "seed" in table else [])]
    return table.sort_values(
        keys, key=lambda column: column.map(order.index) if column.name == "method" else column, kind="stable"
    ).reset_index(drop=True)
