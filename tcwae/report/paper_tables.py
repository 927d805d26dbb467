"""The paper's Tables 2 to 5 as this study has them, and its numbers of Table 1 against ours; all as texts."""

import math
from collections.abc import Iterable
from typing import Any

import pandas as pd

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
"""Data on which the paper's numbers can be held against ours: dSprites rendered here is the real set but for a few pixels
in a million."""

UNKNOWN = "—"


def factors(datasets: Iterable[str]) -> list[dict[str, str]]:
    """Table 2: the factors of the study's data sets with their numbers of values; the paper's lacks dSprites' scale."""
    found = []
    for dataset in datasets:
        published = PUBLISHED.get(dataset)
        if published and published.factors:
            listed = [
                f"{name} ({size}{'; ' + published.unscored[name] if name in published.unscored else ''})"
                for name, size in published.factors.items()
            ]
            found.append({"data": published.label, "factors": ", ".join(listed)})
    return found


def networks(study: Results) -> dict[str, list[str]]:
    """Table 3: encoder, decoder and discriminator of the study's first run, read off the modules themselves."""
    from tcwae.methods.networks import Decoder, Discriminator, Encoder
    from tcwae.report.networks import describe

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
        "Encoder" + (f" (kernel {kernel})" if len(kernels) > 1 else ""): describe(Encoder(1, dimensions[0], kernel))
        for kernel in kernels
    }
    columns["Decoder"] = describe(Decoder(1, dimensions[0]))
    for slope in slopes:
        columns["Discriminator" + (f" (slope {slope:g})" if len(slopes) > 1 else "")] = describe(
            Discriminator(dimensions[0], slope)
        )
    return columns


def discriminator_optimiser(study: Results) -> list[list[str]]:
    """Table 4: the settings of the discriminators' Adam, the distinct values of the experiments that have one."""
    its = [run for run in runs(study.study).values() if hasattr(run.method, "discriminator_slope")]
    if not its:
        return []
    settings = {
        "Batch size": "batch_size",
        "Learning rate": "discriminator_learning_rate",
        "beta 1": "discriminator_beta1",
        "beta 2": "discriminator_beta2",
        "epsilon": "discriminator_epsilon",
    }
    return [
        [label, _by_data([(getattr(run.training, key), run.dataset) for run in its])] for label, key in settings.items()
    ]


def latents(study: Results) -> str:
    """The numbers of latents, and of which data sets where there are several."""
    return _by_data([(run.latent_dimension, run.dataset) for run in runs(study.study).values()])


def _by_data(pairs: Iterable[tuple[Any, str]]) -> str:
    """As "64", or "256 (dSprites, smallNORB); 64 (CelebA)" where values differ."""
    found: dict[Any, list[str]] = {}
    for value, dataset in dict.fromkeys(pairs):
        found.setdefault(value, []).append(names.DATASETS.get(dataset, dataset))
    if len(found) == 1:
        return f"{next(iter(found)):g}"
    return "; ".join(f"{value:g} ({', '.join(datasets)})" for value, datasets in found.items())


def gammas(study: Results) -> list[dict[str, str]]:
    """Table 5: for each grid of beta and gamma what was selected, and the paper's gamma."""
    found = []
    for name, experiment in study.study.experiments.items():
        settings = study.settings(name) if len(study.selection) else study.selection
        first = study.runs(name).groupby(["row", "setting"])["run"].first() if len(settings) else {}
        for key, row in experiment.methods.items():
            best = settings[(settings["row"] == key) & settings["selected"]] if len(settings) else settings
            if {"beta", "gamma"} <= row.lists and len(best):
                cost = experiment.cost_of(key)
                printed = paper.TABLE_5.get((experiment.dataset, row.method, cost))
                found.append(
                    {
                        "method": f"{names.method(row.method)}, {names.cost(cost)}",
                        "options": best["common"].iloc[0],
                        "data": names.DATASETS.get(experiment.dataset, experiment.dataset),
                        "betas": ", ".join(f"{value:g}" for value in sorted(row.coefficients["beta"])),
                        "gammas": ", ".join(f"{value:g}" for value in sorted(row.coefficients["gamma"])),
                        "run": first[key, best["setting"].iloc[0]],
                        "gamma": f"{best['gamma'].iloc[0]:g}",
                        "beta": f"{best['beta'].iloc[0]:g}",
                        "paper": UNKNOWN if printed is None else f"{printed:g}",
                    }
                )
    return found


def z_score(mean: float, sd: float, seeds: int, printed: paper.PaperScore) -> float:
    """(ours - the paper's) / sqrt(sd^2 / seeds + sd_paper^2 / 5); NaN where either has no deviation."""
    spread = math.sqrt(sd**2 / seeds + printed.sd**2 / paper.SEEDS)
    return (mean - printed.mean) / spread if spread > 0 else math.nan


def against_the_paper(study: Results) -> list[dict[str, Any]]:
    """A row for each selected setting of a table of scores that has a counterpart in Table 1, on comparable data."""
    found = []
    for name, experiment in study.study.experiments.items():
        if "scores_table" not in experiment.shows or not comparable(study.runs(name)):
            continue
        sure = {key: dict(zip(study.scores, its, strict=True)) for key, its in intervals(study, name).items()}
        first = study.runs(name).groupby(["row", "setting"])["run"].first()
        for _, row in study.selected(name).iterrows():
            printed = paper.find(row["dataset"], row["method"], row["cost"])
            key = row["row"], row["setting"]
            if printed is not None and row[[f"{score}_mean" for score in PAPER if score in study.scores]].notna().any():
                found.append({"run": first[key], **_comparison(row, sure[key], printed)})
    return found


def intervals(study: Results, name: str) -> dict[tuple[str, str], list[str]]:
    """By row and setting the bootstrap interval of each score's mean over seeds; an empty text where there is none."""
    found = {}
    for key, its in study.runs(name).groupby(["row", "setting"], sort=False):
        bounds = [uncertainty.bootstrap(its[score].to_numpy(float)) for score in study.scores]
        found[key] = [
            "" if math.isnan(low) else f"{score.text(low)} to {score.text(high)}".replace(" ", names.NO_BREAK)
            for (low, high), score in zip(bounds, study.scores.values(), strict=True)
        ]
    return found


def comparable(its: pd.DataFrame) -> bool:
    """Whether the paper's numbers can be held against these runs."""
    return set(zip(its["dataset"], its["source"], strict=True)) <= COMPARABLE


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
