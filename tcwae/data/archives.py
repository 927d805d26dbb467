"""The published archives: their addresses, sizes and checksums.

Sources of checksums and sizes: TensorFlow Datasets (SHA-256, sizes; https://github.com/tensorflow/datasets), torchvision
(MD5 of CelebA), disent (MD5 of smallNORB, Shapes3D, MPI3D and Cars3D; https://github.com/nmichlo/disent) and vaetc (MD5 of
dSprites; https://github.com/ganmodokix/vaetc). Only one loader, disent, states a checksum of the chairs, so another one
gives a warning instead of an error.
"""

import hashlib
import warnings
from dataclasses import dataclass
from pathlib import Path

from tcwae.data.damage import kind
from tcwae.errors import InputError

__all__ = ["ARCHIVES", "DSPRITES_NPZ", "Archive", "check", "located", "sha256"]

_CHUNK = 2**20


@dataclass(frozen=True)
class Archive:
    """A published file: size in bytes, checksums in hexadecimal digits.

    With `advisory`, another checksum gives a warning only. `browser` says why only a browser can fetch the file.
    """

    name: str
    url: str
    size: int | None = None
    sha256: str | None = None
    md5: str | None = None
    advisory: bool = False
    browser: str | None = None


_DSPRITES = "https://github.com/google-deepmind/dsprites-dataset/raw/master/"
_SMALLNORB = "https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/"
_TRAINING, _TESTING = "smallnorb-5x46789x9x18x6x2x96x96-training-", "smallnorb-5x01235x9x18x6x2x96x96-testing-"
_CELEBA = "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
_DRIVE = "Google Drive shows it to browsers only; its page asks for consent to non-commercial use"


def _dsprites(name: str, **known: str | int) -> Archive:
    return Archive(name, _DSPRITES + name, **known)


def _smallnorb(name: str, size: int, sha256: str, md5: str) -> Archive:
    return Archive(name, _SMALLNORB + name, size, sha256, md5)


def _mpi3d(name: str, md5: str) -> Archive:
    return Archive(name, "https://storage.googleapis.com/disentanglement_dataset/Final_Dataset/" + name, md5=md5)


DSPRITES_NPZ = _dsprites("dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz", md5="7da33b31b13a06f4b04a70402ce90c2e")
"""The other published form of dSprites, which can be read too; only its MD5 is known."""

