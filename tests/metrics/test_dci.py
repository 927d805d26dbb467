"""DCI against a loop over scikit-learn's own trees, and its known values."""

import numpy as np
import pytest
from scipy.stats import entropy
from sklearn.ensemble import GradientBoostingClassifier

from tcwae.metrics.dci import dci, expected_seconds, one_sidedness
from tcwae.metrics.table import CodeTable

from .tables import cells, perfect, standardised

SIZES = (2, 3, 4)
FEW = {"train": 400, "test": 200}


def reference(table, seed, train, test):
    """disentanglement_lib's definition."""
    rng = np.random.default_rng(seed)
    (x, v), (test_x, test_v) = table.sample(rng, train), table.sample(rng, test)
    models = [GradientBoostingClassifier(random_state=seed).fit(x, factor) for factor in v.T]
    matrix = np.stack([model.feature_importances_ for model in models], axis=1)
    disentanglement = 1 - entropy(matrix.T + 1e-11, base=matrix.shape[1])
    completeness = 1 - entropy(matrix + 1e-11, base=matrix.shape[0])
    accuracy = np.mean([model.score(test_x, factor) for model, factor in zip(models, test_v.T, strict=True)])
    shares = matrix.sum(axis=1) / matrix.sum(), matrix.sum(axis=0) / matrix.sum()
    return disentanglement @ shares[0], completeness @ shares[1], accuracy


def test_it_agrees_with_scikit_learns_trees_within_four_standard_errors():
    factors = standardised(cells(SIZES))
    codes = factors + 0.6 * np.roll(factors, 1, axis=1)
    table = CodeTable.of_grid(codes, SIZES, deviations=np.full_like(codes, 0.5))
    theirs = np.array([reference(table, seed, **FEW) for seed in range(3)])
    scores = [dci(table, np.random.default_rng(seed), **FEW) for seed in range(3, 9)]
    ours = np.array([[s.value, s.parts["completeness"].value, s.parts["informativeness"].value] for s in scores])
    standard_error = ours.std(axis=0, ddof=1) * np.sqrt(1 / 3 + 1 / 6)
    assert (abs(ours.mean(axis=0) - theirs.mean(axis=0)) < 4 * standard_error).all()
    assert (0.1 < ours).all()
    assert (ours < 0.95).all()


def test_one_latent_a_factor_scores_one():
    score = dci(perfect(SIZES, noise=2), np.random.default_rng(0), **FEW)
    assert score.value == pytest.approx(1, abs=1e-6)
    assert {name: part.value for name, part in score.parts.items()} == pytest.approx(
        {"completeness": 1, "informativeness": 1, "train_accuracy": 1}
    )
    np.testing.assert_allclose(score.matrix[:3], np.eye(3), atol=1e-6)


def test_a_rotated_code_is_not_disentangled_but_informative():
    """Sum and difference of two equal factors matter alike for both."""
    factors = standardised(cells((4, 4)))
    table = CodeTable.of_grid(factors @ np.array([[1.0, 1], [1, -1]]), (4, 4))
    score = dci(table, np.random.default_rng(0), train=2000, test=1000)
    assert score.value < 0.05
    assert score.parts["completeness"].value < 0.05
    assert score.parts["informativeness"].value > 0.95


def test_weights_and_entropies_by_hand():
    """Rows (3, 1) and (0, 4) of 8: 1 - H(3/4)/log 2 with weight 1/2, and 1 with weight 1/2."""
    value, each = one_sidedness(np.array([[3.0, 1.0], [0.0, 4.0]]))
    uneven = 1 - (0.75 * np.log2(4 / 3) + 0.25 * np.log2(4))
    np.testing.assert_allclose(each, [uneven, 1], atol=1e-9)
    assert value == pytest.approx((uneven + 1) / 2)
    assert one_sidedness(np.zeros((2, 2)))[0] == 0


def test_constant_codes_score_zero_and_are_as_informative_as_the_commonest_class():
    score = dci(CodeTable.of_grid(np.ones((24, 2)), SIZES), np.random.default_rng(0), train=400, test=4000)
    assert score.value == score.parts["completeness"].value == 0
    assert score.parts["informativeness"].value == pytest.approx(np.mean([1 / 2, 1 / 3, 1 / 4]), abs=0.03)


def test_noise_scores_little():
    nothing = np.zeros((24, 3))
    table = CodeTable.of_grid(nothing, SIZES, deviations=nothing + 1)
    assert dci(table, np.random.default_rng(0), **FEW).value < 0.05


def test_the_expected_time_grows_with_classes_latents_and_samples():
    """dSprites' 113 classes and 10 latents take most of a minute; so a hundred factors or 2,000 latents are announced."""
    rng = np.random.default_rng(0)
    factors = rng.integers((3, 6, 40, 32, 32), size=(5000, 5))
    assert 30 < expected_seconds(CodeTable(np.zeros((5000, 10)), factors)) < 120
    assert expected_seconds(CodeTable(np.zeros((5000, 2000)), factors)) > 3600
    many = rng.integers(8, size=(5000, 100))
    assert expected_seconds(CodeTable(np.zeros((5000, 10)), many)) > 300
    assert expected_seconds(CodeTable(np.zeros((5000, 10)), many), train=1000) < 150
