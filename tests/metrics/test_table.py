"""Draws have the distribution of sampling factors on the grid; bad tables are refused in one line."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chisquare

from tcwae.errors import InputError
from tcwae.metrics.table import CodeTable

from .tables import cells, perfect

SIZES = (2, 3, 4)


def coded_cells():
    """A grid whose codes are its cells, so that a looked-up code says which row it was."""
    return CodeTable.of_grid(cells(SIZES), SIZES)


def test_the_last_factor_of_a_grid_changes_fastest():
    table = CodeTable.of_grid(np.zeros((24, 2)), SIZES)
    assert table.factors[:5].tolist() == [[0, 0, 0], [0, 0, 1], [0, 0, 2], [0, 0, 3], [0, 1, 0]]
    assert table.sizes == SIZES


def test_draws_are_uniform_over_the_rows():
    rows = coded_cells().draw(np.random.default_rng(0), 24_000)
    assert chisquare(np.bincount(rows, minlength=24)).pvalue > 1e-3


@pytest.mark.parametrize("factor", [0, 1, 2])
def test_a_shared_class_fixes_its_factor_and_leaves_all_others_uniform(factor):
    table, rng = coded_cells(), np.random.default_rng(factor)
    first = table.draw(rng, 600)
    rows = table.draw_sharing(rng, first, np.full(600, factor), 64)
    assert rows.shape == (64, 600)
    drawn = table.factors[rows]
    assert (drawn[:, :, factor] == table.factors[first, factor]).all()
    for k in range(SIZES[factor]):
        counts = np.bincount(rows[drawn[:, :, factor] == k], minlength=24)
        assert chisquare(counts[table.factors[:, factor] == k]).pvalue > 1e-3
    # within a batch the rows are independent: pairs of the other factors' cells are uniform too
    others = [k for k in range(3) if k != factor]
    cell = drawn[..., others[0]] * SIZES[others[1]] + drawn[..., others[1]]
    count = SIZES[others[0]] * SIZES[others[1]]
    pairs = np.bincount((cell[0::2] * count + cell[1::2]).ravel(), minlength=count**2)
    assert chisquare(pairs).pvalue > 1e-3


def test_a_plain_sample_shares_classes_among_its_own_rows():
    rng = np.random.default_rng(0)
    factors = np.array([[0, 7], [0, 3], [2, 3], [2, 7], [2, 7]])
    table = CodeTable(rng.normal(size=(5, 2)), factors)
    rows = table.draw_sharing(rng, np.full(5000, 4), np.full(5000, 1), 1)[0]
    assert chisquare(np.bincount(rows, minlength=5)[[0, 3, 4]]).pvalue > 1e-3
    assert not np.isin(rows, [1, 2]).any()


def test_nuisances_are_redrawn():
    table = CodeTable.of_grid(cells(SIZES), SIZES, scored=[0, 2])
    assert table.sizes == (2, 4)
    rng = np.random.default_rng(0)
    codes = table.look_up(rng, table.draw_sharing(rng, np.full(3000, 5), np.full(3000, 1), 1))[0]
    assert (codes[:, 2] == 1).all()
    assert chisquare(np.bincount(codes[:, 1].astype(int))).pvalue > 1e-3


def test_sampled_codes_are_drawn_anew_with_the_posteriors_moments():
    means, deviations = cells(SIZES), 0.1 + cells(SIZES)
    table = CodeTable.of_grid(means, SIZES, deviations=deviations)
    rng = np.random.default_rng(0)
    drawn = table.look_up(rng, np.full(40_000, 17))
    standard_error = deviations[17] / np.sqrt(40_000)
    assert (abs(drawn.mean(axis=0) - means[17]) < 4 * standard_error).all()
    assert (abs(drawn.std(axis=0) - deviations[17]) < 4 * standard_error / np.sqrt(2)).all()
    assert not np.array_equal(table.look_up(rng, np.arange(24)), table.look_up(rng, np.arange(24)))


def test_a_sample_is_tested_on_other_rows_than_it_learned_from():
    codes = np.arange(600.0).reshape(300, 2)
    factors = np.random.default_rng(0).integers(2, size=(300, 2))
    (train, _), (test, factors_of_test) = CodeTable(codes, factors).train_and_test(np.random.default_rng(1), 1000, 500)
    assert (len(train), len(test)) == (1000, 500)
    assert not set(train[:, 0]) & set(test[:, 0])
    assert (factors_of_test == factors[(test[:, 0] / 2).astype(int)]).all()
    # of 200 and 100 rows, 1000 and 500 draws miss the share exp(-5)
    assert len(set(train[:, 0])) > 190
    assert len(set(test[:, 0])) > 95


def test_a_grid_is_the_population_to_learn_from_and_to_test_on():
    (train, _), (test, _) = coded_cells().train_and_test(np.random.default_rng(0), 1000, 500)
    assert len(np.unique(train, axis=0)) == len(np.unique(test, axis=0)) == 24


def with_value(value):
    codes = cells(SIZES)
    codes[7, 1] = value
    return codes


GOOD = np.random.default_rng(0).integers(2, size=(24, 2))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: CodeTable.of_grid(with_value(np.nan), SIZES),
            "finite codes below 1e[+]15, found nan at row 7, latent 1",
        ),
        (lambda: CodeTable.of_grid(with_value(-np.inf), SIZES), "found -inf at row 7"),
        (lambda: CodeTable.of_grid(with_value(1e16), SIZES), "found 1e[+]16 at row 7"),
        (lambda: CodeTable.of_grid(cells(SIZES)[:, :1], SIZES), "at least 2 rows and 2 latents, found .24, 1."),
        (lambda: CodeTable.of_grid(cells(SIZES)[:-1], SIZES), r"24 codes, one for each cell of the grid \[2, 3, 4\]"),
        (lambda: CodeTable.of_grid(np.array(1.0), SIZES), r"found an array of shape \(\)"),
        (lambda: CodeTable.of_grid(cells(SIZES), (-24, -1)), "24 codes"),
        (lambda: CodeTable.of_grid(cells(SIZES), SIZES, scored=[0, 3]), r"from 0 to 2, found \[0, 3\]"),
        (lambda: CodeTable.of_grid(cells(SIZES), SIZES, scored=[0, 0]), "distinct scored factors"),
        (lambda: CodeTable.of_grid(cells(SIZES), SIZES, scored=[]), "at least 2 factors to score, found 0"),
        (lambda: CodeTable.of_grid(cells(SIZES), SIZES, scored=[1]), "at least 2 factors to score, found 1"),
        (lambda: CodeTable.of_grid(cells(SIZES), SIZES, names=["a"]), "3 different factor names, found a"),
        (lambda: CodeTable.of_grid(cells(SIZES), SIZES, deviations=-cells(SIZES)), "deviations >= 0"),
        (lambda: CodeTable.of_grid(cells(SIZES), SIZES, deviations=cells(SIZES)[:, :2]), "shape .24, 3. of the codes"),
        (lambda: CodeTable(cells(SIZES), GOOD[:20]), r"axes \(24 rows, factor\), found int64 with shape \(20, 2\)"),
        (lambda: CodeTable(cells(SIZES), GOOD - 1), "from 0 to 1023, found -1 to 0"),
        (lambda: CodeTable(cells(SIZES), GOOD * 70_000), "found 0 to 70000"),
        (lambda: CodeTable(cells(SIZES), GOOD + 0.5), r"whole numbers, found .\.5: np\.digitize"),
        (lambda: CodeTable(cells(SIZES), GOOD * np.nan), "factors of integers"),
        (lambda: CodeTable(cells(SIZES), GOOD - 1.0), "from 0 to 1023, found -1"),
        (lambda: CodeTable(cells(SIZES) > 1, GOOD), "codes of real numbers"),
    ],
)
def test_bad_tables_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_classes_may_be_whole_numbers_of_any_type():
    for kind in (float, np.float32, np.int8, ">i8"):
        np.testing.assert_array_equal(CodeTable(cells(SIZES), GOOD.astype(kind)).factors, GOOD)


def test_integer_and_half_precision_codes_are_widened():
    assert CodeTable(cells(SIZES).astype(int), GOOD).codes.dtype == np.float64
    assert CodeTable(cells(SIZES).astype(np.float16), GOOD).codes.dtype == np.float32
    assert perfect(SIZES).codes.dtype == np.float32


def test_deviations_that_are_added_later_are_drawn_with():
    """As an evaluation scores first the means and then samples of the same table."""
    means = CodeTable.of_grid(cells(SIZES), SIZES)
    rows = np.arange(24)
    sampled = replace(means, deviations=np.ones_like(means.codes))
    assert (sampled.look_up(np.random.default_rng(0), rows) != means.codes).any()
    quiet = replace(sampled, sampled=False)
    assert (quiet.look_up(np.random.default_rng(0), rows) == means.codes).all()


def test_integers_are_discrete_latents_unless_they_are_sampled():
    whole = cells(SIZES).astype(int)
    assert CodeTable.of_grid(whole, SIZES).discrete
    assert not CodeTable.of_grid(whole * 1.0, SIZES).discrete
    assert not CodeTable.of_grid(whole, SIZES, deviations=np.ones((24, 3))).discrete
    assert CodeTable.of_grid(whole, SIZES, deviations=np.ones((24, 3)), sampled=False).discrete


def test_rows_drawn_once_are_all_there_are_where_they_are_fewer():
    rows = CodeTable.of_grid(cells(SIZES), SIZES).distinct_rows(np.random.default_rng(0), 100)
    assert sorted(rows) == list(range(24))
