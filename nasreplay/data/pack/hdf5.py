"""Reading HDF5 files that may be damaged: every failure becomes one line that says what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from nasreplay.errors import BadPack, NasReplayError

WAY_OUT = "get it from its source again, or delete it and build it again"


def text_of(value: Any) -> str:
    """The text of an attribute, however its string type is stored."""
    return value.decode() if isinstance(value, bytes) else str(value)


def put_text(owner: Any, name: str, text: str) -> None:
    """Give a file or group a text of fixed length: those of variable length live in a heap without checksum."""
    content = text.encode()
    dtype = h5py.string_dtype("utf-8", max(len(content), 1))
    owner.attrs.create(name, np.array(content, dtype), dtype=dtype)


@contextmanager
def reading(path: Path) -> Iterator[h5py.File]:
    """The file, opened for reading only; whatever HDF5 raises in the block becomes BadPack."""
    try:
        # files are replaced whole and never edited, and locks fail on some network file systems
        with h5py.File(path, "r", locking=False) as file:
            yield file
    except NasReplayError:
        raise
    except FileNotFoundError:
        raise BadPack(f"{path}: no such file; `nasreplay data list` shows the known tables") from None
    except (
        OSError,
        RuntimeError,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        MemoryError,
    ) as problem:
        raise BadPack(f"{path}: {_what_is_wrong(path, problem)}") from problem


def _what_is_wrong(path: Path, problem: Exception) -> str:
    if path.is_dir():
        return "a folder, not a pack; name the .h5 file"
    if isinstance(problem, PermissionError):
        return "may not be read; check its permissions"
    if "truncated file" in str(problem):
        return f"truncated: its end is missing; {WAY_OUT}"
    if "signature not found" in str(problem):
        return f"not an HDF5 file, so not a pack; {WAY_OUT}"
    return f"damaged ({str(problem).splitlines()[0] if str(problem) else type(problem).__name__}); {WAY_OUT}"
