"""Cutting the pickle of a whole benchmark into one small pickle per architecture, as it streams by.

The pickle is a dict `{meta_archs: […], …, arch2infos: {index: architecture, …}, …}` whose parts refer to each other
by numbers that count the objects since its first byte. Nothing is unpickled here: opcodes are bytes that are moved.
Every object is known by the opcodes that make it, without references; wherever the pickle refers to an object these
are put, so that each architecture becomes a pickle of its own, made of the opcodes of official files alone. A part
that is larger or more entangled than official ones is refused, so that time and memory are bounded.

Of architectures that are over, the texts, globals and small tuples and lists are remembered, for later ones may refer
to them: as their places in a list of all different ones, four bytes each, compressed by a quarter of an architecture.
"""

from __future__ import annotations

import pickletools
import re
import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache
from itertools import chain

import numpy as np

from nasreplay.data.official import LARGEST
from nasreplay.data.stencil import ALLOWED
from nasreplay.errors import BadInput, UnsafePickle

LARGEST_REST = 16 * 2**20  # of all that stands before, and after the architectures
_MOST_WORK = 16  # times that is moved; every level of nesting moves what is in it
_MOST_OPEN = 100_000  # objects
_SMALL = 512  # bytes of an object that is remembered
_MOST_REMEMBERED = 64 * 2**20  # bytes of different objects
_MOST_PLACES = 256 * 2**20  # bytes

_INERT = {("builtins", "set"), ("__builtin__", "set"), ("_codecs", "encode")}  # of protocols 2 and 3


def _sized(bytes_of_length: int) -> bytes:
    """Texts of up to 255 bytes behind their length."""
    sizes = ((size, size.to_bytes(bytes_of_length, "little")) for size in range(256))
    return b"|".join(re.escape(length) + b".{%d}" % size for size, length in sizes)


_SHORT = rb"\x8c(?:" + _sized(1) + rb")"
_PUT = rb"(?:\x94|q.|r.{4})?"
_WHOLE = (
    rb"G.{8}"
    rb"|"
    + _SHORT
    + _PUT
    + rb"|\((?:K.G.{8}){1,1000}u|\((?:"
    + _SHORT
    + rb"\x94G.{8}){1,1000}u"  # whole curves
    rb"|[N\x88\x89}\])(\x8f\x85\x86\x87tuseaRb.\x90\x93\x94]|K.|M..|J.{4}|h.|j.{4}|q.|r.{4}|C\x08.{8}|\x80.|\x95.{8}"
    rb"|X(?:" + _sized(4) + rb")" + _PUT + rb"|c[^\n]{1,99}\n[^\n]{1,99}\n"
)
_is_whole = re.compile(_WHOLE, re.DOTALL).fullmatch
_tokens = re.compile(_WHOLE + rb"|.+", re.DOTALL).findall  # the last one may be what is not whole yet
_points = re.compile(rb"(" + _SHORT + rb")\x94(G.{8})", re.DOTALL).findall  # of a curve: key, number
_LONGEST = 512  # bytes of a token, but for a curve
_KNOWN = frozenset(b"G\x8c(N\x88\x89}])\x8f\x85\x86\x87tuseaRb.\x90\x93\x94KMJhjqrC\x80\x95Xc")
_FLOAT, _TEXT = b"G\x8c"
_TUPLES = {0x85: 1, 0x86: 2, 0x87: 3}


class _Made:
    """An object that is still being made; then `whole` is the opcodes that make it.

    plain: is small and has no floats, and nothing can be put into it later.
    """

    __slots__ = ("parts", "plain", "whole")

    def __init__(self, parts: list[bytes], plain: bool = True):
        self.parts, self.plain = parts, plain
        self.whole: bytes | None = None


_Object = bytes | _Made


