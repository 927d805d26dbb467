"""The published archives: where each is, how it is known to be right, and how it is fetched.

Checksums and sizes: TensorFlow Datasets (SHA-256, sizes; https://github.com/tensorflow/datasets), torchvision (CelebA's
MD5), disent (https://github.com/nmichlo/disent: smallNORB's MD5) and vaetc (https://github.com/ganmodokix/vaetc: dSprites'
MD5). Of the chairs only one loader states a checksum (disent), so another one is told and not refused.
"""

import hashlib
import http.client
import os
import re
import ssl
import time
import urllib.request
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError, URLError

from tqdm import tqdm

from tcwae.data.damage import kind
from tcwae.errors import InputError
from tcwae.files import flush_folder

__all__ = ["ARCHIVES", "DSPRITES_NPZ", "Archive", "check", "download", "fetch", "located", "sha256"]

_CHUNK = 2**20
_TRANSIENT = (URLError, ConnectionError, TimeoutError, ssl.SSLError, http.client.HTTPException)
_AGAIN = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True)
class Archive:
    """A published file: size in bytes, checksums as hexadecimal digits; `browser` says why no program can fetch it."""

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


DSPRITES_NPZ = _dsprites("dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz", md5="7da33b31b13a06f4b04a70402ce90c2e")
"""dSprites in its other form, which is read as well; of its checksums only the MD5 is known."""

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
}
"""What `download` fetches, by data set."""


def sha256(path: Path) -> str:
    """The checksum of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check(path: Path, archive: Archive) -> dict[str, str]:
    """Compare a file with what was published; return what a report prints of it.

    Raises:
        InputError: another size or checksum.
        OSError: it is missing or cannot be read.
    """
    size = path.stat().st_size
    found = {"sha256": sha256(path)}
    if archive.sha256 is None:
        with open(path, "rb") as file:
            found["md5"] = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    kind = "md5" if archive.sha256 is None else "sha256"
    expected = getattr(archive, kind)
    if found[kind] != expected:
        bytes_of = "" if archive.size is None else f" of {archive.size} bytes"
        message = (
            f"{path}: expected {archive.name}{bytes_of}, {kind} {expected}, found {size} bytes, {kind} {found[kind]}"
        )
        if not archive.advisory:
            raise InputError(f"{message}{_kind_of(path)}: fetch it again from {archive.url}")
        warnings.warn(f"{message}; the published checksum is from one source only, so this may be right", stacklevel=2)
    return {"archive": path.name, "archive_sha256": found["sha256"]}


def _kind_of(path: Path) -> str:
    with open(path, "rb") as file:
        found = kind(file.read(512))
    return f", {found}" if found else ""


def located(given: Path | str, *published: Archive) -> Path:
    """The file that is given, or, of a folder, the published archive in it.

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


def download(dataset: str, folder: Path | str, name: str | None = None) -> list[Path]:
    """Fetch the archives of a data set into `folder`, those that are not there yet; or the one called `name`.

    Raises:
        InputError: there is no such data set or archive, a link is dead or for browsers only, or what came is not what was
            published.
        OSError: the folder cannot be written, or the disk is full.
    """
    if dataset not in ARCHIVES:
        raise InputError(f"expected a data set among {', '.join(ARCHIVES)}, found {dataset}")
    names = [archive.name for archive in ARCHIVES[dataset]]
    if name is not None and name not in names:
        raise InputError(f"{dataset}: expected a file among {', '.join(names)}, found {name!r}")
    return [fetch(archive, folder) for archive in ARCHIVES[dataset] if name in (None, archive.name)]


def fetch(
    archive: Archive, folder: Path | str, *, attempts: int = 6, pause: float = 2.0, timeout: float = 60.0
) -> Path:
    """Fetch one archive, going on where an earlier call was cut off; a file that is there is checked only.

    The bytes gather in `.NAME.part`. A cut connection, a silence of `timeout` seconds and a busy server are tried again,
    after `pause` seconds and twice as many each time; an earlier part that turns out wrong is fetched anew.

    Raises:
        InputError: as `download`.
        OSError: as `download`.
    """
    target = Path(folder) / archive.name
    if target.exists():
        check(target, archive)
        return target
    if archive.browser:
        raise InputError(_by_hand(archive, target, archive.browser))
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{archive.name}.part")
    resumed = part.exists()
    _persist(archive, target, part, attempts, pause, timeout)
    try:
        check(part, archive)
    except InputError:
        part.unlink()
        if not resumed:
            raise
        return fetch(archive, folder, attempts=attempts, pause=pause, timeout=timeout)
    os.replace(part, target)
    flush_folder(target.parent)
    return target


def _persist(archive: Archive, target: Path, part: Path, attempts: int, pause: float, timeout: float) -> None:
    """Append to `part` until it is whole."""
    for attempt in range(attempts):
        try:
            return _receive(archive, part, timeout)
        except _TRANSIENT as error:
            if isinstance(error, HTTPError) and error.code not in _AGAIN:
                raise InputError(_by_hand(archive, target, f"the server answers {error.code} {error.reason}")) from None
            reason = str(getattr(error, "reason", error)) or type(error).__name__
        if attempt + 1 < attempts:
            time.sleep(pause * 2**attempt)
    raise InputError(_by_hand(archive, target, f"{attempts} attempts failed, the last with: {reason}"))


def _by_hand(archive: Archive, target: Path, reason: str) -> str:
    return f"{target}: expected to fetch {archive.name}, found: {reason}. Fetch it from {archive.url} and put it there"


def _receive(archive: Archive, part: Path, timeout: float) -> None:
    """Ask for what is missing from `part` and append it.

    Raises:
        ConnectionError: the answer ends early.
    """
    have = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "tcwae", "Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(urllib.request.Request(archive.url, headers=headers), timeout=timeout)
    except HTTPError as error:
        error.close()
        if error.code != 416:
            raise
        return  # nothing is missing, says the server; the checksum will tell
    with answer, open(part, "ab") as file:
        if answer.status != 206 or not re.match(rf"bytes {have}-", answer.headers.get("Content-Range", "")):
            file.truncate(0)
            have = 0
        length = answer.headers.get("Content-Length")
        whole = None if length is None else have + int(length)
        with tqdm(total=whole, initial=have, unit="B", unit_scale=True, desc=archive.name, disable=None) as bar:
            _copy(answer, file, bar)
        file.flush()
        os.fsync(file.fileno())
    if whole is not None and part.stat().st_size < whole:
        raise ConnectionError(f"the connection closed after {part.stat().st_size} of {whole} bytes")


def _copy(answer: http.client.HTTPResponse, file: BinaryIO, bar: tqdm) -> None:
    while chunk := answer.read(_CHUNK):
        file.write(chunk)
        bar.update(len(chunk))
