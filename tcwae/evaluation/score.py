"""Score the codes of a file, whatever made them.

The file is npz or HDF5 and holds

    codes (cells, latent)           of all cells of a factor grid in C order, the last factor changing fastest
    factor_sizes (K,)               of the grid

or a plain sample, or a grid in another order,

    codes (n, latent)
    factors (n, K)                  classes, counted from 0

and optionally

    latent_factor_indices           the factors to score, all by default; the others are nuisances, redrawn at random
    factor_names (K,)
    deviations, shaped like codes   standard deviations of the posteriors whose means the codes are
"""

import inspect
import json
import mmap
import os
import statistics
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from tqdm import tqdm

from tcwae import __version__
from tcwae.errors import InputError
from tcwae.files import atomic
from tcwae.log import complain
from tcwae.metrics.dci import expected_seconds
from tcwae.metrics.registry import METRICS, measure
from tcwae.metrics.result import Score
from tcwae.metrics.table import CodeTable

__all__ = ["announce", "format_table", "read_table", "score_file", "score_table"]

LONG = 1
"""Minutes from which on a score's time is announced."""

LARGEST = 2**31
"""Bytes of an array; a double of each of 100 latents of all images of dSprites is a quarter of it."""
UNREADABLE = (
    OSError,
    ValueError,
    LookupError,
    EOFError,
    RuntimeError,
    MemoryError,
    OverflowError,
    zipfile.BadZipFile,
    zlib.error,
)
KEYS = ("codes", "factor_sizes", "latent_factor_indices", "factors", "factor_names", "deviations")


