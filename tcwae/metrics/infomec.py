"""InfoMEC: modularity, explicitness and compactness from information.

References:
    Hsu et al., Disentanglement via Latent Quantization, 2023, https://arxiv.org/abs/2305.18378
    latent_quantization, disentangle/metrics/infomec.py, by its authors, whose estimators and constants these are
"""

import numpy as np
from jaxtyping import Bool, Float, Integer
from scipy.optimize import minimize
from scipy.sparse import csr_array, hstack

from tcwae.metrics.discrete import entropies, mutual_information
from tcwae.metrics.nearest import nearest_neighbour_information
from tcwae.metrics.result import Score
from tcwae.metrics.table import CodeTable

__all__ = ["explained", "infoc", "infoe", "infom", "infomec", "one_to_one"]

INACTIVE = 20
"""A latent whose range is at most this fraction of the largest range is left out."""

Codes = Float[np.ndarray, "rows latent"]
Classes = Integer[np.ndarray, "rows factor"]


def infomec(
    table: CodeTable, rng: np.random.Generator, *, samples: int = 10_000, neighbours: int = 10
) -> dict[str, Score]:
    """`infom`, `infoe` and `infoc` of one sample: what each of them gives for the same generator, in less time.

    Raises:
        UnavailableScoreError: a factor has one class only.
    """
    codes, factors = _sample(table, rng, samples)
    informative = _informative(codes, factors, table.discrete, neighbours, rng)
    return {
        "infom": _modularity(*informative),
        "infoe": _explicitness(codes, factors, table.discrete),
        "infoc": _compactness(*informative),
    }


def infom(table: CodeTable, rng: np.random.Generator, *, samples: int = 10_000, neighbours: int = 10) -> Score:
    """Modularity InfoM = (mean_d max_k NMI_kd / sum_k NMI_kd - 1/K) / (1 - 1/K): does a latent know one factor only?

    NMI_kd = I(z_d; v_k) / H(v_k) on `samples` different rows. I is estimated from the `neighbours` nearest neighbours of each
    code in its class, or from counts where the latents are discrete. The mean is over the active latents: those whose range
    is more than 1/20 of the largest range, or that have more than one value where they are discrete. An active latent that
    knows nothing (0/0) counts as one that knows all factors alike, and so does a score without active latents: 0.

    The matrix holds NMI_kd, `per_latent` each latent's term, 0 if it is not active.

    Raises:
        UnavailableScoreError: a factor has one class only.
    """
    codes, factors = _sample(table, rng, samples)
    return _modularity(*_informative(codes, factors, table.discrete, neighbours, rng))


def infoc(table: CodeTable, rng: np.random.Generator, *, samples: int = 10_000, neighbours: int = 10) -> Score:
    """Compactness InfoC = (mean_k max_d NMI_kd / sum_d NMI_kd - 1/D) / (1 - 1/D): is a factor in one latent only?

    NMI_kd and the D active latents are those of `infom`. A factor that no latent knows (0/0) counts as one that all know
    alike. With fewer than two active latents the score is 0. The matrix holds NMI_kd.

    Raises:
        UnavailableScoreError: a factor has one class only.
    """
    codes, factors = _sample(table, rng, samples)
    return _compactness(*_informative(codes, factors, table.discrete, neighbours, rng))


def infoe(table: CodeTable, rng: np.random.Generator, *, samples: int = 10_000) -> Score:
    """Explicitness InfoE = mean_k (log V_k - H_k) / log V_k: can a factor's class be read off all latents linearly?

    H_k is the mean log loss, on the rows it learns from, of a multinomial logistic regression on codes of mean 0 and
    deviation 1 (discrete latents: on the indicators of their values) without penalty and with balanced classes; log V_k is
    that of the constant code. A factor whose loss is above it, as rare classes allow, counts 0.

    Raises:
        UnavailableScoreError: a factor has one class only.
    """
    return _explicitness(*_sample(table, rng, samples), table.discrete)


def _sample(table: CodeTable, rng: np.random.Generator, samples: int) -> tuple[Codes, Classes]:
    """Different rows: a row that is drawn twice would be a neighbour of its own."""
    table.require()
    rows = table.distinct_rows(rng, samples)
    return table.look_up(rng, rows).astype(float), table.factors[rows]


