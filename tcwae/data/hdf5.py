"""An array in a published HDF5 file, checked before any of it is read."""

import h5py

from tcwae.errors import InputError

__all__ = ["array"]


def array(file: h5py.File, name: str, dtype: str, shape: tuple[int, ...]) -> h5py.Dataset:
    """The array called `name`.

    Raises:
        InputError: it has another type or shape, or is a group.
        KeyError: there is none.
    """
    dataset = file[name]
    if not isinstance(dataset, h5py.Dataset) or dataset.dtype != dtype or dataset.shape != shape:
        raise InputError(f"{dataset}, not {name} of type {dtype} and shape {shape}")
    return dataset
