"""dSprites in colour, in noise or before a picture: painted by the batch, as disentanglement_lib does (Locatello et al., 2019).

- color: a black background and a sprite of one random colour, each channel uniform in [1/2, 1];
- noisy: a background of noise, uniform in [0, 1] in each pixel and channel, and a white sprite;
- scream: a background that is the mean of a random crop of a picture and a random colour, and a sprite that inverts it.

What is random in an image is a function of an integer, the key of the image, and comes from a hash of it, not from a
generator: the same key gives the same bytes on every device, alone or in a batch. All is whole numbers from 0 to 255.
"""

import numpy as np
import torch
from jaxtyping import Int, Int32, UInt8
from torch import Tensor

from tcwae.data.prepared import Painting

__all__ = ["painted", "painted_array", "random_words"]

_CROP = 64


def painted(
    painting: Painting,
    sprites: UInt8[Tensor, "batch 64 64"],
    keys: Int[Tensor, " batch"],
    backdrop: UInt8[Tensor, "height width 3"] | None = None,
) -> UInt8[Tensor, "batch 64 64 3"]:
    """Images of sprites, which are 255 in a background of 0; `backdrop` is the picture of "scream"."""
    sprite = sprites[..., None]
    if painting == "color":
        return sprite & (128 + (_random_bytes(keys, 1)[:, None, None, :3] >> 1))
    if painting == "noisy":
        return sprite | _random_bytes(keys, _CROP * _CROP * 3 // 4).reshape(-1, _CROP, _CROP, 3)
    assert backdrop is not None
    return sprite ^ _cropped(backdrop, keys)


def painted_array(
    painting: Painting,
    sprites: UInt8[np.ndarray, "batch 64 64"],
    keys: Int[np.ndarray, " batch"],
    backdrop: UInt8[np.ndarray, "height width 3"] | None = None,
) -> UInt8[np.ndarray, "batch 64 64 3"]:
    """The same on arrays."""
    picture = None if backdrop is None else torch.from_numpy(backdrop)
    keys = torch.from_numpy(np.asarray(keys, np.int64))
    return painted(painting, torch.from_numpy(sprites), keys, picture).numpy()


def _cropped(backdrop: UInt8[Tensor, "height width 3"], keys: Int[Tensor, " batch"]) -> UInt8[Tensor, "batch 64 64 3"]:
    """The mean of a crop and a colour, both random; half a level is rounded down."""
    words = random_words(keys, 3)
    inside = torch.arange(_CROP, device=keys.device)
    rows, columns = (words[:, k, None] % (side - _CROP + 1) + inside for k, side in enumerate(backdrop.shape[:2]))
    crop = backdrop[rows[:, :, None], columns[:, None, :]]
    colour = words[:, 2:].contiguous().view(torch.uint8)[:, None, None, :3]
    return (crop & colour) + ((crop ^ colour) >> 1)


def _random_bytes(keys: Int[Tensor, " batch"], words: int) -> UInt8[Tensor, "batch bytes"]:
    return random_words(keys, words).view(torch.uint8)


def random_words(keys: Int[Tensor, " batch"], count: int) -> Int32[Tensor, "batch count"]:
    """32 random bits in each of `count` places of each key: a hash of the key and the place."""
    low, high = keys.int(), (keys >> 32).int()
    place = _mixed(torch.arange(1, count + 1, dtype=torch.int32, device=keys.device))
    return _mixed(_mixed(low ^ _mixed(high + 1))[:, None] ^ place)


def _mixed(word: Int32[Tensor, "..."]) -> Int32[Tensor, "..."]:
    """A bijection of 32 bits in which each bit of the result depends on all (lowbias32 of C. Wellons's hash-prospector)."""
    word = (word ^ (word >> 16 & 0xFFFF)) * 0x7FEB352D
    word = (word ^ (word >> 15 & 0x1FFFF)) * (0x846CA68B - 2**32)
    return word ^ (word >> 16 & 0xFFFF)
