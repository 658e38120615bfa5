"""Worker processes: how many, what each does when it starts, and what fits into the machine's memory."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import parent_process
from threading import Thread
from types import ModuleType

from nasreplay import signals
from nasreplay.errors import BadSetting


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_memory(count: float, what: str, way_out: str) -> None:
    """Raise BadSetting where so many bytes are more than the machine has; `what` takes them."""
    if not hasattr(os, "sysconf"):  # not on Windows
        return
    held = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if not count <= held:
        sizes = f"{count / 1e9:,.3g} GB of memory, and this machine has {held / 1e9:,.0f}"
        raise BadSetting(f"{what} would take about {sizes}: {way_out}")


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
