"""The scores of an evaluated run, from the codes that its evaluation has kept: neither the model nor the images are needed.

`metrics.json`, in the run's folder, is the record of the evaluation with these scores, what they are made of, and the matrices
of latents and factors.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tcwae import records
from tcwae.config.run import Scoring
from tcwae.config.scores import PAPER
from tcwae.evaluation.score import announce, read_table
from tcwae.metrics.matrices import information, matched
from tcwae.metrics.registry import Scores
from tcwae.metrics.registry import measure as scores_of
from tcwae.metrics.table import CodeTable, UnavailableScoreError

__all__ = ["measure"]


def measure(folder: Path, settings: Scoring) -> None:
    """Write metrics.json of the run in `folder` from its evaluation.json and codes.h5.

    A run that diverged, or whose data have fewer than two factors to score, has the scores of its evaluation alone; of one
    factor the reason is in the record, as of any other score that cannot be had.

    Raises:
        InputError: a file is missing or damaged.
        OSError: it cannot be read or written.
    """
    start = time.monotonic()
    evaluated = records.read(records.EvaluationRecord, folder / "evaluation.json")
    scored: dict[str, Any] = {"scores": {}, "parts": {}}
    if evaluated.training.status == "finished" and len(evaluated.factors) > 1:
        table = read_table(folder / "codes.h5")
        announce(table, settings.scores)
        scored = _scores(table, settings.scores, settings.seed)
    elif evaluated.training.status == "finished" and evaluated.factors:
        reason = f"expected at least 2 factors to score, found {evaluated.factors[0]!r} alone"
        scored["reasons"] = dict.fromkeys(settings.scores, reason)
    record = records.MetricsRecord(
        **scored | {"scores": evaluated.scores | scored["scores"]},
        evaluation=evaluated.evaluation | settings.model_dump(mode="json"),
        training=evaluated.training,
        versions=evaluated.versions,
        seconds=round(evaluated.seconds + time.monotonic() - start, 3),
    )
    records.write(record, folder / "metrics.json")


def _scores(table: CodeTable, names: Sequence[str], seed: int) -> dict[str, Any]:
    """The fields of `records.MetricsRecord` that say what the codes of a run score, each score with a generator of its own.

    They are scores of the posterior means (Locatello et al., 2019); the paper's three are also computed of codes drawn afresh
    from the posteriors, as <score>_sampled (the protocol of the authors' code).
    """
    measured = scores_of(table, names, seed)
    drawn = scores_of(replace(table, sampled=True), [name for name in names if name in PAPER], seed)
    scores = {name: score.value for name, score in measured.scores.items()}
    return {
        "scores": scores | {f"{name}_sampled": score.value for name, score in drawn.scores.items()},
        "parts": {
            name: dict(zip(table.names, score.per_factor.tolist(), strict=True))
            for name, score in measured.scores.items()
            if score.per_factor is not None
        },
        "reasons": dict(measured.reasons),
        "matrices": _matrices(table, measured, seed),
    }


def _matrices(table: CodeTable, measured: Scores, seed: int) -> records.Matrices | None:
    """What the latents know of the factors; none where a factor has one class only."""
    try:
        known = information(table, np.random.default_rng(seed))
    except UnavailableScoreError:
        return None
    return records.Matrices(
        factors=table.names,
        mutual_information=known.mutual.tolist(),
        entropy=known.entropy.tolist(),
        importance=measured.scores["dci"].matrix.tolist() if "dci" in measured.scores else None,
        matched={table.names[factor]: latent for factor, latent in matched(known.share).items()},
    )
