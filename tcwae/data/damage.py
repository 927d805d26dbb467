"""Turn what libraries raise on a damaged or foreign file into one line that says what the file is."""

import errno
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tarfile import TarError

from PIL import Image

from tcwae.errors import InputError

__all__ = ["DAMAGE", "kind", "refusing"]

DAMAGE = (
    ValueError,
    LookupError,
    EOFError,
    OSError,
    RuntimeError,
    SyntaxError,  # what Pillow raises on a broken PNG
    struct.error,
    zlib.error,
    TarError,
    zipfile.BadZipFile,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
"""What the libraries raise on damaged content."""

_KINDS = {
    r"version https://git-lfs": "a pointer of Git LFS, which stands for the file: fetch the file with `git lfs pull`",
    r"(?i)(\xef\xbb\xbf)?\s*<(!doctype html|html|head)": "a web page: the download failed, fetch the file again",
    r"\x1f\x8b": "a file compressed by gzip: unpack it first, with `gunzip`",
    r"BZh[1-9]1AY&SY": "a file compressed by bzip2: unpack it first, with `bunzip2`",
    r"\xfd7zXZ\x00": "a file compressed by xz: unpack it first, with `unxz`",
    r"\x28\xb5\x2f\xfd": "a file compressed by zstd: unpack it first, with `unzstd`",
    r"7z\xbc\xaf\x27\x1c": "a 7z archive: unpack it first, and give the folder",
    r"Rar!\x1a\x07": "a RAR archive: unpack it first, and give the folder",
    r"\x93NUMPY": "a single array of numpy: write it into an npz with np.savez(FILE, images=array)",
    r"\x89HDF\r\n\x1a\n": "an HDF5 file",
    r"PK[\x01-\x08]": "a zip or npz",
    r".{257}ustar": "a tar",
    r"\x89PNG\r\n\x1a\n": "a PNG",
    r"\xff\xd8\xff": "a JPEG",
    r"RIFF....WEBP": "a WebP",
    r"GIF8[79]a": "a GIF",
    r"(II[*+]\0|MM\0[*+])": "a TIFF",
    r"....ftyp(hei[cmsx]|hev[cx]|mif1|msf1)": "a HEIC picture, which is not read: convert it to PNG or JPEG",
    r"....ftypavi[fs]": "an AVIF picture, which is not read: convert it to PNG or JPEG",
    r"....ftyp|\x1aE\xdf\xa3": "a video",
    r"(\xff\x0a|\0\0\0\x0cJXL )": "a JPEG XL picture, which is not read: convert it to PNG or JPEG",
    r"(\xff\x4f\xff\x51|\0\0\0\x0cjP  )": "a JPEG 2000 picture, which is not read: convert it to PNG or JPEG",
    r"8BPS": "a Photoshop file, which is not read: convert it to PNG or JPEG",
    r"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?(<!DOCTYPE svg[^>]*>\s*)?<svg": "an SVG drawing: convert it to PNG",
    r"%PDF": "a PDF",
    r"\x80[\x02-\x05]": "a pickle, which is never opened",
}
"""How files of a kind begin, as regular expressions over bytes, and what to call them."""

_ADDRESS = re.compile(r"<[^<>]* at 0x[0-9a-f]+>|<_io\.[^<>]*>")


def kind(start: bytes) -> str | None:
    """What a file is, with what to do about it, by its first bytes (512 are enough); None where they are of no known kind."""
    for pattern, name in _KINDS.items():
        if re.match(pattern.encode("latin-1"), start, re.DOTALL):
            return name
    return None if start else "an empty file"


@contextmanager
def refusing(where: Path | str, expected: str) -> Iterator[None]:
    """Turn what the libraries raise on damaged content into one line; errors of the system, such as a missing file, pass.

    Raises:
        InputError: "`where`: expected `expected`, found: ...".
        OSError: the file is missing or cannot be read.
    """
    try:
        yield
    except DAMAGE as error:
        if isinstance(error, OSError) and error.errno not in (None, 0, errno.EISDIR, errno.EINVAL):
            raise
        found = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{where}: expected {expected}, found: {_ADDRESS.sub('the file', found)}") from error
