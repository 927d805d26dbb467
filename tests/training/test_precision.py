"""Reduced precision: of the networks alone, near float32, and part of what a run is."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from tcwae.config.run import Run, check, run_flags, unflatten
from tcwae.config.scores import PAPER
from tcwae.data import prepared
from tcwae.data.images import Images
from tcwae.errors import InputError
from tcwae.figures import deviations
from tcwae.study import names
from tcwae.training import loop
from tcwae.training.step import Step

DOCS = Path(__file__).parents[2] / "docs"


def run_of(method="factor_vae", **settings):
    values = {"dataset": "dsprites", "method": method, "gamma": 5, "batch_size": 16, "iterations": 30, "log_every": 10}
    return check(Run, unflatten({**values, **settings}), "test")


def test_one_step_is_near_float32s(small_data, device):
    """bfloat16 keeps eight bits: the loss is right to a hundredth, and all that is kept is float32."""
    images = Images(prepared.read(small_data), torch.device(device))
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
        loop.train(run_of(**settings, precision=precision), small_data, tmp_path / precision)
        ends[precision] = pd.read_csv(tmp_path / precision / "curves.csv")["reconstruction"].iloc[-1]
    assert ends["bfloat16"] == pytest.approx(ends["float32"], rel=0.1)


def test_a_run_says_its_precision():
    assert "--precision bfloat16" in run_flags(run_of(precision="bfloat16"))
    assert "precision" not in run_flags(run_of())
    with pytest.raises(InputError, match="expected 'float32', 'tf32' or 'bfloat16', found 'float16'"):
        run_of(precision="float16")


def test_tf32_is_refused_without_a_gpu(small_data, tmp_path):
    with pytest.raises(InputError, match="--precision tf32: expected --device cuda, found cpu"):
        loop.train(run_of(precision="tf32"), small_data, tmp_path / "run")


def test_the_documented_differences_are_those_of_the_file():
    """Means and intervals of docs/speed.md, from the pairs in docs/precision.csv."""
    pairs = pd.read_csv(DOCS / "precision.csv").assign(deviation="bfloat16")
    np.testing.assert_allclose(pairs["difference"], pairs["bfloat16"] - pairs["float32"], rtol=0, atol=2e-5)
    page = names.minus((DOCS / "speed.md").read_text())
    rows = {names.method(method): method_pairs for method, method_pairs in pairs.groupby("method")}
    for title, method_pairs in (rows | {"all 25 pairs": pairs.assign(method="all")}).items():
        found = deviations.summary(method_pairs).set_index("score").loc[list(PAPER), ["mean", "low", "high"]]
        cells = [f"{mean:+.3f} ({low:+.3f} to {high:+.3f})" for mean, low, high in found.to_numpy()]
        assert names.minus(f"| {title} | {' | '.join(cells)} |") in page
    assert set(deviations.summary(pairs.assign(method="all"))["size"]) == {25}
