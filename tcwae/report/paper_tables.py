"""The paper's Tables 2 to 5 for this study, and the paper's Table 1 beside our numbers; all as texts."""

import math
from collections.abc import Iterable
from typing import Any

import pandas as pd

from tcwae.config import layers
from tcwae.config.datasets import PUBLISHED
from tcwae.config.runs import runs
from tcwae.config.scores import PAPER
from tcwae.report import paper
from tcwae.study import names, uncertainty
from tcwae.study.results import Results

__all__ = [
    "COMPARABLE",
    "UNKNOWN",
    "against_the_paper",
    "comparable",
    "discriminator_optimiser",
    "factors",
    "gammas",
    "intervals",
    "latents",
    "networks",
    "z_score",
]

COMPARABLE = {("dsprites", "real"), ("dsprites", "rendered"), ("smallnorb", "real")}
"""Data on which the paper's numbers are comparable with ours: dSprites rendered here equals the real set except for a few
pixels in a million."""

UNKNOWN = "—"


def factors(datasets: Iterable[str]) -> list[dict[str, str]]:
    """Table 2: the factors of the study's data sets with their numbers of values; the paper's lacks dSprites' scale."""
    rows = []
    for dataset in datasets:
        published = PUBLISHED.get(dataset)
        if published and published.factors:
            listed = [
                f"{name} ({size}{'; ' + published.unscored[name] if name in published.unscored else ''})"
                for name, size in published.factors.items()
            ]
            rows.append({"data": published.label, "factors": ", ".join(listed)})
    return rows


def networks(study: Results) -> dict[str, list[str]]:
    """Table 3: the study's encoders, decoder and discriminators, a text for each layer."""
    dimensions = sorted({run.latent_dimension for run in runs(study.study).values()})
    slopes = sorted(
        {
            run.method.discriminator_slope
            for run in runs(study.study).values()
            if hasattr(run.method, "discriminator_slope")
        }
    )
    kernels = list(dict.fromkeys(run.encoder_kernel for run in runs(study.study).values()))
    columns = {
        "Encoder" + (f" (kernel {kernel})" if len(kernels) > 1 else ""): layers.encoder(dimensions[0], kernel)
        for kernel in kernels
    }
    columns["Decoder"] = layers.decoder(1)
    for slope in slopes:
        columns["Discriminator" + (f" (slope {slope:g})" if len(slopes) > 1 else "")] = layers.discriminator(slope)
    return {name: [*map(str, network)] for name, network in columns.items()}


def discriminator_optimiser(study: Results) -> list[list[str]]:
    """Table 4: the settings of the discriminators' Adam, the distinct values of the experiments that have one."""
    adversarial = [run for run in runs(study.study).values() if hasattr(run.method, "discriminator_slope")]
    if not adversarial:
        return []
    settings = {
        "Batch size": "batch_size",
        "Learning rate": "discriminator_learning_rate",
        "beta 1": "discriminator_beta1",
        "beta 2": "discriminator_beta2",
        "epsilon": "discriminator_epsilon",
    }
    return [
        [label, _by_data([(getattr(run.training, key), run.dataset) for run in adversarial])]
        for label, key in settings.items()
    ]


def latents(study: Results) -> str:
    """The number of latents; if there are several, with their data sets."""
    return _by_data([(run.latent_dimension, run.dataset) for run in runs(study.study).values()])


def _by_data(pairs: Iterable[tuple[Any, str]]) -> str:
    """As "64", or "256 (dSprites, smallNORB); 64 (CelebA)" where values differ."""
    by_value: dict[Any, list[str]] = {}
    for value, dataset in dict.fromkeys(pairs):
        by_value.setdefault(value, []).append(names.DATASETS.get(dataset, dataset))
    if len(by_value) == 1:
        return f"{next(iter(by_value)):g}"
    return "; ".join(f"{value:g} ({', '.join(datasets)})" for value, datasets in by_value.items())


