"""The boosted trees are scikit-learn's."""

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier

from tcwae.metrics.boosting import boost


def codes_and_classes(classes, lattice=None, samples=500):
    rng = np.random.default_rng(classes)
    factor = rng.integers(classes, size=samples)
    codes = np.stack([factor, factor % 3, np.zeros(samples), np.zeros(samples)], axis=1)
    codes = codes + rng.normal(size=codes.shape) * [0.5, 0.4, 1, 1]
    codes = np.round(codes * lattice) / lattice if lattice else codes
    half = samples // 2
    return codes[:half].astype(np.float32), factor[:half], codes[half:].astype(np.float32), factor[half:]


@pytest.mark.parametrize(("classes", "lattice"), [(2, None), (5, None), (2, 5), (3, 5)])
def test_importances_and_predictions_are_scikit_learns(classes, lattice):
    """They differ by ties between codes, which both resolve at random: as much as two of scikit-learn's differ."""
    train, factor, test, _ = codes_and_classes(classes, lattice)
    theirs = [GradientBoostingClassifier(random_state=seed).fit(train, factor) for seed in range(3)]
    ours = [boost(train, factor, test, np.random.default_rng(seed)) for seed in range(3)]
    importance = np.mean([model.feature_importances_ for model in theirs], axis=0)
    np.testing.assert_allclose(np.mean([trees.importance for trees in ours], axis=0), importance, rtol=0, atol=5e-3)
    assert ours[0].importance.sum() == pytest.approx(1)
    assert np.mean(ours[0].train_classes == theirs[0].predict(train)) >= 0.99
    assert np.mean(ours[0].test_classes == theirs[0].predict(test)) >= 0.98


def test_without_ties_they_are_equal():
    """One code alone leaves nothing to chance, so the classes predicted are the same everywhere."""
    train, factor, test, _ = codes_and_classes(6)
    theirs = GradientBoostingClassifier(random_state=0).fit(train[:, :1], factor)
    ours = boost(train[:, :1], factor, test[:, :1], np.random.default_rng(0))
    assert ours.importance.tolist() == [1]
    assert np.array_equal(ours.train_classes, theirs.predict(train[:, :1]))
    assert np.array_equal(ours.test_classes, theirs.predict(test[:, :1]))


def test_a_shift_and_a_scale_change_nothing():
    """Trees see the order of codes alone; powers of two keep it exactly."""
    train, factor, test, _ = codes_and_classes(3, lattice=8)
    one = boost(train, factor, test, np.random.default_rng(0))
    other = boost(train * 2**20 + 2**21, factor, test * 2**20 + 2**21, np.random.default_rng(0))
    assert np.array_equal(one.importance, other.importance)
    assert np.array_equal(one.test_classes, other.test_classes)


def test_constant_codes_have_no_importance_and_predict_the_commonest_class():
    factor = np.array([0, 1, 1, 2, 1])
    trees = boost(np.ones((5, 2)), factor, np.ones((3, 2)), np.random.default_rng(0))
    assert trees.importance.tolist() == [0, 0]
    assert trees.test_classes.tolist() == [1, 1, 1]


def test_one_class_is_predicted_always():
    codes = np.random.default_rng(0).normal(size=(9, 2))
    trees = boost(codes, np.zeros(9, int), codes, np.random.default_rng(0))
    assert trees.test_classes.tolist() == [0] * 9
