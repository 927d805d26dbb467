"""Scores of disentanglement: a table of codes and a generator in, numbers out. NumPy, SciPy and scikit-learn only.

Every score has the signature `score(table: CodeTable, rng: numpy.random.Generator, *, settings) -> Score`, and the defaults
of disentanglement_lib. `udr` alone compares models instead, where there are no factors.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from tcwae.metrics.beta_vae import beta_vae
from tcwae.metrics.dci import dci
from tcwae.metrics.factor_vae import factor_vae
from tcwae.metrics.irs import irs
from tcwae.metrics.mig import mig
from tcwae.metrics.modularity import explicitness, modularity
from tcwae.metrics.result import Score
from tcwae.metrics.sap import sap
from tcwae.metrics.table import CodeTable
from tcwae.metrics.udr import Ranking, posterior_kl, udr

__all__ = [
    "METRICS",
    "CodeTable",
    "Ranking",
    "Score",
    "beta_vae",
    "dci",
    "explicitness",
    "factor_vae",
    "irs",
    "mig",
    "modularity",
    "posterior_kl",
    "sap",
    "udr",
]

METRICS: Mapping[str, Callable[..., Score]] = MappingProxyType(
    {score.__name__: score for score in (mig, factor_vae, sap, dci, modularity, explicitness, beta_vae, irs)}
)
"""The scores of a table by the names that the command line and the studies use."""