def score_file(
    path: Path, metrics: Sequence[str], seeds: int, output: Path | None = None, sampled: bool = False
) -> dict[str, Any]:
    """Score the codes of a file; write the result as JSON if `output` is given, and return it.

    Raises:
        InputError: as `read_table` and `score_table`.
    """
    result = score_table(read_table(path, sampled), metrics, seeds)
    result["settings"] = {"file": str(path)} | result["settings"]
    if output is not None:
        with atomic(output) as temporary:
            temporary.write_text(json.dumps(result, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return result


def score_table(table: CodeTable, metrics: Sequence[str], seeds: int) -> dict[str, Any]:
    """{metric: {"mean", "sd", "per_seed", "per_factor", "per_latent", "parts", "matrix", "settings"}, ..., "settings": {...}}.

    Every metric starts from `numpy.random.default_rng(seed)` for seed = 0, 1, ..., seeds - 1, so it does not depend on which
    others are asked for. `sd` is the sample standard deviation, None for one seed; arrays are means over seeds, and what a
    metric does not have is left out. A metric that this table cannot have is {"reason": one line, "settings"}.

    Raises:
        InputError: an unknown metric, or fewer than one seed.
    """
    unknown = [name for name in metrics if name not in METRICS]
    if unknown or not metrics:
        raise InputError(f"expected metrics among {', '.join(METRICS)}, found {', '.join(unknown) or 'none'}")
    if seeds < 1:
        raise InputError(f"expected at least 1 seed, found {seeds}")
    announce(table, metrics, seeds)
    repeats = tqdm(range(seeds), desc="score", unit="seed", disable=None, leave=False, delay=2)
    measured = [measure(table, metrics, seed) for seed in repeats]
    result: dict[str, Any] = {}
    for name in dict.fromkeys(metrics):
        reasons = [each.reasons[name] for each in measured if name in each.reasons]
        scores = [each.scores[name] for each in measured if name in each.scores]
        result[name] = {"reason": reasons[0]} if reasons else _summary(scores, table.names)
        result[name]["settings"] = _settings(METRICS[name])
    result["settings"] = _of_table(table) | {"seeds": seeds, "tcwae": __version__}
    return result


def announce(table: CodeTable, metrics: Sequence[str], seeds: int = 1) -> None:
    """Say how long scores will take, where that is minutes."""
    if "dci" in metrics and (minutes := seeds * expected_seconds(table) / 60) > LONG:
        often = f"{seeds} seeds of " if seeds > 1 else ""
        complain(f"dci: {often}{table.codes.shape[1]} latents will take about {minutes:.0f} min of one core")


def _of_table(table: CodeTable) -> dict[str, Any]:
    drawn = max(max(_settings(metric).values()) for metric in METRICS.values())
    few = f"{len(table.codes)} rows are fewer than the {drawn} drawn: rows repeat, and sd does not show the sample's chance"
    return {
        "rows": len(table.codes),
        "latents": table.codes.shape[1],
        "factors": dict(zip(table.names, table.sizes, strict=True)),
        "full_grid": table.grid,
        "codes": "sampled at each draw" if table.draws_noise else "posterior means",
        "notes": [few] if not table.grid and len(table.codes) < drawn else [],
    }


def _settings(metric: Callable[..., Score]) -> dict[str, int | float]:
    parameters = inspect.signature(metric).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}


def _summary(scores: Sequence[Score], names: Sequence[str]) -> dict[str, Any]:
    values = [score.value for score in scores]
    sd = statistics.stdev(values) if len(values) > 1 else None
    summary: dict[str, Any] = {"mean": statistics.fmean(values), "sd": sd, "per_seed": values}
    if scores[0].per_factor is not None:
        per_factor = np.mean([score.per_factor for score in scores], axis=0)
        summary["per_factor"] = dict(zip(names, per_factor.tolist(), strict=True))
    if scores[0].per_latent is not None:
        summary["per_latent"] = np.mean([score.per_latent for score in scores], axis=0).tolist()
    if scores[0].parts:
        parts = scores[0].parts
        summary["parts"] = {name: _summary([score.parts[name] for score in scores], names) for name in parts}
    if scores[0].matrix is not None:
        summary["matrix"] = np.mean([score.matrix for score in scores], axis=0).tolist()
    return summary


def format_table(result: Mapping[str, Any]) -> str:
    """The scores as a table for the terminal: mean and sd over seeds, then the mean of each factor; then what lacks and why."""
    settings = result["settings"]
    rows = [["", "mean", "sd", *settings["factors"]]]
    for metric, score in result.items():
        if metric != "settings":
            rows.append(_row(metric, score))
            rows += [_row(f"  {name}", part) for name, part in score.get("parts", {}).items()]
    rows = [row + [""] * (len(rows[0]) - len(row)) for row in rows]
    first, *others = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([name.ljust(first), *(cell.rjust(width) for cell, width in zip(cells, others, strict=True))]).rstrip()
        for name, *cells in rows
    ]
    rows_are = f"{settings['rows']} rows, {'all cells of the grid' if settings['full_grid'] else 'a sample'}"
    about = f"{rows_are}; codes: {settings['codes']}; seeds: {settings['seeds']}"
    left_out = [f"{metric}: left out, {score['reason']}" for metric, score in result.items() if "reason" in score]
    return "\n".join([*lines, "", about, *left_out, *settings["notes"]])


def _row(name: str, score: Mapping[str, Any]) -> list[str]:
    if "reason" in score:
        return [name, "-", "-"]
    values = [score["mean"], score["sd"], *score.get("per_factor", {}).values()]
    return [name, *("-" if value is None else f"{value:.4f}" for value in values)]


def read_table(path: Path, sampled: bool = False) -> CodeTable:
    """The table of codes in an npz or HDF5 file, laid out as this module says. Nothing is unpickled.

    With `sampled`, each draw of a code is a sample from its posterior, for which the file must hold `deviations`. Without,
    draws are the codes themselves, and only scores that read off densities use the deviations.

    Raises:
        InputError: the file is not there, damaged or of another kind, lacks an array, or its arrays do not fit together.
        OSError: it may not be read.
    """
    arrays = _read(Path(path))
    if "codes" not in arrays or not arrays.keys() & {"factor_sizes", "factors"}:
        found = ", ".join(arrays) or "none of them"
        raise InputError(f"expected the arrays codes and factor_sizes, or codes and factors, in {path}, found {found}")
    if sampled and "deviations" not in arrays:
        raise InputError(f"expected deviations in {path}, from which to sample codes, found {', '.join(arrays)}")
    try:
        return _table(arrays, sampled)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _table(arrays: Mapping[str, np.ndarray], sampled: bool) -> CodeTable:
    names = _list(arrays, "factor_names", "UO") or ()
    sizes = _list(arrays, "factor_sizes", "iu")
    scored = _list(arrays, "latent_factor_indices", "iu")
    deviations = arrays.get("deviations")
    if "factors" in arrays:
        return CodeTable.of_rows(arrays["codes"], arrays["factors"], scored, deviations, names, sizes, sampled)
    return CodeTable.of_grid(arrays["codes"], sizes, scored, deviations, names, sampled)


