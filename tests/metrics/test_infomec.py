"""InfoMEC against its definition by scikit-learn's own estimators, and its known values."""

import warnings

import numpy as np
import pytest
from sklearn.feature_selection import mutual_info_classif
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, mutual_info_score
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tcwae.metrics.infomec import explained, infoc, infoe, infom, infomec, one_to_one
from tcwae.metrics.nearest import nearest_neighbour_information
from tcwae.metrics.table import CodeTable

from .tables import cells, standardised

SIZES = (2, 3, 8)


def classifier():
    return LogisticRegression(C=np.inf, tol=1e-4, class_weight="balanced", solver="lbfgs", max_iter=100)


def losses(x, factor):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # 100 iterations may end too early
        models = [(z, classifier().fit(z, factor)) for z in (np.zeros((len(factor), 2)), x)]
    return [log_loss(factor, model.predict_proba(z)) for z, model in models]


def reference(codes, factors, discrete=False):
    """The authors' definition, pair by pair: (infom, infoe, infoc)."""
    if discrete:
        x, active = OneHotEncoder().fit_transform(codes), np.ptp(codes, axis=0) > 0
        information = np.array([[mutual_info_score(v, z) for z in codes.T] for v in factors.T])
    else:
        x, active = StandardScaler().fit_transform(codes), np.ptp(codes, axis=0) > np.ptp(codes, axis=0).max() / 20
        information = np.array([mutual_info_classif(x, v, discrete_features=False, n_neighbors=10) for v in factors.T])
    nmi = information[:, active] / np.array([[mutual_info_score(v, v)] for v in factors.T])
    shares = [np.mean(nmi.max(axis=axis) / nmi.sum(axis=axis)) for axis in (0, 1)]
    modularity, compactness = ((share - 1 / n) / (1 - 1 / n) for share, n in zip(shares, nmi.shape, strict=True))
    explicitness = np.mean([1 - loss / nothing for nothing, loss in (losses(x, v) for v in factors.T)])
    return modularity, explicitness, compactness


def mixed(sizes, rows, seed, noise=0.3):
    """Codes of two neighbouring factors each, one latent of noise, and one that hardly moves."""
    rng = np.random.default_rng(seed)
    factors = rng.integers(sizes, size=(rows, len(sizes)))
    clean = (factors - (np.array(sizes) - 1) / 2) / (np.array(sizes) / 3)
    extra = rng.normal(size=(rows, 2)) * [1, 0.01]
    codes = clean + 0.4 * np.roll(clean, 1, axis=1) + noise * rng.normal(size=clean.shape)
    return np.concatenate([codes, extra], axis=1), factors


def values(codes, factors, seed=0):
    scores = infomec(CodeTable(codes, factors), np.random.default_rng(seed))
    return [scores[name].value for name in ("infom", "infoe", "infoc")]


@pytest.mark.parametrize("rows", [300, 2000])
def test_it_equals_the_definition_on_equal_samples_but_for_the_noise_of_1e_10(rows):
    codes, factors = mixed(SIZES, rows, 0)
    ours = values(codes, factors)
    np.testing.assert_allclose(ours, reference(codes, factors), rtol=0, atol=1e-4)
    assert 0.05 < min(ours) < max(ours) < 0.95


def test_over_samples_of_10_000_it_agrees_within_four_standard_errors():
    """Of different samples, as theirs and ours would be."""
    ours = np.array([values(*mixed(SIZES, 10_000, seed), seed) for seed in range(3)])
    theirs = np.array([reference(*mixed(SIZES, 10_000, seed)) for seed in range(3, 5)])
    standard_error = np.sqrt(ours.var(axis=0, ddof=1) / 3 + theirs.var(axis=0, ddof=1) / 2)
    assert (np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) < 4 * standard_error + 1e-6).all()


def test_information_is_scikit_learns_also_of_few_rows_equal_codes_and_classes_of_one():
    rng = np.random.default_rng(0)
    factors = rng.integers((2, 5, 40), size=(150, 3))
    factors[0, 0] = 7
    codes = np.stack([factors[:, 1] + 0.5 * rng.normal(size=150), rng.normal(size=150) - 1e3, factors[:, 0]], axis=1)
    codes = codes.astype(float)
    ours = nearest_neighbour_information(codes, factors, 10, np.random.default_rng(0))
    theirs = [mutual_info_classif(codes, v, discrete_features=False, n_neighbors=10, random_state=0) for v in factors.T]
    np.testing.assert_allclose(ours[:2, 0], np.transpose(theirs)[:2, 0], rtol=0, atol=1e-9)
    # in classes of up to 21 rows scikit-learn's distances are rounded so that they may count the neighbour itself
    np.testing.assert_allclose(ours[:2], np.transpose(theirs)[:2], rtol=0, atol=0.01)
    # where codes are equal the noise decides, and another noise decides otherwise
    np.testing.assert_allclose(ours[2, :2], np.transpose(theirs)[2, :2], rtol=0, atol=0.05)


