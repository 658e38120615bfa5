"""Two columns of tables as a scatter: PNG, SVG or PDF, no display needed, the same bytes for the same numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np

from nasreplay.files.atomic import write_whole
from nasreplay.runs.report.looks import COLORS, GRAY, ending_of, rendered, style

if TYPE_CHECKING:
    from nasreplay.data.agreement import Agreement, Column

FENCE = 3.0  # quartile distances beyond the quartiles: Tukey's outer fences
LINE = 64  # letters of an axis's text


def save_scatter(first: Column, second: Column, title: str, file: Path) -> None:
    """Write the figure atomically; the ending of `file` is its kind. Raises BadSetting or BadOutput.

    The frame holds all points within Tukey's outer fences; how many lie outside is told.
    """
    from matplotlib.figure import Figure

    ending = ending_of(file)
    both = np.isfinite(first.values) & np.isfinite(second.values)
    x, y = first.values[both], second.values[both]
    inside = _near(x) & _near(y)
    size = float(np.clip(3e4 / len(x), 2, 20))
    with style():
        figure = Figure(figsize=(4.3, 4.3), layout="constrained")
        panel = figure.subplots()
        alpha = 0.25 if len(x) > 500 else 0.7
        panel.scatter(x[inside], y[inside], s=size, color=COLORS[0], alpha=alpha, lw=0, rasterized=True)
        panel.set_xlim(*_limits(x[inside]))
        panel.set_ylim(*_limits(y[inside]))
        panel.set_xlabel(f"{first.label} ({first.unit})")
        panel.set_ylabel(f"{second.label} ({second.unit})")
        figure.supxlabel(_about(first), fontsize=6.3, color=GRAY)
        figure.supylabel(_about(second), fontsize=6.3, color=GRAY, ma="center")
        outside = int((~inside).sum())
        told = f"\n{outside:,} of them outside of the frame" if outside else ""
        panel.set_title(f"{title}{told}", fontsize=8.5)
    write_whole(file, rendered(figure, ending))


def save_epochs(found: Mapping[int, Agreement], file: Path) -> None:
    """Write the correlations over the epochs of the first column atomically. Raises BadSetting or BadOutput."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    ending, last = ending_of(file), list(found.values())[-1]
    with style():
        figure = Figure(figsize=(4.6, 3.2), layout="constrained")
        panel = figure.subplots()
        for color, name, label in (
            (COLORS[0], "kendall_tau", "Kendall τ"),
            (COLORS[1], "spearman_rho", "Spearman ρ"),
        ):
            panel.plot(
                list(found),
                [getattr(each, name) for each in found.values()],
                "o-",
                color=color,
                ms=3,
                label=label,
            )
        panel.axhline(0, color=GRAY, lw=0.5)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.set_xlabel("Epoch of the first")
        panel.set_ylabel("Correlation")
        panel.legend(frameon=False)
        about = f"{last.first.label} and {last.second.label}, {last.architectures:,} architectures"
        panel.set_title(about, fontsize=8.5)
        figure.supxlabel(f"{_about(last.first)}\n{_about(last.second)}", fontsize=5.5, color=GRAY)
    write_whole(file, rendered(figure, ending))


def _near(values: np.ndarray) -> np.ndarray:
    """Which of the values lie within the fences; all of them where half are one number."""
    first, third = np.quantile(values, (0.25, 0.75))
    fence = FENCE * (third - first) or np.inf
    return (values >= first - fence) & (values <= third + fence)


def _limits(values: np.ndarray) -> tuple[float, float]:
    low, high = (float(end) for end in (values.min(), values.max()))
    room = 0.03 * (high - low) or max(abs(high), 1.0) * 0.05
    return low - room, high + room


def _about(column: Column) -> str:
    return fill(f"table {column.table}: {column.meaning}", LINE)
