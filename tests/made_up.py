"""The results of any study, made up in seconds: its files as training and evaluation leave them, and what is made of them."""

import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import get_args

import h5py
import numpy as np
import pandas as pd
import recorded

from tcwae import records
from tcwae.config.datasets import PUBLISHED
from tcwae.config.experiment import Experiment, Shows
from tcwae.config.methods import METHODS, coefficients
from tcwae.config.run import Run
from tcwae.config.runs import chosen, experiment_runs, grids, resolve, runs, without_selects
from tcwae.config.study import Study, parse
from tcwae.figures import deviations, kl_estimators
from tcwae.figures.plot import KINDS, plot
from tcwae.report.document import report
from tcwae.study.gather import SCORES, gather
from tcwae.study.select import select

TEMPLATE = Path(__file__).parents[1] / "workflow" / "report" / "report.typ"
CODES, SHOWN, ANCHORS, STEPS = 300, 10, 5, 10
FACTORS = ("mig", "factor_vae", "sap", "mig_sampled", "factor_vae_sampled", "sap_sampled")

Fate = Callable[[Run], bool]


def write(study: Study, folder: Path, *, diverged: Fate = lambda run: False, codes: int = CODES) -> Study:
    """Write a study's runs as evaluated, its selections, metrics.csv and study.json; return it with numbers for `select`."""
    choices = {}
    for grid in dict.fromkeys(grid for name in study.experiments for grid in grids(study, name)):
        _write_runs(study, folder, experiment_runs(study, grid), diverged, codes)
        select(study, grid, folder)
        choices[grid] = chosen(folder / "selection" / f"{grid}.csv")
    study = without_selects(resolve(study, choices))
    _write_runs(study, folder, runs(study), diverged, codes)
    for name in study.experiments:
        select(study, name, folder)
    gather(study, folder)
    return study


def draw(study: Study, folder: Path) -> None:
    """Draw all figures of a study that `write` returned."""
    for name, experiment in study.experiments.items():
        for kind in (kind for kind in KINDS if kind in experiment.shows):
            plot(name, kind, folder, folder / "figures" / f"{name}-{kind}.pdf")


def typeset(study: Study, folder: Path) -> Path:
    """Its report, from nothing but the runs."""
    draw(study, folder)
    report(folder, TEMPLATE, folder / "report.pdf")
    return folder / "report.pdf"


def _write_runs(study: Study, folder: Path, wanted: dict[str, Run], diverged: Fate, codes: int) -> None:
    for identifier, run in wanted.items():
        own, lost = folder / "runs" / identifier, diverged(run)
        own.mkdir(parents=True, exist_ok=True)
        source = study.dataset(run.dataset).source
        records.write(records.MetricsRecord(**_record(run, identifier, source, lost)), own / "metrics.json")
        for name, content in (("images", _images), ("codes", _codes)):
            if not (own / f"{name}.h5").exists():
                (own / f"{name}.h5").hardlink_to(content(folder, run.dataset, run.latent_dimension, codes))
        _estimates().to_csv(own / "estimates.csv", index=False)
        _rescored(identifier).to_csv(own / "rescored.csv", index=False)


def _record(run: Run, identifier: str, source: str, lost: bool) -> dict:
    """The record of an evaluation; the stronger a regulariser, the worse the reconstruction and the better the scores."""
    noise = np.random.default_rng(zlib.crc32(identifier.encode()))
    weight = np.log1p(getattr(run.method, run.method.tuned if run.method.tuned != "lambda" else "lambda_"))
    talent = 1 + list(METHODS).index(run.method.name) % 5
    nats = float(np.exp(3.0 + 0.1 * weight + 0.05 * talent + noise.normal(0, 0.04)))
    scores = {name: abs(float(noise.normal(2, 1))) for name in SCORES} | {
        "reconstruction": nats, "log_reconstruction": float(np.log(nats)), "active_units": int(noise.integers(3, 11)),
        "mmd": float(noise.uniform(0.001, 0.05)), "total_correlation": 6 / (1 + weight), "dimension_wise_kl": 9 / (1 + weight),
    }  # fmt: skip
    published = PUBLISHED.get(run.dataset)
    if published and len(published.latent_factor_indices) > 1:
        mig = float(np.clip(0.04 * talent * weight / 3 + noise.normal(0.03, 0.02), 0, 1))
        scores |= dict(zip(FACTORS, (mig, 0.3 + mig, mig / 4, 0.9 * mig, 0.25 + mig, mig / 5), strict=True))
    else:
        scores = {name: score for name, score in scores.items() if name not in FACTORS}
    ended = {"status": "diverged", "step": 512, "term": "total_correlation"} if lost else {
        "terms": {"total_correlation": 7 / (1 + weight), "dimension_wise_kl": -20 + 9 / (1 + weight)},
    }  # fmt: skip
    images = {"source": source, "images_sha256": f"{zlib.crc32(run.dataset.encode()):064x}"}
    record = recorded.record(run, seconds=float(noise.uniform(900, 1100)), data=images, **ended)
    return record | {"scores": {} if lost else scores}