def _list(arrays: Mapping[str, np.ndarray], name: str, kinds: str) -> list[Any] | None:
    if name not in arrays:
        return None
    array = arrays[name]
    if array.ndim != 1 or array.dtype.kind not in kinds:
        raise InputError(f"expected a list as {name}, found {array.dtype} with shape {array.shape}")
    return array.tolist()


def _read(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file that `KEYS` name."""
    if not path.is_file():
        raise InputError(f"expected a file of codes, found no file {path}")
    open(path, "rb").close()  # so that the system says what it refuses
    try:
        if zipfile.is_zipfile(path):
            with np.load(path, allow_pickle=False) as file:
                _check_sizes({info.filename.removesuffix(".npy"): info.file_size for info in file.zip.infolist()})
                return {key: _array(file[key]) for key in KEYS if key in file}
        if h5py.is_hdf5(path):
            _check_heaps(path)
            with h5py.File(path, "r", locking=False) as file:
                there = {key: file[key] for key in KEYS if key in file}
                _check_sizes({key: item.nbytes for key, item in there.items() if isinstance(item, h5py.Dataset)})
                return {key: _dataset(item) for key, item in there.items()}
    except UNREADABLE as error:
        raise InputError(f"expected readable arrays in {path}, found: {error}") from None
    raise InputError(f"expected an npz or HDF5 file, found another kind: {path}")


def _check_sizes(sizes: Mapping[str, int]) -> None:
    """Refuse what may be a bomb: a few bytes of a compressed or a sparse file can stand for terabytes."""
    for key in KEYS:
        if sizes.get(key, 0) > LARGEST:
            raise ValueError(f"{key} of {sizes[key] / 2**30:.1f} GiB, more than the {LARGEST / 2**30:g} GiB allowed")


def _check_heaps(path: Path) -> None:
    """Refuse texts that HDF5 2.0.0 would never finish reading: after an unused piece of no size it comes to the same again.

    References:
        HDF5 File Format Specification 3.0, section III.E, Global Heap
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        start = whole.find(b"GCOL\1\0\0\0")
        while start >= 0:
            piece, end = start + 16, min(start + int.from_bytes(whole[start + 8 : start + 16], "little"), len(whole))
            while piece + 16 <= end:
                index, _, size = struct.unpack("<H6sQ", whole[piece : piece + 16])
                if index == size == 0:
                    raise ValueError("a heap of texts that has no end")
                piece += size if index == 0 else 16 + size + -size % 8
            start = whole.find(b"GCOL\1\0\0\0", start + 8)


def _array(item: np.ndarray | bytes) -> np.ndarray:
    array = np.asarray(item)
    return np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array


def _dataset(item: h5py.Dataset | h5py.Group) -> np.ndarray:
    if not isinstance(item, h5py.Dataset):
        raise ValueError(f"a group where the dataset {item.name} should be")
    if item.dtype.hasobject:
        _check_lengths(item)
    return item.asstr("utf-8")[()] if h5py.check_string_dtype(item.dtype) else item[()]


def _check_lengths(item: h5py.Dataset) -> None:
    """Refuse texts that claim to be longer than the file: HDF5 2.0.0 makes room for them, up to 4 GB, before it looks.

    What the dataset holds of a text of variable length is its length, in four bytes, and its place in a heap.
    """
    if h5py.check_string_dtype(item.dtype) is None or item.id.get_offset() is None:
        raise ValueError(f"{item.name} of another type or layout than texts of fixed length")
    with open(item.file.filename, "rb") as file:
        file.seek(item.id.get_offset())
        texts = np.frombuffer(file.read(item.id.get_storage_size()), np.uint8).reshape(item.size, -1)
        longest = int(texts[:, :4].copy().view("<u4").max())
        if longest > file.seek(0, os.SEEK_END):
            raise ValueError(f"{item.name} with a text of {longest} bytes, more than there are in the file")
