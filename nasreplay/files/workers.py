"""Worker processes: how many, what they do and know, and what fits into the machine's memory."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from threading import Thread
from types import ModuleType, TracebackType
from typing import Any, TypeVar

from nasreplay import signals
from nasreplay.errors import BadSetting, NasReplayError

Done = TypeVar("Done")

INHERITED = {  # workers share the cores; memory that the C library keeps is not faulted in anew at every step
    **dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1"),
    "MALLOC_MMAP_THRESHOLD_": "32000000",
    "MALLOC_TRIM_THRESHOLD_": "128000000",
}


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


class Workers:
    """Processes that work beside this one: a context, at whose end they are gone.

    They start as work comes, do not run the main script, leave Ctrl-C and SIGTERM to this process, and end with it.
    way_out: what to do when one died. Then, and after any exception in the context, they are killed, so what they
    write must be whole or not there.
    """

    def __init__(self, jobs: int, way_out: str = ""):
        self.jobs, self.way_out = jobs, way_out
        self._pool = ProcessPoolExecutor(jobs, get_context("spawn"), start_worker) if jobs > 1 else None

    def each(self, function: Callable[..., Done], *columns: Iterable[Any]) -> Iterator[tuple[Any, Done]]:
        """Begin now with a task for each row of the columns, as `map`; yield (row, what it gave) when one is done.

        With one job they are done here, each when it is asked for.
        """
        rows = zip(*columns, strict=True)
        if self._pool is None:
            return ((row, function(*row)) for row in rows)
        # an interrupt would leave a worker half started
        with _inherited(), signals.held_back(), without_main():
            running = {self._pool.submit(function, *row): row for row in rows}
        return ((running[future], future.result()) for future in as_completed(running))

    @property
    def started(self) -> bool:
        """Whether there are processes, which take half a second to start."""
        return self._pool is not None and bool(self._pool._processes)

    def kill(self) -> None:
        """End them at once; what is asked of them from now on is done here."""
        if self._pool:
            for process in list((self._pool._processes or {}).values()):
                process.kill()
            self._pool.shutdown(cancel_futures=True)
        self.jobs, self._pool = 1, None

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if problem is None and self._pool:
            self._pool.shutdown()
        self.kill()
        if isinstance(problem, BrokenExecutor):
            died = "a worker process died (out of memory?); what is finished is kept"
            raise NasReplayError(f"{died}: {self.way_out}") from None


HERE = Workers(1)
"""No workers: everything is done in this process."""


@contextmanager
def _inherited() -> Iterator[None]:
    """A context whose new processes have one thread for matrix products and keep their memory."""
    before = {name: os.environ.get(name) for name in INHERITED}
    os.environ.update(INHERITED)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


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
