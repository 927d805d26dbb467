"""Your own data: pictures in a folder, a zip or a tar, or arrays in an npz."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from tcwae.config.run import KNOWN_DATASETS
from tcwae.data import arrays, pictures
from tcwae.data.archives import sha256
from tcwae.data.prepared import Blocks, Images, Prepared
from tcwae.errors import InputError

__all__ = ["CROPS", "read_images", "read_npz"]

CROPS = ("square", "squash")
"""The largest square at the centre of each picture, or all of it, whatever its sides."""

_SUFFIXES = {
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
}
_NAMED = 8  # kinds of files that are skipped, by their numbers
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def read_images(
    archive: Path | str, crop: str = "square", name: str | None = None, processes: int | None = None
) -> Prepared:
    """Every picture of a folder, a zip or a tar, in the order of their names; `tcwae.data.decoding` says how they are read.

    The set is grey when all pictures are, else colour. `name` is by default made of the archive's. The provenance says what
    was skipped, by kind and number.

    Raises:
        InputError: there are none, one does not decode, or all are of one colour; some only as the images come.
        OSError: one cannot be read.
    """
    name = _name(name, archive)
    members, skipped = _sorted_out(pictures.members(archive))
    if not members:
        kinds = ", ".join(sorted(_SUFFIXES))
        raise InputError(f"{archive}: expected pictures called {kinds}, found {_listed(skipped) or 'none'}")
    headers = pictures.headers(members, "headers", processes)
    reduction = pictures.Reduction("L" if all(header.grey for header in headers) else "RGB", None, crop)
    origin = _origin(Path(archive)) | {"crop": crop, "resize": "Lanczos"} | _account(headers)
    if skipped:
        origin["skipped"] = _listed(skipped)
    blocks = pictures.reduced(members, reduction, "pictures", processes)
    images = Blocks(blocks.shape, _not_blank(archive, blocks))
    return Prepared(
        name=name, source="real", images=images, factors=None, factor_names=(), factor_sizes=(),
        latent_factor_indices=(), provenance=origin,
    )  # fmt: skip


def _sorted_out(members: Sequence[pictures.Member]) -> tuple[list[pictures.Member], dict[str, list[str]]]:
    """The pictures, and the names of the other files by kind."""
    kept, skipped = [], {}
    for member in members:
        suffix = PurePosixPath(member.name).suffix.lower()
        if pictures.hidden(member.name):
            skipped.setdefault("hidden", []).append(member.name)
        elif suffix in _SUFFIXES:
            kept.append(member)
        else:
            skipped.setdefault(suffix or "without a suffix", []).append(member.name)
    return kept, skipped


def _listed(skipped: dict[str, list[str]]) -> str:
    """The numbers of files by kind, the largest first, each with its first file."""
    kinds = sorted(skipped.items(), key=lambda kind: -len(kind[1]))
    parts = [
        f"{len(names):,} {_shown(kind)} ({_shown(names[0])}{', ...' if len(names) > 1 else ''})"
        for kind, names in kinds
    ]
    rest = sum(len(names) for _, names in kinds[_NAMED:])
    return ", ".join(parts[:_NAMED] + ([f"{rest:,} of other kinds"] if rest else []))


def _shown(name: str) -> str:
    """A file's name as text, whatever its bytes, and not too long for a line."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    return text if len(text) <= 60 else f"{text[:28]}...{text[-28:]}"


def _account(headers: Sequence[pictures.PictureHeader]) -> dict[str, str]:
    """The sizes of the pictures, and how many were changed on the way."""
    sizes = sorted({header.size for header in headers}, key=lambda size: (size[0] * size[1], size))
    ends = [f"{width} x {height}" for width, height in dict.fromkeys((sizes[0], sizes[-1]))]
    counts = {
        "transparent, put on white": sum(header.transparent for header in headers),
        "turned upright as EXIF says": sum(header.turned for header in headers),
        "of several frames, the first taken": sum(header.frames > 1 for header in headers),
        "grey among colour": sum(header.grey for header in headers) % len(headers),
    }
    changes = ", ".join(f"{count:,} {change}" for change, count in counts.items() if count)
    return {"pictures": " to ".join(ends)} | ({"changed": changes} if changes else {})


def read_npz(archive: Path | str, name: str | None = None) -> Prepared:
    """The arrays of an npz; `tcwae.data.arrays` says which they are.

    Raises:
        InputError: not such a file, a damaged one, or images all of one colour; some only as the images come.
        OSError: it is missing or cannot be read.
    """
    name = _name(name, archive)
    images, table, notes = arrays.read(archive)
    return Prepared(
        name=name,
        source="real",
        images=Blocks(images.shape, _not_blank(archive, images)),
        factors=table.classes,
        factor_names=table.names,
        factor_sizes=table.sizes,
        latent_factor_indices=table.scored,
        provenance=_origin(Path(archive)) | notes,
    )


def _name(given: str | None, archive: Path | str) -> str:
    """What the set is called: as given, or the archive's name in small letters, digits and _.

    Raises:
        InputError: it is no name that a study can use, or a published set's, with whose numbers it would be compared.
    """
    derived = re.sub(r"[^a-z0-9]+", "_", Path(archive).stem.lower()).strip("_")
    name = given if given is not None else derived if _NAME.fullmatch(derived) else f"images_{derived}".strip("_")
    if not _NAME.fullmatch(name):
        raise InputError(f"--name: expected a small letter, then small letters, digits and _, found {name!r}")
    if name in KNOWN_DATASETS:
        raise InputError(
            f"{archive}: expected a name of your own, found {name!r}, with whose published numbers the report would "
            "compare: give another with --name"
        )
    return name


def _origin(archive: Path) -> dict[str, str]:
    """The archive's name and, where it is one file, its checksum."""
    checksum = {"archive_sha256": sha256(archive)} if archive.is_file() else {}
    return {"archive": _shown(archive.resolve().name)} | checksum


def _not_blank(archive: Path | str, blocks: Iterable[Images]) -> Iterator[Images]:
    """The blocks as they are, refused at their end where they hold nothing to learn from."""
    low, high = 255, 0
    for block in blocks:
        low, high = min(low, int(block.min())), max(high, int(block.max()))
        yield block
    if high == low:
        raise InputError(f"{archive}: expected images, found that every pixel of all of them is {low} of 255")
    if high <= 1:
        raise InputError(
            f"{archive}: expected values from 0 to 255, found none above 1, which is black to the eye: multiply them by 255"
        )
