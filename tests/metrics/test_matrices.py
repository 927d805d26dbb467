"""What latents know of factors, and which latent is a factor's."""

import itertools

import numpy as np
import pytest

from tcwae.metrics.matrices import information, matched
from tcwae.metrics.mig import mig
from tcwae.metrics.table import CodeTable

from .tables import perfect


def test_it_is_the_matrix_of_mig():
    table = perfect((3, 6, 7), noise=2)
    found = information(table, np.random.default_rng(3))
    np.testing.assert_array_equal(found.mutual, mig(table, np.random.default_rng(3)).matrix)
    second, first = np.sort(found.share, axis=0)[-2:]
    np.testing.assert_allclose(first - second, mig(table, np.random.default_rng(3)).per_factor, atol=1e-12)


def test_a_latent_that_is_a_factor_knows_all_of_it_and_nothing_of_the_others():
    found = information(perfect((3, 6, 7), noise=1), np.random.default_rng(0))
    np.testing.assert_allclose(np.diag(found.share), 1, atol=1e-12)
    others = found.share[:3][~np.eye(3, dtype=bool)]
    assert others.max() < 0.01  # the bias of counts, (bins - 1)(classes - 1) / 2N, at most 0.003 nats
    np.testing.assert_allclose(found.entropy, np.log([3, 6, 7]), atol=0.01)


def test_a_factor_of_one_class_has_no_share():
    """In the sample alone: in the whole table it is refused."""
    factors = np.zeros((20_000, 2), int)
    factors[0, 0], factors[:, 1] = 1, np.arange(20_000) % 2
    table = CodeTable.of_rows(np.random.default_rng(0).normal(size=(20_000, 2)), factors)
    seed = next(seed for seed in range(100) if not information(table, np.random.default_rng(seed)).entropy[0])
    assert information(table, np.random.default_rng(seed)).share[:, 0].tolist() == [0, 0]


@pytest.mark.parametrize("shape", [(5, 3), (3, 3), (2, 4)])
def test_matched_latents_have_the_largest_sum_of_all_pairings(shape):
    share = np.random.default_rng(0).random(shape)
    found = matched(share)
    few, many = min(shape), max(shape)
    square = share if shape[0] >= shape[1] else share.T
    best = max(square[list(some), range(few)].sum() for some in itertools.permutations(range(many), few))
    assert sum(share[latent, factor] for factor, latent in found.items()) == pytest.approx(best)
    assert len(found) == len(set(found.values())) == few


def test_a_factor_gets_its_own_latent_wherever_it_stands():
    table = perfect((3, 6, 7), noise=2)
    order = [4, 2, 0, 3, 1]  # the latents of the factors 0, 1 and 2 are now 2, 4 and 1
    moved = CodeTable.of_grid(table.codes[:, order], (3, 6, 7))
    assert matched(information(moved, np.random.default_rng(0)).share) == {0: 2, 1: 4, 2: 1}
