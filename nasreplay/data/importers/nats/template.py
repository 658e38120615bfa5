"""Reading many pickles that are built alike: unpickle the first, lay its template over the others.

The official files differ from each other in the architecture that they name and in the numbers, and in nothing else.
So the first file of a kind is unpickled with a serial number in the place of every float, which tells where each
float belongs. A file that is the same outside its floats then needs no unpickling: its floats are gathered from
their places. What is not the same to the last byte makes a template of its own.

Nothing but the opcodes that official files use is let through, so that no pickle can ask for more memory than its
own size, and nothing but plain values and three harmless globals can be made.
"""

from __future__ import annotations

import pickletools
import struct
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from reprlib import repr as short
from typing import Any, NamedTuple, cast

import numpy as np

from nasreplay.data.importers.nats.records import Structure, trials_of
from nasreplay.errors import BadInput, UnsafePickle
from nasreplay.files.unpickle import loads_builtins

Opcodes = Iterator[tuple[pickletools.OpcodeInfo, Any, int]]

_KEPT = 32  # templates
_PLAIN = {
    *("PROTO", "FRAME", "STOP", "MARK", "MEMOIZE", "BINGET", "LONG_BINGET", "NONE", "NEWTRUE", "NEWFALSE"),
    *("SHORT_BINUNICODE", "BINUNICODE", "SHORT_BINBYTES", "BININT", "BININT1", "BININT2", "BINFLOAT"),
    *("EMPTY_DICT", "EMPTY_LIST", "EMPTY_SET", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"),
    *("SETITEM", "SETITEMS", "APPEND", "APPENDS", "ADDITEMS", "STACK_GLOBAL", "REDUCE", "BUILD"),
}
_INTEGERS = {ord("K"): 2, ord("M"): 3, ord("J"): 5}  # opcode → its bytes
_TUPLES = 1000  # in a file; official ones have 62. Hashing deep or branching tuples never ends


class _Number:
    """Stands for numpy.dtype('f8'), little-endian, as pickles rebuild it."""

    __slots__ = ("state",)

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _MakeNumber:
    """Stands for numpy.dtype; frozen, for a pickle may try to set attributes."""

    __slots__ = ()

    def __call__(self, *arguments: Any) -> _Number:
        if len(arguments) != 3 or arguments[0] != "f8":
            raise UnsafePickle(f"asks for numpy.dtype{short(arguments)}, and only 'f8' is allowed")
        return _Number()


class _MakeScalar:
    """Stands for numpy.core.multiarray.scalar: the float of 8 bytes."""

    __slots__ = ()

    def __call__(self, kind: Any, content: Any) -> float:
        state = getattr(kind, "state", None) if isinstance(kind, _Number) else None
        if not isinstance(state, tuple) or state[:2] != (3, "<"):
            raise UnsafePickle("asks for a numpy scalar that is no little-endian float64")
        return struct.unpack("<d", content)[0]


class _MakeDict:
    """Stands for collections.OrderedDict."""

    __slots__ = ()

    def __call__(self) -> dict[Any, Any]:
        return {}


ALLOWED = {
    ("collections", "OrderedDict"): _MakeDict(),
    ("numpy", "dtype"): _MakeNumber(),
    ("numpy.core.multiarray", "scalar"): _MakeScalar(),
    ("numpy._core.multiarray", "scalar"): _MakeScalar(),
}


class Record(NamedTuple):
    """One architecture."""

    number: int
    """Official index."""
    text: str
    """Official text."""
    structure: Structure
    """Structure of its file."""
    numbers: np.ndarray
    """Numbers of the file, float64 [n]."""


class Reader:
    """Reads pickles of architecture files, remembering the templates it has met."""

    def __init__(self) -> None:
        self._templates: OrderedDict[_PickleTemplate, None] = OrderedDict()

    def read(self, content: bytes, name: str) -> Record:
        """The record in a pickle; raises BadInput or UnsafePickle with the name of the file in front."""
        with named(name):
            body = _without_frames(content)
            for template in reversed(self._templates):
                if record := template.read(body):
                    self._templates.move_to_end(template)
                    return record
            template = _PickleTemplate(body, name)
            record = template.read(body)
            if record is None:
                raise BadInput("not an official architecture file: it does not say its architecture once")
        self._templates[template] = None
        if len(self._templates) > _KEPT:
            self._templates.popitem(last=False)
        return record


def loads_official(content: bytes, name: str) -> Any:
    """The object of a pickle that has only the opcodes and globals of official files; BadInput, UnsafePickle."""
    with named(name):
        _scan(content)
        return loads_builtins(content, name, allowed=ALLOWED)


@contextmanager
def named(name: object) -> Iterator[None]:
    """A context whose errors say which file they are about."""
    try:
        yield
    except BadInput as problem:
        if str(problem).startswith(str(name)):
            raise
        raise type(problem)(f"{name}: {problem}") from None


def _without_frames(content: bytes) -> bytes:
    """A pickle of protocol 4 without its FRAME opcodes, whose sizes vary; what is no such pickle, as it is."""
    parts, place = [content[:2]], 2
    while content[place : place + 1] == b"\x95":
        size = int.from_bytes(content[place + 1 : place + 9], "little")
        parts.append(content[place + 9 : place + 9 + size])
        place += 9 + size
    return b"".join([*parts, content[place:]])


class _PickleTemplate:
    """What files of one kind have in common."""

    def __init__(self, body: bytes, name: str):
        scan = _scan(body)
        numbered = bytearray(body)
        for serial, place in enumerate(scan.floats):
            struct.pack_into(">d", numbered, place, serial)
        for serial, place in enumerate(scan.scalars, start=len(scan.floats)):
            struct.pack_into("<d", numbered, place, serial)
        content = loads_builtins(bytes(numbered), name, allowed=ALLOWED)
        _, _, self._structure, serials = trials_of(content)
        last = len(scan.floats) + len(scan.scalars)  # the place of NaN
        self._take = np.nan_to_num(serials, nan=last).astype(np.int64)
        ends = [0, *(end for _, end in scan.named)]
        starts = [*(start for start, _ in scan.named), len(body)]
        self._gaps = [start - end for end, start in zip(ends, starts, strict=True)]
        self._floats, self._scalars = (self._moved(places, scan.named) for places in scan[:2])
        rest = np.frombuffer(b"".join(self._split(body)[0]), np.uint8)
        self._mask = np.full(len(rest), 0xFF, np.uint8)  # 0 where floats are
        for places in (self._floats, self._scalars):
            self._mask[places[:, None] + np.arange(8)] = 0
        self._rest = rest & self._mask

    @staticmethod
    def _moved(places: list[int], named: list[tuple[int, int]]) -> np.ndarray:
        """Places after what names the architecture has been cut out."""
        lengths = np.cumsum([0, *(end - start for start, end in named)])
        return np.array(places, np.int64) - lengths[np.searchsorted([start for start, _ in named], places)]

    def _split(self, body: bytes) -> tuple[list[bytes], set[int], set[str]]:
        """A file around what names the architecture, and the indices and texts that it had there."""
        parts, indices, texts, place = [], set(), set(), 0
        for gap in self._gaps[:-1]:
            parts.append(body[place : place + gap])
            place += gap
            size = _INTEGERS.get(body[place]) if place < len(body) else None
            if size:
                indices.add(int.from_bytes(body[place + 1 : place + size], "little"))
            else:
                size = 2 + int.from_bytes(body[place + 1 : place + 2], "little")
                texts.add(body[place + 2 : place + size].decode("utf-8", "replace"))
            place += size
        return [*parts, body[place:]], indices, texts

    def read(self, body: bytes) -> Record | None:
        """The record of a file of this kind; None for a file of another kind."""
        parts, indices, texts = self._split(body)
        if [*map(len, parts)] != self._gaps or len(indices) != 1 or len(texts) != 1:
            return None
        content = b"".join(parts)
        if not np.array_equal(np.frombuffer(content, np.uint8) & self._mask, self._rest):
            return None
        floats, scalars = (  # every 8 bytes are read as a number, wherever they begin
            np.ndarray((len(content) - 7,), dtype, content, strides=(1,))[places]
            for dtype, places in ((">f8", self._floats), ("<f8", self._scalars))
        )
        numbers = np.concatenate([floats, scalars, [np.nan]])
        return Record(indices.pop(), texts.pop(), self._structure, numbers[self._take])


class _Scan(NamedTuple):
    """Places of the bytes of floats (big-endian) and scalars (little-endian), of the opcodes that name the cell."""

    floats: list[int]
    scalars: list[int]
    named: list[tuple[int, int]]  # start, end


def _scan(body: bytes) -> _Scan:
    """Look at every opcode; raises UnsafePickle for what official files do not have."""
    floats, scalars = [], []
    indices: list[tuple[int, int]] = []
    texts: list[tuple[str, int, int]] = []
    memo: dict[int, str] = {}  # of what matters later: these two keys, and tuples
    tuples = memoized = 0
    before, name = "", None
    try:
        for opcode, value, place in cast("Opcodes", pickletools.genops(body)):
            kind = opcode.name
            if kind not in _PLAIN:
                raise UnsafePickle(f"the pickle has the opcode {kind}, which official files do not have")
            if kind == "PROTO" and place:
                raise UnsafePickle("the pickle begins a second time")
            if kind in ("PROTO", "FRAME"):
                continue
            if kind == "MEMOIZE":
                memo[memoized] = before
                memoized += 1
                continue
            if kind == "BINFLOAT":
                floats.append(place + 1)
            elif kind == "SHORT_BINBYTES" and len(value) == 8:
                scalars.append(place + 2)
            elif kind == "SHORT_BINUNICODE":
                texts.append((value, place, place + 2 + len(value.encode())))
                name = value if before == "arch_str" and name is None else name
            elif ord(opcode.code) in _INTEGERS and before == "arch_index":
                indices.append((place, place + _INTEGERS[ord(opcode.code)]))
            tuples += kind.startswith("TUPLE")
            before = _remembered(kind, value, memo)
            if tuples > _TUPLES or (before == "TUPLE" and kind.endswith("BINGET")):
                raise UnsafePickle("the pickle has more or other tuples than official files do")
    except BadInput:
        raise
    except (ValueError, IndexError) as problem:
        raise BadInput(f"not a whole pickle ({' '.join(str(problem).split())})") from None
    return _Scan(
        floats, scalars, sorted([*indices, *((start, end) for text, start, end in texts if text == name)])
    )


def _remembered(kind: str, value: Any, memo: dict[int, str]) -> str:
    """What the opcode leaves on the stack, as far as it matters to what follows."""
    if kind == "SHORT_BINUNICODE":
        return value
    if kind.endswith("BINGET"):
        return memo.get(value, "")
    return "TUPLE" if kind.startswith("TUPLE") else ""
