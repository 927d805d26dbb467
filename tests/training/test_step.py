"""A step by what it asks of the device: how many operations, and never for a value."""

import contextlib
from types import SimpleNamespace

import pytest
import torch

from benchmarks.steps import Operations, layer_by_layer
from tcwae.config.run import Run, check, unflatten
from tcwae.data import prepared
from tcwae.data.images import Images
from tcwae.errors import InputError
from tcwae.training import loop
from tcwae.training.step import WARM_UP, Step, Unrecordable, recorded

WAITS = {"_local_scalar_dense", "item", "is_nonzero", "nonzero", "equal", "masked_select", "_unique2"}
"""Operations whose result, or its shape, the host must know before it goes on."""

COEFFICIENTS = {
    "wae_mmd": {"lambda": 10},
    "tcwae_mws": {"beta": 4, "gamma": 2},
    "tcwae_gan": {"beta": 4, "gamma": 2},
    "beta_tcvae": {"beta": 4},
    "factor_vae": {"gamma": 5},
}


def run_of(method="tcwae_mws", **settings):
    values = {"dataset": "dsprites", "method": method, "batch_size": 8, **COEFFICIENTS[method], **settings}
    return check(Run, unflatten(values), "test")


def operations(method, small_data, device, **settings):
    """Of the second step; the first may set something up."""
    step = Step(run_of(method, **settings), Images(prepared.read(small_data), torch.device(device)))
    step()
    with Operations() as counted:
        step()
    return counted


@pytest.fixture
def as_on_a_gpu():
    with layer_by_layer():
        yield


@pytest.mark.parametrize("method", COEFFICIENTS)
def test_nothing_in_a_step_waits_for_the_device(method, small_data, device, as_on_a_gpu):
    counted = operations(method, small_data, device)
    assert counted.counts["convolution"] == 8
    assert not WAITS & counted.counts.keys()
    assert not counted.copies


def test_a_wait_would_be_seen():
    with Operations() as counted:
        torch.ones(3).sum().item()
        bool(torch.ones(3).max() > 0)
        torch.ones(3).nonzero()
    assert counted.counts["_local_scalar_dense"] == 2
    assert counted.counts["nonzero"] == 1


@pytest.mark.parametrize("method", COEFFICIENTS)
def test_a_larger_batch_takes_no_more_operations(method, small_data, device, as_on_a_gpu):
    """Each is a launch of microseconds on a GPU; `make bench` says how many there are."""
    small, large = (operations(method, small_data, device, batch_size=size).counts for size in (8, 32))
    assert small == large


def test_the_host_learns_values_at_log_steps_only(small_data, tmp_path, monkeypatch):
    """Of a whole training: one wait for the terms and two to find what is not finite, twice in eight steps."""
    with Operations() as counted:
        loop.train(run_of(iterations=8, log_every=4), small_data, tmp_path)
    every = counted.counts
    with Operations() as counted:
        loop.train(run_of(iterations=16, log_every=8), small_data, tmp_path / "longer")
    assert {name: counted.counts[name] for name in WAITS} == {name: every[name] for name in WAITS}


def test_a_graph_is_refused_without_a_gpu(small_data, tmp_path):
    with pytest.raises(InputError, match="--cuda-graph: expected --device cuda, found cpu"):
        loop.train(run_of(), small_data, tmp_path / "run", cuda_graph=True)


class Graph:
    """A CUDA graph that records nothing."""

    def register_generator_state(self, generator):
        self.generator = generator


@pytest.fixture
def fake_graph(monkeypatch):
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", lambda graph, stream: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: None)


def test_a_step_that_cannot_be_recorded_says_why(small_data, fake_graph, monkeypatch):
    step = Step(run_of(), Images(prepared.read(small_data), torch.device("cpu")))
    call = recorded(step)
    for _ in range(WARM_UP):
        call()

    def fails(images, noise):
        step.moving = True
        raise RuntimeError("CUDA error: operation not permitted when stream is capturing\nCompile with ...")

    monkeypatch.setattr(step, "move", fails)
    with pytest.raises(Unrecordable, match=r"cannot be recorded: CUDA error: operation not permitted [a-z ]+$"):
        call()
    assert not step.moving


def test_a_torch_that_records_no_generator_is_refused(small_data, fake_graph, monkeypatch):
    monkeypatch.delattr(Graph, "register_generator_state")
    step = Step(run_of(), Images(prepared.read(small_data), torch.device("cpu")))
    with pytest.raises(Unrecordable, match=f"2.4 or later, found {torch.__version__}".replace("+", r"\+")):
        recorded(step)


@pytest.mark.parametrize("old", [False, True], ids=["fp32_precision", "allow_tf32"])
def test_each_step_chooses_the_precision_of_the_process(old, small_data, monkeypatch):
    """Runs beside each other may differ in it, and torch has one for all."""
    matmul, conv, cudnn = SimpleNamespace(), SimpleNamespace(), SimpleNamespace()
    if not old:
        matmul.fp32_precision = conv.fp32_precision = "none"
    cudnn.conv = conv
    monkeypatch.setattr(torch.backends.cuda, "matmul", matmul)
    monkeypatch.setattr(torch.backends, "cudnn", cudnn)
    for precision in ("tf32", "float32", "tf32"):
        step = Step(run_of(precision=precision), Images(prepared.read(small_data), torch.device("cpu")))
        step.set_precision()
        wanted = precision == "tf32"
        found = (matmul.allow_tf32, cudnn.allow_tf32) if old else (matmul.fp32_precision, conv.fp32_precision)
        assert found == ((wanted, wanted) if old else (("tf32",) * 2 if wanted else ("ieee",) * 2))
