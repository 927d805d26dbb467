"""The scores of a run by other protocols than the study's: fewer votes, fewer factors. From its codes, without the model."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd

from tcwae import records
from tcwae.evaluation.score import read_table
from tcwae.files import atomic
from tcwae.metrics.registry import METRICS, measure
from tcwae.metrics.table import CodeTable, UnavailableScoreError

__all__ = ["COLUMNS", "FEW_VOTES", "rescore", "rescored"]

COLUMNS = ("protocol", "score", "value")

FEW_VOTES = 5_000
"""Training votes of the FactorVAE score in the code of the paper's authors; the score's own protocol has 10,000."""


def rescore(folder: Path, seed: int) -> None:
    """Write rescored.csv beside a run's metrics.json and codes.h5: a row a protocol and score, none of a run without scores.

    A score that cannot be had has no row.

    Raises:
        InputError: one of the two files is missing or damaged.
        OSError: the table cannot be written.
    """
    scored = "mig" in records.read(records.MetricsRecord, folder / "metrics.json").scores
    rows = list(rescored(read_table(folder / "codes.h5"), seed)) if scored else []
    with atomic(folder / "rescored.csv") as temporary:
        pd.DataFrame(rows, columns=COLUMNS).to_csv(temporary, index=False)


def rescored(table: CodeTable, seed: int) -> Iterator[tuple[str, str, float]]:
    """Protocol, score and value; each score draws from a generator of its own with this seed, as in the evaluation."""
    with suppress(UnavailableScoreError):
        few = METRICS["factor_vae"](table, np.random.default_rng(seed), train_votes=FEW_VOTES)
        yield f"{FEW_VOTES:,} training votes", "factor_vae", few.value
    if "scale" in table.names and len(table.names) > 2:
        kept = [place for place, name in enumerate(table.names) if name != "scale"]
        four = CodeTable.of_rows(table.codes, table.factors, kept, names=table.names)
        for name, score in measure(four, ("mig", "factor_vae", "sap"), seed).scores.items():
            yield "four factors, without the scale", name, score.value
