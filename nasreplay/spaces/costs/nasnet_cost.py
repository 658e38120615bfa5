"""Parameters and multiply-accumulates of NASNet-type networks in closed form, without building them.

Multiply-accumulates are those of convolutions and of the classifier for one image, without the auxiliary head and
without the additions of biases. Batch norms here have scale and shift.
"""

from __future__ import annotations

from typing import NamedTuple

from nasreplay.spaces.costs.network_plan import HIDDEN, CellPlan, Plan, half
from nasreplay.spaces.genotypes.genotype import Cell, Genotype

AUXILIARY = (128, 768)  # widths of the auxiliary head


class Cost(NamedTuple):
    """Trainable numbers, and multiply-accumulates for one image."""

    parameters: int
    multiply_adds: int

    def __add__(self, other: tuple) -> Cost:
        return Cost(self.parameters + other[0], self.multiply_adds + other[1])


NOTHING = Cost(0, 0)


def cost(genotype: Genotype, plan: Plan, side: int = 32) -> Cost:
    """The whole network on images of side × side pixels."""
    total, last = _stem(plan, side), 0
    for place, cell in enumerate(plan.walk(genotype.widths, side)):
        total += _cell(genotype, cell, plan)
        last = cell.output
        if plan.auxiliary and place == plan.reductions[1]:
            total += Cost(_auxiliary(plan, last), 0)
    if plan.style.final_norm:
        total += Cost(2 * last, 0)
    weights = last * plan.features * plan.classes
    return total + Cost(weights + plan.classes, weights)


def operation_cost(
    name: str, channels: int, stride: int, side: int, pool_norm: bool = False, groups: int = 1
) -> Cost:
    """One operation that keeps its channels, on side × side pixels.

    pool_norm: poolings end with a batch norm; groups: of shuffle_conv.
    """
    kind, _, kernel = name.rpartition("_")
    k = int(kernel[0]) if kernel[1:2] == "x" else 0
    out, square = half(side) if stride == 2 else side, channels**2
    pointwise = _norm(channels, _conv(square, out))
    match kind:
        case "max_pool" | "avg_pool":
            return Cost(2 * channels * pool_norm, 0)
        case "sep_conv":
            return _conv(k * k * channels, out) + pointwise + _conv(k * k * channels, out) + pointwise
        case "dil_conv":
            return _conv(k * k * channels, out) + pointwise
        case "nor_conv":
            return _norm(channels, _conv(k * k * square, out))
        case "conv_3x1" | "conv_7x1":
            long = int(kind[-3])
            across = Cost(long * square, long * square * side * out)
            return _norm(channels, across + _conv(long * square, out))
        case "shuffle_conv":
            narrow, grouped = channels // groups, square // groups**2
            enter = _norm(narrow, _conv(grouped, side)) + _norm(narrow, _conv(9 * narrow, out))
            return enter + _norm(channels, _conv(grouped, out))
    if name == "cweight_com":
        hidden = max(1, channels // HIDDEN)
        gate = Cost(2 * channels * hidden + hidden + channels, 2 * channels * hidden)
        return gate + (_norm(channels, _conv(9 * channels, out)) if stride == 2 else NOTHING)
    return pointwise if name == "skip_connect" and stride == 2 else NOTHING


def _cell(genotype: Genotype, cell: CellPlan, plan: Plan) -> Cost:
    channels, before, side = cell.channels, cell.before, cell.side
    total = _norm(channels, _conv(before[0] * channels, side)) + _norm(
        channels, _conv(before[1] * channels, side)
    )
    edges = genotype.reduce if cell.reduction else genotype.normal
    if edges is None:
        return total + _fixed_reduction(channels, side)
    for state, name, source in _layers(edges, plan):
        stride = 2 if cell.reduction and source < 2 else 1
        here = half(side) if cell.reduction and source >= 2 else side
        affine = plan.style.pool_norm == "affine"
        one = operation_cost(name, channels, stride, here, affine, plan.shuffle_groups)
        total += one if state else Cost(0, one.multiply_adds)
    return total


def _layers(cell: Cell, plan: Plan) -> list[tuple[int, str, int]]:
    """Edges as they are computed; with one layer for each pair of states, its second use has state 0."""
    if not plan.style.search_layers:
        return list(cell.edges())
    last = {(state, source): name for state, name, source in cell.edges()}
    seen: set[tuple[int, int]] = set()
    layers = []
    for state, _, source in cell.edges():
        layers.append((0 if (state, source) in seen else state, last[state, source], source))
        seen.add((state, source))
    return layers


def _fixed_reduction(channels: int, side: int) -> Cost:
    grouped, out = 3 * channels * channels // 8, half(side)
    branch = Cost(grouped, grouped * side * out) + _norm(channels, _conv(grouped, out))
    branch += _norm(channels, _conv(channels**2, out))
    return branch + branch + Cost(2 * 2 * channels, 0)


def _stem(plan: Plan, side: int) -> Cost:
    total = NOTHING
    for before, after, stride in plan.entry.layers(plan.channels):
        side = half(side) if stride == 2 else side
        total += _norm(after, _conv(9 * before * after, side))
    return total


def _auxiliary(plan: Plan, width: int) -> int:
    narrow, wide = AUXILIARY
    norms = 2 * narrow + (2 * wide if plan.style.imagenet_norm or not plan.entry.reduces else 0)
    return width * narrow + 4 * narrow * wide + norms + wide * plan.classes + plan.classes


def _conv(weights: int, out: int) -> Cost:
    """A convolution with so many weights, each used once a pixel of its output."""
    return Cost(weights, weights * out * out)


def _norm(channels: int, before: Cost) -> Cost:
    """A convolution and the batch norm after it."""
    return before + Cost(2 * channels, 0)
