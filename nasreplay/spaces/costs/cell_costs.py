"""Costs of the cells of shared networks, by their plan: every operation on every edge of every cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from nasreplay.spaces.costs.expected import CellKind, Cost, Costs, Embed, PolynomialCost, polynomial
from nasreplay.spaces.costs.nasnet_cost import cost, operation_cost
from nasreplay.spaces.costs.network_plan import Plan, half
from nasreplay.spaces.costs.resources import RESOURCES, resources
from nasreplay.spaces.genotypes.genotype import INPUTS, Cell, Genotype

if TYPE_CHECKING:
    from nasreplay.spaces.base import Space

UNITS = ("convolution weights", "multiply-adds", "numbers read and written")
# what SNAS divides the sums over its normal and reduction cells by, whatever their number
NORMAL, REDUCE = 6.0, 2.0
KEPT = 2  # edges that a node keeps
Each = Callable[[str, int, int, int], Sequence[float] | np.ndarray]
"""Operation, channels, stride and side → its numbers [R]."""


def alike(operations: Sequence[str], edges: int, stages: Sequence[tuple[int, int]], cells: int) -> CellKind:
    """Cells of edges without stride; stages: (channels, side) of each, `cells` of them a stage."""
    entries = [[resources(name, width, 1, side) for name in operations] for width, side in stages]
    every = np.repeat(np.array(entries)[:, None], edges, axis=1).repeat(cells, axis=0)
    return CellKind("cell", slice(0, edges), every, float(len(every)))


def of_plan(
    operations: Sequence[str], plan: Plan, nodes: int, searched: int, side: int
) -> tuple[CellKind, ...]:
    """Normal and, of two searched kinds, reduction cells of a NASNet network."""
    edges = sum(range(INPUTS, INPUTS + nodes))
    kinds = _entries(operations, plan, nodes, side, resources)
    named = (("normal", NORMAL), ("reduce", REDUCE))[:searched]
    return tuple(
        CellKind(name, slice(place * edges, (place + 1) * edges), kinds[place], divisor)
        for place, (name, divisor) in enumerate(named)
    )


def named_resources(
    kinds: Sequence[CellKind], embed: Embed, share: np.ndarray | float = 1.0
) -> Mapping[str, Callable[[], Cost]]:
    """The three resources, summed over all cells, as costs."""
    entries = np.concatenate([kind.entries.sum(axis=0) for kind in kinds])
    source = "closed form of SNAS, all searched cells"

    def made(place: int) -> Callable[[], Cost]:
        return lambda: PolynomialCost(UNITS[place], source, embed, 0.0, entries[..., place], share=share)

    return {name: made(place) for place, name in enumerate(RESOURCES)}


def benchmark_costs(space: Space, classes: int, resolution: int) -> Mapping[str, Callable[[], Cost]]:
    """Millions of parameters and FLOPs in a space where at most neighboring decisions matter together."""
    about = "closed form of the benchmark's network"
    counts = {
        "params": partial(space.parameters, classes=classes),
        "flops": partial(space.flops, classes=classes, resolution=resolution),
    }
    return {
        name: partial(polynomial, "M", about, space.embed, count, space.mask, 1e6)
        for name, count in counts.items()
    }


def genotype_costs(
    operations: Sequence[str], plan: Plan, nodes: int, searched: int, side: int, embed: Embed
) -> Costs:
    """Costs in a NASNet space: resources of the cells of `plan`, and the whole network that trains a genotype.

    Expected values are those of genotypes that take two of a node's states uniformly.
    """
    kinds = of_plan(operations, plan, nodes, searched, side)
    sources = np.concatenate([np.full(node, node) for node in range(INPUTS, INPUTS + nodes)])
    share = np.tile(KEPT / sources, searched)[:, None]
    trained = Plan(classes=plan.classes)

    def whole(place: int) -> Callable[[], Cost]:
        def made() -> Cost:
            def each(name: str, channels: int, stride: int, here: int) -> Sequence[float]:
                return [operation_cost(name, channels, stride, here)[place] / 1e6]

            every = _entries(operations, trained, nodes, side, each)
            entries = np.concatenate([kind.sum(axis=0)[..., 0] for kind in every[:searched]])
            first = [[(operations[0], 0), (operations[0], 1)]] * nodes
            some = Genotype(Cell.of(first), Cell.of(first) if searched == 2 else None)
            rows = np.cumsum([0, *range(INPUTS, INPUTS + nodes - 1)])
            rows = np.concatenate([rows + kind * len(sources) for kind in range(searched)])
            own = entries[rows, 0].sum() + entries[rows + 1, 0].sum()
            fixed = cost(some, trained, side)[place] / 1e6 - own
            about = f"the network of {trained.channels} channels and {trained.cells} cells that trains it"
            return PolynomialCost("M", about, embed, fixed, entries, share=share)

        return made

    return Costs(kinds, {**named_resources(kinds, embed, share), "params": whole(0), "flops": whole(1)})


def _entries(
    operations: Sequence[str], plan: Plan, nodes: int, side: int, each: Each
) -> tuple[np.ndarray, np.ndarray]:
    """[M, e, O, R] of the normal and of the reduction cells."""
    found: tuple[list, list] = ([], [])
    sources = [source for node in range(nodes) for source in range(node + INPUTS)]
    for cell in plan.walk((nodes, nodes), side):
        sites = []
        for source in sources:
            strided = cell.reduction and source < INPUTS
            here = half(cell.side) if cell.reduction and not strided else cell.side
            sites.append((cell.channels, 1 + strided, here))
        known = {site: [each(name, *site) for name in operations] for site in dict.fromkeys(sites)}
        found[cell.reduction].append([known[site] for site in sites])
    return np.array(found[0], dtype=np.float64), np.array(found[1], dtype=np.float64)
