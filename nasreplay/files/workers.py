"""Worker processes: how many, and what each does when it starts."""

from __future__ import annotations

import os
import signal
from multiprocessing import parent_process
from threading import Thread


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def start_worker() -> None:
    """Leave Ctrl-C to the parent, and end when the parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it reaches the whole group; the parent decides
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End the worker when its parent is gone: it would wait for ever."""
    parent = parent_process()
    if parent:
        parent.join()
        os._exit(1)
