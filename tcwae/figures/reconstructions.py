"""Reconstructions of held-out images, as in Figure 11a of the paper."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from tcwae.errors import InputError
from tcwae.figures import images
from tcwae.figures.images import Shown, note, runs
from tcwae.study.results import Results

__all__ = ["data", "draw", "note", "runs"]


def data(results: Results, experiment: str) -> list[Shown]:
    """Inputs and reconstructions of each method's best run.

    Raises:
        InputError: a file is missing or damaged, or two runs were shown different inputs.
    """
    shown = images.best(results, experiment, ("inputs", "reconstructions"))
    for other in shown[1:]:
        if not np.array_equal(other.arrays["inputs"], shown[0].arrays["inputs"]):
            raise InputError(
                f"{results.folder}: expected the same inputs in {shown[0].run} and {other.run}, found others"
            )
    return shown


def draw(shown: Sequence[Shown], note: str) -> list[Figure]:
    """The inputs, then a row of reconstructions for each method."""
    return images.rows(shown, "reconstructions", note)
