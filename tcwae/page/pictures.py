"""The pictures of one run in one file, of which the page shows parts."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

__all__ = ["sheet"]

QUALITY = 80
"""Of WebP, in which a picture of a sprite takes some 250 bytes."""


def sheet(images: UInt8[np.ndarray, "images height width channel"], columns: int, path: Path) -> dict[str, Any]:
    """Write pictures in rows of `columns` as WebP. Returns what the page needs to show one of them.

    Raises:
        OSError: the file cannot be written.
    """
    count, height, width, channels = images.shape
    rows = -(-count // columns)
    cells = np.zeros((rows * columns, height, width, channels), np.uint8)
    cells[:count] = images
    whole = cells.reshape(rows, columns, height, width, channels).swapaxes(1, 2).reshape(rows * height, -1, channels)
    Image.fromarray(whole.squeeze(2) if channels == 1 else whole).save(path, quality=QUALITY)
    return {"file": path.name, "columns": columns, "rows": rows}
