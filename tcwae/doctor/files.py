"""Checks of files: whether they can be written, the space for a study, and its data."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from shutil import disk_usage

from tcwae.config.datasets import PUBLISHED
from tcwae.config.run import Run
from tcwae.config.runs import runs, without_selects
from tcwae.config.study import Dataset, Study
from tcwae.doctor.finding import Finding
from tcwae.errors import InputError, one_line

__all__ = ["check_space", "data", "needed", "space"]

DISCRIMINATORS = {"factor_vae": 1, "tcwae_gan": 2}
"""The number of a method's discriminators, which have most of its weights."""

PROBE_MEGABYTES = 64
"""More would take long on a slow file system."""


def check_space(folder: Path, study: Study) -> None:
    """Check that the remaining files of a study fit into `folder`, its working directory.

    It also tries to write there, and a little into the folder for temporary files, as Snakemake does when it chooses jobs.

    Raises:
        InputError: they do not fit, or writing fails; only writing detects a full quota.
    """
    place, wanted = _place(folder), needed(folder, study)
    free = disk_usage(place).free
    if free < wanted:
        raise InputError(f"{place}: expected {_gb(wanted)} free for this study, found {_gb(free)}")
    _probe(place, PROBE_MEGABYTES, "is it writable, and the quota not used up?")
    _probe(Path(os.environ.get("TMPDIR", "/tmp")), 1, "set TMPDIR to a folder that has space")


def _probe(place: Path, megabytes: int, remedy: str) -> None:
    try:
        with tempfile.TemporaryFile(dir=place) as probe:
            for _ in range(megabytes):
                probe.write(os.urandom(10**6))  # random, so that no file system compresses it
            os.fsync(probe.fileno())
    except OSError as error:
        raise InputError(
            f"{place}: expected to write {megabytes} MB to try, found: {error.strerror}; {remedy}"
        ) from None


def needed(folder: Path, study: Study) -> float:
    """Estimated bytes of the files that the study still has to write.

    Your own data are not counted, nor are runs whose coefficients are not selected yet.
    """
    images = (
        PUBLISHED[name].images * PUBLISHED[name].image_bytes
        for name in _datasets(study)
        if name in PUBLISHED and not _prepared(folder, study, name).exists()
    )
    results = folder / "results" / study.study / "runs"
    decided = runs(without_selects(study))
    to_do = (run for name, run in decided.items() if not (results / name / "metrics.json").exists())
    return sum(images) + sum(_run_bytes(run, study) for run in to_do)


def _datasets(study: Study) -> list[str]:
    return sorted({experiment.dataset for experiment in study.experiments.values()})


def _run_bytes(run: Run, study: Study) -> float:
    """Codes and deviations in single precision, row and up to six factors of each image; weights, curves and pictures."""
    images = study.evaluation.codes or (PUBLISHED[run.dataset].images if run.dataset in PUBLISHED else 0)
    return images * (8 * run.latent_dimension + 14) + 10e6 + 20e6 * DISCRIMINATORS.get(run.method.name, 0)


def _prepared(folder: Path, study: Study, name: str) -> Path:
    return folder / "resources" / f"{name}-{study.dataset(name).label}.h5"


def space(folder: Path, study: Study) -> Iterator[Finding]:
    """Whether `folder` can be written and has the space."""
    try:
        check_space(folder, study)
    except InputError as error:
        yield Finding("problem", "space", str(error))
    else:
        place, wanted = _place(folder), _gb(needed(folder, study))
        free = _gb(disk_usage(place).free)
        yield Finding("ok", "space", f"{place} can be written, {free} free, about {wanted} still needed")


def _place(folder: Path) -> Path:
    """Where most files are written: `results` may be a link to another file system."""
    results = folder / "results"
    return (results if results.exists() else folder).resolve()


def data(folder: Path, study: Study) -> Iterator[Finding]:
    """For each data set, whether it is prepared with the right checksum, else whether its source is available."""
    from tcwae.data.prepared import read

    for name in _datasets(study):
        path = _prepared(folder, study, name)
        if not path.exists():
            yield _source(folder, name, study.dataset(name), path)
            continue
        try:
            images = read(path)
        except (InputError, OSError) as error:
            yield Finding("problem", "data", one_line(error))
        else:
            yield Finding("ok", "data", f"{path}: {len(images):,} images, {images.source}, checksum right")


def _source(folder: Path, name: str, dataset: Dataset, path: Path) -> Finding:
    """The source of a missing file."""
    from tcwae.data.archives import ARCHIVES

    if dataset.source == "rendered":
        return Finding("ok", "data", f"{path}: will be drawn")
    raw = folder / "resources" / "raw" / name
    files = [folder / dataset.archive] if dataset.archive else [raw / archive.name for archive in ARCHIVES[name]]
    missing = [file for file in files if not file.exists()]
    if not missing:
        return Finding("ok", "data", f"{path}: will be prepared from {', '.join(map(str, files))}")
    if dataset.archive:
        return Finding("problem", "data", f"{missing[0]}: expected the archive of {name}, found no such file")
    browser = [archive for archive in ARCHIVES[name] if archive.browser and raw / archive.name in missing]
    if browser:
        fetch = f"fetch it from {browser[0].url} with a browser"
        return Finding("problem", "data", f"{raw / browser[0].name}: expected the archive, found no such file: {fetch}")
    return Finding(
        "warning", "data", f"{path}: {missing[0].name} will be downloaded, for which this machine needs the internet"
    )


def _gb(size: int | float) -> str:
    return f"{size / 1e9:.1f} GB"
