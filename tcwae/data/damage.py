"""What a damaged archive makes the libraries raise, as one line."""

import errno
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tarfile import TarError

from PIL import Image

from tcwae.errors import InputError

__all__ = ["refusing"]

_DAMAGE = (
    ValueError,
    LookupError,
    EOFError,
    OSError,
    RuntimeError,
    SyntaxError,  # Pillow's word for a broken PNG
    struct.error,
    zlib.error,
    TarError,
    zipfile.BadZipFile,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


@contextmanager
def refusing(where: Path | str, expected: str) -> Iterator[None]:
    """Turn what the libraries raise on damaged content into one line; what the system says of a file passes.

    Raises:
        InputError: "`where`: expected `expected`, found: ...".
        OSError: the file is missing or cannot be read.
    """
    try:
        yield
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno not in (None, 0, errno.EISDIR, errno.EINVAL):
            raise
        found = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{where}: expected {expected}, found: {found}") from error
