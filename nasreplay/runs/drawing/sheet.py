"""Several architectures on one sheet: their cells side by side in a grid, each with its caption."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_lowercase
from typing import TYPE_CHECKING, NamedTuple

from nasreplay.errors import BadSetting
from nasreplay.runs.drawing.figure import (
    GUTTER,
    INCH,
    MARGIN,
    SQUEEZE,
    TITLE,
    Panel,
    check_width,
    figure_of,
    narrowed,
    panel_of,
    text_width,
)
from nasreplay.runs.report.looks import style
from nasreplay.spaces.graph import Graph

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = len(ascii_lowercase)
LEAST = 0.7  # of the size, for the sake of a second column


class Captioned(NamedTuple):
    """An architecture of a sheet."""

    name: str
    """What stands below its letter."""
    graphs: tuple[Graph, ...]
    """Its cells."""


def captioned(entries: Sequence[Captioned]) -> list[tuple[Graph, ...]]:
    """The graphs of each entry, titled "(a) NAME", "(b) NAME, reduction cell", … Raises BadSetting for too many."""
    if len(entries) > MOST:
        raise BadSetting(f"{len(entries)} architectures on a sheet: at most {MOST}, a letter each")
    found = []
    for letter, entry in zip(ascii_lowercase, entries, strict=False):
        more = [f", {graph.title}" if len(entry.graphs) > 1 else "" for graph in entry.graphs]
        titles = [f"({letter}) {entry.name}{each}" for each in more]
        found.append(
            tuple(graph._replace(title=title) for graph, title in zip(entry.graphs, titles, strict=True))
        )
    return found


def sheet(entries: Sequence[Captioned], width: float) -> Figure:
    """The figure of all entries, `width` inches at most: as many columns as fit, an entry's cells in one row."""
    check_width(width)
    with style(math=True):
        return figure_of(_in_a_grid(captioned(entries), width * INCH - 2 * MARGIN), width, titled=True)


def _in_a_grid(entries: list[tuple[Graph, ...]], room: float) -> list[Panel]:
    """At least two columns, or as many as an entry has cells, where LEAST of the size leaves letters legible."""
    each = max(map(len, entries))
    wanted = min(max(each, 2), each * len(entries))
    target, panels, widest = (room - GUTTER * (wanted - 1)) / wanted, [[]], 0.0
    for lines, squeeze in ((1, SQUEEZE), (2, SQUEEZE), (3, SQUEEZE), (3, 0.0)):
        panels = [
            [_narrowed(panel_of(graph, lines), target, squeeze) for graph in graphs] for graphs in entries
        ]
        widest = max(_across(panel) for row in panels for panel in row)
        if widest <= target:
            break
    if target < LEAST * widest:
        wanted, panels = 1, [[narrowed(panel_of(graph, 1), room) for graph in graphs] for graphs in entries]
        widest = max(_across(panel) for row in panels for panel in row)
    columns = max(int((room + GUTTER) // (widest + GUTTER)) // each * each, wanted)
    return _placed(panels, min(columns, each * len(entries)), each)


def _narrowed(panel: Panel, room: float, squeeze: float) -> Panel:
    return narrowed(panel, max(room, squeeze * panel.layout.width))


def _placed(panels: list[list[Panel]], columns: int, each: int) -> list[Panel]:
    """The panels of a grid, each in the middle of its column, at the top of its row; an entry has `each` places."""
    slots = {
        divmod(place * each + turn, columns): panel
        for place, row in enumerate(panels)
        for turn, panel in enumerate(row)
    }
    widths = {place[1]: 0.0 for place in sorted(slots, key=lambda place: place[1])}
    heights = {place[0]: 0.0 for place in sorted(slots, reverse=True)}
    for (row, column), panel in slots.items():
        widths[column] = max(widths[column], _across(panel))
        heights[row] = max(heights[row], panel.layout.height)
    lefts, bottoms, x, y = {}, {}, 0.0, 0.0
    for column, across in widths.items():
        lefts[column], x = x, x + across + GUTTER
    for row, high in heights.items():
        bottoms[row], y = y, y + high + TITLE + GUTTER / 2
    return [
        panel._replace(
            x=lefts[column] + (widths[column] - panel.layout.width) / 2,
            y=bottoms[row] + heights[row] - panel.layout.height,
        )
        for (row, column), panel in slots.items()
    ]


def _across(panel: Panel) -> float:
    return max(panel.layout.width, text_width(panel.graph.title))
