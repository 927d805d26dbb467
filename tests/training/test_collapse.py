"""A sign that persists to the end of the curves gives a warning with its first step; one that passes gives none."""

import pandas as pd
import pytest

from tcwae.records import TrainingWarning
from tcwae.training.collapse import warnings_of


def curves(active_units, **discriminators):
    steps = range(100, 100 * len(active_units) + 1, 100)
    return pd.DataFrame({"step": steps, **discriminators, "loss": 1.0, "active_units": active_units})


@pytest.mark.parametrize(
    ("active_units", "since"),
    [([0, 0, 0], 100), ([0, 3, 0], 300), ([0, 3, 0, 0], 300), ([0, 0, 1], None), ([5], None), ([0], 100)],
)
def test_a_collapsed_latent_space(active_units, since):
    expected = () if since is None else (
        TrainingWarning(kind="collapsed_latents", term="active_units", step=since, value=0),
    )  # fmt: skip
    assert warnings_of(curves(active_units)) == expected


def test_a_discriminator_that_won_is_told_from_one_that_guesses():
    found = warnings_of(
        curves(
            [4, 4, 4],
            total_correlation_discriminator=[0.69, 0.004, 0.001],
            dimension_wise_kl_discriminator=[0.001, 0.001, 0.693],
        )
    )
    expected = TrainingWarning(kind="discriminator_won", term="total_correlation_discriminator", step=200, value=0.001)
    assert found == (expected,)


def test_what_is_not_a_number_is_no_sign():
    assert warnings_of(curves([4, 4], total_correlation_discriminator=[0.5, float("nan")])) == ()
