"""The estimators on an aggregated posterior whose terms are known."""

import json

import h5py
import numpy as np
import pandas as pd
import pytest
from recorded import record

from tcwae.config.run import Run, check, unflatten
from tcwae.errors import InputError
from tcwae.evaluation import estimate, rescore
from tcwae.metrics.table import CodeTable

N, RHO = 4096, 0.9


@pytest.fixture(scope="module")
def estimates():
    """Two correlated Gaussian latents; posteriors of deviation 0.5 make q(z) Gaussian with known correlation."""
    random = np.random.default_rng(0)
    means = random.multivariate_normal([0, 0], [[1, RHO], [RHO, 1]], N)
    return estimate.terms(means, np.full((N, 2), 0.5)).set_index(["estimator", "size"]).sort_index()


def truth():
    """q(z) = N(0, C + I / 4): TC = -1/2 log(1 - r^2) with r = .9 / 1.25; DW = 2 KL(N(0, 1.25) || N(0, 1))."""
    variance = 1.25
    return -0.5 * np.log(1 - (RHO / variance) ** 2), variance - 1 - np.log(variance)


def test_the_large_sample_value_is_the_truth(estimates):
    tc, dw = truth()
    row = estimates.loc[("large sample", N)]
    assert row["total_correlation"] == pytest.approx(tc, abs=0.08)  # 1,000 codes of a log-ratio of deviation about 1
    assert row["dimension_wise_kl"] == pytest.approx(dw, abs=0.08)


def test_the_batchs_own_estimate_comes_closer_as_the_batch_grows(estimates):
    tc = truth()[0]
    errors = [abs(estimates.loc[("in batch", size), "total_correlation"].mean() - tc) for size in estimate.SIZES]
    assert errors[-1] < 0.1 < 0.3 < errors[0] + 0.3
    assert errors[-1] < errors[0]


def test_mws_is_off_by_log_n_for_each_density(estimates):
    """Equation (10) subtracts log NM where the batch's own mean subtracts log M: TC gains (D - 1) log N, DW loses D log N."""
    for size in estimate.SIZES:
        mws, own = estimates.loc[("MWS", size)], estimates.loc[("in batch", size)]
        difference = mws.to_numpy() - own.to_numpy()  # columns: repeat, TC, DW
        np.testing.assert_allclose(difference, [[0, np.log(N), -2 * np.log(N)]] * estimate.REPEATS)


def test_the_whole_population_as_batch_is_the_large_sample(estimates):
    """With M = N the batch's own densities are those of the aggregated posterior."""
    tc, dw = truth()
    own = estimates.loc[("in batch", N)].mean()
    assert own["total_correlation"] == pytest.approx(tc, abs=0.05)
    assert own["dimension_wise_kl"] == pytest.approx(dw, abs=0.05)


def test_a_classifier_of_many_codes_finds_the_terms(estimates):
    tc, dw = truth()
    found = estimates.loc[("density ratio", 4096)].mean()
    assert found["total_correlation"] == pytest.approx(tc, abs=0.15)
    assert found["dimension_wise_kl"] == pytest.approx(dw, abs=0.1)


def test_independent_latents_have_no_total_correlation_for_a_classifier():
    codes = np.random.default_rng(1).normal(size=(4096, 3))
    tc, dw = estimate.density_ratio_terms(codes, np.random.default_rng(2).normal(size=(2000, 3)), 0)
    assert abs(tc) < 0.08
    assert abs(dw) < 0.08


def test_sizes_beyond_the_images_are_left_out():
    random = np.random.default_rng(0)
    found = estimate.terms(random.normal(size=(300, 2)), np.ones((300, 2)))
    assert set(found["size"]) == {64, 256, 300}


@pytest.fixture
def run(tmp_path):
    """A run's folder with the codes of 100 images, its status and scores to be given."""
    with h5py.File(tmp_path / "codes.h5", "w") as file:
        file["codes"] = np.random.default_rng(0).normal(size=(100, 2))
        file["deviations"] = np.ones((100, 2))
        file["factors"] = np.arange(100)[:, None] % 5
        file["factor_names"] = np.array(["shape"], "S")
        file["latent_factor_indices"] = [0]
    settings = check(Run, unflatten({"dataset": "dsprites", "method": "beta_tcvae", "beta": 4}), "test")

    def write(**training):
        (tmp_path / "metrics.json").write_text(json.dumps(record(settings, **training)), encoding="utf-8")
        return tmp_path

    return write


def test_the_table_of_a_run_has_the_estimates_of_its_codes(run):
    folder = run()
    estimate.estimate(folder)
    with h5py.File(folder / "codes.h5") as file:
        expected = estimate.terms(file["codes"][()], file["deviations"][()])
    pd.testing.assert_frame_equal(pd.read_csv(folder / "estimates.csv"), expected)


def test_a_run_that_diverged_has_empty_tables(run):
    folder = run(status="diverged", step=3, term="loss")
    estimate.estimate(folder)
    rescore.rescore(folder, 0)
    assert pd.read_csv(folder / "estimates.csv").columns.tolist() == list(estimate.COLUMNS)
    assert pd.read_csv(folder / "rescored.csv").columns.tolist() == list(rescore.COLUMNS)
    assert pd.read_csv(folder / "estimates.csv").empty
    assert pd.read_csv(folder / "rescored.csv").empty


def test_a_score_that_cannot_be_had_by_another_protocol_has_no_row():
    """The rarest class has one row: FactorVAE's votes need two. Without the scale, whose class it is, they can be had."""
    random = np.random.default_rng(0)
    factors = np.stack([random.integers(size, size=400) for size in (2, 3, 2)], axis=1)
    factors[7, 0] = 2
    codes = factors + random.normal(0, 0.1, (400, 3))
    rows = [(protocol, score) for protocol, score, _ in
            rescore.rescored(CodeTable(codes, factors, names=("scale", "x", "y")), 0)]  # fmt: skip
    assert rows == [("four factors, without the scale", score) for score in ("mig", "factor_vae", "sap")]
    other = rescore.rescored(CodeTable(codes, factors, names=("x", "scale", "y")), 0)
    assert [score for _, score, _ in other] == ["mig", "sap"]
    two = rescore.rescored(CodeTable(codes, factors[:, 1:], names=("scale", "x")), 0)
    assert [score for _, score, _ in two] == ["factor_vae"]


def test_codes_without_deviations_are_refused(run):
    folder = run()
    with h5py.File(folder / "codes.h5", "a") as file:
        del file["deviations"]
    with pytest.raises(
        InputError, match=r"codes.h5: expected codes and deviations, found .*deviations.*evaluate the run again"
    ):
        estimate.estimate(folder)
