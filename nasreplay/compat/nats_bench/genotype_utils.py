"""The official forms of a cell: text, lists, matrix, and `TopologyStructure`.

They are lax where `nasreplay.spaces` is strict: pipes and edges may be missing and any operation name is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nasreplay.compat.nats_bench.arguments import BadStructure
from nasreplay.errors import UnknownName
from nasreplay.spaces.topology import OPERATIONS, term

Edge = tuple[str, int]  # operation, source node


def str2lists(arch_str: str) -> list[tuple[Edge, ...]]:
    """One tuple of (operation, source) pairs for each node from 1 on. Raises BadStructure (an AssertionError)."""
    return [tuple(_edge(text) for text in node.split("|") if text) for node in arch_str.split("+")]


def _edge(text: str) -> Edge:
    parts = text.split("~")
    if len(parts) != 2:
        raise BadStructure(f"invalid input length : {text}; an edge is written as operation~source")
    return parts[0], int(parts[1])


def str2matrix(arch_str: str, search_space: Sequence[str] = OPERATIONS) -> np.ndarray:
    """float64 [nodes, nodes]: code of the operation on edge i←j, else 0; raises BadStructure or UnknownName."""
    nodes = str2lists(arch_str)
    matrix = np.zeros((len(nodes) + 1, len(nodes) + 1))
    for node, edges in enumerate(nodes, start=1):
        for operation, source in edges:
            if operation not in search_space:
                raise UnknownName(f"this op ({operation}) is not in {tuple(search_space)}")
            matrix[node, source] = search_space.index(operation)
    return matrix


class TopologyStructure:
    """A cell as a list of nodes, each a tuple of (operation, source) pairs. Raises BadStructure."""

    def __init__(self, genotype: Sequence[Sequence[Edge]]):
        self.nodes = [tuple(node) for node in genotype]
        self.node_num = len(self.nodes) + 1
        self.node_N = list(range(1, self.node_num))
        for number, node in enumerate(self.nodes, start=1):
            if not node:
                raise BadStructure(f"invalid length : node {number} has no edge")
            for edge in node:
                if isinstance(edge, str):
                    raise BadStructure(
                        f"invalid class of in-node : {edge!r} is not a pair of operation and source"
                    )
                if len(edge) != 2 or not edge[1] < number:
                    raise BadStructure(
                        f"invalid in-node : {edge} of node {number}; sources are 0 to {number - 1}"
                    )

    def tolist(self, remove_str: str | None) -> tuple[list[tuple[Edge, ...]] | None, bool]:
        """(nodes without that operation, edges sorted; True), or (None, False) if one has no edge left."""
        nodes = [sorted(node, key=lambda edge: (edge[1], edge[0])) for node in self.nodes]
        kept = [tuple(edge for edge in node if edge[0] != remove_str) for node in nodes]
        return (kept, True) if all(kept) else (None, False)

    def node(self, index: int) -> tuple[Edge, ...]:
        """The official `node`: counts from 1, and answers with the edges of the node after that one."""
        if not 0 < index <= len(self):
            raise BadStructure(f"invalid index={index} < {len(self)}")
        return self.nodes[index]

    def tostr(self) -> str:
        """The text `|op~0|+|op~0|op~1|+…`."""
        return "+".join("|" + "".join(f"{op}~{source}|" for op, source in node) for node in self.nodes)

    def check_valid(self) -> bool:
        """Whether edges other than `none` join input and output."""
        reached = {0}
        for number, node in enumerate(self.nodes, start=1):
            if any(op != "none" and source in reached for op, source in node):
                reached.add(number)
        return len(self.nodes) in reached

    def check_valid_op(self, op_names: Sequence[str]) -> bool:
        """Whether all operations are among these."""
        return all(op in op_names for node in self.nodes for op, _ in node)

    def to_unique_str(self, consider_zero: bool | None = False) -> str:
        """The label of the last node: cells with the same one are equivalent (`TopologySpace.unique_string`)."""
        labels = ["0"]
        for node in self.nodes:
            labels.append("+".join(sorted(term(labels[source], op, consider_zero) for op, source in node)))
        return labels[-1]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.node_num} nodes with {self.tostr()})"

    def __len__(self) -> int:
        return self.node_num

    def __getitem__(self, index: int) -> Any:
        return self.nodes[index]

    @staticmethod
    def str2structure(xstr: str | TopologyStructure) -> TopologyStructure:
        """The structure of a text; a structure is returned as it is."""
        if isinstance(xstr, TopologyStructure):
            return xstr
        return TopologyStructure(str2lists(_text(xstr)))

    @staticmethod
    def str2fullstructure(xstr: str, default_name: str = "none") -> TopologyStructure:
        """The structure of a text, with `default_name` on every edge that it leaves out."""
        nodes = []
        for number, edges in enumerate(str2lists(_text(xstr)), start=1):
            given = [source for _, source in edges]
            missing = [(default_name, source) for source in range(number) if source not in given]
            nodes.append(tuple(sorted((*edges, *missing), key=lambda edge: edge[1])))
        return TopologyStructure(nodes)


def _text(text: Any) -> str:
    if not isinstance(text, str):
        raise BadStructure(f"must take string (not {type(text)}) as input")
    return text


topology_str2structure = TopologyStructure.str2structure
