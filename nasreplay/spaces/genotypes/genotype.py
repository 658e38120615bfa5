"""Genotypes: which operations join which states in the normal and in the reduction cell of a NASNet-type network.

States 0 and 1 of a cell are the outputs of the cell before the previous one and of the previous one; states 2, 3, …
are its intermediate nodes. A node is the sum of its edges, each an operation on an earlier state; the cell's output
is the concatenation of the states in `concat`. One vocabulary names the operations here (that of the 2018 DARTS
release); readers translate the others by `ALIASES`, writers translate back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
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
    "skip": "skip_connect",
    "conv_5x5": "nor_conv_5x5",
    **{f"sep_{size}": f"sep_conv_{size}" for size in ("3x3", "5x5", "7x7")},
    **{f"dil_{size}": f"dil_conv_{size}" for size in ("3x3", "5x5")},
    **{f"{kind}conv{size}": f"{kind}_conv_{size}" for kind in ("sep", "dil") for size in ("3x3", "5x5")},
    "maxpool": "max_pool_3x3",
    "avgpool": "avg_pool_3x3",
    "skipconnect": "skip_connect",
    "Identity": "skip_connect",
    "Zero": "none",
    "AvgPool1x1": "avg_pool_3x3",
    "ReLUConvBN1x1": "nor_conv_1x1",
    "ReLUConvBN3x3": "nor_conv_3x3",
}
UNBUILT = {  # operations of other systems that no layer of ours is
    "noise": "it adds noise to its input (RobustDARTS), which no network here does",
    "conv": "it doesn't say which convolution",
    "pool": "it doesn't say which pooling",
}
MOST_NODES = 16
MOST_EDGES = 32
"""Limits of a cell and of a node; published ones have 7 nodes and 8 edges."""


@dataclass(frozen=True)
class Cell:
    """The edges and the output of one cell."""

    nodes: tuple[tuple[Edge, ...], ...]
    """The edges of each intermediate node, in the order written."""
    concat: tuple[int, ...]
    """The states that the output joins."""

    @staticmethod
    def of(nodes: Any, concat: Any = None, where: str = "cell") -> Cell:
        """A cell from outside: lists or tuples of edges in the forms of `placed`, one list a node.

        concat: None for all intermediate nodes. Raises BadArchitecture, which starts with `where` and the node.
        """
        nodes = sequence(nodes, f"{where}: its nodes", MOST_NODES)
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

    def doubled(self) -> list[tuple[int, int]]:
        """(node's state, source) of every pair of states that two or more operations join."""
        pairs = [(state, source) for state, _, source in self.edges()]
        return sorted({pair for pair in pairs if pairs.count(pair) > 1})

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

    def live(self) -> dict[int, int]:
        """The states that something but `none` reaches from the cell's inputs, and their numbers in `compact`."""
        number = {state: state for state in range(INPUTS)}
        for state, operation, source in self.edges():
            if operation != "none" and source in number:
                number.setdefault(state, len(number))
        return number

    def compact(self, where: str = "cell") -> Cell:
        """The cell without `none`, without nodes that nothing reaches, and without what stands on them.

        It is another function: a dead node of the full cell still passes zeros on. Raises BadArchitecture, which
        starts with `where`, for a cell whose output would join nothing.
        """
        number = self.live()
        concat = tuple(number[state] for state in self.concat if state in number)
        if not concat:
            raise BadArchitecture(
                f"{where}: only none leads to the nodes of its output, {', '.join(map(str, self.concat))}: it has no "
                "compact form"
            )
        nodes = [
            tuple((name, number[source]) for name, source in node if name != "none" and source in number)
            for node in self.nodes
        ]
        return Cell(tuple(filter(None, nodes)), concat)


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

    def compact(self) -> Genotype:
        """Both cells without dead edges and nodes (the sparse CNAS's smaller network). Raises BadArchitecture."""
        reduce = self.reduce and self.reduce.compact("reduction cell")
        return Genotype(self.normal.compact("normal cell"), reduce)

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
    names none of the further nodes that a two-input cell would have; otherwise two pairs a node. Raises
    BadArchitecture for an odd number that is not all-edge.
    """
    groups, start = [], 0
    while start < len(pairs):
        size = len(groups) + INPUTS
        groups.append(pairs[start : start + size])
        start += size
    joined = concat if isinstance(concat, list | tuple) else ()
    last = max((state for state in joined if isinstance(state, int)), default=0)
    complete = all(
        len(group) == place + INPUTS and all(state in map(_source, group) for state in range(place + INPUTS))
        for place, group in enumerate(groups)
    )
    if complete and last < len(groups) + INPUTS:
        return groups
    if len(pairs) % 2:
        raise BadArchitecture(
            f"{len(pairs)} (operation, source) pairs in a flat list, which has two a node: one is missing, or write "
            "one list a node"
        )
    return [pairs[start : start + 2] for start in range(0, len(pairs), 2)]


def _source(pair: Any) -> int | None:
    return pair[1] if isinstance(pair, list | tuple) and len(pair) > 1 and type(pair[1]) is int else None


def placed(edge: Any, where: str) -> tuple[str, Any, int | None]:
    """Operation, source and, if the edge says it, its node.

    An edge is (operation, source); with a score, a float, as last or second entry, which is dropped; or with its
    node, also as 3.0: of two whole numbers the larger is the node, so (operation, source, node) of CNAS and aw_nas
    and (operation, node, source) of FairDARTS are both read. Raises BadArchitecture.
    """
    entries = edge if isinstance(edge, list | tuple) else ()
    numbers = [entry for entry in entries[1:] if isinstance(entry, Real) and not isinstance(entry, bool)]
    floats = [float(entry) for entry in numbers if not isinstance(entry, Integral)]
    least = 0 if len(floats) == 2 and all(entry.is_integer() for entry in floats) else INPUTS
    whole = [int(entry) for entry in numbers if isinstance(entry, Integral)]
    whole += [int(entry) for entry in floats if entry.is_integer() and entry >= least]
    if len(entries) == 3 and len(whole) == 2 and isinstance(entries[0], str) and whole[0] != whole[1]:
        return entries[0], min(whole), max(whole)
    if len(entries) == 3 and len(numbers) == 2 and len(whole) == 1 and isinstance(entries[0], str):
        return entries[0], whole[0], None
    if len(entries) == 2 and isinstance(entries[0], str):
        return entries[0], entries[1], None
    raise BadArchitecture(f"{where}: {shortened(edge)} is not an (operation, source) pair")


def sequence(value: Any, what: str, most: int) -> Sequence[Any]:
    """A list or tuple of at most so many; raises BadArchitecture, which begins with `what`."""
    if not isinstance(value, list | tuple):
        raise BadArchitecture(f"{what} must be a list, found {shortened(value)}")
    if len(value) > most:
        raise BadArchitecture(f"{what} are {len(value):,}: at most {most:,} are read")
    return value


def _node(edges: Any, state: int, where: str) -> tuple[Edge, ...]:
    where = f"{where}, node {state}"
    edges = sequence(edges, f"{where}: its edges", MOST_EDGES)
    if not edges:
        raise BadArchitecture(f"{where} has no (operation, source) pair; write ('none', 0) for an empty node")
    return tuple(_edge(edge, state, where) for edge in edges)


def _edge(edge: Any, state: int, where: str) -> Edge:
    name, source, node = placed(edge, where)
    name = name.strip().replace(" ", "_")
    operation = ALIASES.get(name, name)
    if node not in (None, state):
        raise BadArchitecture(f"{where}: {shortened(edge)} stands there, and leads to node {node}")
    if name in UNBUILT:
        raise BadArchitecture(f"{where}: no operation {name}: {UNBUILT[name]}")
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
    states = tuple(sequence(concat, f"{where}: its concat", MOST_NODES))
    if not states or any(type(state) is not int or state not in every for state in states):
        raise BadArchitecture(
            f"{where}: concat {shortened(list(states))} must name intermediate nodes, {every[0]} to {every[-1]}"
        )
    if len(set(states)) < len(states):
        raise BadArchitecture(f"{where}: concat {shortened(list(states))} names a node twice")
    return states
