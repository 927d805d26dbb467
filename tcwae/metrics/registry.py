"""The functions of the scores by name.

Every score has the signature

    score(table: CodeTable, rng: numpy.random.Generator, *, settings) -> Score

and the defaults of disentanglement_lib. UDR alone compares models instead, where there are no factors.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tcwae.config.scores import FUNCTIONS as METRICS
from tcwae.metrics.beta_vae import beta_vae
from tcwae.metrics.dci import dci
from tcwae.metrics.factor_vae import factor_vae
from tcwae.metrics.infomec import infoc, infoe, infom, infomec
from tcwae.metrics.irs import irs
from tcwae.metrics.mig import mig
from tcwae.metrics.mig_density import mig_chen, mig_yanndubs
from tcwae.metrics.modularity import explicitness, modularity
from tcwae.metrics.result import Score
from tcwae.metrics.sap import sap
from tcwae.metrics.table import CodeTable, UnavailableScoreError

__all__ = ["METRICS", "Scores", "measure"]

SCORES = mig, factor_vae, sap, dci, modularity, explicitness, beta_vae, irs, infom, infoe, infoc, mig_chen, mig_yanndubs
METRICS |= {score.__name__: score for score in SCORES}

INFOMEC = frozenset({"infom", "infoe", "infoc"})


class Scores(NamedTuple):
    """The scores of a table, and why others cannot be had for it, by name."""

    scores: Mapping[str, Score]
    reasons: Mapping[str, str]


def measure(table: CodeTable, names: Sequence[str], seed: int) -> Scores:
    """The scores of these names, each from `numpy.random.default_rng(seed)`, so that none depends on which others are asked.

    Those of InfoMEC share one computation. A score that this table cannot have is left out, with the reason in one line.

    Raises:
        KeyError: a name that is not in METRICS.
    """
    scores: dict[str, Score] = {}
    reasons: dict[str, str] = {}
    for name in dict.fromkeys(names):
        try:
            if name in INFOMEC and len(INFOMEC.intersection(names)) > 1:
                if name not in scores:
                    scores |= infomec(table, np.random.default_rng(seed))
            else:
                scores[name] = METRICS[name](table, np.random.default_rng(seed))
        except UnavailableScoreError as error:
            reasons[name] = str(error)
    return Scores({name: scores[name] for name in dict.fromkeys(names) if name in scores}, reasons)
