"""Graphs of architectures as figures for a paper: SVG, PNG and PDF, no display and no external program needed.

The same graphs give the same bytes. Text stays text in SVG and PDF. Colors tell families of operations (they differ
for color-blind readers, too, see `looks.COLORS`); `none` is dashed; nodes that add nothing to the output are gray.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nasreplay.errors import BadSetting
from nasreplay.files.atomic import write_whole
from nasreplay.runs.drawing.geometry import Box, Layout, Point, Size, curve, lay_out
from nasreplay.runs.report.looks import COLORS, rendered, style
from nasreplay.spaces.graph import NONE, Graph

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ENDINGS = ("svg", "png", "pdf", "dot")
FONT = 7.0  # points
INCH = 72.0
WIDTHS = (1.0, 40.0)  # inches that a figure may be asked for
MARGIN, GUTTER, TITLE = 3.0, 26.0, 13.0  # points: around the figure, between cells, above a cell
SQUEEZE = 0.9  # what may be taken from the width that gaps would like
LINE = 1.2  # of the font size
PADDING = {"node": (3.5, 3.0), "label": (2.4, 1.2)}
HEAD = (5.0, 1.9)  # length and half the width of an arrow's head

BLUE, VERMILION, GREEN, PINK, ORANGE, SKY, BLACK, WINE, _ = COLORS
FAMILIES = {  # by how the operation's name begins
    "sep_conv": BLUE,
    "dil_conv": GREEN,
    "nor_conv": VERMILION,
    "conv": PINK,
    "avg_pool": ORANGE,
    "max_pool": ORANGE,
    "skip": BLACK,
    "shuffle": WINE,
    "cweight": SKY,
}
PLAIN = "#8a8a8a"  # arrows without an operation, and `none`
FILLS = {"input": "#c7e3c4", "inner": "#cfe0f2", "output": "#f6e9b8"}
IDLE = "#e4e4e4"


class Panel(NamedTuple):
    """One graph of a figure."""

    graph: Graph
    """The graph that is drawn."""
    texts: list[str]
    """Texts of its arrows, broken into lines."""
    layout: Layout
    """Places of its parts."""
    x: float
    """Left edge in the figure, points."""
    y: float
    """Lower edge in the figure, points."""


def kind_of(file: Path) -> str:
    """The kind of picture that a file name asks for: one of ENDINGS. Raises BadSetting for others."""
    ending = file.suffix[1:].lower()
    if ending not in ENDINGS:
        raise BadSetting(f"{file}: must end in .{', .'.join(ENDINGS)}")
    return ending


def check_width(width: float) -> None:
    """Raise BadSetting for a width, inches, that no figure may have."""
    least, most = WIDTHS
    if not least <= width <= most:
        raise BadSetting(f"a width of {width:g} inches: must be {least:g} to {most:g}")


def save_drawing(graphs: Sequence[Graph], file: Path, width: float) -> None:
    """Write the graphs as one figure, atomically; the ending of `file` is its kind. Raises BadSetting or BadOutput.

    width: inches, at most.
    """
    ending = kind_of(file)
    write_whole(file, dot(graphs) if ending == "dot" else rendered(drawing(graphs, width), ending))


def dot(graphs: Sequence[Graph]) -> bytes:
    """The text of graphs for Graphviz."""
    return "".join(f"{line}\n" for graph in graphs for line in graph.dot()).encode()


def drawing(graphs: Sequence[Graph], width: float) -> Figure:
    """The figure of all graphs: beside each other where `width` inches allow, else below each other.

    It is as wide as it needs to be. Where it would be wider than `width`, the operations' names are broken into two
    or three lines; where that does not help, everything is made smaller.
    """
    check_width(width)
    with style(math=True):
        return figure_of(_arranged(graphs, width * INCH - 2 * MARGIN), width, titled=len(graphs) > 1)


def figure_of(panels: Sequence[Panel], width: float, titled: bool) -> Figure:
    """The figure of placed panels, made smaller where they are wider than `width` inches; inside `style()` only."""
    from matplotlib.figure import Figure

    across = max(panel.x + _half(panel, titled) + panel.layout.width / 2 for panel in panels) + 2 * MARGIN
    up = max(panel.y + panel.layout.height for panel in panels) + TITLE * titled + 2 * MARGIN
    scale = min(1.0, width * INCH / across)
    figure = Figure(figsize=(across * scale / INCH, up * scale / INCH))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(-MARGIN, across - MARGIN)
    axes.set_ylim(-MARGIN, up - MARGIN)
    for panel in panels:
        _draw(axes, panel, scale, titled)
    return figure


def _half(panel: Panel, titled: bool) -> float:
    """Half the width of a panel with its title above its middle."""
    return max(panel.layout.width, text_width(panel.graph.title) * titled) / 2


# --- arranging -------------------------------------------------------------------------------------


def _arranged(graphs: Sequence[Graph], room: float) -> list[Panel]:
    """The first arrangement that fits into `room` points when its gaps are squeezed a little, or the narrowest."""
    panels, row, across = [], True, 0.0
    for row, lines in ((True, 1), (True, 2), (False, 1), (False, 2), (False, 3)):
        panels = [panel_of(graph, lines) for graph in graphs]
        widths = [panel.layout.width for panel in panels]
        across = sum(widths) + GUTTER * (len(widths) - 1) if row else max(widths)
        if across * SQUEEZE <= room:
            break
    if across > room:
        rooms = [panel.layout.width * room / across for panel in panels]
        panels = [narrowed(panel, each) for panel, each in zip(panels, rooms, strict=True)]
    return _in_a_row(panels) if row else _piled(panels)


def _in_a_row(panels: list[Panel]) -> list[Panel]:
    highest, x = max(panel.layout.height for panel in panels), 0.0
    for place, panel in enumerate(panels):
        panels[place] = panel._replace(x=x, y=(highest - panel.layout.height) / 2)
        x += panel.layout.width + GUTTER
    return panels


def _piled(panels: list[Panel]) -> list[Panel]:
    widest, y = max(panel.layout.width for panel in panels), 0.0
    for place, panel in reversed(list(enumerate(panels))):
        panels[place] = panel._replace(x=(widest - panel.layout.width) / 2, y=y)
        y += panel.layout.height + TITLE + GUTTER / 2
    return panels


def panel_of(graph: Graph, lines: int) -> Panel:
    """A graph laid out, its operations' names in so many lines at most."""
    texts = [_broken(arrow.operation, lines) for arrow in graph.arrows]
    return Panel(graph, texts, _laid_out(graph, texts), 0.0, 0.0)


