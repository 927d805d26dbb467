"""A small archive of every format: its content, and how it is written."""

import gzip
import zipfile

from benchmarks.archives import (
    arm_images,
    car_members,
    chair_members,
    face_members,
    matrix,
    room_arrays,
    save_rooms,
    tarred,
    toy_arrays,
    zipped,
)

from .samples import npy, own_arrays, own_members, packed, save_hdf5, sprite_arrays

ARRAYS = ("dsprites npz", "mpi3d_real", "npz")
HDF5 = ("dsprites hdf5", "shapes3d")
PICTURES = ("chairs3d", "celeba", "images folder", "images zip", "images tar")
KINDS = (*ARRAYS, *HDF5, "smallnorb", "cars3d", *PICTURES)
IMAGES = {"dsprites npz": "imgs.npy", "dsprites hdf5": "imgs", "shapes3d": "images"}


def members(kind):
    """The content of a right archive: names and bytes."""
    match kind:
        case "dsprites npz":
            return {f"{name}.npy": npy(array) for name, array in sprite_arrays().items()}
        case "npz":
            return {f"{name}.npy": npy(array) for name, array in own_arrays().items()}
        case "dsprites hdf5":
            return sprite_arrays()
        case "mpi3d_real":
            return {"images.npy": npy(arm_images())}
        case "shapes3d":
            return room_arrays()
        case "cars3d":
            return car_members()
        case "smallnorb":
            return {name: gzip.compress(matrix(array), 1) for name, array in toy_arrays()[0].items()}
        case "chairs3d":
            return chair_members()
        case "celeba":
            return face_members(3)
    return own_members()


def written(kind, content, folder):
    """The path of an archive with this content."""
    folder.mkdir()
    match kind:
        case "dsprites hdf5":
            return save_hdf5(folder / "dsprites.hdf5", **content)
        case "shapes3d":
            return save_rooms(folder / "3dshapes.h5", **content)
        case "cars3d":
            return tarred(folder / "nips2015-analogy-data.tar.gz", content)
        case "dsprites npz" | "mpi3d_real" | "npz":
            return zipped(folder / "arrays.npz", content, zipfile.ZIP_DEFLATED)
        case "chairs3d":
            return tarred(folder / "rendered_chairs.tar", content)
        case "celeba":
            return zipped(folder / "img_align_celeba.zip", content)
        case "smallnorb":
            for name, whole in content.items():
                (folder / name).write_bytes(whole)
            return folder
    (folder / "mine").mkdir()
    return packed(kind.removeprefix("images "), folder, content)
