"""FID against its formula computed in another way, on random weights of Inception; and files that are not right."""

import hashlib
import json
import random
import shutil
import sys
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
import torch
from faults.mutations import mutate_bytes
from torch_fidelity import FeatureExtractorInceptionV3, feature_extractor_inceptionv3

from tcwae.cli.main import main
from tcwae.config.run import Evaluation, Run, check, unflatten
from tcwae.data.images import Images, split
from tcwae.data.prepared import read, write
from tcwae.errors import InputError
from tcwae.evaluation.fid import extractor, features, fid
from tcwae.evaluation.representation import as_bytes, encode
from tcwae.training.checkpoint import load_model
from tcwae.training.loop import train

RUN = check(
    Run, unflatten({"dataset": "dsprites", "method": "beta_tcvae", "beta": 2, "batch_size": 8, "iterations": 2}), "test"
)


class Touch:
    """Unpickled without care, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Inception of random weights, under a name that states their hash as the published ones' does."""
    with pytest.MonkeyPatch.context() as patch, torch.random.fork_rng():
        torch.manual_seed(0)
        patch.setattr(feature_extractor_inceptionv3, "load_state_dict_from_url", lambda *_, **__: {})
        patch.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        model = FeatureExtractorInceptionV3("random", ["2048"])
    for layer in model.modules():
        if isinstance(layer, torch.nn.Conv2d):  # so that no picture fades on the way
            torch.nn.init.kaiming_normal_(layer.weight, generator=torch.Generator().manual_seed(layer.in_channels))
    whole = BytesIO()
    torch.save(model.state_dict(), whole)
    name = f"pt_inception-2015-12-05-{hashlib.sha256(whole.getvalue()).hexdigest()[:8]}.pth"
    path = tmp_path_factory.mktemp("weights") / name
    path.write_bytes(whole.getvalue())
    return path


@pytest.fixture(scope="module")
def run(small_data, tmp_path_factory):
    """A trained run, and data of which 4 images are held out."""
    folder = tmp_path_factory.mktemp("run")
    whole = read(small_data)
    write(replace(whole, images=whole.images[::10][:40], factors=whole.factors[::10][:40]), folder / "data.h5")
    train(RUN, folder / "data.h5", folder / "run")
    return folder / "run", folder / "data.h5"


def frechet(first, second):
    """|m - m'|^2 + tr(S + S') - 2 |X X'^T|_*, X the centred features over sqrt(n - 1).

    For S = X^T X, and so tr (S S')^(1/2) is the sum of the singular values of X X'^T.
    """
    (mean, x), (mean_, x_) = (
        (f.mean(0), (f - f.mean(0)) / np.sqrt(len(f) - 1)) for f in (np.asarray(first), np.asarray(second))
    )
    return ((mean - mean_) ** 2).sum() + (x**2).sum() + (x_**2).sum() - 2 * np.linalg.norm(x @ x_.T, "nuc")


