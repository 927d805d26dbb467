"""`codes.h5`: what a run's encoder says of each image, for all that is computed later without the model or the images."""

from pathlib import Path

import h5py
import numpy as np
from jaxtyping import Float

from tcwae.data.prepared import Prepared
from tcwae.errors import InputError
from tcwae.files import atomic

__all__ = ["read_posterior", "write_codes"]

Codes = Float[np.ndarray, "images latent"]


def write_codes(path: Path, means: Codes, deviations: Codes, source: Prepared, rows: np.ndarray) -> None:
    """Write the posteriors of the images at `rows` of a data set: means as `codes`, standard deviations, and the factors."""
    with atomic(path) as temporary, h5py.File(temporary, "w", locking=False) as file:
        file["codes"] = means
        file["deviations"] = deviations
        file["rows"] = rows
        if source.factors is not None:
            file["factors"] = source.factors[rows]
            # of fixed length: quick to refuse when damaged
            file["factor_names"] = np.char.encode(source.factor_names, "utf-8")
            file["latent_factor_indices"] = list(source.latent_factor_indices)


def read_posterior(path: Path, count: int | None = None) -> tuple[Codes, Codes]:
    """Means and standard deviations of the posteriors of the first `count` images, or of all.

    Raises:
        InputError: the file is missing, damaged, or lacks one of them.
    """
    try:
        with h5py.File(path, locking=False) as file:
            return file["codes"][:count], file["deviations"][:count]
    except (OSError, KeyError, TypeError) as error:
        found = " ".join(str(error).split())
        raise InputError(f"{path}: expected codes and deviations, found {found}; evaluate the run again") from None
