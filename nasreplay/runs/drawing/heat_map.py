"""Weights of a search as a heat map: one panel a cell, a row for each edge, a column for each operation.

Cells are as large as their texts ask for, so that nothing is clipped; names of operations stand upright where they
are wider than their column. The scale begins at 0 and ends at the largest weight of all panels, at 0.5 at least, so
that even weights look pale.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nasreplay.runs.drawing.figure import (
    FONT,
    GUTTER,
    INCH,
    LINE,
    MARGIN,
    SQUEEZE,
    TITLE,
    check_width,
    text_width,
)
from nasreplay.runs.report.looks import COLORS, style
from nasreplay.spaces.graph import NONE, WeightRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROOM = 2.5  # points: left and right of a text in its cell
LEAST_SCALE = 0.5  # the end of the scale, at least
DARK = 0.55  # share of the scale from which on texts are white
PALE, MIDDLE, FULL = "#ffffff", COLORS[5], COLORS[0]  # white, sky blue, blue


class Panel(NamedTuple):
    """The weights of one cell."""

    title: str
    """Name of the cell; "" for none."""
    labels: tuple[str, ...]
    """Names of its rows."""
    columns: tuple[str, ...]
    """Names of its columns; empty where every row has options of its own, which then stand in their cells."""
    texts: tuple[tuple[str, ...], ...]
    """What stands in each cell, row by row; "" where there is nothing."""
    weights: np.ndarray
    """float64 [rows, columns]; NaN where a row has no such option."""


def panels_of(rows: Sequence[WeightRow], weights: np.ndarray, keep_none: bool = False) -> list[Panel]:
    """One panel for each cell of probabilities [E, O].

    keep_none: show `none`, too; else each row is divided by the sum of the others, as sparse CNAS published it.
    """
    found, first = [], 0
    for cell, group in groupby(rows, key=lambda row: row.cell):
        part = list(group)
        kept = [
            {
                name: float(value)
                for name, value in zip(row.options, line, strict=False)
                if keep_none or name != NONE
            }
            for row, line in zip(part, weights[first:], strict=False)
        ]
        first += len(part)
        if not keep_none:
            kept = [
                {name: value / (sum(line.values()) or 1.0) for name, value in line.items()} for line in kept
            ]
        found.append(_panel(cell, [row.label for row in part], kept))
    return found


def _panel(cell: str, labels: list[str], lines: list[dict[str, float]]) -> Panel:
    names = [tuple(line) for line in lines]
    shared = names[0] if len(set(names)) == 1 else ()
    weights = np.full((len(lines), max(map(len, lines))), np.nan)
    texts = []
    for place, line in enumerate(lines):
        weights[place, : len(line)] = list(line.values())
        words = [_number(value) if shared else f"{name}\n{_number(value)}" for name, value in line.items()]
        texts.append((*words, *[""] * (weights.shape[1] - len(words))))
    return Panel(cell, tuple(labels), shared, tuple(texts), weights)


def _number(value: float) -> str:
    """Two significant digits, three decimals at most."""
    return f"{value:.2f}" if value >= 0.0995 else f"{value:.3f}" if value >= 0.0005 else "0"


class _Sizes(NamedTuple):
    """Lengths of a panel, points."""

    label: float
    cell: tuple[float, float]
    names: float
    upright: bool

    @classmethod
    def of(cls, panel: Panel) -> _Sizes:
        lines = [line for row in panel.texts for text in row for line in text.split("\n")]
        high = 1 + max(text.count("\n") for row in panel.texts for text in row)
        wide = max(text_width(line, "bold") for line in lines) + 2 * ROOM
        longest = max(map(text_width, panel.columns), default=0.0)
        upright = longest + ROOM > 1.3 * wide
        wide = wide if upright else max(wide, longest + ROOM)
        below = (longest if upright else FONT) + 3 * ROOM if panel.columns else 0.0
        label = max(map(text_width, panel.labels)) + 2 * ROOM
        return cls(label, (wide, FONT * LINE * high + 2 * ROOM), below, upright)

    def whole(self, panel: Panel, titled: bool) -> tuple[float, float]:
        """Width and height of the panel."""
        rows, columns = panel.weights.shape
        across = self.label + columns * self.cell[0]
        title = text_width(panel.title) if titled else 0.0
        return max(across, title), self.names + rows * self.cell[1] + TITLE * titled


def heat_map(panels: Sequence[Panel], width: float) -> Figure:
    """The figure of all panels: beside each other where `width` inches allow, else below each other.

    Everything is made smaller where that is too wide by a little, or one panel alone is wider. Raises BadSetting for
    a width that no figure has.
    """
    from matplotlib.figure import Figure

    check_width(width)
    titled = len(panels) > 1
    with style():
        sizes = [_Sizes.of(panel) for panel in panels]
        wholes = [size.whole(panel, titled) for size, panel in zip(sizes, panels, strict=True)]
        beside = sum(whole[0] for whole in wholes) + GUTTER * (len(panels) - 1)
        row = (beside + 2 * MARGIN) * SQUEEZE <= width * INCH
        across = (beside if row else max(whole[0] for whole in wholes)) + 2 * MARGIN
        heights = [whole[1] for whole in wholes]
        up = (max(heights) if row else sum(heights) + GUTTER / 2 * (len(panels) - 1)) + 2 * MARGIN
        scale = min(1.0, width * INCH / across)
        figure = Figure(figsize=(across * scale / INCH, up * scale / INCH))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(0, across)
        axes.set_ylim(up, 0)
        most = max(LEAST_SCALE, *(float(np.nanmax(panel.weights)) for panel in panels))
        x, y = MARGIN, MARGIN
        for panel, size, whole in zip(panels, sizes, wholes, strict=True):
            _draw(axes, panel, size, (x, y), titled, scale, most)
            x, y = (x + whole[0] + GUTTER, y) if row else (x, y + whole[1] + GUTTER / 2)
    return figure


def _draw(
    axes: Axes,
    panel: Panel,
    size: _Sizes,
    corner: tuple[float, float],
    titled: bool,
    scale: float,
    most: float,
) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    look: dict[str, Any] = {"fontsize": FONT * scale, "va": "center_baseline"}
    (rows, columns), (wide, high) = panel.weights.shape, size.cell
    left, top = corner[0] + size.label, corner[1] + TITLE * titled
    if titled:
        axes.text(left + columns * wide / 2, corner[1] + TITLE / 2, panel.title, ha="center", **look)
    across, down = left + wide * np.arange(columns + 1), top + high * np.arange(rows + 1)
    colors = LinearSegmentedColormap.from_list("weights", (PALE, MIDDLE, FULL))
    known, lines = np.ma.masked_invalid(panel.weights), {"edgecolors": "white", "linewidth": 0.7 * scale}
    axes.pcolormesh(across, down, known, cmap=colors, vmin=0.0, vmax=most, zorder=2, **lines)
    for row in range(rows):
        middle = top + high * (row + 0.5)
        axes.text(left - ROOM, middle, panel.labels[row], ha="right", **look)
        best = np.nanmax(panel.weights[row])
        for column, text in enumerate(panel.texts[row]):
            value = panel.weights[row, column]
            color, weight = "white" if value > DARK * most else "black", "bold" if value == best else "normal"
            place = left + wide * (column + 0.5), middle
            axes.text(*place, text, ha="center", color=color, weight=weight, zorder=3, **look)
    bottom = top + high * rows + ROOM
    for column, name in enumerate(panel.columns):
        turned: dict[str, Any] = {"rotation": 90 if size.upright else 0, "ha": "center", "va": "top"}
        axes.text(left + wide * (column + 0.5), bottom, name, fontsize=FONT * scale, **turned)
