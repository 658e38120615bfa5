"""Axes that fit their numbers: units of time by size, ticks that never meet, frames without empty parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nasreplay.runs.report.looks import GRAY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEAST_REGRET = 0.01  # percent points: nothing below it is told apart
ROUND, FINE = (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)  # and their tenfolds: where ticks stand


def short(value: float, _place: float = 0) -> str:
    """A number as a tick shows it: 0.05, 2,000, 30k, 4M."""
    for name, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size * (10 if size == 1e3 else 1):
            return f"{value / size:g}{name}"
    return f"{value:,g}"


def scale_spending(panel: Axes, grid: np.ndarray) -> None:
    """Scale what was spent: logarithmic where it spans more than a tenfold."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

    if not len(grid):
        panel.set_xticks([])
        panel.text(0.5, 0.5, "nothing charged", transform=panel.transAxes, ha="center", color=GRAY)
        return
    if grid[-1] > 10 * grid[0]:
        panel.set_xscale("log")
        digits, most = (ROUND, 9) if grid[-1] < 300 * grid[0] else ((1,), 5)
        panel.xaxis.set_major_locator(LogLocator(subs=digits, numticks=most))
        panel.xaxis.set_minor_locator(NullLocator())
    else:
        few = 3 if grid[-1] < 0.1 else 4  # numbers of many digits
        panel.xaxis.set_major_locator(MaxNLocator(few, integer=bool((grid == grid.round()).all())))
    panel.set_xlim(grid[0], grid[-1] if grid[-1] > grid[0] else grid[0] + 1)
    panel.xaxis.set_major_formatter(short)


def scale_regret(panel: Axes, means: np.ndarray) -> None:
    """Scale regrets logarithmically, framed by the means; a mean below LEAST_REGRET stands on the lower edge."""
    from matplotlib.ticker import LogLocator, NullLocator

    known = means[np.isfinite(means)]
    shown = np.maximum(known, LEAST_REGRET) if len(known) else np.array([LEAST_REGRET, 1.0])
    low, high = max(shown.min() * 0.85, LEAST_REGRET), shown.max() * 1.15
    clipped = bool(len(known)) and bool(known.min() < low)
    panel.set_yscale("log", nonpositive="clip")
    panel.set_ylim(low, max(high, low * 3))
    panel.yaxis.set_major_locator(
        LogLocator(subs=FINE if high < 10 * low else ROUND if high < 1000 * low else (1,), numticks=12)
    )
    panel.yaxis.set_minor_locator(NullLocator())
    panel.yaxis.set_major_formatter(
        lambda value, place: ("≤" if clipped and value <= low else "") + short(value)
    )
