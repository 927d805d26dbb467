"""Scores of disentanglement: a table of codes and a generator in, numbers out. NumPy, SciPy and scikit-learn only.

Every score has the signature `score(table: CodeTable, rng: numpy.random.Generator, *, settings...) -> Score`; the defaults
are disentanglement_lib's. `METRICS` holds them by the names that the command line and the studies use.
"""

from collections.abc import Callable, Mapping

from tcwae.metrics.factor_vae import factor_vae
from tcwae.metrics.mig import mig
from tcwae.metrics.result import Score
from tcwae.metrics.sap import sap
from tcwae.metrics.table import CodeTable

__all__ = ["METRICS", "CodeTable", "Score", "factor_vae", "mig", "sap"]

METRICS: Mapping[str, Callable[..., Score]] = {score.__name__: score for score in (mig, factor_vae, sap)}
"""Every score of a table by its name."""