class Cutter:
    """Takes a pickle bit by bit; gives the architectures that are complete, and what stands before them.

    `head` is the pickle of what `meta_archs` is, None until `arch2infos` begins; `ended`: the pickle is whole.
    """

    def __init__(self) -> None:
        self.head: bytes | None = None
        self.ended = False
        self._rest = b""
        self._begun = False
        self._stack: list[_Object | None] = []  # None is a mark
        self._infos: int | None = None  # place of arch2infos on the stack
        self._key: int | None = None  # and of the index of the architecture that is being read
        self._memo = _Memo()
        self._read = self._work = 0  # bytes, since the last architecture
        self._done: list[tuple[int, bytes]] = []
        self._steps = {
            **dict.fromkeys(b"N\x88\x89)", self._stack.append),
            **dict.fromkeys(b"KMJ", self._integer),
            **dict.fromkeys(b"}]\x8f", self._empty),
            **dict.fromkeys(b"us", self._pairs),
            **dict.fromkeys(b"ae\x90b", self._fill),
            **dict.fromkeys(b"\x85\x86\x87t", self._tuple),
            **dict.fromkeys(b"hj", self._get),
            **dict.fromkeys(b"\x94qr", self._put),
            **dict.fromkeys(b"c\x93", self._global),
            **dict.fromkeys(b"\x80\x95", self._start),
            ord("("): self._mark,
            ord("C"): lambda token: self._finished(token, False),
            ord("X"): self._long_text,
            ord("R"): self._reduce,
            ord("."): self._end,
        }

    def feed(self, content: bytes) -> list[tuple[int, bytes]]:
        """The next bytes; returns (index, pickle) of the architectures that they complete.

        Raises BadInput, or UnsafePickle for what official archives do not have.
        """
        tokens = _tokens(self._rest + content) if not self.ended else []
        self._rest = tokens.pop() if tokens and not _is_whole(tokens[-1]) else b""
        self._read += len(content)
        try:
            self._take(tokens)
            self._check()
        except (IndexError, ValueError, struct.error) as problem:
            if isinstance(problem, BadInput):
                raise
            raise BadInput("not a whole pickle: something is taken that is not there") from None
        done, self._done = self._done, []
        return done

    def _check(self) -> None:
        """Raise BadInput or UnsafePickle for what cannot become an official archive any more."""
        code = self._rest[:1].decode("latin-1")
        kind = next((opcode.name for opcode in pickletools.opcodes if opcode.code == code), repr(code))
        if self._rest and self._rest[0] not in _KNOWN:
            raise UnsafePickle(f"the pickle has the opcode {kind}, which official files do not have")
        if len(self._rest) > _LONGEST:
            raise UnsafePickle(f"the pickle has a longer {kind} than official files do")
        limit = LARGEST_REST if self._key is None else LARGEST
        if self._read > 2 * limit or len(self._stack) > _MOST_OPEN:
            raise BadInput(f"more than {limit:,} bytes belong together, which official files do not have")

    def _take(self, tokens: list[bytes]) -> None:
        stack, steps, keep = self._stack, self._steps, self._memo.put
        for token in tokens:
            kind = token[0]
            if kind == _FLOAT:
                stack.append(token)
            elif kind == _TEXT:
                size = token[1] + 2
                stack.append(token[:size])
                if len(token) > size:
                    keep(token[:size], token[size:])
            else:
                steps[kind](token)

    # --- opcodes -----------------------------------------------------------------------------------

    def _start(self, token: bytes) -> None:
        if token[0] == 0x80 and (self._begun or not 2 <= token[1] <= 5):
            raise UnsafePickle("the pickle begins a second time, or is of no protocol from 2 to 5")
        self._begun = True

    def _mark(self, token: bytes) -> None:
        if len(token) == 1:
            self._stack.append(None)
            return
        if token[1] == _TEXT:
            points = _points(token, 1)
            self._memo.put_all(key for key, _ in points)
            token = b"(" + b"".join(chain.from_iterable(points)) + b"u"
        self._add(self._top(), token, False)

    def _long_text(self, token: bytes) -> None:
        size = token[1] + 5
        text = b"\x8c" + token[1:2] + token[5:size]
        self._stack.append(text)
        if len(token) > size:
            self._memo.put(text, token[size:])

    def _integer(self, token: bytes) -> None:
        if self._infos is not None:
            self._finish()
            begun = self._stack[-1] is None
            if self._key is None and len(self._stack) - begun == self._infos + 1:
                self._key = len(self._stack)
        self._stack.append(token)

    def _empty(self, token: bytes) -> None:
        if token == b"}" and self.head is None and self._stack and self._stack[-1] == _ARCH2INFOS:
            self.head = self._meta_archs()
            self._infos = len(self._stack)
            self._finish_part()
        self._stack.append(_Made([token], plain=token == b"]"))

    def _pairs(self, token: bytes) -> None:
        begun = self._stack[-1] is None
        if not self._finish() and len(self._stack) - begun - 1 != self._infos:
            self._fill(token)
        elif token == b"u" and self._stack.pop() is not None:
            raise ValueError

    def _fill(self, token: bytes) -> None:
        if token in (b"u", b"e", b"\x90"):
            content, plain = self._to_mark()
            self._add(self._top(), b"(" + content + token, plain)
        else:
            content, plain = self._taken(2 if token == b"s" else 1)
            self._add(self._top(), content + token, plain)

    def _tuple(self, token: bytes) -> None:
        content, plain = self._to_mark() if token == b"t" else self._taken(_TUPLES[token[0]])
        self._finished((b"(" if token == b"t" else b"") + content + token, plain)

    def _reduce(self, token: bytes) -> None:
        content, plain = self._taken(2)
        if content.startswith(_ENCODE):
            self._finished(_bytes_of(content[len(_ENCODE) :]), False)
        else:
            self._stack.append(_Made([content + token], plain))

    def _global(self, token: bytes) -> None:
        if token == b"\x93":
            parts = self._stack[-2:]
            del self._stack[-2:]
        else:
            parts = [b"\x8c" + bytes([len(name)]) + name for name in token[1:-1].split(b"\n")]
        if not all(type(part) is bytes and part[0] == _TEXT for part in parts):
            raise ValueError
        texts: list[bytes] = parts  # pyright: ignore[reportAssignmentType] - checked
        module, name = (text[2:].decode("utf-8", "replace") for text in texts)
        if (module, name) not in ALLOWED and (module, name) not in _INERT:
            raise UnsafePickle(
                f"the pickle asks for {module}.{name}, which is not allowed; nothing was executed. "
                "Get the file again from its publisher"
            )
        self._stack.append(b"".join([*texts, b"\x93"]))

    def _get(self, token: bytes) -> None:
        found = self._memo.get(int.from_bytes(token[1:], "little"))
        if isinstance(found, _Made) and found.whole is None:
            raise UnsafePickle("the pickle has an object that holds itself, which official files do not have")
        self._stack.append(found)

    def _put(self, token: bytes) -> None:
        top = self._stack[-1]
        if top is None:
            raise ValueError
        self._memo.put(top, token)

    def _end(self, token: bytes) -> None:
        if len(self._stack) != 1 or self.head is None:
            raise BadInput("no archive in one file: it is no dictionary with meta_archs and then arch2infos")
        self.ended = True

    # --- objects -----------------------------------------------------------------------------------

    def _top(self) -> _Made:
        """What is on top, to be filled."""
        top = self._stack[-1]
        if not isinstance(top, _Made) or top.whole is not None:
            raise UnsafePickle("the pickle changes an object later, which official files do not")
        return top

    def _add(self, made: _Made, content: bytes, plain: bool) -> None:
        made.parts.append(content)
        made.plain &= plain

    def _to_mark(self) -> tuple[bytes, bool]:
        stack = self._stack
        place = len(stack) - 1
        while stack[place] is not None:
            place -= 1
        if place < 0:
            raise ValueError
        content = self._joined(stack[place + 1 :])
        del stack[place:]
        return content

    def _taken(self, count: int) -> tuple[bytes, bool]:
        if len(self._stack) < count:
            raise ValueError
        content = self._joined(self._stack[-count:])
        del self._stack[-count:]
        return content

    def _joined(self, objects: list[_Object | None]) -> tuple[bytes, bool]:
        """The opcodes that make some objects, and whether these are plain."""
        parts = [each if type(each) is bytes else self._whole(each) for each in objects]
        plain = len(parts) <= _SMALL and all(
            each.plain if isinstance(each, _Made) else each is not None and each[0] != _FLOAT
            for each in objects
        )
        self._work += sum(map(len, parts))
        if self._work > _MOST_WORK * (LARGEST_REST if self._key is None else LARGEST):
            raise UnsafePickle("the pickle is larger or deeper nested than official files are")
        return b"".join(parts), plain

    def _whole(self, made: _Object | None) -> bytes:
        if not isinstance(made, _Made):
            raise ValueError
        if made.whole is None:
            made.whole = b"".join(made.parts)
            made.parts.clear()
            made.plain &= len(made.whole) <= _SMALL
        return made.whole

    def _finished(self, whole: bytes, plain: bool) -> None:
        made = _Made([whole], plain)
        self._whole(made)
        self._stack.append(made)

    # --- architectures -----------------------------------------------------------------------------

    def _finish(self) -> bool:
        """Whether an architecture is on top, complete; then it is taken off."""
        if self._key is None or len(self._stack) != self._key + 2:
            return False
        value, key = self._stack.pop(), self._stack.pop()
        if not isinstance(key, bytes):
            raise ValueError
        whole = value if type(value) is bytes else self._whole(value)
        if len(whole) > LARGEST:
            raise BadInput(f"an architecture has more than {LARGEST:,} bytes, more than official ones do")
        self._done.append((int.from_bytes(key[1:], "little"), b"\x80\x04" + whole + b"."))
        self._key = None
        self._finish_part()
        return True

    def _finish_part(self) -> None:
        self._memo.next_part()
        self._read = self._work = 0

    def _meta_archs(self) -> bytes:
        """The pickle of what `meta_archs` is."""
        place = self._stack.index(_META_ARCHS) if _META_ARCHS in self._stack else None
        if place is None:
            raise BadInput("no archive in one file: meta_archs does not stand before arch2infos")
        value = self._stack[place + 1]
        return b"\x80\x04" + (value if type(value) is bytes else self._whole(value)) + b"."


