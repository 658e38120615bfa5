"""Cutting the pickle of a whole benchmark into one small pickle per architecture, as it streams by.

The pickle is a dict `{meta_archs: […], …, arch2infos: {index: architecture, …}, …}` whose parts refer to each other
by numbers that count the objects since its first byte. Nothing is unpickled here: opcodes are bytes that are moved.
Every object is known by the opcodes that make it, without references; wherever the pickle refers to an object these
are put, so that each architecture becomes a pickle of its own, made of the opcodes of official files alone. A part
that is larger or more entangled than official ones is refused, so that time and memory are bounded.
"""

from __future__ import annotations

from nasreplay.data.importers.nats.archive import LARGEST
from nasreplay.data.importers.nats.onefile.memo import SMALL, Memo, Object, UnfinishedObject
from nasreplay.data.importers.nats.onefile.tokens import FLOAT, TEXT, named_curve, text, tokens_of
from nasreplay.data.importers.nats.template import ALLOWED
from nasreplay.errors import BadInput, UnsafePickle

LARGEST_REST = 16 * 2**20  # of all that stands before, and after the architectures
_MOST_WORK = 16  # times that is moved; every level of nesting moves what is in it
_MOST = 100_000  # objects that belong together

_INERT = {("builtins", "set"), ("__builtin__", "set"), ("_codecs", "encode")}  # of protocols 2 and 3
_TUPLES = {0x85: 1, 0x86: 2, 0x87: 3}
_META_ARCHS, _ARCH2INFOS = text("meta_archs"), text("arch2infos")
_ENCODE = text("_codecs") + text("encode") + b"\x93"


class PickleSplitter:
    """Takes a pickle bit by bit; gives the architectures that are complete, and what stands before them.

    `head` is the pickle of what `meta_archs` is, None until `arch2infos` begins; `ended`: the pickle is whole.
    """

    def __init__(self) -> None:
        self.head: bytes | None = None
        self.ended = False
        self._rest = b""
        self._begun = False
        self._stack: list[Object | None] = []  # None is a mark
        self._infos: int | None = None  # place of arch2infos on the stack
        self._key: int | None = None  # and of the index of the architecture that is being read
        self._memo = Memo()
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
        """(index, pickle) of the architectures that the next bytes complete; raises BadInput or UnsafePickle."""
        if self.ended:
            return []
        tokens, self._rest = tokens_of(self._rest + content)
        self._read += len(content)
        try:
            self._take(tokens)
            self._check()
        except (IndexError, ValueError) as problem:
            if isinstance(problem, BadInput):
                raise
            raise BadInput("not a whole pickle: something is taken that is not there") from None
        done, self._done = self._done, []
        return done

    def _check(self) -> None:
        limit = LARGEST_REST if self._key is None else LARGEST
        if self._read > 2 * limit or max(len(self._stack), len(self._memo)) > _MOST:
            raise BadInput(f"more than {limit:,} bytes belong together, which official files do not have")

    def _take(self, tokens: list[bytes]) -> None:
        stack, steps, keep = self._stack, self._steps, self._memo.put
        for token in tokens:
            kind = token[0]
            if kind == FLOAT:
                stack.append(token)
            elif kind == TEXT:
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
        if token[1] == TEXT:
            texts, token = named_curve(token)
            self._memo.put_all(texts)
        self._add(self._top(), token, False)

    def _long_text(self, token: bytes) -> None:
        size = token[1] + 5
        short = text(token[5:size])
        self._stack.append(short)
        if len(token) > size:
            self._memo.put(short, token[size:])

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
        self._stack.append(UnfinishedObject([token], plain=token == b"]"))

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
            self._stack.append(UnfinishedObject([content + token], plain))

    def _global(self, token: bytes) -> None:
        if token == b"\x93":
            parts = self._stack[-2:]
            del self._stack[-2:]
        else:
            parts = [text(name) for name in token[1:-1].split(b"\n")]
        if not all(type(part) is bytes and part[0] == TEXT for part in parts):
            raise ValueError
        texts: list[bytes] = parts  # pyright: ignore[reportAssignmentType] - checked
        module, name = (each[2:].decode("utf-8", "replace") for each in texts)
        if (module, name) not in ALLOWED and (module, name) not in _INERT:
            asked = repr(f"{module}.{name}")[1:-1]  # on one line, whatever the names hold
            raise UnsafePickle(
                f"the pickle asks for {asked}, which is not allowed; nothing was executed. "
                "Get the file again from its publisher"
            )
        self._stack.append(b"".join([*texts, b"\x93"]))

    def _get(self, token: bytes) -> None:
        found = self._memo.get(int.from_bytes(token[1:], "little"))
        if isinstance(found, UnfinishedObject):
            self._whole(found)  # so that nothing is put into it any more: not itself either
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

    def _top(self) -> UnfinishedObject:
        """The object on top of the stack, to be filled."""
        top = self._stack[-1]
        if not isinstance(top, UnfinishedObject) or top.whole is not None:
            raise UnsafePickle("the pickle changes an object after it was used, which official files do not")
        return top

    def _add(self, made: UnfinishedObject, content: bytes, plain: bool) -> None:
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

    def _joined(self, objects: list[Object | None]) -> tuple[bytes, bool]:
        """The opcodes that make some objects, and whether these are plain."""
        parts = [each if type(each) is bytes else self._whole(each) for each in objects]
        plain = len(parts) <= SMALL and all(
            each.plain if isinstance(each, UnfinishedObject) else each is not None and each[0] != FLOAT
            for each in objects
        )
        self._work += sum(map(len, parts))
        if self._work > _MOST_WORK * (LARGEST_REST if self._key is None else LARGEST):
            raise UnsafePickle("the pickle is larger or deeper nested than official files are")
        return b"".join(parts), plain

    def _whole(self, made: Object | None) -> bytes:
        if not isinstance(made, UnfinishedObject):
            raise ValueError
        if made.whole is None:
            made.whole = b"".join(made.parts)
            made.parts.clear()
            made.plain &= len(made.whole) <= SMALL
        return made.whole

    def _finished(self, whole: bytes, plain: bool) -> None:
        made = UnfinishedObject([whole], plain)
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


def _bytes_of(arguments: bytes) -> bytes:
    """The 8 bytes that protocol 2 writes as a text in Latin-1."""
    content, encoding = arguments[2 : 2 + arguments[1]], arguments[2 + arguments[1] :]
    content = content.decode().encode("latin-1")
    if arguments[0] != TEXT or encoding != text("latin1") + b"\x86" or len(content) != 8:
        raise UnsafePickle("the pickle encodes something else than the 8 bytes of a number")
    return b"C\x08" + content
