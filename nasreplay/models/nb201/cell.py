"""The cell: a node is the sum over its incoming edges of weighted operations on earlier nodes.

Children and supernets compute their cells with one function, `mix`, from a list of terms; the terms of a child are
those of a one-hot mixture. Shapes: images [B, C, H, W]; E edges, O operations of the topology space.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from nasreplay.models.nb201.blend import nudged
from nasreplay.models.nb201.fuse import Term, fan_out
from nasreplay.models.nb201.nb201_ops import Zero, operation
from nasreplay.spaces.topology import EDGES, OPERATIONS

LAST = 3  # the output node


def mix(x: Tensor, terms: Sequence[Term], shifts: Mapping[int, Tensor] | None = None) -> Tensor:
    """Output node [B, C', H, W] of a cell with input x [B, C, H, W].

    shifts: node → scalar zero, added to every entry for its gradient. A `none` costs nothing where its nodes have
    other terms; alone it gives zeros (and keeps a NaN).
    """
    nodes, shifts = {0: x}, shifts or {}
    for source in range(LAST):
        for edge, value in fan_out(nodes[source], _leaving(source, terms)):
            node = EDGES[edge][0]
            if node in nodes:
                nodes[node] = nodes[node] + value
            else:
                nodes[node] = nudged(value, shifts[node]) if node in shifts else value
    return nodes[LAST]


def _leaving(source: int, terms: Sequence[Term]) -> list[Term]:
    """The terms that read this node, without the zeros that both of their nodes can do without.

    A node that only zeros read stays in the graph: what leads there gets a zero gradient, so decay and momentum.
    """
    leaving = [term for term in terms if EDGES[term.edge][1] == source]
    if source and all(isinstance(term.operation, Zero) for term in leaving):
        return leaving
    needed = {EDGES[term.edge][0] for term in terms if not isinstance(term.operation, Zero)}
    return [
        term for term in leaving if not (isinstance(term.operation, Zero) and EDGES[term.edge][0] in needed)
    ]


class FixedCell(nn.Module):
    """One operation on each edge; `layers` in edge order."""

    def __init__(self, codes: Sequence[int], c_in: int, c_out: int, affine: bool = True, track: bool = True):
        super().__init__()
        self.layers = nn.ModuleList(
            operation(OPERATIONS[code], c_in if source == 0 else c_out, c_out, 1, affine, track)
            for code, (_, source) in zip(codes, EDGES, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, c_in, H, W] → [B, c_out, H, W]."""
        return mix(x, [Term(edge, layer) for edge, layer in enumerate(self.layers)])


class MixedCell(nn.Module):
    """Every operation on each edge; `edges["i<-j"]` is the list of operations."""

    def __init__(self, channels: int, affine: bool, track: bool):
        super().__init__()
        self.edges = nn.ModuleDict(
            {
                f"{node}<-{source}": nn.ModuleList(
                    operation(name, channels, channels, 1, affine, track) for name in OPERATIONS
                )
                for node, source in EDGES
            }
        )

    def forward(self, x: Tensor, weights: Tensor, active: list[list[bool]]) -> Tensor:
        """x [B, C, H, W] → the same shape; weights [E, O], active [E][O]."""
        ones = not weights.requires_grad and bool((weights[torch.tensor(active)] == 1).all())
        singles = [row.unbind() for row in weights.unbind()]
        terms = [
            Term(edge, layer, None if ones else singles[edge][option])
            for edge, layers in enumerate(self.edges.values())
            for option, layer in enumerate(layers)  # pyright: ignore[reportArgumentType]
            if active[edge][option]
        ]
        return mix(x, terms, surrogate(weights, active))


def surrogate(weights: Tensor, active: list[list[bool]]) -> dict[int, Tensor]:
    """Per node a scalar that is zero and lets gradients reach the weights of inactive operations.

    GDAS as published adds the inactive weights (they are zero) to the node itself, so each of them receives the
    sum of all entries of the node's gradient (docs/sources/weight-sharing.md, 3). Empty where nothing needs it.
    """
    shifts: dict[int, Tensor] = {}
    if not weights.requires_grad or all(map(all, active)):
        return shifts
    idle = torch.tensor(active, device=weights.device).logical_not()
    edges = ((weights - weights.detach()) * idle).sum(dim=1).unbind()
    for (node, _), value in zip(EDGES, edges, strict=True):
        shifts[node] = shifts[node] + value if node in shifts else value
    return shifts
