"""The functions of the scores by name.

Every score has the signature

    score(table: CodeTable, rng: numpy.random.Generator, *, settings) -> Score

and the defaults of disentanglement_lib. UDR alone compares models instead, where there are no factors.
"""

from tcwae.config.scores import FUNCTIONS as METRICS
from tcwae.metrics.beta_vae import beta_vae
from tcwae.metrics.dci import dci
from tcwae.metrics.factor_vae import factor_vae
from tcwae.metrics.irs import irs
from tcwae.metrics.mig import mig
from tcwae.metrics.modularity import explicitness, modularity
from tcwae.metrics.sap import sap

__all__ = ["METRICS"]

METRICS |= {score.__name__: score for score in (mig, factor_vae, sap, dci, modularity, explicitness, beta_vae, irs)}
