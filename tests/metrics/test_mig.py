"""MIG is disentanglement_lib's to 1e-9 on equal samples, and its known values are met."""

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from tcwae.metrics.mig import mig
from tcwae.metrics.table import CodeTable

from .tables import DSPRITES, noise, perfect


def reference(codes, factors, bins=20):
    """disentanglement_lib's definition, pair by pair: numpy.histogram edges, numpy.digitize, mutual_info_score."""
    binned = [np.digitize(z, np.histogram(z, bins)[1][:-1]) for z in codes.T]
    information = np.array([[mutual_info_score(v, z) for v in factors.T] for z in binned])
    entropy = np.array([mutual_info_score(v, v) for v in factors.T])
    ordered = np.sort(information, axis=0)[::-1]
    return information, (ordered[0] - ordered[1]) / entropy


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("change", [lambda z: z, lambda z: 100 * z, lambda z: z + 50, lambda z: np.tanh(z)])
def test_it_equals_the_definition_on_equal_samples(dtype, change):
    rng = np.random.default_rng(0)
    sizes = (3, 6, 40)
    table = perfect(sizes, noise=2)
    mixed = table.codes + 0.3 * rng.normal(size=table.codes.shape)
    table = CodeTable.of_grid(change(mixed).astype(dtype), sizes)
    score = mig(table, np.random.default_rng(1))
    information, gaps = reference(*table.sample(np.random.default_rng(1), 10_000))
    np.testing.assert_allclose(score.matrix, information, rtol=0, atol=1e-9)
    np.testing.assert_allclose(score.per_factor, gaps, rtol=0, atol=1e-9)
    assert score.value == pytest.approx(gaps.mean(), abs=1e-9)


def test_a_perfect_code_of_dsprites_is_capped_by_its_bins():
    """A factor's mutual information with its evenly spaced classes in 20 bins is the entropy of the bins.

    40 orientations fill the bins by two, and reach log 20 / log 40; of 32 positions, 12 bins hold two and 8 hold one.
    """
    orientation = np.log(20) / np.log(40)
    position = np.log(32) - 12 * 2 / 32 * np.log(2)
    exact = np.mean([1, 1, orientation, position / np.log(32), position / np.log(32)])
    assert exact == pytest.approx(0.9025, abs=2e-4)
    score = mig(perfect(DSPRITES), np.random.default_rng(0), samples=500_000)
    assert score.value == pytest.approx(exact, abs=2e-3)
    # with 10,000 samples the empirical second-best information, (B - 1)(V - 1) / 2N nats on average, costs a little
    score = mig(perfect(DSPRITES, noise=5), np.random.default_rng(0))
    second = np.mean([19 * (v - 1) / 20_000 / np.log(v) for v in DSPRITES])
    assert 0.889 < exact - 1.6 * second < score.value < exact - 0.5 * second < 0.902


def test_noise_scores_nothing():
    assert mig(noise((3, 6, 40)), np.random.default_rng(0)).value < 0.01


def test_duplicated_latents_leave_no_gap():
    codes = perfect((3, 6, 40)).codes
    table = CodeTable.of_grid(np.concatenate([codes, codes], axis=1), (3, 6, 40))
    assert mig(table, np.random.default_rng(0)).value == 0


def test_constant_latents_know_nothing_and_make_no_nan():
    table = CodeTable.of_grid(np.full((720, 4), 3.0, np.float32), (3, 6, 40))
    score = mig(table, np.random.default_rng(0))
    assert score.value == 0
    assert (score.matrix == 0).all()


def test_a_range_too_small_for_the_bins_is_still_counted():
    codes = np.full((720, 2), 50, np.float32)
    codes[::2] = np.nextafter(np.float32(50), np.float32(51))
    assert 0 <= mig(CodeTable.of_grid(codes, (3, 6, 40)), np.random.default_rng(0)).value <= 1


def test_a_factor_of_one_class_in_the_sample_scores_nothing():
    factors = np.zeros((1000, 2), int)
    factors[0] = 1
    codes = np.random.default_rng(0).normal(size=(1000, 2))
    assert mig(CodeTable(codes, factors), np.random.default_rng(0), samples=5).per_factor.tolist() == [0, 0]
