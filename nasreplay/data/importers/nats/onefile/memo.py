"""What a pickle refers to while `onefile.splitter` cuts it into parts: objects, and their numbers.

Of parts that are over, texts, globals and small tuples and lists are remembered, for later ones may refer to them: as
their places in a list of all different ones, four bytes each and compressed (3 KB for an architecture).
"""

from __future__ import annotations

import zlib
from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from nasreplay.errors import BadInput, UnsafePickle

SMALL = 512  # bytes of an object that is remembered
_MOST_DIFFERENT = 64 * 2**20  # bytes of different objects
_MOST_PLACES = 256 * 2**20  # bytes


class UnfinishedObject:
    """An object in the making; `whole`: its opcodes when made; `plain`: small, without floats, not filled later."""

    __slots__ = ("parts", "plain", "whole")

    def __init__(self, parts: list[bytes], plain: bool = True):
        self.parts, self.plain = parts, plain
        self.whole: bytes | None = None


Object = bytes | UnfinishedObject


class Memo:
    """What the pickle may refer to, by number: everything of this part, small plain objects of those before."""

    def __init__(self) -> None:
        self._near: list[Object] = []
        self._starts: list[int] = [0]
        self._far: list[bytes] = []  # of each part before: places in the list of different objects
        self._places: dict[bytes, int] = {b"": 0}  # 0: not remembered
        self._different = [b""]
        self._size = self._far_size = 0
        self._part = lru_cache(64)(self._read_part)

    def __len__(self) -> int:
        """How many objects of this part have numbers."""
        return len(self._near)

    def put(self, made: Object, opcode: bytes) -> None:
        """Number an object; picklers count, also where they write the number."""
        if opcode != b"\x94" and int.from_bytes(opcode[1:], "little") != self._starts[-1] + len(self._near):
            raise UnsafePickle("the pickle numbers its objects otherwise than official files do")
        self._near.append(made)

    def put_all(self, texts: Iterable[bytes]) -> None:
        """Number some texts."""
        self._near.extend(texts)

    def get(self, number: int) -> Object:
        """The object of a number; raises UnsafePickle for one that is not remembered."""
        start = self._starts[-1]
        if number >= start:
            return self._near[number - start]
        part = bisect_right(self._starts, number) - 1
        place = int(self._part(part)[number - self._starts[part]])
        if not place:
            raise UnsafePickle(
                "the pickle shares more than texts, small tuples and lists between architectures, "
                "which official files do not; use the folder whose name ends in -simple"
            )
        return self._different[place]

    def next_part(self) -> None:
        """What was numbered so far belongs to something that is over."""
        wholes = [
            made if isinstance(made, bytes) else (made.plain and made.whole) or b"" for made in self._near
        ]
        for whole in set(wholes).difference(self._places):
            self._places[whole] = len(self._different)
            self._different.append(whole)
            self._size += len(whole)
        places = np.array([self._places[whole] for whole in wholes], "<u4")
        self._far.append(zlib.compress(places.tobytes(), 1))
        self._starts.append(self._starts[-1] + len(places))
        self._far_size += len(self._far[-1])
        self._near.clear()
        if self._size > _MOST_DIFFERENT or self._far_size > _MOST_PLACES:
            raise BadInput("its architectures have more different texts than official ones do")

    def _read_part(self, part: int) -> np.ndarray:
        return np.frombuffer(zlib.decompress(self._far[part]), "<u4")
