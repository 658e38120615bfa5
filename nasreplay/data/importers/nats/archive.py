"""An official NATS-Bench archive on disk: where it is, whose space it is, its files.

An archive is a folder `<name>-simple` with `meta.pickle.pbz2` and a file `NNNNNN.pickle.pbz2` per architecture, each
a pickle compressed with bz2; or one file `<name>.pickle.pbz2` (`nasreplay.data.importers.nats.onefile`).
"""

from __future__ import annotations

import bz2
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from nasreplay.data.importers.nats.template import loads_official
from nasreplay.errors import BadInput, WriteFailed
from nasreplay.spaces import Space
from nasreplay.spaces.registry import known_spaces

ENDING = ".pickle.pbz2"
LARGEST = 4 * 2**20  # bytes, unpacked, of one architecture; the official ones have 0.3 MB
_LARGEST_META = 16 * 2**20


class Piece(NamedTuple):
    """The pickle of one architecture of a one-file archive, compressed in a spool."""

    spool: Path
    """The file that holds it."""
    start: int
    """First byte in that file."""
    size: int
    """Compressed bytes."""
    check: int
    """crc32 of the compressed bytes."""
    name: str
    """Name in errors."""

    def __str__(self) -> str:
        return self.name

    def content(self) -> bytes:
        """The pickle; raises WriteFailed if the spool is damaged."""
        try:
            with self.spool.open("rb") as stream:
                stream.seek(self.start)
                packed = stream.read(self.size)
            if zlib.crc32(packed) == self.check:
                return zlib.decompress(packed)
        except OSError as problem:
            raise BadInput(f"{self.spool}: cannot be read: {problem.strerror}") from problem
        raise WriteFailed(f"{self.spool}: damaged; delete its folder and start again")


class Archive(NamedTuple):
    """An archive of a file per architecture."""

    path: Path
    """The folder, or the single file that was cut."""
    space: Space
    """The space of its architectures."""
    files: Mapping[int, Path | Piece]
    """Official index → file, of those that are there."""

    @property
    def name(self) -> str:
        """Name of the folder, as the official API knows it, or of the file without its ending."""
        return self.path.resolve().name.removesuffix(ENDING)

    @property
    def missing(self) -> list[int]:
        """Official indices of architectures without a file."""
        return [number for number in range(self.space.size) if number not in self.files]


def archived() -> list[Space]:
    """The spaces that have an official archive."""
    return [space for space in known_spaces() if space.archive]


def open_archive(path: str | Path) -> Archive:
    """The archive in a folder; raises BadInput."""
    folder = Path(path).expanduser()
    if folder.is_file():
        names = " or ".join(f"{space.archive}-simple" for space in archived())
        raise BadInput(f"{folder}: a file; name the folder {names}")
    meta = folder / f"meta{ENDING}"
    content = loads_official(content_of(meta, _LARGEST_META), str(meta))
    space = space_of(content.get("meta_archs") if isinstance(content, dict) else None, meta)
    held = {file.name.removesuffix(ENDING): file for file in folder.glob(f"*{ENDING}")}
    named = ((number, held.get(f"{number:06d}") or held.get(str(number))) for number in range(space.size))
    return Archive(folder, space, {number: file for number, file in named if file})


def content_of(file: Path | Piece, limit: int = LARGEST) -> bytes:
    """The bytes that a bz2 file holds; raises BadInput if it is damaged, truncated or holds more than `limit`."""
    if isinstance(file, Piece):
        return file.content()
    large = BadInput(f"{file}: holds more than {limit:,} bytes, too much for a file of an official archive")
    unpacker = bz2.BZ2Decompressor()
    try:
        if file.exists() and not file.is_file():  # a pipe or a device never ends
            raise OSError("no regular file")
        with file.open("rb") as stream:
            packed = stream.read(limit + 1)
        if len(packed) > limit:
            raise large
        content = unpacker.decompress(packed, limit + 1)
    except BadInput:
        raise
    except (OSError, ValueError) as problem:
        raise BadInput(
            f"{file}: cannot be read: {getattr(problem, 'strerror', None) or problem}"
        ) from problem
    if len(content) > limit:
        raise large
    if not unpacker.eof:
        raise BadInput(f"{file}: truncated: its end is missing; get it again")
    return content


def space_of(listed: Any, where: Path) -> Space:
    """The space that has these architectures in the official order; raises BadInput."""
    for space in archived():
        if listed == official_texts(space):
            return space
    names = " or the ".join(space.name for space in archived())
    raise BadInput(f"{where}: its meta_archs is not the list of architectures of the {names} space")


def official_texts(space: Space) -> list[str]:
    """The texts of all architectures in the official order."""
    texts = list(space.flat_by_text)
    return [texts[flat] for flat in space.official_to_flat.tolist()]
