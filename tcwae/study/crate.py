"""A finished study as one file that can be cited: a zip that is an RO-Crate.

An RO-Crate is a folder with a description of its files in JSON-LD, `ro-crate-metadata.json` (Soiland-Reyes et al., Packaging
research artefacts with RO-Crate, 2022; https://w3id.org/ro/crate/1.1). Here it holds the size in bytes and the SHA-256 of each
file, by which `verify` finds what was changed. The same results give the same bytes in the same environment.
"""

import hashlib
import json
import mimetypes
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path, PurePosixPath
from typing import IO, Any

from tcwae.config.runs import runs
from tcwae.data.archives import sha256
from tcwae.data.damage import refusing
from tcwae.errors import InputError
from tcwae.files import atomic
from tcwae.study.results import Results, load

__all__ = ["Part", "export", "verify"]

METADATA = "ro-crate-metadata.json"
PROFILE = "https://w3id.org/ro/crate/1.1"
PAPER = "https://arxiv.org/abs/2010.03459"
BEGINNING = (1980, 1, 1, 0, 0, 0)
"""The time of all files in the zip, the earliest that it can hold: so equal results give equal bytes."""

RECORDS = ("run.json", "training.json", "curves.csv", "evaluation.json", "metrics.json")
"""What every run of a finished study has, also one that diverged."""

PARTS = {
    "report": ("report.pdf",),
    "page": ("index.html", "page/**/*"),
    "metrics": ("metrics.csv", "comparison.csv", "selection/*.csv"),
    "figures": ("figures/*.pdf", "figures/*.svg", "figures/*.csv", "figures/*.h5"),
    "configuration": ("study.json", "config.json", "scores.json"),
}
"""The files of the results in each part, beside those of the runs and of the environment."""

NEEDED = ("report.pdf", "index.html", "metrics.csv", "study.json")


@dataclass
class Part:
    """A part of a crate: the number of its files, and what is wrong with them."""

    name: str
    files: int = 0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        state = "; ".join(self.faults[:3]) + (f"; and {len(self.faults) - 3} more" if len(self.faults) > 3 else "")
        return f"{self.name}: {self.files} file{'s' * (self.files != 1)}, {state or 'whole'}"


def export(
    results: Path,
    output: Path,
    *,
    weights: bool = False,
    codes: bool = False,
    authors: Sequence[str] = (),
    license_name: str | None = None,
) -> int:
    """Write a study's results as a crate; returns the number of files.

    `weights` adds the models, `codes` the codes of the encoded images. `authors` are names of people; `license_name` is an
    identifier of SPDX, such as CC-BY-4.0.

    Raises:
        InputError: the study is not finished, or its results are damaged.
        OSError: a file cannot be read or written.
    """
    study = load(results)
    _check_finished(study)
    optional = [name for name, wanted in (("model.safetensors", weights), ("codes.h5", codes)) if wanted]
    with atomic(output) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        entities = [_add(archive, name, source) for name, source in _files(study, optional)]
        entities += [_add_text(archive, name, text) for name, text in _environment(study).items()]
        described = json.dumps(_described(study, entities, authors, license_name), indent=1, ensure_ascii=False)
        archive.writestr(_info(METADATA), described.encode(), zipfile.ZIP_DEFLATED)
    return len(entities)


def _check_finished(study: Results) -> None:
    there, wanted = set(study.metrics["run"]), set(runs(study.study))
    if missing := sorted(wanted - there):
        raise InputError(
            f"{study.folder}: expected a finished study, found {len(missing)} of {len(wanted)} runs without metrics, such as "
            f"{missing[0]}; run Snakemake until the study is done"
        )
    for name in NEEDED:
        if not (study.folder / name).is_file():
            raise InputError(
                f"{study.folder}: expected a finished study, found no {name}; run Snakemake until the study is done"
            )


def _files(study: Results, optional: Iterable[str]) -> Iterator[tuple[str, Path]]:
    """The files of the results by their names in the crate."""
    for patterns in PARTS.values():
        for pattern in patterns:
            for path in sorted(study.folder.glob(pattern)):
                if path.is_file():
                    yield path.relative_to(study.folder).as_posix(), path
    for run in sorted(study.metrics["run"]):
        for name in (*RECORDS, *optional):
            yield f"runs/{run}/{name}", study.folder / "runs" / run / name
    for name in ("CITATION.cff", "requirements.lock"):
        if Path(name).is_file():
            yield f"environment/{name}", Path(name)


def _environment(study: Results) -> dict[str, str]:
    """The packages of this environment, and the SHA-256 of the study's image if it is here."""
    packages = sorted({f"{each.name}=={each.version}" for each in distributions()}, key=str.lower)
    texts = {"environment/packages.txt": "\n".join(packages) + "\n"}
    image = study.study.container
    if image is not None and Path(image).is_file():
        texts["environment/image.txt"] = f"{sha256(Path(image))}  {image}\n"
    return texts


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, BEGINNING)
    info.external_attr = 0o644 << 16
    return info


def _add(archive: zipfile.ZipFile, name: str, source: Path) -> dict[str, Any]:
    digest, size, info = hashlib.sha256(), 0, _info(name)
    info.compress_type, info.file_size = zipfile.ZIP_DEFLATED, source.stat().st_size
    with source.open("rb") as file, archive.open(info, "w") as member:
        for block in _blocks(file):
            digest.update(block)
            member.write(block)
            size += len(block)
    return _file(name, digest.hexdigest(), size)


