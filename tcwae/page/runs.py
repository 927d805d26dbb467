"""The page's data of one run: scores, curves, information of latents about factors, pictures, and provenance."""

import hashlib
import math
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tcwae import records
from tcwae.config.run import Run, evaluation_flags, run_flags, scoring_flags
from tcwae.config.scores import PAPER, SCORES, ScoreFacts
from tcwae.config.study import Study
from tcwae.errors import InputError, one_line
from tcwae.inspect import curves
from tcwae.page.pictures import sheet
from tcwae.study import names
from tcwae.study.declared import evaluation_of, scoring_of
from tcwae.study.results import Results, read_images

__all__ = ["described", "fault"]

POINTS = 200
"""Points of a curve at most; each is a mean over consecutive rows."""
STARTS, LATENTS, ACROSS = 3, 40, 10
"""Images from which latents are moved; latents at most, those of the largest KL; and pictures in a row of a sheet."""
LINES = 60
"""Lines of a log that are shown, the last ones."""
HASHED = ("model.safetensors", "metrics.json", "curves.csv", "images.h5")
LOGS = ("train.log", "evaluate.log", "measure.log")
FILES = (*HASHED, "codes.h5", "training.json", "evaluation.json", "run.json", *LOGS)

Part = TypeVar("Part")


def described(study: Results, identifier: str, run: Run, path: Path) -> dict[str, Any]:
    """All that is shown of a run; its pictures are written beside `path`. What cannot be read is listed under `faults`.

    Raises:
        OSError: a picture cannot be written.
    """
    folder = study.folder / "runs" / identifier
    faults: list[str] = []

    def part(function: Callable[[Path], Part]) -> Part | None:
        try:
            return function(folder)
        except (InputError, OSError) as error:
            faults.append(fault(error, folder))
            return None

    record = part(lambda folder: records.read(records.MetricsRecord, folder / "metrics.json"))
    return {
        "scores": _scores(record) if record else [],
        "factors": _by_factor(record) if record else None,
        "reasons": [[_label(name), reason] for name, reason in record.reasons.items()] if record else [],
        "made": _made(record) if record else [],
        "commands": _commands(study.study, run, identifier, record),
        "curves": part(_curves),
        "matrix": _matrix(record) if record else None,
        "traversals": part(partial(_traversals, path=path)),
        "pictures": part(partial(_pictures, path=path)),
        "files": [_file(folder / name) for name in FILES if (folder / name).is_file()],
        "logs": [[name, _tail(folder / name)] for name in LOGS if (folder / name).is_file()],
        "faults": faults,
    }


def fault(error: Exception, folder: Path) -> str:
    """An error in one line, with the file's name but without the folder."""
    return one_line(error).replace(f"{folder}/", "").replace(f"{folder.absolute()}: ", "")


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _scores(record: records.MetricsRecord) -> list[list[Any]]:
    """Label, number and decimals of each score; those of the paper first."""
    facts = SCORES | PAPER | {"active_units": ScoreFacts("active units", 0)}
    order = sorted(record.scores, key=lambda name: name not in PAPER)
    plain = ((name, facts.get(name, ScoreFacts(_words(name)))) for name in order)
    return [[score.label, _number(record.scores[name]), score.decimals] for name, score in plain]


def _words(name: str) -> str:
    """The name of a measure for readers: "index code MI"."""
    return " ".join(
        word.upper() if word in ("kl", "mi", "mig", "mmd", "mws", "sap") else word for word in name.split("_")
    )


def _label(score: str) -> str:
    return SCORES[score].label if score in SCORES else score


def _by_factor(record: records.MetricsRecord) -> dict[str, Any] | None:
    """The scores of each factor, a row a factor."""
    if not record.parts:
        return None
    factors = list(dict.fromkeys(factor for values in record.parts.values() for factor in values))
    labels = [_label(name) for name in record.parts]
    rows = [[_number(values.get(factor, math.nan)) for values in record.parts.values()] for factor in factors]
    return {"factors": factors, "scores": labels, "values": rows}


