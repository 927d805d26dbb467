"""Runs with random weights, to be looked at."""

import h5py
import numpy as np
import torch
from recorded import record

from tcwae import records
from tcwae.config.run import Run, check, unflatten
from tcwae.methods.build import build
from tcwae.training.checkpoint import save_model

KL = np.array([0.5, 2.25, 0.0, 1.0], np.float32)


def make_run(folder, channels=1, seed=0, **training):
    """A run whose weights are random, so that its pictures have structure everywhere."""
    flat = {"dataset": "dsprites", "method": "beta_vae", "beta": 4, "latent_dimension": 4, "seed": seed}
    run = check(Run, unflatten(flat), "test")
    model = build(run, channels, seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2).add_(0.05 * torch.randn(parameter.shape, generator=generator))
    save_model(folder / "model.safetensors", model, run, channels, step=6)
    records.write(records.TrainingRecord(**record(run)["training"] | training), folder / "training.json")
    inputs = np.random.default_rng(1).integers(0, 256, (3, 64, 64, channels), np.uint8)
    with h5py.File(folder / "images.h5", "w") as file:
        file["inputs"], file["latent_kl"] = inputs, KL
    return folder