def test_information_of_a_gaussian_code_is_the_analytic_one():
    """z = v + N(0, 1) of v = -1, 1: I = H(z) - H(N), with H(z) by quadrature."""
    rng = np.random.default_rng(0)
    v = rng.integers(2, size=(40_000, 1))
    z = np.linspace(-8, 8, 4001)
    density = (np.exp(-((z - 1) ** 2) / 2) + np.exp(-((z + 1) ** 2) / 2)) / 2 / np.sqrt(2 * np.pi)
    exact = -np.sum(density * np.log(density)) * (z[1] - z[0]) - np.log(2 * np.pi * np.e) / 2
    found = nearest_neighbour_information(2.0 * v - 1 + rng.normal(size=v.shape), v, 10, rng)
    assert found[0, 0] == pytest.approx(exact, abs=0.01)


def test_discrete_latents_are_counted():
    rng = np.random.default_rng(0)
    factors = rng.integers(SIZES, size=(2000, 3))
    codes = np.concatenate([factors, rng.integers(4, size=(2000, 1)), np.full((2000, 1), 3)], axis=1)
    codes[:, 0] ^= rng.random(2000) < 0.1
    np.testing.assert_allclose(values(codes, factors), reference(codes, factors, discrete=True), rtol=0, atol=1e-3)
    assert CodeTable(codes, factors).discrete
    assert not CodeTable(codes.astype(float), factors).discrete
    assert infom(CodeTable(codes, factors), rng).matrix[4].tolist() == [0, 0, 0]


def test_each_alone_is_what_it_is_together():
    table = CodeTable(*mixed(SIZES, 500, 0))
    together = infomec(table, np.random.default_rng(3))
    for alone in (infom, infoe, infoc):
        assert alone(table, np.random.default_rng(3)).value == together[alone.__name__].value


def test_a_perfect_code_is_modular_compact_and_explicit():
    """Two classes on a line, and the indicators of any, are told without loss."""
    factors = standardised(cells(SIZES))
    scores = infomec(
        CodeTable.of_grid(np.repeat(factors, 50, axis=0).reshape(-1, 3), (*SIZES, 50), [0, 1, 2]),
        np.random.default_rng(0),
    )
    assert scores["infom"].value > 0.97
    assert scores["infoc"].value > 0.97
    assert scores["infoe"].per_factor[0] > 0.99
    indicators = np.concatenate([np.eye(n)[c] for n, c in zip(SIZES, cells(SIZES).astype(int).T, strict=True)], axis=1)
    assert infoe(CodeTable.of_grid(indicators, SIZES), np.random.default_rng(0)).value > 0.99


def test_noise_is_not_explicit_and_a_latent_of_no_range_does_not_count():
    codes, factors = mixed(SIZES, 3000, 0)
    noise = np.random.default_rng(1).normal(size=codes.shape)
    assert infoe(CodeTable(noise, factors), np.random.default_rng(0)).value < 0.02
    score = infom(CodeTable(codes, factors), np.random.default_rng(0))
    assert score.per_latent[4] == 0  # of a hundredth of the others' range
    assert score.value == pytest.approx(score.per_latent[:4].mean())


def test_zero_over_zero_counts_as_knowing_all_alike():
    """Rows by hand: (2, 1, 1) has the share 1/2, and (1/2 - 1/3) / (2/3) = 1/4."""
    np.testing.assert_allclose(one_to_one(np.array([[2.0, 1, 1], [0, 0, 0], [1, 1, 1], [0, 3, 0]])), [0.25, 0, 0, 1])
    assert one_to_one(np.ones((2, 1))).tolist() == [0, 0]
    codes, factors = mixed(SIZES, 500, 0)
    constant = infomec(CodeTable(np.full_like(codes, 2.5), factors), np.random.default_rng(0))
    assert [score.value for score in constant.values()] == pytest.approx([0, 0, 0])
    alone = infomec(CodeTable(codes * [1, 0, 0, 0, 0], factors), np.random.default_rng(0))
    assert alone["infoc"].value == 0
    assert alone["infom"].value > 0


def test_the_loss_of_a_regression_by_hand():
    """One indicator that is right in 3 of 4 rows: the loss is H(1/4)."""
    features = np.array([[0], [0], [0], [1], [1], [1], [1], [0]], np.float32)
    entropy = -0.75 * np.log(0.75) - 0.25 * np.log(0.25)
    assert explained(features, np.repeat([0, 1], 4)) == pytest.approx(1 - entropy / np.log(2), abs=1e-3)
