"""TCWAE: disentangled representations with the total-correlation Wasserstein autoencoder."""

__version__ = "0.1.0"
