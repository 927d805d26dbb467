"""The mutual information gap.

References:
    Chen et al., Isolating Sources of Disentanglement in VAEs, 2018, https://arxiv.org/abs/1802.04942, section 4
    disentanglement_lib, evaluation/metrics/mig.py, whose estimate by 20 bins this is
"""

import numpy as np

from tcwae.metrics.matrices import information
from tcwae.metrics.result import Score
from tcwae.metrics.table import CodeTable

__all__ = ["mig"]


def mig(table: CodeTable, rng: np.random.Generator, *, samples: int = 10_000, bins: int = 20) -> Score:
    """MIG = mean_k [I(z_(1); v_k) - I(z_(2); v_k)] / H(v_k), where (1) and (2) are the two latents that know most of v_k.

    Codes are counted in `bins` equal intervals of each latent's range; all quantities are those of the sample, in nats.
    The matrix holds I(z_d; v_k). A factor that has one class in the sample scores 0.

    Raises:
        UnavailableScoreError: a factor has one class only.
    """
    known = information(table, rng, samples=samples, bins=bins)
    second, first = np.sort(known.mutual, axis=0)[-2:]
    gaps = np.divide(first - second, known.entropy, out=np.zeros_like(first), where=known.entropy > 0)
    return Score(float(gaps.mean()), known.mutual, per_factor=gaps)
