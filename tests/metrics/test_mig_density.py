"""The two forms of MIG from densities, at their analytic values."""

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import norm

from tcwae.metrics.mig_density import log_density, merge, mig_chen, mig_yanndubs
from tcwae.metrics.table import CodeTable, UnavailableScoreError

from .tables import cells

SIZES = (2, 3, 4)


def posteriors(means, deviation):
    return CodeTable.of_grid(means, SIZES, deviations=np.full_like(means, deviation))


def overlap(distance):
    """I(z; v) in nats of z = N(±distance, 1), by quadrature."""
    z = np.linspace(-distance - 9, distance + 9, 20_001)
    one, both = norm.pdf(z - distance), (norm.pdf(z - distance) + norm.pdf(z + distance)) / 2
    return np.sum(one * np.log(one / both)) * (z[1] - z[0])


def test_latents_far_apart_score_one_in_both_forms_until_they_are_mixed_up():
    table = posteriors(cells(SIZES) * 10, 0.1)
    assert mig_chen(table, np.random.default_rng(0)).value == pytest.approx(1, abs=0.01)
    assert mig_yanndubs(table, np.random.default_rng(0)).parts["transposed"].value == pytest.approx(1, abs=1e-9)


def test_overlapping_classes_have_the_information_of_two_normal_densities():
    """Of a sampled code the quadrature's; at the means log 2 - log(1 + exp(-2 distance^2)), in closed form."""
    means = (cells(SIZES)[:, [0, 0, 0]] - 0.5) * 2 * [0.8, 0.3, 0]
    table = posteriors(means, 1.0)
    exact = np.array([overlap(0.8), overlap(0.3), 0])
    score = mig_chen(table, np.random.default_rng(0), samples=40_000)
    np.testing.assert_allclose(score.matrix[:, 0], exact, atol=0.01)
    assert score.per_factor[0] == pytest.approx((exact[0] - exact[1]) / np.log(2), abs=0.015)
    np.testing.assert_allclose(score.matrix[:, 1:], 0, atol=1e-9)
    exact = np.log(2) - np.log1p(np.exp(-2 * np.array([0.8, 0.3, 0]) ** 2))
    transposed = mig_yanndubs(table, np.random.default_rng(0)).parts["transposed"]
    np.testing.assert_allclose(transposed.matrix[:, 0], exact, atol=1e-9)


def test_posteriors_that_are_all_the_prior_know_nothing():
    table = posteriors(np.zeros((24, 3)), 1.0)
    for score in (mig_chen, mig_yanndubs):
        assert score(table, np.random.default_rng(0)).value == 0


def test_mixed_up_latents_equal_the_loop_over_classes_with_the_table_read_as_another():
    """All rows, so that nothing is drawn but their order, which the same generator gives."""
    rng = np.random.default_rng(0)
    means, deviations = rng.normal(size=(24, 2)), rng.uniform(0.3, 3, size=(24, 2))
    table = CodeTable.of_grid(means, SIZES, deviations=deviations)
    score = mig_yanndubs(table, np.random.default_rng(5))
    order = np.random.default_rng(5).choice(24, size=24, replace=False)
    flat, row = means[order].ravel(), np.repeat(order, 2)
    for d in range(2):
        z, of = flat[24 * d : 24 * (d + 1)], row[24 * d : 24 * (d + 1)]
        log_q = norm.logpdf(z[:, None], means[:, d], deviations[:, d])
        for k in range(3):
            same = table.factors[of, k, None] == table.factors[None, :, k]
            conditional = logsumexp(np.where(same, log_q, -np.inf), axis=1) - np.log(same.sum(axis=1))
            expected = np.mean(conditional - logsumexp(log_q, axis=1) + np.log(24))
            assert score.matrix[d, k] == pytest.approx(max(0, expected), abs=2e-3)


def test_merging_leaves_the_density():
    rng = np.random.default_rng(0)
    means = rng.normal(size=20_000)
    deviations = 0.05 + 0.1 * np.abs(means) * rng.uniform(size=20_000)
    z = rng.choice(means, 300) + 0.1 * rng.normal(size=300)
    merged = merge(means, deviations)
    assert len(merged.means) < 5000
    assert merged.weights.sum() == pytest.approx(1)
    exact = logsumexp(norm.logpdf(z[:, None], means, deviations), axis=1) - np.log(20_000)
    np.testing.assert_allclose(log_density(z, merged), exact, atol=5e-3)


def test_codes_without_a_density_are_refused():
    means = cells(SIZES)
    for table in (CodeTable.of_grid(means, SIZES), posteriors(means, 0.0)):
        for score in (mig_chen, mig_yanndubs):
            with pytest.raises(UnavailableScoreError, match="deviations") as error:
                score(table, np.random.default_rng(0))
            assert "\n" not in str(error.value)


def test_deviations_serve_the_densities_where_codes_are_not_sampled():
    means = cells(SIZES)
    one, other = (
        CodeTable.of_grid(means, SIZES, deviations=np.full_like(means, 0.4), sampled=sampled)
        for sampled in (False, True)
    )
    assert mig_chen(one, np.random.default_rng(0)).value == mig_chen(other, np.random.default_rng(0)).value
    assert (one.look_up(np.random.default_rng(0), np.arange(24)) == means).all()
    assert (other.look_up(np.random.default_rng(0), np.arange(24)) != means).any()
