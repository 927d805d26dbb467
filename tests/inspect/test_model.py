"""The Python door: what it gives is what the networks give, and what cannot be right is refused."""

import subprocess
import sys

import numpy as np
import pytest
import torch

import tcwae
from tcwae.config.run import Run, check, unflatten
from tcwae.evaluation import representation
from tcwae.methods.build import build
from tcwae.training.checkpoint import save_model


def trained(folder, channels=1, latent=4):
    """A model that was not trained, but whose weights differ everywhere from their start."""
    run = check(
        Run, unflatten({"dataset": "dsprites", "method": "factor_vae", "gamma": 5, "latent_dimension": latent}), ""
    )
    model = build(run, channels, seed=1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2)))
    save_model(folder / "model.safetensors", model, run, channels, step=7)
    return model, run


@pytest.fixture(scope="module", params=[1, 3], ids=["grey", "colour"])
def case(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    network, run = trained(folder, request.param)
    bytes_ = np.random.default_rng(0).integers(0, 256, (5, 64, 64, request.param), np.uint8)
    return network, run, tcwae.load(folder), bytes_


def test_encode_is_the_encoder(case):
    network, _, model, images = case
    with torch.no_grad():
        expected = network.encoder(torch.from_numpy(images).permute(0, 3, 1, 2) / 255)
    for found, wanted in zip(model.encode(images), expected, strict=True):
        np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-5, atol=1e-6)


def test_decode_is_the_sigmoid_of_the_decoder(case):
    network, _, model, _ = case
    codes = np.random.default_rng(1).normal(size=(3, 4))
    with torch.no_grad():
        expected = network.decoder(torch.from_numpy(codes).float()).sigmoid().permute(0, 2, 3, 1)
    np.testing.assert_allclose(model.decode(codes), expected.numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(model.decode(np.eye(4, dtype=int)), model.decode(np.eye(4)))


def test_all_kinds_of_images_mean_the_same(case):
    *_, model, images = case
    posterior = model.encode(images)
    for same in (images / 255, (images / 255).astype(">f4"), torch.from_numpy(images), torch.from_numpy(images) / 255):
        found = model.encode(same)
        assert all(isinstance(part, type(same)) for part in found)
        np.testing.assert_allclose(found.mean, posterior.mean, rtol=1e-5, atol=1e-6)
    white = images > 127
    np.testing.assert_array_equal(model.encode(white).mean, model.encode(white.astype(np.uint8) * 255).mean)


def test_views_read_only_and_empty_arrays(case):
    *_, model, images = case
    frozen = images[::-1]
    frozen.flags.writeable = False
    np.testing.assert_allclose(model.encode(frozen).mean, model.encode(images).mean[::-1], rtol=1e-5, atol=1e-6)
    assert model.encode(images[:0]).mean.shape == (0, 4)
    assert model.decode(np.empty((0, 4))).shape == (0, *images.shape[1:])


def test_traverse_moves_one_latent_of_the_posterior_mean(case):
    *_, model, images = case
    row = model.traverse(images[0], latent=2, range=(-1, 3), steps=5)
    codes = np.repeat(model.encode(images[:1]).mean, 5, axis=0)
    codes[:, 2] += [-1, 0, 1, 2, 3]
    np.testing.assert_allclose(row, model.decode(codes), atol=1e-5)
    np.testing.assert_allclose(model.traverse(torch.from_numpy(images[0]), 2, (-1, 3), 5).numpy(), row)
    anchors = torch.from_numpy(model.encode(images[:1]).mean)
    of_figures = representation.traverse(model.network, anchors, torch.linspace(-1, 3, 5))
    np.testing.assert_allclose(of_figures[0, 2] / np.float32(255), row, atol=0.5 / 255 + 1e-5)


def test_many_images_are_encoded_in_batches(case):
    *_, model, images = case
    many = np.tile(images, (60, 1, 1, 1))
    np.testing.assert_allclose(model.encode(many).mean[-5:], model.encode(images).mean, rtol=1e-5, atol=1e-6)


def test_the_configuration_is_the_runs(case, tmp_path):
    _, run, model, _ = case
    assert (model.run, model.latent_dimension, model.record["step"]) == (run, 4, 7)
    trained(tmp_path)
    assert tcwae.load(tmp_path / "model.safetensors").run == run


REFUSED = {
    "(images, 64, 64, 1), found (5, 1, 64, 64); channels go last": lambda m, x: m.encode(x.transpose(0, 3, 1, 2)),
    "found (64, 64, 1); for a single one give it a first axis": lambda m, x: m.encode(x[0]),
    "found (5, 64, 64, 3)": lambda m, x: m.encode(x.repeat(3, 3)),
    "found (5, 32, 64, 1)": lambda m, x: m.encode(x[:, :32]),
    "in [0, 1], found values from 0 to 255": lambda m, x: m.encode(x.astype(float)),
    "in [0, 1], found values from nan to nan": lambda m, x: m.encode(np.full(x.shape, np.nan)),
    "found none above 1": lambda m, x: m.encode(x % 2),
    "or floating-point numbers, found torch.int64": lambda m, x: m.encode(x.astype(int)),
    "bool or floating-point numbers, found torch.int64": lambda m, x: m.encode(torch.from_numpy(x).long()),
    "images as numbers, found <U1": lambda m, x: m.encode(np.full(x.shape, "a")),
    "(codes, 4), found (2, 3)": lambda m, x: m.decode(np.zeros((2, 3))),
    "(codes, 4), found (4,); for a single one": lambda m, x: m.decode(np.zeros(4)),
    "codes that are finite numbers, found NaN": lambda m, x: m.decode(np.full((1, 4), np.inf)),
    "a latent from 0 to 3, found 4": lambda m, x: m.traverse(x[0], 4),
    "a latent from 0 to 3, found -1": lambda m, x: m.traverse(x[0], -1),
    "finite numbers, found NaN or inf": lambda m, x: m.traverse(x[0], 0, (0, np.inf)),
    "at least 1 step, found 0": lambda m, x: m.traverse(x[0], 0, steps=0),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_be_right_is_refused(message, tmp_path):
    trained(tmp_path)
    image = np.random.default_rng(0).integers(2, 256, (5, 64, 64, 1), np.uint8)
    image[0, 0, 0], image[0, 0, 1] = 0, 255
    with pytest.raises(tcwae.InputError) as refusal:
        REFUSED[message](tcwae.load(tmp_path), image)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_no_such_run(tmp_path):
    with pytest.raises(FileNotFoundError):
        tcwae.load(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(tcwae.InputError, match="expected a checkpoint of tcwae"):
        tcwae.load(str(tmp_path))


def test_import_costs_nothing_until_it_is_used():
    code = (
        "import sys, tcwae; assert not {'torch', 'numpy', 'pydantic'} & set(sys.modules); "
        "assert dir(tcwae) == ['InputError', 'Model', '__version__', 'load']; tcwae.load; assert 'torch' in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
