"""The official archive as one file, `<name>.pickle.pbz2`: all architectures in one pickle, read once, front to back.

It has 5 GB when unpacked and more than 30 GB as objects. Here it is cut into the pickles of its architectures, in the
order in which they come; these wait compressed in a spool (1.7 GB) until the conversion, whose order is another, asks
for them. A spool that was finished is used again.
"""

from __future__ import annotations

import bz2
import json
import os
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from nasreplay.data.importers.nats import archive
from nasreplay.data.importers.nats.archive import (
    ENDING,
    Archive,
    Piece,
)
from nasreplay.data.importers.nats.onefile.splitter import PickleSplitter
from nasreplay.data.importers.nats.template import loads_official, named
from nasreplay.errors import BadInput, BadOutput
from nasreplay.files.atomic import write_whole
from nasreplay.spaces import Space

_CHUNK = 2**20  # bytes
_AVERAGE = 2**20  # bytes per architecture, at most; official ones have 0.3 MB
_VERSION = 1


@dataclass(frozen=True)
class OneFileArchive:
    """An archive in one file."""

    path: Path
    """The file."""
    space: Space
    """The space of its architectures."""

    @property
    def name(self) -> str:
        """Name of the file without its ending."""
        return self.path.resolve().name.removesuffix(ENDING)

    def unpacked(self, folder: Path, progress: Callable[[int, int], None] | None = None) -> Archive:
        """The architectures, cut into a spool in a folder; raises BadInput, UnsafePickle or BadOutput."""
        spool, index = folder / "architectures", folder / "architectures.json"
        facts = self.path.stat()
        key = [_VERSION, facts.st_size, facts.st_mtime_ns]
        if (kept := _kept(index, key)) is None:
            try:
                with spool.open("wb") as stream:
                    kept = _fill(self, stream, progress or (lambda *_: None))
                    stream.flush()
                    os.fsync(stream.fileno())
            except OSError as problem:
                raise BadOutput(
                    f"{spool}: cannot be written: {problem.strerror}; choose another --out"
                ) from problem
            write_whole(index, json.dumps({"key": key, "pieces": kept}).encode())
        pieces = {
            number: Piece(spool, start, size, check, f"{self.path}, architecture {number}")
            for number, start, size, check in kept
        }
        return Archive(self.path, self.space, pieces)


def open_one_file(path: Path) -> OneFileArchive:
    """The archive in a file, of which the beginning is read; raises BadInput or UnsafePickle."""
    splitter = PickleSplitter()
    with named(path):
        for content in _unpacked(path):
            splitter.feed(content)
            if splitter.head is not None:
                listed = loads_official(splitter.head, str(path))
                return OneFileArchive(path, archive.space_of(listed, path))
        raise BadInput(_TRUNCATED)


def _kept(index: Path, key: list[int]) -> list[list[int]] | None:
    """What a spool holds, if it is finished and of the same file: number, start, size and checksum of each."""
    try:
        found = json.loads(index.read_bytes())
        return found["pieces"] if found["key"] == key else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _fill(one: OneFileArchive, stream: IO[bytes], progress: Callable[[int, int], None]) -> list[list[int]]:
    size, read, splitter = one.space.size, 0, PickleSplitter()
    pieces: dict[int, list[int]] = {}
    with named(one.path):
        for content in _unpacked(one.path):
            for number, pickled in splitter.feed(content):
                if number in pieces or number >= size:
                    raise BadInput(f"architecture {number} is there twice, or is none of the {size:,}")
                packed = zlib.compress(pickled, 1)
                pieces[number] = [number, stream.tell(), len(packed), zlib.crc32(packed)]
                stream.write(packed)
            progress(len(pieces), size)
            read += len(content)
            if read > _AVERAGE * size:
                raise BadInput(f"holds more than {_AVERAGE * size:,} bytes, too much for an official archive")
            if splitter.ended:
                return list(pieces.values())
        raise BadInput(_TRUNCATED)


def _unpacked(path: Path) -> Iterator[bytes]:
    """What a bz2 file holds, a part at a time, the next one being unpacked meanwhile."""
    if not path.is_file():  # a pipe or a device never ends
        raise BadInput("no regular file")
    try:
        with bz2.open(path) as stream, ThreadPoolExecutor(1) as thread:
            following = thread.submit(stream.read, _CHUNK)
            while content := following.result():
                following = thread.submit(stream.read, _CHUNK)
                yield content
    except EOFError:
        raise BadInput(_TRUNCATED) from None
    except (OSError, ValueError) as problem:
        raise BadInput(f"cannot be read: {getattr(problem, 'strerror', None) or problem}") from problem


_TRUNCATED = "truncated: its end is missing; get it again"
