"""Geometry of a drawn graph: boxes of nodes and labels, and the routes of its arrows.

Lengths are points; x grows to the right, y upwards, the lower left corner is (0, 0). Boxes stand in columns. Between
two columns an arrow is an S-curve with horizontal ends; through a column it runs level, in a slot of its own. So no
label meets another box, and no arrow a box that is not its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from nasreplay.runs.drawing.layered_graph import Ranks, ranked
from nasreplay.spaces.graph import Graph

Size = tuple[float, float]  # width, height
Point = tuple[float, float]
Ports = dict[tuple[int, int, bool], float]  # (arrow, stop, whether it leaves): height above the stop's middle

PORT = 5.5  # between arrows on one side of a node
APART = 5.0  # between boxes of a column
LANE = 4.0  # the slot of an arrow that only passes
LEAD = 5.0  # an arrow's level end, under its head
GAPS = (11.0, 34.0)  # between columns: at least, at most
STEEPNESS = 2.2  # of an S-curve, where there is room
TALL = 40.0  # what a node's height of 1 adds
ROUNDS = 10  # of centering
PASSING = 8.0  # what a climb between two columns that are only passed counts


@dataclass(frozen=True)
class Box:
    """A rectangle, in points."""

    x: float
    """Middle, from left to right."""
    y: float
    """Middle, from bottom to top."""
    width: float
    """Extent from left to right."""
    height: float
    """Extent from bottom to top."""

    def meets(self, other: Box) -> bool:
        """Whether the two share a point."""
        across = abs(self.x - other.x) * 2 <= self.width + other.width
        return across and abs(self.y - other.y) * 2 <= self.height + other.height


@dataclass(frozen=True)
class Layout:
    """Places of the parts of one graph."""

    width: float
    """Width of the whole graph, points."""
    height: float
    """Height of the whole graph, points."""
    nodes: tuple[Box, ...]
    """Boxes of the nodes, in their order."""
    labels: tuple[Box | None, ...]
    """Boxes of the arrows' texts, in the order of the arrows; None where one has no text."""
    routes: tuple[tuple[Point, ...], ...]
    """The points of each arrow from node to node, joined by `curve`."""


def curve(start: Point, end: Point) -> tuple[Point, Point, Point]:
    """The cubic Bézier piece between two points of a route: two control points and the end; level at both ends."""
    middle = (start[0] + end[0]) / 2
    return (middle, start[1]), (middle, end[1]), end


def lay_out(
    graph: Graph, nodes: Sequence[Size], labels: Sequence[Size], room: float = float("inf")
) -> Layout:
    """Place a graph whose node texts and arrow labels have these sizes, `room` wide if that is possible.

    The gaps between columns shrink to fit, down to GAPS[0]; a layout that is still wider says so in its width.
    """
    ranks = ranked(graph)
    sizes = _sizes(graph, ranks, nodes, labels)
    ports = _ports(ranks)
    heights = _heights(ranks, sizes, ports)
    columns = _columns(ranks, sizes, heights, ports, room)
    bottom = min(y - size[1] / 2 for y, size in zip(heights, sizes, strict=True))
    heights = (heights - bottom).tolist()
    middles = [sum(columns[stop.rank]) / 2 for stop in ranks.stops]
    boxes = [Box(x, y, *size) for x, y, size in zip(middles, heights, sizes, strict=True)]
    routes = tuple(_route(arrow, ranks, boxes, ports, columns) for arrow in range(len(ranks.routes)))
    marked = [[boxes[stop] for stop in route if ranks.stops[stop].labeled] for route in ranks.routes]
    return Layout(
        columns[-1][1],
        max(box.y + box.height / 2 for box in boxes),
        tuple(boxes[: len(graph.nodes)]),
        tuple(label[0] if label else None for label in marked),
        routes,
    )


def _sizes(graph: Graph, ranks: Ranks, nodes: Sequence[Size], labels: Sequence[Size]) -> list[Size]:
    """Width and height of the box of every stop; a node has room for its arrows."""
    sizes = [
        (width, height + TALL * node.height) for (width, height), node in zip(nodes, graph.nodes, strict=True)
    ]
    leaving, coming = [0] * len(nodes), [0] * len(nodes)
    for arrow in graph.arrows:
        leaving[arrow.source] += 1
        coming[arrow.target] += 1
    for place, arrows in enumerate(map(max, leaving, coming)):
        width, height = sizes[place]
        sizes[place] = (width, max(height, PORT * (arrows + 0.6)))
    for stop in ranks.stops[len(nodes) :]:
        assert stop.arrow is not None
        sizes.append(labels[stop.arrow] if stop.labeled else (0.0, LANE))
    return sizes


def _ports(ranks: Ranks) -> Ports:
    """Heights at which arrows touch their stops: in the order of the neighbors."""
    place = {stop: at for stops in ranks.order for at, stop in enumerate(stops)}
    sides: dict[tuple[int, bool], list[tuple[int, int]]] = {}
    for arrow, one, other in ranks.links():
        sides.setdefault((one, True), []).append((place[other], arrow))
        sides.setdefault((other, False), []).append((place[one], arrow))
    ports = {}
    for (stop, leaves), arrows in sides.items():
        for turn, (_, arrow) in enumerate(sorted(arrows)):
            ports[arrow, stop, leaves] = PORT * ((len(arrows) - 1) / 2 - turn)
    return ports


