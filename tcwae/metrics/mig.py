"""The mutual information gap.

References:
    Chen et al., Isolating Sources of Disentanglement in VAEs, 2018, https://arxiv.org/abs/1802.04942, section 4
    disentanglement_lib, evaluation/metrics/mig.py, whose estimate by 20 bins this is
"""

import numpy as np

from tcwae.metrics.discrete import entropies, equal_width_bins, mutual_information
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
    table.require()
    codes, factors = table.sample(rng, samples)
    information = mutual_information(equal_width_bins(codes, bins), factors)
    second, first = np.sort(information, axis=0)[-2:]
    entropy = entropies(factors)
    gaps = np.divide(first - second, entropy, out=np.zeros_like(entropy), where=entropy > 0)
    return Score(float(gaps.mean()), information, per_factor=gaps)
