"""Bytes to batches, and the split."""

import numpy as np
import pytest
import torch

from tcwae.data.images import Images, split
from tcwae.data.prepared import Prepared, read


def test_packed_images_unpack_to_their_pixels(small_data):
    prepared = read(small_data)
    images = Images(prepared, torch.device("cpu"))
    index = np.array([3, 0, 431, 3])
    expected = prepared.pixels(index).transpose(0, 3, 1, 2) / 255
    found = images[torch.from_numpy(index)]
    assert found.dtype == torch.float32
    np.testing.assert_array_equal(found.numpy(), expected)


@pytest.mark.parametrize("channels", [1, 3])
def test_bytes_become_fractions(channels):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 64, 64, channels), dtype=np.uint8)
    prepared = Prepared("dsprites", "rendered", pixels, None, (), (), (), {})
    found = Images(prepared, torch.device("cpu"))[torch.tensor([4, 1])]
    assert found.shape == (2, channels, 64, 64)
    np.testing.assert_allclose(found.numpy(), pixels[[4, 1]].transpose(0, 3, 1, 2) / 255, rtol=1e-6)


@pytest.mark.parametrize(("size", "held_out"), [(737_280, 10_000), (100_000, 10_000), (432, 43)])
def test_split_is_a_partition_and_always_the_same(size, held_out):
    training, test = split(size)
    assert len(test) == held_out
    np.testing.assert_array_equal(np.sort(np.concatenate([training, test])), np.arange(size))
    np.testing.assert_array_equal(split(size)[1], test)
