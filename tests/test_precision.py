"""Reduced precision: of the networks alone, near float32, and part of what a run is."""

import pandas as pd
import pytest
import torch

from tcwae import train
from tcwae.config import Run, check, flags, unflatten
from tcwae.data import prepared
from tcwae.errors import InputError
from tcwae.images import Images
from tcwae.step import Step


def run_of(method="factor_vae", **settings):
    values = {"dataset": "dsprites", "method": method, "gamma": 5, "batch_size": 16, "iterations": 30, "log_every": 10}
    return check(Run, unflatten({**values, **settings}), "test")


def test_one_step_is_near_float32s(small_data):
    """bfloat16 keeps eight bits: the loss is right to a hundredth, and all that is kept is float32."""
    images = Images(prepared.read(small_data), torch.device("cpu"))
    exact, rough = Step(run_of(), images), Step(run_of(precision="bfloat16"), images)
    values, others = exact(), rough()
    assert not torch.equal(values, others)
    torch.testing.assert_close(others[-1], values[-1], rtol=1e-2, atol=0)
    assert {parameter.dtype for parameter in rough.model.parameters()} == {torch.float32}
    assert {tensor.dtype for adam in rough.optimisers for tensor in adam.means} == {torch.float32}
    assert all(others.dtype == torch.float32 for others in rough.model.encoder(rough.batch))


def test_it_trains_as_well(small_data, tmp_path):
    settings = {"learning_rate": 1e-3, "adam_epsilon": 1e-8, "iterations": 60}
    ends = {}
    for precision in ("float32", "bfloat16"):
        train.train(run_of(**settings, precision=precision), small_data, tmp_path / precision)
        ends[precision] = pd.read_csv(tmp_path / precision / "curves.csv")["reconstruction"].iloc[-1]
    assert ends["bfloat16"] == pytest.approx(ends["float32"], rel=0.1)


def test_a_run_says_its_precision():
    assert "--precision bfloat16" in flags(run_of(precision="bfloat16"))
    assert "precision" not in flags(run_of())
    with pytest.raises(InputError, match="expected 'float32', 'tf32' or 'bfloat16', found 'float16'"):
        run_of(precision="float16")


def test_tf32_is_refused_without_a_gpu(small_data, tmp_path):
    with pytest.raises(InputError, match="--precision tf32: expected --device cuda, found cpu"):
        train.train(run_of(precision="tf32"), small_data, tmp_path / "run")
