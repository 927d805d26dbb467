"""Download the published archives: resumed after a broken connection, and checked."""

import http.client
import os
import re
import ssl
import time
import urllib.request
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError, URLError

from tqdm import tqdm

from tcwae.data.archives import ARCHIVES, Archive, check
from tcwae.errors import InputError
from tcwae.files import flush_folder

__all__ = ["download", "fetch"]

_CHUNK = 2**20
_TRANSIENT = (URLError, ConnectionError, TimeoutError, ssl.SSLError, http.client.HTTPException)
_AGAIN = {408, 425, 429, 500, 502, 503, 504}


def download(dataset: str, folder: Path | str, name: str | None = None) -> list[Path]:
    """Fetch the archives of a data set, or the one called `name`, into `folder`; those already there are only checked.

    Raises:
        InputError: an unknown data set or archive, a file that the server does not give to programs, or a wrong checksum.
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
    """Fetch one archive, resuming an earlier download; a file that is already there is only checked.

    The download goes to `.NAME.part` first. After a broken connection, `timeout` seconds without data, or a busy server, it
    tries again, first after `pause` seconds, then after twice as long each time. If the result of a resumed download has
    the wrong checksum, it starts again from the first byte.

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
    """Append to `part` until it is complete."""
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
    """Request the bytes that are missing from `part` and append them.

    Raises:
        ConnectionError: the response ends early.
    """
    have = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "tcwae", "Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(urllib.request.Request(archive.url, headers=headers), timeout=timeout)
    except HTTPError as error:
        error.close()
        if error.code != 416:
            raise
        return  # the server says that nothing is missing; the checksum decides
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