# --- heights ---------------------------------------------------------------------------------------


def _heights(ranks: Ranks, sizes: Sequence[Size], ports: Ports) -> np.ndarray:
    """y of every stop: the order kept, arrows as level as possible (least sum of climbs, a linear program).

    Climbs between two columns that an arrow only passes count most. Everything then moves to the middle of what it
    joins, as far as its neighbors let it.
    """
    from scipy.optimize import linprog

    links, stops = list(ranks.links()), ranks.stops
    climbs = np.zeros((len(links), len(stops)))
    shifts = np.zeros(len(links))
    weights = np.ones(len(links))
    for row, (arrow, one, other) in enumerate(links):
        climbs[row, [one, other]] = 1, -1
        shifts[row] = ports[arrow, one, True] - ports[arrow, other, False]
        weights[row] = PASSING if stops[one].node is None and stops[other].node is None else 1
    apart, least = _apart(ranks, sizes)
    slack = np.eye(len(links))
    found = linprog(
        np.concatenate([np.zeros(len(stops)), weights]),
        A_ub=np.block([[climbs, -slack], [-climbs, -slack], [-apart, np.zeros((len(apart), len(links)))]]),
        b_ub=np.concatenate([-shifts, shifts, -least]),
        bounds=[(None, None)] * len(stops) + [(0, None)] * len(links),
        method="highs",
    )
    y = found.x[: len(stops)]
    for unit in _level(ranks, y) * ROUNDS:
        joined, beside = climbs[:, unit].sum(axis=1), apart[:, unit].sum(axis=1)
        weight = weights * abs(joined)
        towards = -(weight * joined) @ (climbs @ y + shifts) / max(weight.sum(), 1)
        free = apart @ y - least
        up, down = min(free[beside < 0], default=np.inf), min(free[beside > 0], default=np.inf)
        y[unit] += np.clip(towards, -down, up)
    return y


def _level(ranks: Ranks, y: np.ndarray) -> list[list[int]]:
    """The units that move as one: a node, or the stops at which an arrow passes without a climb between them."""
    units = [[place] for place, stop in enumerate(ranks.stops) if stop.node is not None]
    for _, *passed, _ in ranks.routes:
        unit: list[int] = []
        for stop in passed:
            if unit and abs(y[stop] - y[unit[-1]]) > 1e-6:
                units.append(unit)
                unit = []
            unit.append(stop)
        units.append(unit)
    return units


def _apart(ranks: Ranks, sizes: Sequence[Size]) -> tuple[np.ndarray, np.ndarray]:
    """Rows of differences between stops above each other, and what they are at least."""
    pairs = [pair for stops in ranks.order for pair in pairwise(stops)]
    rows = np.zeros((len(pairs), len(ranks.stops)))
    for row, (upper, lower) in zip(rows, pairs, strict=True):
        row[[upper, lower]] = 1, -1
    return rows, np.array([(sizes[one][1] + sizes[other][1]) / 2 + APART for one, other in pairs])


# --- columns and routes ----------------------------------------------------------------------------


def _columns(
    ranks: Ranks, sizes: Sequence[Size], heights: np.ndarray, ports: Ports, room: float
) -> list[tuple[float, float]]:
    """x of the left and right side of every column: gaps as wide as their steepest arrow asks for, or room allows."""
    widths = [max((sizes[stop][0] for stop in stops), default=0.0) for stops in ranks.order]
    climbs = np.zeros(len(widths) - 1)
    for arrow, one, other in ranks.links():
        climb = abs(heights[one] + ports[arrow, one, True] - heights[other] - ports[arrow, other, False])
        rank = ranks.stops[one].rank
        climbs[rank] = max(climbs[rank], climb)
    least, most = GAPS
    more = np.clip(climbs / STEEPNESS, least, most) - least
    spare = max(room - sum(widths) - least * len(more), 0.0)
    gaps = least + more * min(1.0, spare / max(more.sum(), 1e-9))
    lefts = np.cumsum([0.0, *(np.array(widths[:-1]) + gaps)]).tolist()
    return [(left, left + width) for left, width in zip(lefts, widths, strict=True)]


def _route(
    arrow: int, ranks: Ranks, boxes: Sequence[Box], ports: Ports, columns: Sequence[tuple[float, float]]
) -> tuple[Point, ...]:
    """The points from the source, level through every column between, to the target."""
    source, *passed, target = ranks.routes[arrow]
    first, last = boxes[source], boxes[target]
    level = first.y + ports[arrow, source, True]
    points = [(first.x + first.width / 2, level), (columns[ranks.stops[source].rank][1], level)]
    for stop in passed:
        points += [(side, boxes[stop].y) for side in columns[ranks.stops[stop].rank]]
    level = last.y + ports[arrow, target, False]
    left = columns[ranks.stops[target].rank][0]
    return (*points, (left - LEAD, level), (last.x - last.width / 2, level))
