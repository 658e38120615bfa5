"""Texts of variable length in an HDF5 file of an old release, found in its bytes without the HDF5 library.

Such a text lies in a global heap, and its attribute says where and how long it is. The library allocates what the
attribute claims and copies what the heap claims before it compares the two; so both are followed here, as the HDF5
file format specification (version 3, III.E and IV.A.1.a) has them for files without checksums.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Any

MOST_STEPS = 200_000  # messages and heap objects that are passed in a file
_CONTINUED, _ATTRIBUTE = 0x10, 0x0C


class Heaps:
    """The attributes of an open file, whose addresses count from `base`. Methods raise ValueError."""

    def __init__(self, path: Path, base: int):
        with path.open("rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._base, self._steps = base, 0

    def text(self, header: int, name: bytes, longest: int) -> bytes:
        """The text of an attribute, of at most so many bytes; header: address of the object that it belongs to."""
        version, size = self._unpack("<B7xI", header)
        blocks = [(header + 16, size)]
        for start, size in blocks if version == 1 else ():
            at = start
            while at + 8 <= start + size:
                kind, length = self._unpack("<HH4x", at)
                if kind == _CONTINUED:
                    blocks.append(self._unpack("<QQ", at + 8))
                elif kind == _ATTRIBUTE:
                    version, *sizes = self._unpack("<BxHHH", at + 8)
                    value = at + 16 + sum(-(-each // 8) * 8 for each in sizes)
                    if version == 1 and self._cut(at + 16, sizes[0]).rstrip(b"\0") == name:
                        return self._heap_object(*self._unpack("<IQI", value), longest=longest)
                at += 8 + length
        raise ValueError(f"attribute {name.decode()} is stored in a way that nasreplay does not write")

    def _heap_object(self, length: int, heap: int, number: int, *, longest: int) -> bytes:
        mark, size = self._unpack("<4s4xQ", heap)
        at = heap + 16
        while mark == b"GCOL" and at + 16 <= heap + size:
            found, held = self._unpack("<H6xQ", at)
            if found == number and held == length <= longest:
                return self._cut(at + 16, length)
            if found in (0, number):
                break
            at += 16 + -(-held // 8) * 8
        raise ValueError("a text is not where its attribute says, or has another length")

    def _unpack(self, form: str, at: int) -> tuple[Any, ...]:
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise ValueError(f"its texts take over {MOST_STEPS:,} steps to find")
        return struct.unpack(form, self._cut(at, struct.calcsize(form)))

    def _cut(self, at: int, size: int) -> bytes:
        if self._base + at + size > len(self._bytes):
            raise ValueError("a text lies beyond the end of the file")
        return self._bytes[self._base + at : self._base + at + size]
