"""Genotypes: which operations join which states in the normal and in the reduction cell of a NASNet-type network.

States 0 and 1 of a cell are the outputs of the cell before the previous one and of the previous one; states 2, 3, …
are its intermediate nodes. A node is the sum of its edges, each an operation on an earlier state; the cell's output
is the concatenation of the states in `concat`. One vocabulary names the operations here (that of the 2018 DARTS
release); readers translate the others by `ALIASES`, writers translate back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nasreplay.errors import BadArchitecture, choices, shortened
from nasreplay.spaces.graph import Arrow, Graph, Node

Edge = tuple[str, int]  # operation, source state
INPUTS = 2
FIXED_WIDTH = 4  # the fixed reduction cell joins four branches

OPERATIONS = (
    "none",
    "skip_connect",
    *("max_pool_3x3", "max_pool_5x5", "max_pool_7x7", "avg_pool_3x3"),
    *("sep_conv_3x3", "sep_conv_5x5", "sep_conv_7x7"),
    *("dil_conv_3x3", "dil_conv_5x5"),
    *("conv_3x1_1x3", "conv_7x1_1x7"),
    *("nor_conv_1x1", "nor_conv_3x3", "nor_conv_5x5", "nor_conv_7x7"),
    *("cweight_com", "shuffle_conv_3x3"),
)
ALIASES = {  # names of the same layers in other systems
    "dua_sepc_3x3": "sep_conv_3x3",
    "dua_sepc_5x5": "sep_conv_5x5",
    "dil_sepc_3x3": "dil_conv_3x3",
    "dil_sepc_5x5": "dil_conv_5x5",
    "conv_1x3_3x1": "conv_3x1_1x3",
    "conv_1x7_7x1": "conv_7x1_1x7",
    "conv_1x1": "nor_conv_1x1",
    "conv_3x3": "nor_conv_3x3",
    "conv_5x5": "nor_conv_5x5",
}


@dataclass(frozen=True)
class Cell:
    """The edges and the output of one cell."""

    nodes: tuple[tuple[Edge, ...], ...]
    """The edges of each intermediate node, in the order written."""
    concat: tuple[int, ...]
    """The states that the output joins."""

    @staticmethod
    def of(nodes: Any, concat: Any = None, where: str = "cell") -> Cell:
        """A cell from outside: lists or tuples of (operation, source) pairs, a third entry (a score) is dropped.

        concat: None for all intermediate nodes. Raises BadArchitecture, which starts with `where` and the node.
        """
        nodes = _sequence(nodes, f"{where}: its nodes")
        if not nodes:
            raise BadArchitecture(
                f"{where}: no nodes; every node needs at least one (operation, source) pair"
            )
        checked = tuple(_node(node, place + INPUTS, where) for place, node in enumerate(nodes))
        return Cell(checked, _concat(concat, len(checked), where))

    def edges(self) -> Iterator[tuple[int, str, int]]:
        """(node's state, operation, source) of every edge, in the order written."""
        for place, node in enumerate(self.nodes):
            for operation, source in node:
                yield place + INPUTS, operation, source

    def graph(self, title: str) -> Graph:
        """The graph of states and operations; arrows without one join the states of `concat` to the output."""
        inner = [Node(str(place)) for place in range(len(self.nodes))]
        inputs = (Node("c_{k-2}", "input"), Node("c_{k-1}", "input"))
        edges = [Arrow(source, state, operation) for state, operation, source in self.edges()]
        output = len(inner) + INPUTS
        joins = [Arrow(state, output) for state in self.concat]
        return Graph(title, (*inputs, *inner, Node("c_{k}", "output")), (*edges, *joins))

    def all_edges(self) -> Cell:
        """A cell of equal function with every edge written: missing ones are `none`, last in their node."""
        nodes = []
        for place, node in enumerate(self.nodes):
            used = {source for _, source in node}
            missing = [source for source in range(place + INPUTS) if source not in used]
            nodes.append((*node, *(("none", source) for source in missing)))
        return Cell(tuple(nodes), self.concat)

    def two_inputs(self, where: str = "cell") -> Cell:
        """A cell of equal function with two edges a node: `none` goes where something else remains.

        Raises BadArchitecture naming the first node with more than two other operations, or only one edge.
        """
        nodes = []
        for place, node in enumerate(self.nodes):
            kept = [edge for edge in node if edge[0] != "none"]
            chosen = (kept + [edge for edge in node if edge[0] == "none"])[:2]
            if len(kept) > 2 or len(chosen) < 2:
                raise BadArchitecture(
                    f"{where}, node {place + INPUTS}: {len(kept)} operations beside none; the two-input form has two"
                )
            nodes.append(tuple(edge for edge in node if edge in chosen)[:2])
        return Cell(tuple(nodes), self.concat)


@dataclass(frozen=True)
class Genotype:
    """A pair of cells."""

    normal: Cell
    """The cell that keeps the resolution."""
    reduce: Cell | None
    """The cell that halves it; None where the reduction is fixed (GDAS-FRC, cells of NAS-Bench-201)."""

    @property
    def widths(self) -> tuple[int, int]:
        """Number of states that the outputs of the normal and of the reduction cell join."""
        return len(self.normal.concat), FIXED_WIDTH if self.reduce is None else len(self.reduce.concat)

    def all_edges(self) -> Genotype:
        """Both cells with every edge written (the form of SNAS)."""
        return Genotype(self.normal.all_edges(), self.reduce and self.reduce.all_edges())

    def two_inputs(self) -> Genotype:
        """Both cells with two edges a node (the form of DARTS). Raises BadArchitecture."""
        reduce = self.reduce and self.reduce.two_inputs("reduction cell")
        return Genotype(self.normal.two_inputs("normal cell"), reduce)

    def cells(self) -> Mapping[str, Cell]:
        """The cells that there are, by the names that messages use."""
        both = {"normal cell": self.normal, "reduction cell": self.reduce}
        return {name: cell for name, cell in both.items() if cell is not None}

    def graphs(self) -> tuple[Graph, ...]:
        """The graph of each cell; a fixed reduction cell has none."""
        return tuple(cell.graph(name) for name, cell in self.cells().items())


def grouped(pairs: Sequence[Any], concat: Any) -> list[Sequence[Any]]:
    """Flat (operation, source) pairs by node.

    All-edge if the groups of 2, 3, 4, … pairs read every earlier state exactly once and `concat` (None for unknown)
    names none of the further nodes that a two-input cell would have; otherwise two pairs a node.
    """
    groups, start = [], 0
    while start < len(pairs):
        size = len(groups) + INPUTS
        groups.append(pairs[start : start + size])
        start += size
    last = max((state for state in concat or () if isinstance(state, int)), default=0)
    complete = all(
        sorted(str(_source(pair)) for pair in group) == sorted(map(str, range(place + INPUTS)))
        for place, group in enumerate(groups)
    )
    if complete and last < len(groups) + INPUTS:
        return groups
    return [pairs[start : start + 2] for start in range(0, len(pairs), 2)]


def _source(pair: Any) -> Any:
    return pair[1] if isinstance(pair, list | tuple) and len(pair) > 1 else None


def _sequence(value: Any, what: str) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        raise BadArchitecture(f"{what} must be a list, found {shortened(value)}")
    return value


def _node(edges: Any, state: int, where: str) -> tuple[Edge, ...]:
    where = f"{where}, node {state}"
    edges = _sequence(edges, f"{where}: its edges")
    if not edges:
        raise BadArchitecture(f"{where} has no (operation, source) pair; write ('none', 0) for an empty node")
    return tuple(_edge(edge, state, where) for edge in edges)


def _edge(edge: Any, state: int, where: str) -> Edge:
    if not isinstance(edge, list | tuple) or len(edge) not in (2, 3) or not isinstance(edge[0], str):
        raise BadArchitecture(f"{where}: {shortened(edge)} is not an (operation, source) pair")
    operation, source = ALIASES.get(edge[0], edge[0]), edge[1]
    if operation not in OPERATIONS:
        known = choices(operation, (*OPERATIONS, *ALIASES))
        raise BadArchitecture(f"{where}: unknown operation {shortened(operation)}{known}")
    if type(source) is not int or not 0 <= source < state:
        raise BadArchitecture(
            f"{where}: source {shortened(source)} of {operation} must be a state 0 to {state - 1}"
        )
    return operation, source


def _concat(concat: Any, nodes: int, where: str) -> tuple[int, ...]:
    every = tuple(range(INPUTS, nodes + INPUTS))
    if concat is None:
        return every
    states = tuple(_sequence(concat, f"{where}: its concat"))
    if not states or any(type(state) is not int or state not in every for state in states):
        raise BadArchitecture(
            f"{where}: concat {shortened(list(states))} must name intermediate nodes, {every[0]} to {every[-1]}"
        )
    if len(set(states)) < len(states):
        raise BadArchitecture(f"{where}: concat {shortened(list(states))} names a node twice")
    return states
