"""From a run's settings to its model."""

from tcwae.config.run import Run
from tcwae.methods.networks import Autoencoder
from tcwae.methods.objectives import OBJECTIVES

__all__ = ["build"]


def build(run: Run, channels: int, seed: int) -> Autoencoder:
    """The model of a run, with the discriminators of its objective, initialised from `seed`."""
    return Autoencoder(
        channels,
        run.latent_dimension,
        discriminators=OBJECTIVES[run.method.name].discriminators,
        slope=getattr(run.method, "discriminator_slope", 0.0),
        seed=seed,
        encoder_kernel=run.encoder_kernel,
    )