def _informative(
    codes: Codes, factors: Classes, discrete: bool, neighbours: int, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "latent factor"], Bool[np.ndarray, "latent"]]:
    """NMI_kd, transposed, and which latents are active."""
    extent = np.ptp(codes, axis=0)
    if discrete:
        values = np.stack([np.unique(z, return_inverse=True)[1] for z in codes.T], axis=1)
        information, active = mutual_information(values, factors), extent > 0
    else:
        information, active = (
            nearest_neighbour_information(codes, factors, neighbours, rng),
            extent * INACTIVE > extent.max(),
        )
    entropy = entropies(factors)
    return np.divide(information, entropy, out=np.zeros_like(information), where=entropy > 0), active


def _modularity(information: Float[np.ndarray, "latent factor"], active: Bool[np.ndarray, "latent"]) -> Score:
    each = np.zeros(len(active))
    each[active] = one_to_one(information[active])
    return Score(float(each[active].mean()) if active.any() else 0.0, information, per_latent=each)


def _compactness(information: Float[np.ndarray, "latent factor"], active: Bool[np.ndarray, "latent"]) -> Score:
    each = one_to_one(information[active].T)
    return Score(float(each.mean()), information, per_factor=each)


def one_to_one(information: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "rows"]:
    """(max / sum - 1/n) / (1 - 1/n) of each row of n numbers: 1 if one stands alone, 0 if all are equal, none, or n < 2."""
    columns = information.shape[1]
    if columns < 2:
        return np.zeros(len(information))
    total = information.sum(axis=1)
    share = np.divide(information.max(axis=1), total, out=np.full(len(total), 1 / columns), where=total > 0)
    return (share - 1 / columns) / (1 - 1 / columns)


def _explicitness(codes: Codes, factors: Classes, discrete: bool) -> Score:
    if discrete:
        features = hstack([_indicators(z) for z in codes.T], format="csr")
    else:
        deviation = codes.std(axis=0)
        features = ((codes - codes.mean(axis=0)) / np.where(deviation > 0, deviation, 1)).astype(np.float32)
    each = np.array([explained(features, factor) for factor in factors.T])
    return Score(float(each.mean()), per_factor=each)


def _indicators(values: Float[np.ndarray, "rows"]) -> csr_array:
    places = np.unique(values, return_inverse=True)[1]
    return csr_array((np.ones(len(values), np.float32), places, np.arange(len(values) + 1)))


def explained(features: Float[np.ndarray, "rows feature"] | csr_array, factor: Integer[np.ndarray, "rows"]) -> float:
    """(log V - H) / log V, at least 0, with the log loss H of the logistic regression that `infoe` describes.

    It ends where L-BFGS does with scikit-learn's settings: a gradient of 1e-4, or 100 iterations, which decide the loss of
    classes that a plane divides. Single precision is enough for both.
    """
    present, labels = np.unique(factor, return_inverse=True)
    rows, classes = len(labels), len(present)
    if classes < 2:
        return 0.0
    own = labels, np.arange(rows)
    weight = (1 / (classes * np.bincount(labels)[labels])).astype(np.float32)
    ones = np.ones((rows, 1), np.float32)
    sparse = not isinstance(features, np.ndarray)
    inputs = hstack([features, ones], format="csr") if sparse else np.hstack([features, ones])

    def predict(flat: Float[np.ndarray, "_"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Probabilities (class, rows) but for their totals, these, and the losses."""
        logits = flat.astype(np.float32).reshape(classes, -1) @ inputs.T
        logits -= logits.max(axis=0)
        losses = -logits[own]
        p = np.exp(logits, out=logits)
        totals = p.sum(axis=0)
        return p, totals, losses + np.log(totals)

    def objective(flat: Float[np.ndarray, "_"]) -> tuple[float, np.ndarray]:
        p, totals, losses = predict(flat)
        p *= weight / totals
        p[own] -= weight
        return float(losses @ weight), (p @ inputs).ravel().astype(float)

    options = {"maxiter": 100, "maxls": 50, "gtol": 1e-4, "ftol": 64 * np.finfo(float).eps}
    best = minimize(objective, np.zeros(inputs.shape[1] * classes), jac=True, method="L-BFGS-B", options=options)
    loss = predict(best.x)[2].mean(dtype=float)
    return max(0.0, 1 - float(loss) / np.log(classes))