def gammas(study: Results) -> list[dict[str, str]]:
    """Table 5: for each grid of beta and gamma what was selected, if any run finished, and the paper's gamma."""
    rows = []
    for name, experiment in study.study.experiments.items():
        settings = study.settings(name) if len(study.selection) else study.selection
        first = study.runs(name).groupby(["row", "setting"])["run"].first() if len(settings) else {}
        for key, row in experiment.methods.items():
            best = settings[(settings["row"] == key) & settings["selected"]] if len(settings) else settings
            if {"beta", "gamma"} <= row.lists and len(best):
                cost = experiment.cost_of(key)
                printed = paper.TABLE_5.get((experiment.dataset, row.method, cost))
                lost = best["log_reconstruction_mean"].isna().all()
                rows.append(
                    {
                        "method": f"{names.method(row.method)}, {names.cost(cost)}",
                        "options": best["common"].iloc[0],
                        "data": names.DATASETS.get(experiment.dataset, experiment.dataset),
                        "betas": ", ".join(f"{value:g}" for value in sorted(row.coefficients["beta"])),
                        "gammas": ", ".join(f"{value:g}" for value in sorted(row.coefficients["gamma"])),
                        "run": first[key, best["setting"].iloc[0]],
                        "gamma": UNKNOWN if lost else f"{best['gamma'].iloc[0]:g}",
                        "beta": UNKNOWN if lost else f"{best['beta'].iloc[0]:g}",
                        "paper": UNKNOWN if printed is None else f"{printed:g}",
                    }
                )
    return rows


def z_score(mean: float, sd: float, seeds: int, printed: paper.PaperScore) -> float:
    """(ours - the paper's) / sqrt(sd^2 / seeds + sd_paper^2 / 5); NaN where either has no deviation."""
    spread = math.sqrt(sd**2 / seeds + printed.sd**2 / paper.SEEDS)
    return (mean - printed.mean) / spread if spread > 0 else math.nan


def against_the_paper(study: Results) -> list[dict[str, Any]]:
    """A row for each selected setting of a table of scores that has a counterpart in Table 1, on comparable data."""
    comparisons = []
    for name, experiment in study.study.experiments.items():
        if "scores_table" not in experiment.shows or not comparable(study.runs(name)):
            continue
        sure = {key: dict(zip(study.scores, texts, strict=True)) for key, texts in intervals(study, name).items()}
        first = study.runs(name).groupby(["row", "setting"])["run"].first()
        for _, row in study.selected(name).iterrows():
            printed = paper.find(row["dataset"], row["method"], row["cost"])
            key = row["row"], row["setting"]
            if printed is not None and row[[f"{score}_mean" for score in PAPER if score in study.scores]].notna().any():
                comparisons.append({"run": first[key], **_comparison(row, sure[key], printed)})
    return comparisons


def intervals(study: Results, name: str) -> dict[tuple[str, str], list[str]]:
    """By row and setting the bootstrap interval of each score's mean over seeds; an empty text where there is none."""
    texts = {}
    for key, seeds in study.runs(name).groupby(["row", "setting"], sort=False):
        bounds = [uncertainty.bootstrap(seeds[score].to_numpy(float)) for score in study.scores]
        texts[key] = [
            "" if math.isnan(low) else f"{score.text(low)} to {score.text(high)}".replace(" ", names.NO_BREAK)
            for (low, high), score in zip(bounds, study.scores.values(), strict=True)
        ]
    return texts


def comparable(runs: pd.DataFrame) -> bool:
    """Whether the paper's numbers are comparable with these runs."""
    return set(zip(runs["dataset"], runs["source"], strict=True)) <= COMPARABLE


def _comparison(row: pd.Series, sure: dict[str, str], printed: paper.PaperRow) -> dict[str, Any]:
    cells = []
    for key, score in PAPER.items():
        mean, sd = row.get(f"{key}_mean", math.nan), row.get(f"{key}_sd", math.nan)
        z = z_score(mean, sd, int(row["seeds"]), printed.scores[key])
        cells.append(
            {
                "ours": UNKNOWN if math.isnan(mean) else score.text(mean),
                "interval": sure.get(key, ""),
                "paper": printed.scores[key].text.split(" ±")[0],
                "off": None if math.isnan(z) else z,
                "z": UNKNOWN if math.isnan(z) else names.minus(f"{z:+.1f}"),
            }
        )
    return {
        "table": printed.table,
        "data": names.DATASETS[printed.dataset],
        "name": row["name"],
        "setting": row["shown"],
        "paper_setting": names.setting(printed.setting),
        "cells": cells,
    }