def narrowed(panel: Panel, room: float) -> Panel:
    """The panel with narrower gaps, where it is wider than `room` points."""
    if panel.layout.width <= room:
        return panel
    return panel._replace(layout=_laid_out(panel.graph, panel.texts, room))


def _laid_out(graph: Graph, texts: list[str], room: float = float("inf")) -> Layout:
    nodes = [_size(_shown(node.label), "node") for node in graph.nodes]
    return lay_out(graph, nodes, [_size(text, "label") for text in texts], room)


def _broken(operation: str, lines: int) -> str:
    """A name in so many lines at most, broken at underscores: of two lines, the one nearest to its middle."""
    places = [place for place, letter in enumerate(operation) if letter == "_"]
    if not places or lines == 1:
        return operation
    if lines > len(places):
        return operation.replace("_", "\n")
    at = min(reversed(places), key=lambda place: abs(2 * place + 1 - len(operation)))
    return f"{operation[:at]}\n{operation[at + 1 :]}"


def _shown(label: str) -> str:
    return f"${label}$" if "_{" in label else label


@lru_cache(maxsize=256)
def _size(text: str, kind: str) -> Size:
    """Size of a box around a text, points; called inside `style()` only, so that the font is always the same."""
    lines = text.split("\n")
    across, up = PADDING[kind]
    return max(map(text_width, lines)) + 2 * across, FONT * LINE * len(lines) + 2 * up


