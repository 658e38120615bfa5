"""Reading other people's pickles: only what an allow-list names can be made, nothing can be run."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nasreplay.errors import BadInput, NasReplayError, UnsafePickle

SIZE_LIMIT = 64 * 2**20  # bytes; the pickles we read have 2 MB

Allowed = Mapping[tuple[str, str], Any]


class _Unpickler(pickle.Unpickler):
    def __init__(self, content: bytes, name: str, allowed: Allowed, encoding: str):
        super().__init__(io.BytesIO(content), encoding=encoding)
        self.name, self.allowed = name, allowed

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        try:
            return self.allowed[module_name, global_name]
        except KeyError:
            asked = repr(f"{module_name}.{global_name}")[1:-1]  # on one line, whatever the names hold
            raise UnsafePickle(
                f"{self.name}: the pickle asks for {asked}, which is not allowed; "
                "nothing was executed. Get the file again from its publisher"
            ) from None


def loads_builtins(
    content: bytes, name: str, *, allowed: Allowed | None = None, encoding: str = "ASCII"
) -> Any:
    """The object of a pickle that holds dicts, lists, tuples, texts, numbers, bytes, booleans and None only.

    `allowed` maps further (module, name) pairs to what stands for them; every other global raises
    UnsafePickle. Anything malformed raises BadInput. `name` is what errors call the source, `encoding` that of
    texts which Python 2 wrote.
    """
    try:
        return _Unpickler(content, name, allowed or {}, encoding).load()
    except NasReplayError:
        raise
    except Exception as problem:  # a malformed pickle can raise almost anything
        reason = " ".join(str(problem).split())
        raise BadInput(f"{name}: not a whole pickle ({reason}); get the file again") from problem


def load_builtins(
    file: Path, *, allowed: Allowed | None = None, limit: int = SIZE_LIMIT, encoding: str = "ASCII"
) -> Any:
    """`loads_builtins` of a file of at most `limit` bytes; a larger one is refused before it is read."""
    try:
        with file.open("rb") as stream:
            content = stream.read(limit + 1)
    except OSError as problem:
        raise BadInput(f"{file}: cannot be read: {problem.strerror}") from problem
    if len(content) > limit:
        raise BadInput(f"{file}: larger than the limit of {limit:,} bytes for a pickle of this kind")
    return loads_builtins(content, str(file), allowed=allowed, encoding=encoding)
