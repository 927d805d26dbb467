"""Adam, against torch's own and against its definition."""

import math

import pytest
import torch
from torch.nn import Parameter

from tcwae.training.adam import Adam, _laid_out_as, moments, restore

SETTINGS = {"learning_rate": 1e-2, "beta1": 0.5, "beta2": 0.9, "epsilon": 8e-4}


def parameters():
    generator = torch.Generator().manual_seed(0)
    shapes = ((5,), (8, 4, 4, 4), (3, 7), ())
    drawn = [torch.randn(shape, generator=generator) for shape in shapes]
    drawn[1] = drawn[1].contiguous(memory_format=torch.channels_last)
    return [Parameter(tensor) for tensor in drawn]


def descend(some, step, count):
    for _ in range(count):
        sum((parameter.sin() * parameter).sum() for parameter in some).backward()
        step()


def test_the_same_bits_as_torchs():
    ours, theirs = parameters(), parameters()
    adam, reference = Adam(ours, **SETTINGS), torch.optim.Adam(theirs, lr=1e-2, betas=(0.5, 0.9), eps=8e-4, fused=True)
    descend(ours, adam.step, 5)
    descend(theirs, lambda: (reference.step(), reference.zero_grad()), 5)
    assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))


def test_first_step_by_hand():
    """The first step is rate * g / (|g| + epsilon), whatever the decays: both moments are corrected for their start at zero."""
    parameter = Parameter(torch.tensor([1.0, -2.0]))
    parameter.grad = torch.tensor([0.5, -1e-3])
    Adam([parameter], **SETTINGS).step()
    assert parameter.tolist() == pytest.approx([1 - 1e-2 * 0.5 / 0.5008, -2 + 1e-2 * 1e-3 / 1.8e-3])
    assert parameter.grad is None


@pytest.mark.parametrize("decay_steps", [None, 4])
def test_restored_it_goes_on_with_the_same_bits(decay_steps):
    whole, pieces = parameters(), parameters()
    descend(whole, Adam(whole, **SETTINGS, decay_steps=decay_steps).step, 4)
    first, second = (Adam(pieces, **SETTINGS, decay_steps=decay_steps) for _ in range(2))
    descend(pieces, first.step, 2)
    restore([second], {name: tensor.contiguous().clone() for name, tensor in moments([first]).items()})
    descend(pieces, second.step, 2)
    assert all(torch.equal(one, other) for one, other in zip(whole, pieces, strict=True))


def test_a_decaying_step_size_rises_and_falls_along_half_a_cosine():
    """Of 200 steps the first four rise; after half of them half is left, and after all nothing would move any more."""
    parameter = Parameter(torch.tensor([1.0]))
    adam = Adam([parameter], **SETTINGS, decay_steps=200)
    sizes = []
    for _ in range(201):
        sizes.append(float(adam.step_size()))
        parameter.grad = torch.ones(1)
        adam.step()
    cosine = [1e-2 * (1 + math.cos(math.pi * t / 200)) / 2 for t in range(201)]
    assert sizes[3:] == pytest.approx(cosine[3:], abs=1e-8)
    assert sizes[:3] == pytest.approx([cosine[0] / 4, cosine[1] / 2, cosine[2] * 3 / 4], rel=1e-5)
    assert (sizes[100], sizes[200]) == pytest.approx((5e-3, 0), abs=1e-8)


def test_each_decaying_step_is_that_of_an_adam_with_its_step_size():
    ours, theirs = parameters(), parameters()
    adam, reference = Adam(ours, **SETTINGS, decay_steps=5), Adam(theirs, **SETTINGS)

    def step():
        reference.learning_rate = float(adam.step_size())
        reference.step()

    for _ in range(4):
        descend(theirs, step, 1)
        descend(ours, adam.step, 1)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-8)


def test_moments_that_do_not_fit_are_refused():
    adam = Adam(parameters(), **SETTINGS)
    with pytest.raises(ValueError, match=r"optimiser.0.2.exp_avg .*\(2,\), expected torch.float32 \(3, 7\)"):
        restore([adam], moments([adam]) | {"optimiser.0.2.exp_avg": torch.zeros(2)})


@pytest.mark.parametrize("lacking", ["_fused_adam_", "_foreach_add_"])
@pytest.mark.parametrize("decay_steps", [None, 7])
def test_without_torchs_private_operations_it_moves_alike(lacking, decay_steps, monkeypatch):
    fused, public = parameters(), parameters()
    descend(fused, Adam(fused, **SETTINGS, decay_steps=decay_steps).step, 5)
    monkeypatch.delattr(torch, lacking)
    adam = Adam(public, **SETTINGS, decay_steps=decay_steps)
    descend(public, adam.step, 5)
    for one, other in zip(fused, public, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)
    assert {step.item() for step in adam.steps} == {5}


def test_strides_of_sides_of_length_one_do_not_matter():
    """CUDA's kernel compares strides; autograd leaves those of a side of length one as they come."""
    weight = Parameter(torch.randn(4, 1, 3, 3).contiguous(memory_format=torch.channels_last))
    other = Parameter(weight.detach().clone())
    gradient = torch.randn(4, 1, 3, 3)
    strides = weight.stride()
    weight.grad, other.grad = gradient.as_strided((4, 1, 3, 3), (9, 9, 3, 1)), gradient.clone()
    assert _laid_out_as(weight, weight.grad).stride() == strides
    Adam([weight], **SETTINGS).step()
    Adam([other], **SETTINGS).step()
    assert torch.equal(weight, other)
