"""What an architecture looks like: named nodes, and arrows that carry operations.

A space or a genotype gives its graphs (`graphs()`: one for each cell, or one of the whole network); who draws them
needs to know nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

NONE = "none"  # the operation that passes nothing on


class WeightRow(NamedTuple):
    """One of the rows in which a search has a weight for each option."""

    cell: str
    """Name of its cell, as in `Genotype.cells`; "" where there are no cells."""
    label: str
    """Its own name: n(i,j) is the edge from state j to node i."""
    options: tuple[str, ...]
    """Names of its options, in their order."""

    @property
    def kind(self) -> str:
        """Its kind of cell, as records call it: normal, reduce or cell; "" where there are no cells."""
        return self.cell.removesuffix(" cell").replace("reduction", "reduce")


class Node(NamedTuple):
    """A named box."""

    label: str
    """Text in the box; lines end with a line break."""
    kind: Literal["input", "inner", "output"] = "inner"
    """Color of the box, and whether it stands first or last."""
    height: float = 0.0
    """Height beyond that of its text, 0 to 1 (the widths of the size space)."""


class Arrow(NamedTuple):
    """An edge from one node to another, by their places in the graph."""

    source: int
    """Index of the node at which it begins."""
    target: int
    """Index of the node at which it ends."""
    operation: str = ""
    """Operation that it carries; "": it passes on what it gets."""


class Graph(NamedTuple):
    """Nodes in an order in which every arrow points forward; two arrows may join the same nodes."""

    title: str
    """Heading of the graph, such as the name of a cell."""
    nodes: tuple[Node, ...]
    """Nodes, in the order by which arrows name them."""
    arrows: tuple[Arrow, ...]
    """Arrows, in the order written."""

    def without(self, operation: str) -> Graph:
        """A copy of the graph without the arrows of one operation."""
        return self._replace(arrows=tuple(one for one in self.arrows if one.operation != operation))

    def idle(self) -> frozenset[int]:
        """The nodes that add nothing to the output: no path without `none` leads through them."""
        passing = self.without(NONE).arrows
        fed = {place for place, node in enumerate(self.nodes) if node.kind == "input"}
        for arrow in sorted(passing, key=lambda arrow: arrow.target):
            fed |= {arrow.target} if arrow.source in fed else set()
        used = {place for place, node in enumerate(self.nodes) if node.kind == "output"}
        for arrow in sorted(passing, key=lambda arrow: -arrow.source):
            used |= {arrow.source} if arrow.target in used else set()
        return frozenset(range(len(self.nodes))) - (fed & used)

    def dot(self) -> Iterator[str]:
        """Lines of the same graph in the language of Graphviz, its arrows named and `none` dashed."""
        yield f'digraph "{self.title}" {{'
        yield "  rankdir=LR;"
        for place, node in enumerate(self.nodes):
            text = node.label.replace("\n", "\\n")
            yield f'  n{place} [shape=box, label="{text}"];'
        for arrow in self.arrows:
            style = ", style=dashed" if arrow.operation == NONE else ""
            yield f'  n{arrow.source} -> n{arrow.target} [label="{arrow.operation}"{style}];'
        yield "}"
