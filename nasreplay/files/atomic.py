"""Files that are either whole or not there."""

from __future__ import annotations

import glob
import os
import platform
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nasreplay.errors import BadOutput


def write_whole(path: Path, content: bytes | memoryview) -> None:
    """Give `path` this content: see `replacing`."""
    with replacing(path) as temporary, temporary.open("xb") as stream:
        stream.write(content)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; the file that the block writes there takes the place of `path`.

    Several processes may do this at once: the last one wins, a reader never sees a part. A failure leaves
    nothing; what a killed process left is removed by the next one on the same machine. Raises BadOutput.
    """
    remove_stale(path)
    temporary = path.with_name(f".{path.name}.{_host()}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise BadOutput(f"{path}: cannot be written: {reason}; choose another place") from problem
    finally:
        with suppress(OSError):
            temporary.unlink()


def remove_stale(path: Path) -> None:
    """Remove the temporary files for `path` whose process on this machine no longer lives."""
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.{glob.escape(_host())}.*.tmp"):
        pid = leftover.name.split(".")[-3]
        if pid.isdigit() and not _lives(int(pid)):
            with suppress(OSError):
                leftover.unlink()


def _host() -> str:
    # on a shared file system a process number says nothing about another machine's processes
    return platform.node() or "localhost"


def _lives(pid: int) -> bool:
    if os.name == "nt":  # there, signal 0 would end the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
