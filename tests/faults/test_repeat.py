"""What changes no byte, and what changes only the rounding."""

import numpy as np
import pandas as pd
import pytest
import torch

from tcwae.config.run import Run, check, unflatten
from tcwae.training import loop

from .test_kills import LONG, results

COEFFICIENTS = {
    "tcwae_mws": {"beta": 4, "gamma": 2},
    "wae_mmd": {"lambda": 10},
    "tcwae_gan": {"beta": 4, "gamma": 2},
    "beta_tcvae": {"beta": 4},
    "factor_vae": {"gamma": 5},
}
METHODS = ["tcwae_mws", *(pytest.param(method, marks=LONG) for method in list(COEFFICIENTS)[1:])]
TOLERANCE = 0.01
"""Relative, of the loss at each of the first 100 steps, between machines and numbers of threads."""


def run_of(method, **settings):
    values = {"dataset": "dsprites", "method": method, "batch_size": 8, "iterations": 100, "log_every": 1}
    return check(Run, unflatten({**values, **COEFFICIENTS[method], **settings}), "test")


@pytest.mark.parametrize("method", METHODS)
def test_the_number_of_threads_changes_the_rounding_alone(method, small_data, tmp_path):
    run = run_of(method, learning_rate=1e-3, adam_epsilon=1e-8)
    for threads in (1, 2):
        loop.train(run, small_data, tmp_path / f"{threads}", threads=threads)
    one, two = (pd.read_csv(tmp_path / f"{threads}" / "curves.csv")["loss"] for threads in (1, 2))
    worst = float(np.max(np.abs(two / one - 1)))
    print(f"{method}: the loss on two threads is within {worst:.1e} of that on one, over 100 steps")
    assert worst < TOLERANCE


@pytest.fixture
def restored():
    yield
    torch.use_deterministic_algorithms(False)


@LONG
@pytest.mark.parametrize("method", COEFFICIENTS)
def test_on_a_cpu_deterministic_algorithms_are_those_that_run_anyway(method, small_data, tmp_path, restored):
    run = run_of(method, iterations=5)
    for deterministic in (False, True):
        loop.train(run, small_data, tmp_path / f"{deterministic}", deterministic=deterministic)
    assert results(tmp_path / "True") == results(tmp_path / "False")
