"""A folder or file that one process at a time may use; the lock of a killed process is gone with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from nasreplay.errors import BadOutput


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Inside, no other process may do the same to this folder; raises BadOutput if one already does.

    The folder is made if need be, and may be removed inside.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise BadOutput(f"{folder}: cannot be made: {problem.strerror}; choose another --out") from None
    busy = f"{folder}: another process is writing here; wait for its end, or choose another place"
    with locked(folder / ".lock", busy):
        yield


@contextmanager
def locked(file: Path, busy: str) -> Iterator[None]:
    """Inside, this process holds the lock `file`; raises BadOutput with the text `busy` if another one does."""
    lock = FileLock(file, blocking=False)
    try:
        lock.acquire()
    except Timeout:
        raise BadOutput(busy) from None
    except OSError as problem:
        raise BadOutput(f"{file}: cannot be made: {problem.strerror}; choose another --out") from None
    try:
        if not file.exists():  # the one before has removed its folder
            raise BadOutput(busy)
        yield
    finally:
        lock.release()
