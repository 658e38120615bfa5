"""Texts from outside: the one way in which a text file is read, and in which its words are shown.

A file is read whole, never more of it than a limit; gzip is measured as it is unpacked. Pipes, devices and sockets
may never end, so they are refused before they are opened; standard input is called `-`.
"""

from __future__ import annotations

import codecs
import gzip
import os
import re
import stat
import sys
import unicodedata
import zlib
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from nasreplay.errors import BadInput, BadSetting

MB = 10**6
LIMIT = 64  # MB of a text file
LONGEST_LINE = 10**6  # characters
LONGEST_NAME, LONGEST_PATH = 200, 300  # characters of what is shown
RAISED = "NASREPLAY_TEXT_MB"
"""The environment variable that raises the limit of every text file, in MB."""

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_LONG_LINE = re.compile(f"[^\r\n]{{{LONGEST_LINE + 1}}}")


def read_text(path: str | Path, *, limit: int = LIMIT, error: type[BadInput] = BadInput) -> str:
    """The text of a file, or of standard input for `-`: UTF-8 or, by its byte order mark, UTF-16; `.gz` is unpacked.

    limit: MB. Raises `error` with the path for a file that cannot be read, is not a regular file, is larger than the
    limit, or holds no text or a line of over LONGEST_LINE characters.
    """
    content = read_bytes(path, limit=limit, error=error)
    encoding = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as problem:
        where = f"byte {problem.start:,} is not {problem.encoding.upper()}"
        raise error(f"{place(path)}: not a text ({where}); save it as UTF-8") from None
    if "\0" in text:
        raise error(f"{place(path)}: not a text (it holds zero bytes)")
    if found := _LONG_LINE.search(text):
        number = len(text[: found.start()].splitlines()) + 1
        raise error(f"{place(path)}, line {number:,}: longer than {LONGEST_LINE:,} characters")
    return text


def read_bytes(path: str | Path, *, limit: int = LIMIT, error: type[BadInput] = BadInput) -> bytes:
    """The content of a file as `read_text` takes it, unpacked, not yet decoded."""
    with ExitStack() as opened:
        try:
            if str(path) == "-":
                stream: BinaryIO = sys.stdin.buffer
            else:
                check_regular(path, error)
                stream = opened.enter_context(Path(path).open("rb"))
                if str(path).endswith(".gz"):
                    stream = opened.enter_context(gzip.open(stream))  # pyright: ignore
            return _bounded(stream, place(path), limit, error)
        except (gzip.BadGzipFile, EOFError, zlib.error) as problem:
            raise error(f"{place(path)}: not a whole gzip file ({problem}); get it again") from None
        except (OSError, ValueError) as problem:  # ValueError: a zero byte in the path
            if isinstance(problem, BadInput):
                raise
            reason = getattr(problem, "strerror", None) or problem
            raise error(f"{place(path)}: cannot be read: {reason}") from None


def check_regular(path: str | Path, error: type[BadInput] = BadInput) -> None:
    """Raise `error` for what is there and no regular file, without opening it; OSError where there is nothing."""
    about = os.stat(path)
    if stat.S_ISDIR(about.st_mode):
        raise error(f"{place(path)}: a folder, not a file")
    kernels = not about.st_size and os.path.realpath(path).startswith(
        ("/proc/", "/sys/")
    )  # reading may block
    if kernels or not stat.S_ISREG(about.st_mode):
        raise error(f"{place(path)}: a pipe, a device or a socket, not a file; give standard input as -")


def place(path: str | Path) -> str:
    """How errors call a file, on one line."""
    return "standard input" if str(path) == "-" else harmless(str(path), most=LONGEST_PATH)


def harmless(text: str, most: int = LONGEST_NAME) -> str:
    """A text of outside as it may be shown, in one line: characters that steer a terminal or turn the writing around
    become escapes such as \\x1b, any space becomes a plain one, and of over `most` characters the rest an ellipsis.
    """
    if len(text) > most:
        text = text[: most - 1] + "…"
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    if unicodedata.category(letter) == "Zs":
        return " "
    return letter.encode("unicode_escape").decode()


def _bounded(stream: BinaryIO, name: str, limit: int, error: type[BadInput]) -> bytes:
    limit = raised(limit, RAISED)
    parts, left = [], limit * MB + 1
    while left and (part := stream.read(min(left, MB))):
        parts.append(part)
        left -= len(part)
    if not left:
        raise error(f"{name}: more than {limit} MB of text; {RAISED}=N raises the limit")
    return b"".join(parts)


def raised(limit: int, variable: str) -> int:
    """A limit in MB, or what an environment variable raises it to. Raises BadSetting."""
    text = os.environ.get(variable, "0")
    if not (text.isascii() and text.isdecimal() and len(text) < 7):
        raise BadSetting(f"{variable}={harmless(text)!r}: must be a whole number of MB")
    return max(limit, int(text))
