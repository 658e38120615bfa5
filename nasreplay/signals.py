"""Ctrl-C and SIGTERM: a run ends between two steps, a command with the conventional status, an import at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

STOPS = (signal.SIGINT, signal.SIGTERM)

PATIENCE_S = 8.0
"""Seconds until a step that does not end is broken off; container runtimes kill after 10."""

_received = signal.SIGINT


def status() -> int:
    """The exit status of a command that a signal ended: 130 after Ctrl-C, 143 after SIGTERM."""
    return 128 + _received


def install() -> None:
    """Let Ctrl-C and SIGTERM raise KeyboardInterrupt, for a process of our own; a signal that is ignored stays so."""
    for number in STOPS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)
    sys.unraisablehook = _unraisable


def ignore() -> None:
    """Do nothing at either from here on: the work is done, or somebody else's."""
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)


def interrupt(number: int, frame: FrameType | None) -> None:
    """The handler of both.

    While a module is imported they end the process at once: an extension that is half loaded may swallow an
    exception, or turn it into another one.
    """
    _note(number)
    while frame:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            _leave()
        frame = frame.f_back
    raise KeyboardInterrupt


def _unraisable(problem: Any) -> None:
    """The end of the process by Ctrl-C even where Python ignores exceptions, as in a weak reference's callback."""
    if issubclass(problem.exc_type, KeyboardInterrupt):
        _leave()
    sys.__unraisablehook__(problem)


def _leave() -> NoReturn:
    if os.environ.get("RANK", "0") == "0":
        shown = "\r\x1b[2K\x1b[?25h" if sys.stderr.isatty() else ""  # a bar may have hidden the cursor
        os.write(2, f"{shown}nasreplay: interrupted\n".encode())
    os._exit(status())


def _note(number: int) -> None:
    global _received
    _received = number


@contextmanager
def held_back() -> Iterator[None]:
    """A context that ends before either is delivered; processes that start in it never hear of them."""
    mask = getattr(signal, "pthread_sigmask", None)  # not on Windows
    before = mask(signal.SIG_BLOCK, STOPS) if mask else None
    try:
        yield
    finally:
        if mask:
            mask(signal.SIG_SETMASK, before)


class StopSignals:
    """A context: the first Ctrl-C or SIGTERM only asks to stop between two steps; contexts inside it see that too.

    A second one, or a step that takes longer than PATIENCE_S, is broken off.
    """

    def __init__(self):
        self.asked = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is threading.main_thread():
            for number in STOPS:
                handler = signal.getsignal(number)
                around = getattr(handler, "__self__", None)
                self.asked |= isinstance(around, StopSignals) and around.asked
                if handler is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._ask)
        return self

    def _ask(self, number: int, frame: Any) -> None:
        _note(number)
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        if hasattr(signal, "setitimer"):  # not on Windows
            self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._ask_again)
            signal.setitimer(signal.ITIMER_REAL, PATIENCE_S)

    def _ask_again(self, number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    def __exit__(self, *exception: object) -> None:
        if len(self._before) > len(STOPS):  # the alarm is set
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._before.items():
            signal.signal(number, handler)