def _made(record: records.MetricsRecord) -> list[list[str]]:
    """Pairs of a label and a text: when, where and with what the run was trained and evaluated."""
    training = record.training
    pairs = {
        "trained until": training.finished,
        "training time": f"{training.seconds:,.0f} s, {training.images_per_second:,.0f} images a second",
        "device": f"{training.device}, {names.count(training.threads, 'thread')}"
        + (", deterministic" * training.deterministic),
        "memory": training.memory_mb and f"{training.memory_mb:,.0f} MB",
        "evaluation": f"{record.evaluation.get('codes', 0):,} images encoded in {record.seconds:,.0f} s",
        "images": f"{training.data.source}, SHA-256 {training.data.images_sha256}",
        **training.versions,
    }
    changed = {name: version for name, version in record.versions.items() if training.versions.get(name) != version}
    pairs |= {f"{name}, of the evaluation": version for name, version in changed.items()}
    return [[label, text] for label, text in pairs.items() if text]


def _commands(study: Study, run: Run, identifier: str, record: records.MetricsRecord | None) -> list[str]:
    """The calls that make the run again, from the study's folder."""
    folder = shlex.quote(f"results/{study.study}/runs/{identifier}")
    data = shlex.quote(f"resources/{run.dataset}-{study.dataset(run.dataset).label}.h5")
    device = "cuda" if record and record.training.device != "cpu" else "cpu"
    threads = record.training.threads if record else 1
    evaluation, scoring = evaluation_flags(evaluation_of(study, run.dataset)), scoring_flags(*scoring_of(study))
    return [
        f"tcwae train {run_flags(run)} --data {data} --output {folder} --device {device} --threads {threads}",
        f"tcwae evaluate --run {folder} --data {data} {evaluation}".rstrip(),
        f"tcwae measure --run {folder} {scoring}".rstrip(),
    ]


def _curves(folder: Path) -> dict[str, Any]:
    table = curves.read([folder])[0].table
    blocks = np.array_split(table.to_numpy(float), min(POINTS, len(table)))
    steps, *terms = np.array([[block[-1, 0], *block[:, 1:].mean(0)] for block in blocks]).T
    shown = [[_number(float(f"{value:.5g}")) for value in term] for term in terms]
    return {"steps": steps.tolist(), "terms": [list(pair) for pair in zip(table.columns[1:], shown, strict=True)]}


def _matrix(record: records.MetricsRecord) -> dict[str, Any] | None:
    """I(z_d; v_k) and H(v_k), in nats; None where there are no factors."""
    matrices = record.matrices
    return matrices and {
        "factors": matrices.factors,
        "values": matrices.mutual_information,
        "entropies": matrices.entropy,
    }


def _traversals(folder: Path, path: Path) -> dict[str, Any]:
    """Each latent moved from the codes of some images, a row of the sheet for each pair; the largest KL to the prior first."""
    arrays = read_images(folder / "images.h5", ["traversals", "traversal_values", "latent_kl"])
    order = np.argsort(-arrays["latent_kl"], kind="stable")[:LATENTS]
    pictures = arrays["traversals"][:STARTS, order]
    starts, _, steps, *size = pictures.shape
    return {
        "sheet": sheet(pictures.reshape(-1, *size), steps, path.with_name(f"{path.name}-latents.webp")),
        "starts": starts,
        "values": arrays["traversal_values"].astype(float).round(4).tolist(),
        "latents": order.tolist(),
        "kl": [_number(value) for value in arrays["latent_kl"].astype(float).round(4).tolist()],
    }


def _pictures(folder: Path, path: Path) -> dict[str, Any]:
    """Inputs, reconstructions and samples one after the other on a sheet."""
    arrays = read_images(folder / "images.h5", ["inputs", "reconstructions", "samples"])
    pictures = np.concatenate(list(arrays.values()))
    return {
        "sheet": sheet(pictures, ACROSS, path.with_name(f"{path.name}-images.webp")),
        "shown": len(arrays["inputs"]),
        "samples": len(arrays["samples"]),
    }


def _file(path: Path) -> list[Any]:
    """Name, bytes, and the SHA-256 of all but the large ones."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.name in HASHED else None
    return [path.name, path.stat().st_size, digest]


def _tail(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(["..."] * (len(lines) > LINES) + [line[:500] for line in lines[-LINES:]])
