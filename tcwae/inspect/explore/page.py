"""`tcwae explore`: a page in which one moves the latents of trained runs and sees the decoder answer.

The page is one HTML file that needs nothing else: weights, images and the decoder are in it, and its own policy forbids it
to load anything. The decoder is eighty lines of plain JavaScript: Table 3's has 8 million multiplications, some ten
milliseconds. ONNX Runtime's WebAssembly alone (14 MB, onnxruntime-web 1.30) would make the page ten times as large. Weights are
rounded to 16 bits, half the size: no pixel changes by more than one of 255 grey levels.
"""

import base64
import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Float32, UInt8

from tcwae import records
from tcwae.config.run import Run
from tcwae.config.runs import coefficients_of
from tcwae.errors import InputError
from tcwae.files import atomic
from tcwae.inspect.model import Model, load
from tcwae.study import names

__all__ = ["HERE", "column", "explore", "images", "shared"]

HERE = Path(__file__).parent
"""Where the page's scripts and styles are."""

REACH = 3.0
"""A slider goes at least from -3 to 3, where the prior has all but 0.3 % of its mass."""


def explore(folders: Sequence[Path], output: Path) -> None:
    """Write the page of evaluated runs, side by side.

    Raises:
        InputError: a run is not evaluated, has diverged, or is of other images than the first.
        OSError: a file cannot be read, or the page not written.
    """
    common = os.path.commonpath([os.path.dirname(os.path.abspath(folder)) for folder in folders])
    data, (inputs, _) = shared(folders[0]), images(folders[0])
    data["runs"] = [column(folder, os.path.relpath(folder, common), inputs) for folder in folders]
    page = (HERE / "page.html").read_text(encoding="utf-8")
    for part in ("sliders.css", "decoder.js", "sliders.js"):
        page = page.replace(f"{{{{{part}}}}}", (HERE / part).read_text(encoding="utf-8"))
    # A `<` could end the script; in JSON it may be written as an escape.
    page = page.replace("{{data}}", json.dumps(data, allow_nan=False).replace("<", "\\u003c"))
    with atomic(output) as temporary:
        temporary.write_text(page, encoding="utf-8")


def shared(folder: Path) -> dict[str, Any]:
    """What columns side by side share: the images from which they start, those of a run's evaluation.

    Raises:
        InputError: the run is not evaluated.
        OSError: a file cannot be read.
    """
    inputs, _ = images(folder)
    training = records.read(records.TrainingRecord, folder / "training.json")
    return {
        "source": names.dataset(training.settings["dataset"], training.data.source),
        "channels": inputs.shape[-1],
        "inputs": _base64(inputs),
    }


def column(folder: Path, name: str, inputs: UInt8[np.ndarray, "shown 64 64 channel"] | None = None) -> dict[str, Any]:
    """What sliders.js shows of a run: its names, its latents, the codes of its images and the decoder.

    Raises:
        InputError: the run is not evaluated, has diverged, or its images are not `inputs`.
        OSError: a file cannot be read.
    """
    its_inputs, kl = images(folder)
    if inputs is not None and not np.array_equal(its_inputs, inputs):
        raise InputError(f"{folder}: expected the images of the first run, found others; show it on a page of its own")
    if records.read(records.TrainingRecord, folder / "training.json").status == "diverged":
        raise InputError(f"{folder}: expected a training that finished, found one that diverged")
    model = load(folder)
    codes = model.encode(its_inputs).mean
    return {
        "name": name,
        "title": _title(model.run),
        "kl": kl.tolist(),
        "order": np.argsort(-kl, kind="stable").tolist(),
        "reach": [math.ceil(max(REACH, 1.2 * largest)) for largest in np.abs(codes).max(0).tolist()],
        "codes": codes.tolist(),
        "layers": _layers(model),
    }


def images(folder: Path) -> tuple[UInt8[np.ndarray, "shown 64 64 channel"], np.ndarray]:
    """The inputs that the evaluation chose, and the KL of each latent.

    Raises:
        InputError: the run is not evaluated, or the file is damaged.
        OSError: it cannot be read.
    """
    path = folder / "images.h5"
    if not path.exists() and (folder / "model.safetensors").exists():
        raise InputError(f"{path}: expected the images of the evaluation, found none; run `tcwae evaluate` first")
    path.open("rb").close()  # h5py's own error for a missing file is long
    try:
        with h5py.File(path, "r", locking=False) as file:
            return file["inputs"][()], file["latent_kl"][()]
    except (KeyError, OSError) as error:
        raise InputError(f"{path}: expected the images of an evaluation, found {str(error).splitlines()[0]}") from None


def _title(run: Run) -> str:
    """The method, its coefficients and the seed: "β-TCVAE, β = 4, seed 0"."""
    return f"{names.method(run.method.name)}, {names.setting(coefficients_of(run))}, seed {run.seed}"


def _layers(model: Model) -> list[dict[str, Any]]:
    """The decoder's weights by their names in the checkpoint, laid out as decoder.js runs through them."""
    weights = {name: tensor.numpy() for name, tensor in model.network.decoder.state_dict().items()}
    layers = []
    for index in (0, 2):
        weight, bias = (weights[f"fully_connected.{index}.{part}"] for part in ("weight", "bias"))
        if index == 2:  # its output is a picture (64, 4, 4), of which the page wants (4, 4, 64)
            weight = weight.reshape(64, 16, -1).swapaxes(0, 1).reshape(weight.shape)
            bias = bias.reshape(64, 16).T.ravel()
        layers.append(_layer(0, weight.T[None], bias))
    for index in (0, 2, 4, 6):
        weight, bias = (weights[f"convolutions.{index}.{part}"] for part in ("weight", "bias"))
        taps = weight.transpose(2, 3, 0, 1).reshape(16, *weight.shape[:2])
        layers.append(_layer(4 * 2 ** (index // 2), taps, bias))
    return layers


def _layer(
    size: int, weight: Float32[np.ndarray, "taps inputs outputs"], bias: Float32[np.ndarray, "outputs"]
) -> dict[str, Any]:
    """A layer whose outputs are filled up to fours: its weights in the order (tap, four outputs, input, output)."""
    taps, inputs, outputs = weight.shape
    filler = -outputs % 4
    weight = np.pad(weight, [(0, 0), (0, 0), (0, filler)]).reshape(taps, inputs, -1, 4).swapaxes(1, 2)
    return {"size": size, "inputs": inputs, "weight": _base64(weight), "bias": _base64(np.pad(bias, (0, filler)))}


def _base64(array: np.ndarray) -> str:
    """The numbers of an array, floats rounded to two bytes, the lowest first."""
    plain = array if array.dtype == np.uint8 else array.astype("<f2")
    return base64.b64encode(plain.tobytes()).decode()