def _add_text(archive: zipfile.ZipFile, name: str, text: str) -> dict[str, Any]:
    content = text.encode()
    archive.writestr(_info(name), content, zipfile.ZIP_DEFLATED)
    return _file(name, hashlib.sha256(content).hexdigest(), len(content))


def _blocks(file: IO[bytes] | zipfile.ZipExtFile) -> Iterator[bytes]:
    return iter(lambda: file.read(1 << 20), b"")


def _file(name: str, checksum: str, size: int) -> dict[str, Any]:
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    described = {"@id": name, "@type": "File", "name": PurePosixPath(name).name, "encodingFormat": kind}
    return described | {"contentSize": str(size), "sha256": checksum}


def _described(
    study: Results, files: list[dict[str, Any]], authors: Sequence[str], license_name: str | None
) -> dict[str, Any]:
    """The crate's JSON-LD: the study, its files, and the software that made them."""
    metrics = study.metrics
    datasets = ", ".join(sorted(set(metrics["dataset"])))
    finished = max(metrics["finished"].dropna(), default="")
    made = " and ".join(sorted({f"{row.tcwae}, commit {row.commit}" for row in metrics.itertuples()}))
    if license_name is None:
        terms = {"@id": "#license", "@type": "CreativeWork", "name": "not stated"}
        terms["description"] = "The authors have not chosen a licence for these results; ask them."
    else:
        terms = {"@id": f"https://spdx.org/licenses/{license_name}", "@type": "CreativeWork", "name": license_name}
        terms["description"] = f"The licence {license_name} as SPDX lists it."
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"tcwae: the study {study.study.study}",
        "description": f"{len(metrics)} trainings on {datasets}: report, web page, scores, figures and records of all runs.",
        "datePublished": finished,
        "license": {"@id": terms["@id"]},
        "hasPart": [{"@id": each["@id"]} for each in files],
        "citation": {"@id": PAPER},
        "mentions": {"@id": "#study"},
    }
    action = {
        "@id": "#study",
        "@type": "CreateAction",
        "name": "Training, scores and report",
        "instrument": {"@id": "#tcwae"},
        "object": {"@id": "study.json"},
        "result": [{"@id": name} for name in NEEDED[:3]],
        "endTime": finished,
    }
    software = {"@id": "#tcwae", "@type": "SoftwareApplication", "name": "tcwae", "softwareVersion": made}
    title = "Learning disentangled representations with the Wasserstein Autoencoder"
    paper = {"@id": PAPER, "@type": "ScholarlyArticle", "name": title}
    people = [{"@id": f"#author-{n}", "@type": "Person", "name": name} for n, name in enumerate(authors, start=1)]
    if people:
        known = [{"@id": person["@id"]} for person in people]
        root["author"] = known if len(known) > 1 else known[0]
    about = {"@id": METADATA, "@type": "CreativeWork", "about": {"@id": "./"}, "conformsTo": {"@id": PROFILE}}
    entities = [about, root, *people, action, software, terms, paper, *files]
    return {"@context": [f"{PROFILE}/context", {"sha256": "http://schema.org/sha256"}], "@graph": entities}


def verify(path: Path) -> list[Part]:
    """Compare each file of a crate with the size and the checksum that the crate states.

    Raises:
        InputError: it is no zip that `export` wrote.
        OSError: it cannot be read.
    """
    parts: dict[str, Part] = {}
    with refusing(path, "a study that `tcwae export` wrote"), zipfile.ZipFile(path) as archive:
        stated = _stated(archive)
        there = [name for name in archive.namelist() if name != METADATA]
        for name in sorted({*stated, *there}):
            part = parts.setdefault(_part(name), Part(_part(name)))
            part.files += 1
            if fault := _fault(archive, name, stated.get(name), there.count(name)):
                part.faults.append(f"{name} {fault}")
    return list(parts.values())


def _stated(archive: zipfile.ZipFile) -> dict[str, Mapping[str, Any]]:
    """The files that the crate's description lists."""
    if METADATA not in archive.namelist():
        raise InputError(f"a zip without {METADATA}")
    graph = json.loads(archive.read(METADATA))
    entities = graph.get("@graph") if isinstance(graph, dict) else None
    if not isinstance(entities, list) or not all(isinstance(entity, dict) for entity in entities):
        raise InputError(f"a zip whose {METADATA} lists no files")
    return {str(entity.get("@id")): entity for entity in entities if entity.get("@type") == "File"}


def _fault(archive: zipfile.ZipFile, name: str, stated: Mapping[str, Any] | None, times: int) -> str | None:
    """What is wrong with a file of a crate that states this of it and holds it so many times."""
    if stated is None:
        return "is not listed"
    if times != 1:
        return "is missing" if times == 0 else f"is there {times} times"
    digest, left = hashlib.sha256(), archive.getinfo(name).file_size
    if str(left) != stated.get("contentSize"):
        return "was changed"
    try:
        with archive.open(name) as member:
            for block in _blocks(member):
                digest.update(block)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        return "is damaged"
    return None if digest.hexdigest() == stated.get("sha256") else "was changed"


def _part(name: str) -> str:
    path = PurePosixPath(name)
    if path.parts[0] == "runs":
        return {"model.safetensors": "weights", "codes.h5": "codes"}.get(path.name, "runs")
    if path.parts[0] in ("environment", "page", "figures"):
        return path.parts[0]
    return next(
        (part for part, patterns in PARTS.items() if any(path.match(pattern) for pattern in patterns)), "others"
    )
