"""Progress of work that takes more than a second: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

QUIET_S = 60.0
"""Seconds between two lines in a log."""


class Progress:
    """A context and a callable, (done, total) or (done, total, what is being done), that jobs report to.

    On a terminal it is a bar on stderr that is there at once and goes when the work ends. Elsewhere it writes
    "[done/total] unit" at most once a minute, and nothing without a unit: for jobs that write lines of their own.
    """

    def __init__(self, what: str, unit: str = ""):
        self.what, self.unit = what, unit
        self._told = time.monotonic()
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeElapsedColumn,
                TimeRemainingColumn,
            )

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            columns = (*columns, TimeElapsedColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("starting", total=None)
            self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar:
            self._bar.stop()

    def __call__(self, done: int, total: int, what: str = "") -> None:
        """Show that `done` of `total` units are done (0: not known); `what` replaces the description."""
        if self._bar and self._task is not None:
            self._bar.update(self._task, completed=done, total=total or None, description=what or self.what)
        elif self.unit and total and time.monotonic() - self._told >= QUIET_S:
            self._told = time.monotonic()
            click.echo(f"[{done:,}/{total:,}] {what or self.unit}", err=True)

    def tell(self, line: str, err: bool = True) -> None:
        """Print a line on stderr, or on stdout; above the bar where it would run into it."""
        from nasreplay.cli.views.fold import folded, width

        line = folded(line, width())
        if self._bar and (err or sys.stdout.isatty()):
            self._bar.console.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)
        else:
            click.echo(line, err=err)
