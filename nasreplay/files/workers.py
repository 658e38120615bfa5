"""Worker processes: how many, and what each does when it starts."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import parent_process
from threading import Thread
from types import ModuleType

from nasreplay import signals


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def without_main() -> Iterator[None]:
    """A context whose new processes do not run the main script again: one without a `__main__` guard works, too."""
    main, empty = sys.modules["__main__"], ModuleType("__main__")
    empty.__spec__ = None
    sys.modules["__main__"] = empty
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def known_to_workers(kind: type) -> bool:
    """Whether a process that started `without_main` can import a class: one of a script or notebook it cannot."""
    module, outermost = kind.__module__, kind.__qualname__.partition(".")[0]
    if module == "__main__" or "<locals>" in kind.__qualname__:
        return False
    loaded = sys.modules.get(module)
    return hasattr(loaded, outermost) and getattr(loaded, "__spec__", None) is not None


def start_worker() -> None:
    """Leave Ctrl-C and SIGTERM to the parent, and end when the parent ends."""
    signals.ignore()  # they reach the whole group; the parent decides
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End the worker when its parent is gone: it would wait for ever."""
    parent = parent_process()
    if parent:
        parent.join()
        os._exit(1)
