"""SAP's lines minimise LinearSVC's objective, whatever the scale of the codes, and its known values are met."""

import warnings

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.svm import LinearSVC

from tcwae.metrics.sap import accuracies, sap
from tcwae.metrics.support_vectors import fit_lines
from tcwae.metrics.table import CodeTable

from .tables import DSPRITES, cells, noise, perfect, standardised

SCALES = {
    "plain": (1, 0),
    "shifted": (1, 50),
    "far": (1, 1e4),
    "large": (100, 0),
    "small": (0.01, 0),
    "huge": (1e5, 3e6),
}


def codes_and_factors(samples=2000):
    """Lattice, warped, noisy, pure noise and constant codes of factors of 2, 3 and 12 classes, one class rare."""
    rng = np.random.default_rng(0)
    factors = np.stack([rng.random(samples) < 0.1, rng.integers(3, size=samples), rng.integers(12, size=samples)], 1)
    factors = factors.astype(np.uint16)
    lattice = standardised(factors.astype(float))
    warped = np.tanh(1.5 * lattice[:, 2:]) + 0.1 * rng.normal(size=(samples, 1))
    mixed = lattice[:, :1] + 0.5 * rng.normal(size=(samples, 1))
    return np.concatenate([lattice, warped, mixed, rng.normal(size=(samples, 1)), np.ones((samples, 1))], 1), factors


def objective(line, x, inside, outside_weight, inside_weight):
    """1/2 |line|^2 + sum C_i max(0, 1 - y_i (w x_i + b))^2, and its gradient."""
    y, weight = np.where(inside, 1, -1), np.where(inside, inside_weight, outside_weight)
    loss = np.maximum(0, 1 - y * (line[0] * x + line[1]))
    slope = -2 * weight * y * loss
    return line @ line / 2 + weight @ loss**2, line + np.array([slope @ x, slope.sum()])


@pytest.mark.parametrize(("scale", "shift"), SCALES.values(), ids=SCALES)
def test_every_line_is_at_the_minimum_that_a_general_solver_finds(scale, shift):
    codes, factors = codes_and_factors()
    codes, samples, c = codes * scale + shift, len(codes), 0.01
    slopes, intercepts = fit_lines(codes, [*factors.T.astype(int)], c)
    line = 0
    for factor in factors.T:
        classes = factor.max() + 1
        for k in range(classes):
            inside = factor == k
            weights = c * samples / (classes * np.array([(~inside).sum(), inside.sum()]))
            weights[0] = weights[0] if classes == 2 else c
            for d in range(codes.shape[1]):
                x, found = codes[:, d], np.array([slopes[d, line], intercepts[d, line]])
                # the solver walks on standardised x: w x + b = a u + e with w = a / s, b = e - a m / s
                back = np.array([[1 / (x.std() or 1), 0], [-x.mean() / (x.std() or 1), 1]])

                def walk(t, x=x, back=back, inside=inside, weights=weights):
                    value, gradient = objective(back @ t, x, inside, *weights)
                    return value, back.T @ gradient

                best = minimize(walk, np.zeros(2), jac=True, method="BFGS", options={"gtol": 1e-9})
                assert objective(found, x, inside, *weights)[0] <= best.fun * (1 + 1e-12)
            line += 1
    assert line == slopes.shape[1]


def test_the_scores_are_those_of_linear_svc():
    """On codes of deviation about 1 scikit-learn reaches the minimum as well."""
    codes, factors = codes_and_factors(9000)
    train, test = slice(0, 6000), slice(6000, 9000)
    found = accuracies(codes[train], factors[train], codes[test], factors[test], 0.01)
    expected = np.empty_like(found)
    for d, x in enumerate(codes.T):
        for k, v in enumerate(factors.T):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                machine = LinearSVC(C=0.01, class_weight="balanced", dual=False, tol=1e-8, max_iter=10_000)
                machine.fit(x[train, None], v[train])
            expected[d, k] = machine.score(x[test, None], v[test])
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-3)
    gaps = [np.subtract(*np.sort(matrix, axis=0)[-1:-3:-1]).mean() for matrix in (found, expected)]
    assert gaps[0] == pytest.approx(gaps[1], abs=1e-3)


@pytest.mark.parametrize(("sizes", "expected"), [(DSPRITES, 0.246), ((3, 40, 32, 32), 0.183), ((5, 9, 18, 6), 0.33)])
def test_perfect_codes_of_dsprites_and_smallnorb_score_a_fifth_to_a_third(sizes, expected):
    """As disentanglement_lib finds, too. The highest of many lines picks the classes at the ends, and few in between."""
    table = perfect(sizes, noise=5)
    scores = [sap(table, np.random.default_rng(seed)).value for seed in range(6)]
    assert np.mean(scores) == pytest.approx(expected, abs=0.015)


def test_the_middle_classes_of_a_lattice_are_never_predicted():
    """Of lines of equal weights only those of extreme classes are highest anywhere, so a perfect latent names few of 40."""
    score = sap(perfect((3, 6, 40)), np.random.default_rng(0))
    assert score.matrix[0, 0] == pytest.approx(1, abs=0.01)
    assert score.matrix[2, 2] < 0.2


def test_two_classes_apart_are_told_apart():
    """Codes -1 and 1 of a fair two-class factor: accuracy 1, against 1/2 of a latent that knows nothing."""
    table = CodeTable.of_grid(2 * cells((2, 2)) - 1, (2, 2))
    score = sap(table, np.random.default_rng(0), test=20_000)
    assert score.matrix.diagonal().tolist() == [1, 1]
    assert score.value == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(20_000) * np.sqrt(2))


def test_noise_and_constants_score_nothing():
    assert sap(noise((3, 6, 40)), np.random.default_rng(0)).value < 0.02
    constant = CodeTable.of_grid(np.full((720, 3), 5.0), (3, 6, 40))
    score = sap(constant, np.random.default_rng(0))
    assert score.value == 0
    assert (score.matrix[:, 0] < 0.4).all()


def test_one_class_in_the_sample_is_predicted_always():
    codes = np.random.default_rng(0).normal(size=(100, 2))
    accuracy = accuracies(codes, np.full((100, 1), 4), codes[:4], np.array([[4], [4], [4], [1]]), 0.01)
    assert accuracy.tolist() == [[0.75], [0.75]]


def test_it_is_reproducible_and_leaves_the_global_generator_alone():
    table = noise((3, 6, 40))
    before = np.random.get_state()[1].copy()
    one, other = (sap(table, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(one.matrix, other.matrix)
    assert np.array_equal(before, np.random.get_state()[1])


def test_far_outliers_end_the_search():
    """A sample a billion deviations away leaves no digits for the rest; the search ends all the same, with finite scores."""
    codes, factors = codes_and_factors(500)
    codes[3] = 1e9
    assert np.isfinite(accuracies(codes, factors, codes, factors, 0.01)).all()
