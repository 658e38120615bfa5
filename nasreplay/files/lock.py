"""A folder or file that one process at a time may use; the lock of a killed process is gone with it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from nasreplay.errors import BadOutput


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """A context in which no other process may lock this folder; raises BadOutput if one already has.

    The folder is made if need be, and may be removed inside.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / ".lock").open("a")
    except OSError as problem:
        raise BadOutput(f"{folder}: cannot be made: {problem.strerror}; choose another --out") from None
    with handle:
        if not (lock(handle) and _is_still(handle, folder / ".lock")):
            raise BadOutput(
                f"{folder}: another process is writing here; wait for its end, or choose another place"
            )
        yield


def lock(handle: IO[bytes] | IO[str]) -> bool:
    """Whether this process alone has the open file until it is closed; where there are no locks, always."""
    with suppress(ImportError):  # Windows has none
        import fcntl

        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True  # a file system without locks
    return True


def _is_still(handle: IO[str], path: Path) -> bool:
    """Whether the file is where it was opened: its folder may have been removed by the one before."""
    try:
        there = path.stat()
    except OSError:
        return False
    return os.path.samestat(there, os.fstat(handle.fileno()))