@lru_cache(maxsize=1024)
def text_width(line: str, weight: str = "normal") -> float:
    """Width of a line of text, points; called inside `style()` only."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    font = FontProperties(size=FONT, weight=weight)
    return float(TextToPath().get_text_width_height_descent(line, font, ismath="$" in line)[0])


# --- drawing ---------------------------------------------------------------------------------------


def _draw(axes: Axes, panel: Panel, scale: float, titled: bool) -> None:
    look = {"fontsize": FONT * scale, "ha": "center", "linespacing": 1.05}
    layout = panel.layout
    for arrow, text, label, route in zip(
        panel.graph.arrows, panel.texts, layout.labels, layout.routes, strict=True
    ):
        color = _color(arrow.operation)
        _draw_route(axes, panel, route, color, scale, dashed=arrow.operation == NONE)
        if label:
            _draw_box(axes, panel, label, _tint(color), color, 0.5 * scale)
            axes.text(panel.x + label.x, panel.y + label.y, text, va="center_baseline", zorder=4, **look)
    idle = panel.graph.idle()
    for place, (node, box) in enumerate(zip(panel.graph.nodes, layout.nodes, strict=True)):
        fill = IDLE if place in idle else FILLS[node.kind]
        _draw_box(axes, panel, box, fill, "#555555", 0.6 * scale)
        axes.text(
            panel.x + box.x, panel.y + box.y, _shown(node.label), va="center_baseline", zorder=4, **look
        )
    if titled:
        middle = panel.x + layout.width / 2
        title = panel.graph.title.replace("$", r"\$")  # names from outside are no mathematics
        axes.text(middle, panel.y + layout.height + TITLE / 2, title, va="center", **look)


def _draw_box(axes: Axes, panel: Panel, box: Box, fill: str, line: str, width: float) -> None:
    from matplotlib.patches import FancyBboxPatch

    corner = (panel.x + box.x - box.width / 2, panel.y + box.y - box.height / 2)
    shape = "round,pad=0,rounding_size=2.2"
    axes.add_patch(FancyBboxPatch(corner, box.width, box.height, shape, fc=fill, ec=line, lw=width, zorder=3))


def _draw_route(
    axes: Axes, panel: Panel, route: tuple[Point, ...], color: str, scale: float, dashed: bool
) -> None:
    """Draw a route's line, which ends under its head, and the head."""
    from matplotlib.patches import PathPatch, Polygon
    from matplotlib.path import Path as Line

    (x, y), (length, half) = route[-1], HEAD
    route = (*route[:-1], (x - length * 0.7, y))
    points, codes = [route[0]], [Line.MOVETO]
    for start, end in pairwise(route):
        points += curve(start, end)
        codes += [Line.CURVE4] * 3
    line = Line([(panel.x + px, panel.y + py) for px, py in points], codes)
    pattern = (0, (3, 2)) if dashed else "-"
    axes.add_patch(
        PathPatch(line, fc="none", ec=color, lw=0.9 * scale, ls=pattern, capstyle="butt", zorder=2)
    )
    corners = ((x, y), (x - length, y + half), (x - length, y - half))
    tip = [(panel.x + px, panel.y + py) for px, py in corners]
    axes.add_patch(Polygon(tip, closed=True, fc=color, ec="none", zorder=2.5))


def _color(operation: str) -> str:
    return next((color for start, color in FAMILIES.items() if operation.startswith(start)), PLAIN)


def _tint(color: str) -> str:
    """A pale tone of a color, to write on."""
    parts = [int(color[place : place + 2], 16) for place in (1, 3, 5)]
    return "#" + "".join(f"{round(255 - (255 - part) * 0.14):02x}" for part in parts)
