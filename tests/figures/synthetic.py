"""A small folder of results, made up, in the form that the workflow leaves it."""

import itertools
import json
from pathlib import Path
from typing import get_args

import h5py
import numpy as np
import pandas as pd

from tcwae import records
from tcwae.config.base import exact
from tcwae.config.experiment import Experiment, Shows
from tcwae.study.gather import columns
from tcwae.study.select import best_settings

SEEDS = (0, 1)
METHODS = {
    "wae_mmd": {"lambda": [10.0, 100.0]},
    "tcwae_mws": {"beta": [1.0, 4.0, 10.0], "gamma": [1.0, 10.0]},
    "tcwae_gan": {"beta": [1.0, 4.0, 10.0], "gamma": [1.0, 10.0]},
    "beta_tcvae": {"beta": [2.0, 8.0]},
    "factor_vae": {"gamma": [10.0, 40.0]},
}
SHOWS = [kind for kind in get_args(Shows) if kind not in ("deviations", "kl_estimators")]
DIVERGED = "dsprites/tcwae_gan/cross_entropy/beta=10_gamma=1/seed=1"


def write(folder: Path, methods: dict = METHODS, diverged: tuple[str, ...] = (DIVERGED,)) -> Path:
    """Write `folder` as results of a study `small` with one experiment, `grid`; return it."""
    rows = list(_rows(methods, diverged))
    metrics = pd.DataFrame(rows, columns=columns())
    folder.mkdir(parents=True, exist_ok=True)
    metrics.to_csv(folder / "metrics.csv", index=False)
    select(folder)
    experiment = {
        "title": "Five methods on dSprites", "dataset": "dsprites", "cost": "cross_entropy", "latent_dimension": 10,
        "methods": methods, "seeds": None, "training": {},
    }  # fmt: skip
    experiment["shows"] = [kind for kind in SHOWS if not Experiment(**experiment).lacks(kind)]
    study = {
        "study": "small", "container": None, "seeds": list(SEEDS), "training": {"iterations": 2000, "batch_size": 64},
        "evaluation": {"codes": None, "seed": 0}, "datasets": {"dsprites": {"source": "rendered", "archive": None}},
        "experiments": {"grid": experiment},
    }  # fmt: skip
    (folder / "study.json").write_text(json.dumps(study))
    for run in metrics.loc[metrics["status"] == "finished", "run"]:
        _write_images(folder / "runs" / run / "images.h5")
        records.write(_record(), folder / "runs" / run / "metrics.json")
    return folder


def _record() -> records.MetricsRecord:
    """Ten latents, of which each third is a factor's."""
    noise, factors = np.random.default_rng(2), ("shape", "scale", "posX")
    share = 0.05 * noise.random((10, 3))
    share[[7, 4, 1], [0, 1, 2]] = 0.9, 0.6, 0.3
    matrices = records.Matrices(
        factors=factors,
        mutual_information=(np.log([3, 6, 32]) * share).tolist(),
        entropy=np.log([3, 6, 32]).tolist(),
        importance=(share / share.sum(axis=0)).tolist(),
        matched={"shape": 7, "scale": 4, "posX": 1},
    )
    training = {"settings": {}, "status": "finished", "step": 1, "term": None, "finished": "", "seconds": 1.0}
    training |= {"images_per_second": 1.0, "device": "cpu", "threads": 1, "versions": {}}
    training["data"] = {"source": "rendered", "images_sha256": "0123"}
    return records.MetricsRecord(
        scores={}, parts={}, matrices=matrices, evaluation={}, training=training, versions={}, seconds=1.0
    )


def select(folder: Path, *experiments: str) -> None:
    """Rank the settings in the `folder`'s metrics.csv, for `grid` and for other experiments of the same runs."""
    metrics = pd.read_csv(folder / "metrics.csv")
    table = best_settings(metrics.assign(row=metrics["method"], udr=np.nan))
    (folder / "selection").mkdir(exist_ok=True)
    for experiment in ("grid", *experiments):
        table.to_csv(folder / "selection" / f"{experiment}.csv", index=False)


def _rows(methods: dict, diverged: tuple[str, ...]) -> list[dict]:
    noise = np.random.default_rng(0)
    for method, axes in methods.items():
        for values in itertools.product(*axes.values()):
            cell = dict(zip(axes, values, strict=True))
            setting = "_".join(f"{key}={exact(value)}" for key, value in cell.items())
            for seed in SEEDS:
                run = f"dsprites/{method}/cross_entropy/{setting}/seed={seed}"
                yield (
                    _row(noise, method, cell)
                    | {"run": run, "setting": setting, "seed": seed}
                    | (
                        {"status": "diverged", "diverged_step": 512, "diverged_term": "total_correlation", **_NO_SCORES}
                        if run in diverged
                        else {}
                    )
                )


_SCORED = ("reconstruction", "log_reconstruction", "mig", "factor_vae", "sap", "total_correlation", "dimension_wise_kl")
_NO_SCORES = dict.fromkeys((*_SCORED, "index_code_mi", "mmd", "active_units"), float("nan"))


def _row(noise: np.random.Generator, method: str, cell: dict) -> dict:
    strength = np.log1p(sum(cell.values()))
    nats = float(np.exp(3.4 + 0.25 * strength + noise.normal(0, 0.08)))
    return {
        "experiments": "grid", "dataset": "dsprites", "source": "rendered", "method": method, "cost": "cross_entropy",
        **cell, "iterations": 2000, "batch_size": 64, "status": "finished", "reconstruction": nats,
        "log_reconstruction": np.log(nats), "mig": 0.05 * strength + noise.uniform(0, 0.06),
        "mig_sampled": 0.01, "factor_vae_sampled": 0.3, "sap_sampled": 0.02,
        "factor_vae": 0.3 + 0.08 * strength + noise.uniform(0, 0.1), "sap": noise.uniform(0.005, 0.06),
        "total_correlation": 5 / strength, "dimension_wise_kl": 2 / strength, "index_code_mi": 10 - strength,
        "mmd": 0.02, "total_correlation_trained": 6 / strength, "dimension_wise_kl_trained": -9.0,
        "active_units": int(10 - strength), "train_seconds": 212.4, "images_per_second": 612.0,
        "evaluate_seconds": 9.1, "device": "cpu", "tcwae": "0.1.0", "torch": "2.14.1", "commit": "0123456789",
        "finished": "2026-11-28T10:00:00+00:00", "images_sha256": "0123", "latent_dimension": 10,
    }  # fmt: skip


def _write_images(path: Path) -> None:
    noise = np.random.default_rng(1)
    y, x = np.mgrid[:64, :64]

    def blob(centre: np.ndarray, width: float) -> np.ndarray:
        image = 255 * np.exp(-(((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / width**2))
        return image.astype(np.uint8)[..., None]

    centres = noise.uniform(16, 48, (10, 2))
    walk = [[blob(np.array([32 + 2 * (d + 1) * v, 32 - 3 * v]), 9) for v in np.linspace(-2, 2, 10)] for d in range(10)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file["inputs"] = np.stack([blob(c, 6).round(-2) for c in centres])
        file["reconstructions"] = np.stack([blob(c, 9) for c in centres])
        file["samples"] = np.stack([blob(c[::-1], 9) for c in (*centres, *centres)])
        file["traversals"] = np.array([walk, walk])
        file["traversal_values"] = np.linspace(-2, 2, 10, dtype=np.float32)
        file["latent_kl"] = noise.permutation(10).astype(np.float32) / 3
        file["posterior_kl"] = noise.permutation(10).astype(np.float32) / 3
