"""The networks against Table 3."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from tcwae.methods import networks
from tcwae.methods.networks import VARIANCE_FLOOR, Autoencoder, Discriminator, Encoder


def layers(network, kind):
    return [module for module in network.modules() if isinstance(module, kind)]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("latent", [1, 10, 20])
def test_encoder_is_table_3(channels, latent):
    encoder = Encoder(channels, latent)
    convolutions, dense = layers(encoder, nn.Conv2d), layers(encoder, nn.Linear)
    assert [c.out_channels for c in convolutions] == [32, 32, 64, 64]
    assert all(c.kernel_size == (4, 4) and c.stride == (2, 2) for c in convolutions)
    assert [d.out_features for d in dense] == [256, 2 * latent]
    assert len(layers(encoder, nn.ReLU)) == 5
    mean, variance = encoder(torch.rand(2, channels, 64, 64))
    assert mean.shape == variance.shape == (2, latent)


@pytest.mark.parametrize("channels", [1, 3])
def test_decoder_is_table_3_without_relu_on_the_output(channels):
    decoder = Autoencoder(channels, 10, seed=0).decoder
    convolutions, dense = layers(decoder, nn.ConvTranspose2d), layers(decoder, nn.Linear)
    assert [c.out_channels for c in convolutions] == [64, 32, 32, channels]
    assert all(c.kernel_size == (4, 4) and c.stride == (2, 2) for c in convolutions)
    assert [d.out_features for d in dense] == [256, 4 * 4 * 64]
    assert len(layers(decoder, nn.ReLU)) == 5
    logits = decoder(torch.randn(4, 10))
    assert logits.shape == (4, channels, 64, 64)
    assert logits.min() < 0 < logits.max()


def test_discriminator_is_table_3():
    discriminator = Discriminator(10, slope=0.2)
    assert [d.out_features for d in layers(discriminator, nn.Linear)] == [1000] * 6 + [2]
    assert {relu.negative_slope for relu in layers(discriminator, nn.LeakyReLU)} == {0.2}
    assert len(layers(discriminator, nn.LeakyReLU)) == 6
    assert discriminator(torch.randn(3, 10)).shape == (3, 2)


def test_variance_is_the_softplus_of_the_output():
    encoder = Encoder(1, 3)
    last = encoder.fully_connected[-1]
    nn.init.zeros_(last.weight)
    with torch.no_grad():
        last.bias.copy_(torch.tensor([0.0, 1.0, 2.0, 0.0, 5.0, -1000.0]))
    mean, variance = encoder(torch.rand(1, 1, 64, 64))
    assert mean[0].tolist() == [0.0, 1.0, 2.0]
    expected = [math.log(2), math.log1p(math.exp(5)), 0.0]
    torch.testing.assert_close(variance[0], torch.tensor(expected) + VARIANCE_FLOOR)
    assert torch.isfinite(variance.log()).all()


def test_glorot_initialisation():
    model = Autoencoder(1, 10, ["total_correlation"], seed=5)
    for module in layers(model, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
        fan = nn.init._calculate_fan_in_and_fan_out(module.weight)
        bound = math.sqrt(6 / sum(fan))
        assert module.weight.abs().max() <= bound
        if module.weight.numel() > 1000:
            assert module.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.1)
        assert (module.bias == 0).all()


def test_seed_decides_the_weights_whatever_torch_drew_before():
    torch.manual_seed(1)
    first = Autoencoder(1, 10, seed=5).state_dict()
    torch.manual_seed(2)
    torch.rand(7)
    again, other = Autoencoder(1, 10, seed=5).state_dict(), Autoencoder(1, 10, seed=6).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["encoder.fully_connected.0.weight"], other["encoder.fully_connected.0.weight"])


def test_encoder_of_disentanglement_lib_has_small_kernels_last():
    """Its conv_encoder: 32 and 32 of 4x4, 64 and 64 of 2x2, stride 2 and "same" padding, a dense layer of 256."""
    encoder = Encoder(1, 10, kernel=2)
    convolutions = layers(encoder, nn.Conv2d)
    assert [c.kernel_size for c in convolutions] == [(4, 4), (4, 4), (2, 2), (2, 2)]
    features, sides = torch.rand(2, 1, 64, 64), []
    for layer in encoder.convolutions:
        features = layer(features)
        sides += [features.shape[2]] if isinstance(layer, nn.Conv2d) else []
    assert sides == [32, 16, 8, 4]
    mean, _ = encoder(torch.rand(2, 1, 64, 64))
    assert mean.shape == (2, 10)


def test_methods_with_discriminators_start_from_the_same_autoencoder():
    plain, adversarial = Autoencoder(1, 10, seed=5), Autoencoder(1, 10, ["total_correlation"], seed=5)
    weights = adversarial.state_dict()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in plain.state_dict().items())


def test_codes_are_mean_plus_sd_times_noise():
    model, images, noise = Autoencoder(1, 4), torch.rand(3, 1, 64, 64), torch.randn(3, 4)
    posterior = model.posterior(images, noise)
    mean, variance = model.encoder(images)
    torch.testing.assert_close(posterior.codes, mean + variance.sqrt() * noise)
    torch.testing.assert_close(posterior.log_variance.exp(), variance)


@pytest.mark.parametrize("question", [None, lambda: False])
def test_bfloat16_without_onednn_is_computed_layer_by_layer(question, monkeypatch):
    """On a processor without AVX-512, and with a torch that does not say."""
    model, images = Autoencoder(1, 4, seed=1), torch.rand(3, 1, 64, 64)
    exact = model.encoder(images)[0]
    ops = SimpleNamespace(_is_mkldnn_bf16_supported=question)
    monkeypatch.setitem(torch.ops.__dict__, "mkldnn", ops)
    monkeypatch.setattr(networks, "downwards", lambda *_: pytest.fail("computed by oneDNN"))
    with torch.autocast("cpu", torch.bfloat16):
        rough = model.encoder(images)[0]
    torch.testing.assert_close(rough, exact, rtol=0.1, atol=0.05)
