"""What needs the model of one trained run: its codes, its divergences and its pictures.

The encoder runs once: over the whole data set, or over a random sample of stated size which the held-out images are part
of. Its posteriors are kept in `codes.h5`, from which `measure` computes the scores, so that another score needs neither the
model nor the images.

Files written into the run's folder:

- `evaluation.json`: reconstruction and divergences, the settings of the evaluation, the record of the training;
- `codes.h5`: codes (posterior means) and deviations (images, latent), factors (images, factor) and their names;
- `images.h5`: inputs, reconstructions, samples and traversals as bytes, and for each latent, in nats, the KL of its
  aggregated posterior to the prior (latent_kl) and the mean of its posteriors' (posterior_kl).
"""

import math
import time
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import torch
from jaxtyping import Float, Int

from tcwae import records
from tcwae.config.run import Evaluation, Run
from tcwae.data import prepared
from tcwae.data.images import Images, split
from tcwae.errors import InputError
from tcwae.evaluation import representation
from tcwae.evaluation.codes import write_codes
from tcwae.files import atomic
from tcwae.methods.divergences import active_units
from tcwae.methods.networks import Autoencoder
from tcwae.metrics.udr import posterior_kl
from tcwae.provenance import versions
from tcwae.training import checkpoint
from tcwae.training.device import select_device, set_up

__all__ = ["Opened", "evaluate", "opened"]

SHOWN, ANCHORS, STEPS = 10, 5, 10
"""Images in a row of Figure 11, rows of Figure 4, and pictures along a traversal."""
DENSITY_SAMPLE = 1000
"""Held-out codes over which the expectations of the aggregated posterior's terms are taken."""


class Opened(NamedTuple):
    """A trained run, ready to be looked at."""

    model: Autoencoder
    run: Run
    training: records.TrainingRecord
    source: prepared.Prepared
    images: Images
    held_out: Int[torch.Tensor, "held_out"]
    generator: torch.Generator


def evaluate(folder: Path, data: Path, settings: Evaluation, *, device: str = "cpu", threads: int = 1) -> None:
    """Encode a prepared data set by the run in `folder`, and see what its codes, reconstructions and samples are.

    Raises:
        InputError: a file is not what it must be.
        OSError: it cannot be read or written.
    """
    start = time.monotonic()
    model, run, training, source, images, held_out, generator = opened(folder, data, settings, device, threads)
    rows = _encoded_rows(len(source), held_out.cpu().numpy(), settings)
    codes = representation.encode(model, images, torch.from_numpy(rows).to(held_out.device))
    unseen = torch.from_numpy(np.searchsorted(rows, held_out.cpu().numpy())).to(held_out.device)

    write_codes(folder / "codes.h5", codes.mean.cpu().numpy(), codes.variance.sqrt().cpu().numpy(), source, rows)
    scores, latent_kl = {}, [math.nan] * run.latent_dimension
    if training.status == "finished":
        scores, latent_kl = _divergences(model, run, images, codes, unseen, held_out, generator)
    deviations = codes.variance.sqrt()
    divergences = {
        "latent_kl": latent_kl,
        "posterior_kl": posterior_kl(codes.mean.cpu().numpy(), deviations.cpu().numpy()).tolist(),
    }
    shown = held_out[:SHOWN], codes.mean[unseen[:SHOWN]]
    _write_images(folder / "images.h5", model, images, shown, divergences, settings.traversal_range, generator)
    record = records.EvaluationRecord(
        scores=scores,
        factors=tuple(source.factor_names[k] for k in source.latent_factor_indices),
        evaluation=settings.model_dump(mode="json") | {"codes": len(rows), "held_out": len(held_out)},
        training=training,
        versions=versions(),
        seconds=round(time.monotonic() - start, 3),
    )
    records.write(record, folder / "evaluation.json")


