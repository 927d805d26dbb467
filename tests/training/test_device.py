"""How torch is to use the machine, in processes of their own: threads keep what they were started with."""

import subprocess
import sys

import pytest

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
