"""FID of a trained run: how far its samples and its reconstructions are from held-out images, as Inception sees them.

The features, the resizing of pictures to 299 x 299 and the distance are torch-fidelity's, which keeps to the TensorFlow
original. The weights are a file that the user names: nothing is fetched.

`fid.json`, written into the run's folder: samples and reconstructions (the two distances), images (how many of each), seed,
data, weights, weights_sha256, versions.
"""

import hashlib
import json
import re
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64, UInt8
from torch import Tensor, nn
from tqdm import tqdm

from tcwae.config.run import Evaluation
from tcwae.errors import InputError
from tcwae.evaluation import representation
from tcwae.evaluation.evaluate import opened
from tcwae.files import atomic
from tcwae.provenance import versions

__all__ = ["extractor", "features", "fid"]

BATCH = 50


def fid(
    folder: Path, data: Path, weights: Path, settings: Evaluation, *, device: str = "cpu", threads: int = 1
) -> dict[str, Any]:
    """Write `fid.json` into the run's folder, and return what it says.

    As many samples, decoded from the prior, are compared as there are held-out images; reconstructions are of one code of
    each, drawn from its posterior. |m - m'|^2 + tr(S + S' - 2 (S S')^(1/2)) of the features' means and covariances.

    Raises:
        InputError: torch-fidelity is not installed, or a file is not what it must be.
        OSError: it cannot be read or written.

    References:
        Heusel et al., GANs Trained by a Two Time-Scale Update Rule, 2017, https://arxiv.org/abs/1706.08500
    """
    inception, sha256 = extractor(weights)
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

    run = opened(folder, data, settings, device, threads)
    if run.training.status != "finished":
        raise InputError(f"{folder}: expected a finished training, found one that {run.training.status}")
    posteriors = representation.encode(run.model, run.images, run.held_out)
    reconstructed = posteriors.sample(run.generator)
    sampled = torch.randn(reconstructed.shape, generator=run.generator, device=reconstructed.device)
    inception = inception.to(reconstructed.device)

    real = fid_features_to_statistics(features(inception, run.source.pixels(run.held_out.cpu().numpy()), "held out"))
    distances = {}
    for name, codes in {"samples": sampled, "reconstructions": reconstructed}.items():
        ours = fid_features_to_statistics(features(inception, representation.as_bytes(run.model, codes), name))
        distances[name] = fid_statistics_to_metric(real, ours, verbose=False)[KEY_METRIC_FID]

    result = distances | {
        "images": len(sampled),
        "seed": settings.seed,
        "data": {"dataset": run.source.name, "source": run.source.source},
        "weights": weights.name,
        "weights_sha256": sha256,
        "versions": versions() | {"torch-fidelity": version("torch-fidelity")},
    }
    with atomic(folder / "fid.json") as temporary:
        temporary.write_text(json.dumps(result, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return result


def extractor(weights: Path) -> tuple[nn.Module, str]:
    """Inception with the weights of a file, and the file's SHA-256, of which a name as `...-6726825d.pth` states the start.

    Raises:
        InputError: torch-fidelity is not installed, or the file is another than its name says, or holds no such weights.
        OSError: it cannot be read.
    """
    try:
        from torch_fidelity import FeatureExtractorInceptionV3
    except ImportError as error:
        raise InputError(f"expected torch-fidelity, found {error}; install it with pip install 'tcwae[fid]'") from None
    whole = weights.read_bytes()
    sha256 = hashlib.sha256(whole).hexdigest()
    stated = re.search(r"-([0-9a-f]{8,64})\.[^.]+$", weights.name)
    if stated is not None and not sha256.startswith(stated[1]):
        raise InputError(f"{weights}: expected SHA-256 {stated[1]}, as its name says, found {sha256}")
    try:
        tensors, ours = torch.load(BytesIO(whole), map_location="cpu", weights_only=True), BytesIO()
        torch.save(tensors, ours)  # the library unpickles whatever it gets, so it gets what is written here
        ours.seek(0)
        return FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], ours), sha256
    except Exception as error:  # a damaged pickle can fail in any way
        reason = str(error).split("\n")[0] or type(error).__name__
        raise InputError(
            f"{weights}: expected the weights of Inception as torch-fidelity reads them, found {reason}"
        ) from None


@torch.no_grad()
def features(
    inception: nn.Module, pictures: UInt8[np.ndarray, "pictures 64 64 channel"], title: str
) -> Float64[Tensor, "pictures feature"]:
    """What Inception sees in pictures; grey ones have three equal channels.

    Raises:
        InputError: it is not finite.
    """
    device = next(inception.parameters()).device
    colour = torch.from_numpy(pictures).permute(0, 3, 1, 2).expand(-1, 3, -1, -1)
    batches = tqdm(colour.split(BATCH), desc=title, disable=None)
    seen = torch.cat([inception(some.to(device))[0].double().cpu() for some in batches])
    if not seen.isfinite().all():
        raise InputError("expected weights of Inception that give finite features, found others")
    return seen