ARCHIVES: dict[str, tuple[Archive, ...]] = {
    "dsprites": (
        _dsprites(
            "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.hdf5",
            size=28024106,
            sha256="729fa22e884c9c500e1f17415d580746b4c5894fbbb780a1319bbcfa39a745bb",
            md5="b331c4447a651c44bf5e8ae09022e230",
        ),
    ),
    "smallnorb": (
        _smallnorb(
            _TRAINING + "dat.mat.gz",
            131896188,
            "5ffd6272a07d32695ee1082a26a41a93a37aab8c28da047f8c34ed348d214873",
            "66054832f9accfe74a0f4c36a75bc0a2",
        ),
        _smallnorb(
            _TRAINING + "cat.mat.gz",
            348,
            "2784e542c1922060691090952b6cd6278879a216c90f81476f0f00256d42cdaa",
            "23c8b86101fbf0904a000b43d3ed2fd9",
        ),
        _smallnorb(
            _TRAINING + "info.mat.gz",
            71052,
            "de7eb932ebe7a4ee16217fead60660d0eb3d23632c2f4d1c51f88c501c17bf32",
            "51dee1210a742582ff607dfd94e332e3",
        ),
        _smallnorb(
            _TESTING + "dat.mat.gz",
            130799817,
            "cf7104eed3e51174d2f65b66d1e5878b9da233b886f161b0d88f4510ba2c7474",
            "e4ad715691ed5a3a5f138751a4ceb071",
        ),
        _smallnorb(
            _TESTING + "cat.mat.gz",
            347,
            "ecaf6d5bb8c3bc5eab9cf0258f6d2198dd474e016e374836fc097f2e5ff509ff",
            "5aa791cd7e6016cf957ce9bdb93b8603",
        ),
        _smallnorb(
            _TESTING + "info.mat.gz",
            10428,
            "16adf314226327ee006d1a44db8cfef52773c06c829951d5653a9f6f310248a2",
            "a9454f3864d7fd4bb3ea7fc3eb84924e",
        ),
    ),
    "chairs3d": (
        Archive(
            "rendered_chairs.tar",
            "https://www.di.ens.fr/willow/research/seeing3Dchairs/data/rendered_chairs.tar",
            md5="7941bff4d19665ed2dd8c82e88293e1b",
            advisory=True,
        ),
    ),
    "celeba": (
        Archive(
            "img_align_celeba.zip",
            _CELEBA,
            1443490838,
            "46fb89443c578308acf364d7d379fe1b9efb793042c0af734b6112e4fd3a8c74",
            "00d2c5bc6d35e252742224ab0c1e8fcb",
            browser=_DRIVE,
        ),
        Archive(
            "list_attr_celeba.txt",
            _CELEBA,
            26721026,
            "f0e5da289d5ccf75ffe8811132694922b60f2af59256ed362afa03fefba324d0",
            "75e246fa4810816ffd6ee81facbd244c",
            browser=_DRIVE,
        ),
    ),
    "shapes3d": (
        Archive(
            "3dshapes.h5",
            "https://storage.googleapis.com/3d-shapes/3dshapes.h5",
            267573662,
            "0a0f6ed98baff276a50f3a081a7434d788da63cb135a98189b2a5b5769be1785",
            "099a2078d58cec4daad0702c55d06868",
        ),
    ),
    "mpi3d_toy": (_mpi3d("mpi3d_toy.npz", "55889cb7c7dfc655d6e0277beee88868"),),
    "mpi3d_realistic": (_mpi3d("mpi3d_realistic.npz", "59a6225b88b635365f70c91b3e52f70f"),),
    "mpi3d_real": (_mpi3d("mpi3d_real.npz", "0f33f609918fb5c97996692f91129802"),),
    "cars3d": (
        Archive(
            "nips2015-analogy-data.tar.gz",
            "http://www.scottreed.info/files/nips2015-analogy-data.tar.gz",
            md5="4e866a7919c1beedf53964e6f7a23686",
        ),
    ),
}
"""The files that `download` fetches, by data set."""
ARCHIVES |= dict.fromkeys(("color_dsprites", "noisy_dsprites", "scream_dsprites"), ARCHIVES["dsprites"])
ARCHIVES |= {f"mini_{name}": ARCHIVES[name] for name in ("dsprites", "smallnorb", "chairs3d")}


def sha256(path: Path) -> str:
    """The checksum of a file, in hexadecimal digits."""
    return _checksums(path, {"sha256"})["sha256"]


def _checksums(path: Path, kinds: set[str]) -> dict[str, str]:
    """Several checksums of a file that is read once: some are 12 GB."""
    digests = {kind: hashlib.new(kind, usedforsecurity=False) for kind in kinds}
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            for digest in digests.values():
                digest.update(chunk)
    return {kind: digest.hexdigest() for kind, digest in digests.items()}


def check(path: Path, archive: Archive) -> dict[str, str]:
    """Compare the checksum of a file with the published one; return the file's name and SHA-256 for the provenance.

    Raises:
        InputError: another checksum.
        OSError: it is missing or cannot be read.
    """
    size = path.stat().st_size
    kind = "md5" if archive.sha256 is None else "sha256"
    expected = getattr(archive, kind)
    checksums = _checksums(path, {"sha256", kind})
    if checksums[kind] != expected:
        bytes_of = "" if archive.size is None else f" of {archive.size} bytes"
        message = f"{path}: expected {archive.name}{bytes_of}, {kind} {expected}, found {size} bytes, {kind} {checksums[kind]}"
        if not archive.advisory:
            raise InputError(f"{message}{_kind_of(path)}: fetch it again from {archive.url}")
        warnings.warn(f"{message}; the published checksum is from one source only, so this may be right", stacklevel=2)
    return {"archive": path.name, "archive_sha256": checksums["sha256"]}


def _kind_of(path: Path) -> str:
    with open(path, "rb") as file:
        content = kind(file.read(512))
    return f", {content}" if content else ""


def located(given: Path | str, *published: Archive) -> Path:
    """The given file, or the published archive in a given folder.

    Raises:
        InputError: the folder holds none of the archives.
    """
    path = Path(given)
    if not path.is_dir():
        return path
    for archive in published:
        if (path / archive.name).exists():
            return path / archive.name
    names = " or ".join(archive.name for archive in published)
    raise InputError(
        f"{path}: expected {names}, or a folder that holds it, found a folder without it. No checksum of unpacked files is "
        "published, so they are not read: give the archive, or prepare pictures as your own data with `tcwae prepare images`"
    )
