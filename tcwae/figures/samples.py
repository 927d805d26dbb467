"""Images decoded from codes drawn from the prior, as in Figure 11b of the paper."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from tcwae.figures import images
from tcwae.figures.images import Shown, note, runs
from tcwae.study.results import Results

__all__ = ["data", "draw", "note", "runs"]


def data(results: Results, experiment: str) -> list[Shown]:
    """Samples of each method's best run, and inputs to compare them with.

    Raises:
        InputError: a file is missing or damaged.
    """
    return images.best(results, experiment, ("inputs", "samples"))


def draw(shown: Sequence[Shown], note: str) -> list[Figure]:
    """Inputs, then a row of samples for each method."""
    return images.rows(shown, "samples", note)