@cache
def _estimates() -> pd.DataFrame:
    """As from batches: MWS is too low, the others by less the more codes they see."""
    rows = [("large sample", 5000, 0, 2.0, 1.5)]
    for kind, off in (("MWS", -40.0), ("in batch", 8.0), ("MSS", -3.0), ("density ratio", -1.0)):
        rows += [
            (kind, size, repeat, 2 + off * 64 / size, 1.5) for size in (64, 256, 1024, 4096) for repeat in range(3)
        ]
    return pd.DataFrame(rows, columns=kl_estimators.COLUMNS[:-3])


def _rescored(identifier: str) -> pd.DataFrame:
    noise = np.random.default_rng(zlib.crc32(identifier.encode()))
    rows = [("sampled codes in the scores", score, noise.uniform(0.05, 0.3)) for score in ("mig", "factor_vae", "sap")]
    return pd.DataFrame(rows, columns=deviations.RESCORED)


@cache
def _images(folder: Path, dataset: str, latents: int, _: int) -> Path:
    """An images.h5 of discs; those of a run differ in nothing from those of another on the same data."""
    noise, path = np.random.default_rng(latents), folder / f"{dataset}-{latents}-images.h5"
    channels = 1 if dataset in PUBLISHED and PUBLISHED[dataset].image_bytes <= 64 * 64 else 3
    y, x = np.mgrid[:64, :64]

    def discs(centres: np.ndarray, radius: float) -> np.ndarray:
        apart = np.hypot(x - centres[..., 0, None, None], y - centres[..., 1, None, None])
        grey = (255 * np.clip(radius - apart, 0, 1)).astype(np.uint8)[..., None]
        return grey * np.linspace(1, 0.4, channels).astype(np.float32) if channels > 1 else grey

    centres, values = noise.uniform(14, 50, (SHOWN, 2)), np.linspace(-2, 2, STEPS)
    moved = centres[:ANCHORS, None, None] + noise.normal(0, 6, (latents, 1, 2)) * values[:, None]
    with h5py.File(path, "w") as file:
        for name, pictures in {
            "inputs": discs(centres, 8), "reconstructions": discs(centres, 9),
            "samples": discs(noise.uniform(14, 50, (2 * SHOWN, 2)), 10), "traversals": discs(moved, 9),
        }.items():  # fmt: skip
            file[name] = pictures.astype(np.uint8)
        file["traversal_values"] = values.astype(np.float32)
        file["latent_kl"], file["posterior_kl"] = noise.exponential(1, (2, latents)).astype(np.float32)
    return path


@cache
def _codes(folder: Path, dataset: str, latents: int, count: int) -> Path:
    noise, path = np.random.default_rng(latents), folder / f"{dataset}-{latents}-codes.h5"
    sizes = PUBLISHED[dataset].factor_sizes if dataset in PUBLISHED else ()
    factors = np.stack([noise.integers(size, size=count) for size in sizes], axis=1) if sizes else np.zeros((count, 0))
    with h5py.File(path, "w") as file:
        file["codes"] = noise.normal(0, 1, (count, latents)).astype(np.float32)
        file["deviations"] = noise.uniform(0.1, 1, (count, latents)).astype(np.float32)
        file["rows"] = np.arange(count)
        if sizes:
            file["factors"] = factors
            file["factor_names"] = np.char.encode(PUBLISHED[dataset].factor_names, "utf-8")
            file["latent_factor_indices"] = list(PUBLISHED[dataset].latent_factor_indices)
    return path


def study(rows: int = 5, settings: int = 2, seeds: int = 2, called: str = "", **experiment: object) -> Study:
    """A study of one experiment, `only`, that shows all it can: `rows` of the methods in turn, each with as many `settings`.

    More than five rows are `called` so, with a number.
    """
    names = [*METHODS][:5]
    methods = {
        f"row{place}": {"method": names[place % 5], **_axes(names[place % 5], settings)} for place in range(rows)
    }
    if rows <= 5:
        methods = {row["method"]: row for row in methods.values()}
    else:
        methods = {
            key: row | {"name": f"{called or METHODS[row['method']].label} {key}"} for key, row in methods.items()
        }
    values = {"dataset": "dsprites", "methods": methods, "title": "Only one", **experiment}
    if "shows" not in values:
        own = Experiment(**values)
        values["shows"] = [kind for kind in get_args(Shows) if not own.lacks(kind)]
    return parse({"study": "made-up", "seeds": list(range(seeds)), "experiments": {"only": values}}, "made up", Path())


def _axes(method: str, settings: int) -> dict[str, object]:
    """`settings` values of the tuned coefficient; TCWAE's gamma has two where that leaves several of beta."""
    values, needed = [float(value) for value in range(1, settings + 1)], coefficients(METHODS[method])
    if needed == ["beta", "gamma"]:
        square = settings % 2 == 0 and settings > 2
        return {"beta": values[: settings // 2], "gamma": [1.0, 5.0]} if square else {"beta": values, "gamma": 1.0}
    return {METHODS[method].tuned: values}
