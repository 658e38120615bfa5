"""Layered order of a graph from left to right: which stop stands above which, with few crossings. Geometry only.

Nodes stand in even ranks, each as far left as its arrows allow. An arrow has a stop of its own in every rank that it
passes, and so a free way there; one of those in odd ranks carries its label. After Sugiyama, Tagawa & Toda, "Methods
for visual understanding of hierarchical system structures", 1981. Written here because no library gives this picture:
networkx's multipartite layout knows neither crossings nor labels, and Graphviz is a program to be installed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from nasreplay.spaces.graph import Graph

SWEEPS = 24


class Stop(NamedTuple):
    """A node, or where an arrow passes a rank."""

    rank: int
    """Column in which it stands."""
    node: int | None = None
    """The graph's node that it is."""
    arrow: int | None = None
    """The graph's arrow that passes here."""
    labeled: bool = False
    """Whether it carries the arrow's operation."""


class Ranks(NamedTuple):
    """A graph in columns."""

    stops: list[Stop]
    """Stops, the graph's nodes first."""
    routes: list[list[int]]
    """The stops of each arrow, from its source to its target."""
    order: list[list[int]]
    """The stops of each rank, from the top."""

    def links(self) -> Iterator[tuple[int, int, int]]:
        """(arrow, stop, next stop) of every piece of every arrow."""
        for arrow, route in enumerate(self.routes):
            for one, other in pairwise(route):
                yield arrow, one, other


@lru_cache(maxsize=16)
def ranked(graph: Graph) -> Ranks:
    """The stops of a graph, in an order with few crossings; the same for the same graph."""
    layers = _layers(graph)
    stops = [Stop(2 * layer, node) for node, layer in enumerate(layers)]
    labels = [0] * (2 * max(layers) + 1)
    routes: list[list[int]] = [[] for _ in graph.arrows]
    spans = [layers[arrow.target] - layers[arrow.source] for arrow in graph.arrows]
    for place in sorted(range(len(routes)), key=spans.__getitem__):
        arrow = graph.arrows[place]
        first, last = 2 * layers[arrow.source], 2 * layers[arrow.target]
        where = min(range(first + 1, last, 2), key=lambda rank: labels[rank]) if arrow.operation else None
        if where is not None:
            labels[where] += 1
        passed = range(len(stops), len(stops) + last - first - 1)
        stops += [Stop(rank, arrow=place, labeled=rank == where) for rank in range(first + 1, last)]
        routes[place] = [arrow.source, *passed, arrow.target]
    order: list[list[int]] = [[] for _ in labels]
    for place, stop in enumerate(stops):
        order[stop.rank].append(place)
    found = Ranks(stops, routes, order)
    return found._replace(order=_untangled(found))


def _layers(graph: Graph) -> list[int]:
    """Inputs first, outputs last, any other node one after the last of its sources."""
    layers = [0 if node.kind == "input" else 1 for node in graph.nodes]
    for arrow in sorted(graph.arrows, key=lambda arrow: arrow.target):
        layers[arrow.target] = max(layers[arrow.target], layers[arrow.source] + 1)
    last = max(
        [layers[place] for place, node in enumerate(graph.nodes) if node.kind == "output"]
        + [layer + 1 for layer, node in zip(layers, graph.nodes, strict=True) if node.kind != "output"]
    )
    return [last if node.kind == "output" else layer for layer, node in zip(layers, graph.nodes, strict=True)]


# --- crossings -------------------------------------------------------------------------------------


class _Tangle:
    """The order of the stops while it is improved."""

    def __init__(self, ranks: Ranks):
        self.order = [list(stops) for stops in ranks.order]
        self.before: list[list[int]] = [[] for _ in ranks.stops]
        self.after: list[list[int]] = [[] for _ in ranks.stops]
        for _, one, other in ranks.links():
            self.after[one].append(other)
            self.before[other].append(one)
        self.place = [0] * len(ranks.stops)
        for rank in range(len(self.order)):
            self.renumber(rank)

    def renumber(self, rank: int) -> None:
        for place, stop in enumerate(self.order[rank]):
            self.place[stop] = place

    def crossings(self, rank: int) -> int:
        """Number of crossings between a rank and the next one."""
        found, seen = 0, []
        for stop in self.order[rank]:
            ends = [self.place[other] for other in self.after[stop]]
            found += sum(end < earlier for end in ends for earlier in seen)
            seen += ends
        return found

    def all_crossings(self) -> int:
        return sum(map(self.crossings, range(len(self.order))))

    def sweep(self, forward: bool) -> None:
        """Sort each rank by the mean place of the stops before it (or after it)."""
        beside = self.before if forward else self.after

        def mean(stop: int) -> float:
            places = [self.place[other] for other in beside[stop]] or [self.place[stop]]
            return sum(places) / len(places)

        for rank in range(len(self.order)) if forward else reversed(range(len(self.order))):
            self.order[rank].sort(key=mean)
            self.renumber(rank)

    def exchange(self) -> bool:
        """Swap neighbors where that saves a crossing; whether anything was saved."""
        saved = False
        for rank, stops in enumerate(self.order):
            for place in range(len(stops) - 1):
                near = range(max(rank - 1, 0), rank + 1)
                cost = sum(map(self.crossings, near))
                self._swap(rank, place)
                if sum(map(self.crossings, near)) < cost:
                    saved = True
                else:
                    self._swap(rank, place)
        return saved

    def _swap(self, rank: int, place: int) -> None:
        stops = self.order[rank]
        stops[place], stops[place + 1] = stops[place + 1], stops[place]
        self.place[stops[place]], self.place[stops[place + 1]] = place, place + 1


def _untangled(ranks: Ranks) -> list[list[int]]:
    tangle = _Tangle(ranks)
    best, fewest = [list(stops) for stops in tangle.order], tangle.all_crossings()
    for turn in range(SWEEPS):
        tangle.sweep(forward=turn % 2 == 0)
        while tangle.exchange():
            pass
        if (now := tangle.all_crossings()) < fewest:
            best, fewest = [list(stops) for stops in tangle.order], now
    return best