def test_is_the_frechet_distance_of_inceptions_features(run, weights, capsys):
    folder, data = run
    arguments = ["fid", "--run", folder, "--data", data, "--weights", weights, "--seed", 3]
    assert main([str(word) for word in arguments]) == 0
    found = json.loads((folder / "fid.json").read_text())

    model, _, _ = load_model(folder / "model.safetensors")
    source, held_out = read(data), split(40)[1]
    posteriors = encode(model, Images(source, torch.device("cpu")), torch.from_numpy(held_out))
    generator = torch.Generator().manual_seed(3)
    codes = posteriors.sample(generator)
    pictures = {
        "samples": as_bytes(model, torch.randn(4, 10, generator=generator)),
        "reconstructions": as_bytes(model, codes),
    }
    inception = FeatureExtractorInceptionV3("slow", ["2048"], weights)

    def slow_features(some):
        colour = np.repeat(some, 3, axis=3).transpose(0, 3, 1, 2)
        return torch.cat([inception(torch.from_numpy(one[None]))[0] for one in colour]).double()

    real = slow_features(source.pixels(held_out))
    assert real.std(0).mean() > 0.01
    for name, some in pictures.items():
        assert found[name] == pytest.approx(frechet(real, slow_features(some)), rel=1e-3)
    assert found["images"] == 4
    assert found["weights_sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert found["data"] == {"dataset": "dsprites", "source": "rendered"}
    assert (
        f"4 images: samples {found['samples']:.2f}, reconstructions {found['reconstructions']:.2f}"
        in capsys.readouterr().out
    )


def test_colour_counts(weights):
    pictures = np.zeros((2, 64, 64, 3), np.uint8)
    pictures[1, ..., 0] = 255
    grey = np.repeat(pictures[:, :, :, :1], 3, axis=3)
    inception, _ = extractor(weights)
    assert torch.equal(features(inception, grey, ""), features(inception, grey[..., :1], ""))
    assert not torch.allclose(features(inception, grey, "")[1], features(inception, pictures, "")[1])


def test_weights_that_are_not_those_of_their_name(weights, tmp_path):
    other = tmp_path / "pt_inception-2015-12-05-6726825d.pth"
    shutil.copy(weights, other)
    with pytest.raises(
        InputError, match=r"6726825d.pth: expected SHA-256 6726825d, as its name says, found [0-9a-f]{64}$"
    ):
        extractor(other)


def test_no_weights_and_no_library(run, tmp_path, monkeypatch, capsys):
    command = ["fid", "--run", str(run[0]), "--data", str(run[1]), "--weights", str(tmp_path / "none.pth")]
    assert main(command) == 2
    assert capsys.readouterr().err == f"tcwae fid: {tmp_path}/none.pth: No such file or directory\n"
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    assert main(command) == 2
    error = capsys.readouterr().err
    assert "pip install 'tcwae[fid]'" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("content", ["pickle", "tensor", "some", "text", "nothing"])
def test_other_files_are_refused_and_run_nothing(content, tmp_path):
    path, touched = tmp_path / "weights.pth", tmp_path / "touched"
    things = {"pickle": Touch(touched), "tensor": torch.zeros(3), "some": {"fc.bias": torch.zeros(1008)}}
    if content in things:
        torch.save(things[content], path)
    else:
        path.write_bytes({"text": b"<!DOCTYPE html>", "nothing": b""}[content])
    with pytest.raises(InputError, match=r"weights.pth: expected the weights of Inception") as caught:
        extractor(path)
    assert "\n" not in str(caught.value)
    assert not touched.exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_damaged_pickles_are_refused_in_a_line(zipped, tmp_path):
    """Small ones, whose tensors are not Inception's: none is accepted anyhow, and none fails in another way."""
    whole, path, chance = BytesIO(), tmp_path / "weights.pth", random.Random(0)
    torch.save({"fc.bias": torch.zeros(8)}, whole, _use_new_zipfile_serialization=zipped)
    for _ in range(40):
        path.write_bytes(mutate_bytes(chance, whole.getvalue()))
        with pytest.raises(InputError) as caught:
            extractor(path)
        assert "\n" not in str(caught.value)


def test_weights_that_give_no_numbers(weights, tmp_path):
    state = torch.load(weights, weights_only=True)
    state["Conv2d_1a_3x3.conv.weight"][0] = torch.nan
    torch.save(state, tmp_path / "nan.pth")
    inception, _ = extractor(tmp_path / "nan.pth")
    with pytest.raises(InputError, match="finite"):
        features(inception, np.zeros((1, 64, 64, 1), np.uint8), "")


def test_a_diverged_run_has_no_fid(run, weights, tmp_path):
    shutil.copytree(run[0], tmp_path / "run")
    record = tmp_path / "run" / "training.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"status": "diverged", "term": "mmd"}))
    with pytest.raises(InputError, match=r"run: expected a finished training, found one that diverged"):
        fid(tmp_path / "run", run[1], weights, Evaluation())
