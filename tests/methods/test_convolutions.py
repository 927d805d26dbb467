"""The stacks as one function each, against the plain layers, in double precision where it must be exact."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, conv_transpose2d

from tcwae.methods.convolutions import _bias_gradient, _grow_few, _through_relu, _weight_gradient, downwards, upwards
from tcwae.methods.networks import Autoencoder


def stacks(channels, seed=1):
    """Function, layers with biases that are not zero, and pictures that go in."""
    model, generator = Autoencoder(channels, 10, seed=seed), torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            nn.init.normal_(parameter, std=0.1, generator=generator)
    return {
        "down": (
            downwards,
            model.encoder.convolutions,
            lambda batch: torch.rand(batch, channels, 64, 64, generator=generator),
        ),
        "up": (
            upwards,
            model.decoder.convolutions,
            lambda batch: torch.randn(batch, 64, 4, 4, generator=generator).relu(),
        ),
    }


def outputs_and_gradients(call, pictures, parameters, direction):
    """The output, and the gradients of its product with `direction`: of the pictures and of all parameters."""
    pictures = pictures.detach().requires_grad_()
    output = call(pictures)
    return [output, *torch.autograd.grad((output * direction).sum(), [pictures, *parameters])]


def error(found, exact):
    return ((found.double() - exact).norm() / exact.norm()).item()


@pytest.mark.parametrize("name", ["down", "up"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("batch", [1, 7, 64])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_no_further_from_the_exact_values_than_the_plain_layers(name, channels, batch, layout):
    function, layers, draw = stacks(channels)[name]
    layers = layers.to(memory_format=layout)
    pictures = draw(batch).contiguous(memory_format=layout)
    direction = torch.randn(layers(pictures).shape, generator=torch.Generator().manual_seed(2))
    parameters, exact_layers = list(layers.parameters()), copy.deepcopy(layers).double()
    plain = outputs_and_gradients(layers, pictures, parameters, direction)
    found = outputs_and_gradients(lambda given: function(given, parameters), pictures, parameters, direction)
    exact = outputs_and_gradients(exact_layers, pictures.double(), list(exact_layers.parameters()), direction.double())
    for value, of_plain, of_exact in zip(found, plain, exact, strict=True):
        assert value.shape == of_plain.shape
        assert error(value, of_exact) < max(2 * error(of_plain, of_exact), 1e-6)


class Lacking:
    """A namespace without some of its names."""

    def __init__(self, real, **replaced):
        self.__dict__.update(replaced)
        self.real = real

    def __getattr__(self, name):
        return getattr(self.real, name)


@pytest.fixture
def without_private_operations(monkeypatch):
    """A torch that has neither oneDNN's operations nor the ReLU's gradient in place."""
    aten = Lacking(torch.ops.aten, threshold_backward=None)
    monkeypatch.setattr(torch, "ops", Lacking(torch.ops, mkldnn=None, aten=aten))


@pytest.mark.parametrize("name", ["down", "up"])
@pytest.mark.parametrize("channels", [1, 3])
def test_public_operations_alone_give_the_same(name, channels, without_private_operations):
    function, layers, draw = stacks(channels)[name]
    pictures, parameters = draw(5), list(layers.parameters())
    direction = torch.randn(layers(pictures).shape, generator=torch.Generator().manual_seed(2))
    plain = outputs_and_gradients(layers, pictures, parameters, direction)
    found = outputs_and_gradients(lambda given: function(given, parameters), pictures, parameters, direction)
    for one, other in zip(found, plain, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4 * other.abs().max().item())


def test_the_gradient_of_a_relu_is_the_same_to_the_bit_either_way(request):
    output, gradient = torch.tensor([-0.0, 0.0, 1e-40, 2.0, 3.0]), torch.tensor([1.0, -2.0, 3.0, -4.0, 5.0])
    private = gradient.clone()
    _through_relu(private, output)
    request.getfixturevalue("without_private_operations")
    _through_relu(gradient, output)
    assert torch.equal(private, gradient)


@pytest.mark.parametrize("name", ["down", "up"])
def test_without_the_pictures_gradient_the_others_are_the_same(name):
    function, layers, draw = stacks(1)[name]
    parameters, pictures = list(layers.parameters()), draw(3)
    with_it = outputs_and_gradients(lambda given: function(given, parameters), pictures, parameters, 1.0)[2:]
    without = torch.autograd.grad((function(pictures, parameters) * 1.0).sum(), parameters)
    assert all(torch.equal(one, other) for one, other in zip(with_it, without, strict=True))


def test_the_gradient_that_comes_in_is_left_as_it_is():
    function, layers, draw = stacks(1)["down"]
    output = function(draw(3), list(layers.parameters()))
    gradient = torch.ones_like(output)
    output.backward(gradient)
    assert (gradient == 1).all()


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_few_channels_grow_as_many_do(channels):
    generator = torch.Generator().manual_seed(0)
    half, weight = (torch.randn(shape, generator=generator).double() for shape in ((2, 6, 5, 5), (6, channels, 4, 4)))
    torch.testing.assert_close(_grow_few(half, weight), conv_transpose2d(half, weight, None, 2, 1))


@pytest.mark.parametrize("channels", [1, 3, 16, 32])
def test_weight_gradient_is_the_derivative_of_both_products(channels):
    """In double precision, by the difference quotient of functions that are linear in the weight."""
    generator = torch.Generator().manual_seed(0)
    shapes = ((2, channels, 8, 8), (2, 20, 4, 4), (20, channels, 4, 4), (20, channels, 4, 4))
    whole, half, weight, step = (torch.randn(shape, generator=generator).double() for shape in shapes)
    slope = (_weight_gradient(whole, half, weight) * step).sum()
    torch.testing.assert_close(slope, (half * conv2d(whole, step, None, 2, 1)).sum())
    torch.testing.assert_close(slope, (whole * conv_transpose2d(half, step, None, 2, 1)).sum())
    torch.testing.assert_close(_bias_gradient(half), half.sum((0, 2, 3)))


def test_the_model_is_the_plain_one():
    """What a user's own torch program computes from the checkpoint's layers, layer by layer."""
    model = Autoencoder(1, 10, seed=3)
    images, codes = torch.rand(5, 1, 64, 64), torch.randn(5, 10)
    encoder, decoder = model.encoder, model.decoder
    mean = encoder.fully_connected(encoder.convolutions(images).flatten(1))[:, :10]
    torch.testing.assert_close(encoder(images)[0], mean)
    logits = decoder.convolutions(decoder.fully_connected(codes).unflatten(1, (64, 4, 4)))
    torch.testing.assert_close(decoder(codes), logits)
