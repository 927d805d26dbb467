"""A data set on the device, stored as bytes and converted to floats by the batch; and its fixed split."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from tcwae.data.prepared import Prepared

__all__ = ["Images", "split"]

HELD_OUT = 10_000
SPLIT_SEED = 123


class Images:
    """The images of a data set as one tensor of bytes on `device`; `images[index]` is a batch of floats in [0, 1].

    Bit-packed images (dSprites) stay packed: 377 MB instead of 3 GB, on a GPU too.
    """

    def __init__(self, prepared: Prepared, device: torch.device) -> None:
        self.bytes = torch.from_numpy(prepared.images).to(device)
        self.packed = prepared.packed
        self.channels = 1 if self.packed else prepared.images.shape[-1]
        self._shifts = torch.arange(7, -1, -1, dtype=torch.uint8, device=device)

    def __len__(self) -> int:
        return len(self.bytes)

    def __getitem__(self, index: Int[Tensor, "batch"]) -> Float[Tensor, "batch channel 64 64"]:
        chosen = self.bytes[index]
        if self.packed:
            return (chosen[..., None] >> self._shifts).bitwise_and_(1).flatten(2)[:, None].float()
        return chosen.permute(0, 3, 1, 2).float() / 255


def split(size: int) -> tuple[Int[np.ndarray, "training"], Int[np.ndarray, "held_out"]]:
    """Indices for training, and of held-out images: the last 10,000 of a fixed shuffle, or a tenth of a small set."""
    shuffled = np.random.RandomState(SPLIT_SEED).permutation(
        size
    )  # this generator's stream is frozen, newer ones are not
    training = size - min(HELD_OUT, size // 10)
    return shuffled[:training], shuffled[training:]
