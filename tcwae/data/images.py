"""A data set on the device, stored as bytes and converted to floats by the batch; and its fixed split."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from tcwae.data.painting import painted
from tcwae.data.prepared import Prepared

__all__ = ["Images", "split"]

HELD_OUT = 10_000
SPLIT_SEED = 123


class Images:
    """The images of a data set as one tensor of bytes on `device`; `images[index]` is a batch of floats in [0, 1].

    Bit-packed images (dSprites) stay packed: 377 MB instead of 3 GB, on a GPU too. Where they are painted, `images[index]`
    paints an image in one way always, by its number, and `fresh` in another each time.
    """

    def __init__(self, prepared: Prepared, device: torch.device) -> None:
        self.bytes = torch.from_numpy(prepared.images).to(device)
        self.packed = prepared.packed
        self.channels, self.painting = prepared.channels, prepared.painting
        self._backdrop = None if prepared.backdrop is None else torch.from_numpy(prepared.backdrop).to(device)
        self._shifts = torch.arange(7, -1, -1, dtype=torch.uint8, device=device)

    def __len__(self) -> int:
        return len(self.bytes)

    def __getitem__(self, index: Int[Tensor, "batch"]) -> Float[Tensor, "batch channel 64 64"]:
        return self._floats(index, index)

    def fresh(self, index: Int[Tensor, "batch"], generator: torch.Generator) -> Float[Tensor, "batch channel 64 64"]:
        """Images as training looks at them: what is random in a painted image is drawn again.

        The generator gives a number an image, and none where nothing is random.
        """
        if self.painting == "none":
            return self[index]
        return self._floats(index, torch.randint(2**62, index.shape, generator=generator, device=index.device))

    def _floats(self, index: Int[Tensor, "batch"], keys: Int[Tensor, "batch"]) -> Float[Tensor, "batch channel 64 64"]:
        chosen = self.bytes[index]
        if self.packed:
            bits = (chosen[..., None] >> self._shifts).bitwise_and_(1).flatten(2)
            if self.painting == "none":
                return bits[:, None].float()
            chosen = painted(self.painting, bits * 255, keys, self._backdrop)
        return chosen.permute(0, 3, 1, 2).float() / 255


def split(size: int) -> tuple[Int[np.ndarray, "training"], Int[np.ndarray, "held_out"]]:
    """Indices for training, and of held-out images: the last 10,000 of a fixed shuffle, or a tenth of a small set."""
    shuffled = np.random.RandomState(SPLIT_SEED).permutation(
        size
    )  # this generator's stream is frozen, newer ones are not
    training = size - min(HELD_OUT, size // 10)
    return shuffled[:training], shuffled[training:]
