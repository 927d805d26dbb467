"""Warnings about trainings that failed although their numbers are finite.

- `collapsed_latents`: no latent has a mean that varies over a batch by a variance above 0.01, so the codes tell nothing about
  the images (active units, Burda et al., 2016, https://arxiv.org/abs/1509.00519);
- `discriminator_won`: a discriminator's log loss is below 0.01 nats, where guessing gives log 2 = 0.69: it is certain about
  every code, and cannot estimate the density ratio of equation (11).

Many trainings show these signs early and recover; a warning is given only for a sign that persists to the end.
"""

import pandas as pd

from tcwae.records import TrainingWarning

__all__ = ["warnings_of"]

LEAST_LOSS = 0.01
"""Nats."""


def warnings_of(curves: pd.DataFrame) -> tuple[TrainingWarning, ...]:
    """The signs that the last row of `curves` shows, each with the first step from which on all rows show it."""
    signs = {"active_units": ("collapsed_latents", curves["active_units"] == 0)}
    for column in curves.columns[curves.columns.str.endswith("_discriminator")]:
        signs[column] = ("discriminator_won", curves[column] < LEAST_LOSS)
    return tuple(
        TrainingWarning(
            kind=kind, term=term, step=int(curves["step"][persistent].iloc[0]), value=float(curves[term].iloc[-1])
        )
        for term, (kind, sign) in signs.items()
        if (persistent := sign[::-1].cummin()[::-1]).any()
    )