def opened(folder: Path, data: Path, settings: Evaluation, device: str, threads: int) -> Opened:
    """The run in `folder` with a prepared data set on the device, and the held-out images of the settings.

    Raises:
        InputError: a file is not what it must be, the two do not belong together, or fewer than two images are held out.
        OSError: it cannot be read.
    """
    set_up(threads)
    training = records.read(records.TrainingRecord, folder / "training.json")
    where = select_device(device)
    model, run, _ = checkpoint.load_model(folder / "model.safetensors", where)
    model.to(memory_format=torch.channels_last)
    source = prepared.read(data)
    if source.name != run.dataset:
        raise InputError(f"{data}: expected images of {run.dataset}, found {source.name}")
    held_out = torch.from_numpy(split(len(source))[1][: settings.held_out]).to(where)
    if len(held_out) < 2:
        raise InputError(
            f"{data}: expected at least {prepared.FEWEST} images, of which a tenth is held out, found {len(source)}"
        )
    checksum = source.provenance["images_sha256"]
    if training.data.images_sha256 != checksum:
        raise InputError(
            f"{data}: found images with SHA-256 {checksum[:12]}..., expected {training.data.images_sha256[:12]}... with which "
            f"{folder} was trained; train it again, or prepare the images that it was trained on"
        )
    generator = torch.Generator(where).manual_seed(settings.seed)
    return Opened(model, run, training, source, Images(source, where), held_out, generator)


def _encoded_rows(count: int, held_out: np.ndarray, settings: Evaluation) -> Int[np.ndarray, "rows"]:
    """The images to encode, sorted: the held-out ones and others at random. As both are random, so is what they make up."""
    others = np.setdiff1d(np.random.RandomState(settings.seed).permutation(count), held_out, assume_unique=True)
    amount = max(settings.codes or count, len(held_out))
    return np.sort(np.concatenate([held_out, others])[:amount])


def _divergences(
    model: Autoencoder,
    run: Run,
    images: Images,
    codes: representation.Codes,
    unseen: Int[torch.Tensor, "held_out"],
    held_out: Int[torch.Tensor, "held_out"],
    generator: torch.Generator,
) -> tuple[dict[str, float], list[float]]:
    """All but the factors' scores, on held-out images, whose codes are `codes[unseen]`; q(z) is that of all `codes`."""
    own = codes[unseen]
    drawn = own.sample(generator)
    reconstruction = representation.reconstruction(model, images, held_out, run.cost, drawn)
    terms = representation.aggregated_terms(codes, unseen[:DENSITY_SAMPLE], generator)
    latent_kl = terms.pop("latent_kl")
    return {
        "reconstruction": reconstruction,
        "log_reconstruction": math.log(reconstruction),
        "mmd": representation.mmd_to_prior(drawn, generator),
        "active_units": active_units(codes.mean).item(),
        **terms,
        **representation.batch_terms(own, min(run.training.batch_size, len(held_out)), len(images), generator),
    }, latent_kl


def _write_images(
    path: Path,
    model: Autoencoder,
    images: Images,
    shown: tuple[Int[torch.Tensor, "shown"], Float[torch.Tensor, "shown latent"]],
    divergences: dict[str, list[float]],
    reach: float,
    generator: torch.Generator,
) -> None:
    """Draw what `shown` are, images and their posterior means."""
    index, mean = shown
    pictures = images[index]
    anchors = pictures.flatten(1).std(1).argsort(descending=True)[:ANCHORS]  # on the most contrast one sees most
    values = torch.linspace(-reach, reach, STEPS, device=mean.device)
    samples = torch.randn((2 * SHOWN, mean.shape[1]), generator=generator, device=mean.device)
    with atomic(path) as temporary, h5py.File(temporary, "w", locking=False) as file:
        file["inputs"] = (pictures * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        file["reconstructions"] = representation.as_bytes(model, mean)
        file["samples"] = representation.as_bytes(model, samples)
        file["traversals"] = representation.traverse(model, mean[anchors], values)
        file["traversal_values"] = values.cpu().numpy()
        for name, values_of_latents in divergences.items():
            file[name] = np.array(values_of_latents, np.float32)
