"""How torch is to use the machine, in processes of their own: threads keep what they were started with."""

import subprocess
import sys
import warnings

import pytest
import torch

from tcwae.errors import InputError
from tcwae.training.device import select_device

SMALL = """
import torch
from tcwae.training.device import set_up
set_up({threads})
assert torch.get_num_threads() == {threads}
normal = torch.full((1_000_000,), 2.0**-126)  # the smallest normal number of float32
assert normal.count_nonzero() == len(normal)
print((normal / 2).count_nonzero().item())
"""


@pytest.mark.parametrize("threads", [1, 2])
def test_numbers_below_the_normal_ones_are_zeros_in_every_thread(threads):
    """They would make the steps of a trained model two to three times as slow (docs/speed.md)."""
    said = subprocess.run(
        [sys.executable, "-c", SMALL.format(threads=threads)], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "0"


@pytest.mark.parametrize(
    "reason",
    [
        "CUDA error: no kernel image is available for execution on the device",
        "CUDA error: CUDA-capable device(s) is/are busy or unavailable",
        "CUDA out of memory. Tried to allocate 2.00 MiB",
    ],
)
def test_a_gpu_that_does_not_compute_is_refused_in_one_line(reason, monkeypatch):
    """Too old for this torch, or held by another process alone."""

    def fails(*_, **__):
        warnings.warn("NVIDIA K80 is not compatible with the current PyTorch installation", stacklevel=1)
        raise RuntimeError(f"{reason}\nCUDA kernel errors might be asynchronously reported")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "ones", fails)
    with pytest.raises(InputError) as failure:
        select_device("cuda")
    assert str(failure.value) == f"--device cuda: {reason}; `tcwae doctor` on this machine says what to do"


def test_a_driver_too_old_is_named(monkeypatch):
    def old():
        warnings.warn("The NVIDIA driver on your system is too old (found version 11040)", stacklevel=1)
        return False

    monkeypatch.setattr(torch.cuda, "is_available", old)
    with pytest.raises(InputError, match=r"found none .*The NVIDIA driver on your system is too old"):
        select_device("cuda")