class _Memo:
    """What the pickle may refer to, by number: everything of this part, small plain objects of those before."""

    def __init__(self) -> None:
        self._near: list[_Object] = []
        self._starts: list[int] = [0]
        self._far: list[
            bytes
        ] = []  # for each part before, compressed: places in the list of different objects
        self._places: dict[bytes, int] = {b"": 0}  # 0: not remembered
        self._different = [b""]
        self._size = self._far_size = 0
        self._part = lru_cache(64)(self._read_part)

    def put(self, made: _Object, opcode: bytes) -> None:
        """Number an object; picklers count, also where they write the number."""
        if opcode != b"\x94" and int.from_bytes(opcode[1:], "little") != self._starts[-1] + len(self._near):
            raise UnsafePickle("the pickle numbers its objects otherwise than official files do")
        self._near.append(made)

    def put_all(self, texts: Iterable[bytes]) -> None:
        """Number some texts."""
        self._near.extend(texts)

    def get(self, number: int) -> _Object:
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
        wholes = [made if type(made) is bytes else _small(made) for made in self._near]
        for whole in set(wholes).difference(self._places):
            self._places[whole] = len(self._different)
            self._different.append(whole)
            self._size += len(whole)
        places = np.array([self._places[whole] for whole in wholes], "<u4")
        self._far.append(zlib.compress(places.tobytes(), 1))
        self._starts.append(self._starts[-1] + len(places))
        self._far_size += len(self._far[-1])
        self._near.clear()
        if self._size > _MOST_REMEMBERED or self._far_size > _MOST_PLACES:
            raise BadInput("its architectures have more different texts than official ones do")

    def _read_part(self, part: int) -> np.ndarray:
        return np.frombuffer(zlib.decompress(self._far[part]), "<u4")


def _small(made: _Object) -> bytes:
    return made.whole if isinstance(made, _Made) and made.whole and made.plain else b""


def _text(text: str) -> bytes:
    return b"\x8c" + bytes([len(text)]) + text.encode()


_META_ARCHS, _ARCH2INFOS = _text("meta_archs"), _text("arch2infos")
_ENCODE = _text("_codecs") + _text("encode") + b"\x93"


def _bytes_of(arguments: bytes) -> bytes:
    """The 8 bytes that protocol 2 writes as a text in Latin-1."""
    text, encoding = arguments[2 : 2 + arguments[1]], arguments[2 + arguments[1] :]
    content = text.decode().encode("latin-1")
    if arguments[0] != _TEXT or encoding != _text("latin1") + b"\x86" or len(content) != 8:
        raise UnsafePickle("the pickle encodes something else than the 8 bytes of a number")
    return b"C\x08" + content
