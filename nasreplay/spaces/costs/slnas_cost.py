"""Parameters, multiply-adds and memory traffic of SLNAS's networks in closed form, without building them.

Numbers are [parameters, multiply-adds, weights of convolutions, traffic]. Multiply-adds are those of convolutions,
fixed blurs included, and of linear layers for one image, auxiliary heads included; traffic is what convolutions,
poolings and linear layers read and write, and all weights. Layers are those of `models.slnas`: an average is taken
before its 1 × 1 convolution, which commutes with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from nasreplay.spaces.costs.cell_costs import UNITS
from nasreplay.spaces.costs.expected import Costs, PolynomialCost, WholeNetwork, polynomial
from nasreplay.spaces.costs.network_plan import half
from nasreplay.spaces.costs.resources import RESOURCES
from nasreplay.spaces.costs.slnas_plan import SQUEEZE, STRIDES, SLNASPlan
from nasreplay.spaces.genotypes.genotype import INPUTS
from nasreplay.spaces.genotypes.slnas_forms import LENGTH, NODES, OPERATIONS

if TYPE_CHECKING:
    from nasreplay.spaces.base import Space

PARAMETERS, MULTIPLY_ADDS, SIZE, TRAFFIC = range(4)


def retrained(classes: int) -> SLNASPlan:
    """The network of CIFAR retraining at its defaults."""
    return SLNASPlan(32, (4, 4), classes, "cifar")


def totals(codes: np.ndarray, plan: SLNASPlan, side: int = 32) -> np.ndarray:
    """int64 [N, 4] of codes [N, 40]: their networks on images of side × side pixels."""
    fixed, chosen = _tables(plan, side)
    states, operations = np.asarray(codes)[:, ::2], np.asarray(codes)[:, 1::2]
    cell = np.arange(states.shape[1]) // (LENGTH // 2)
    return fixed + chosen[cell, (states >= INPUTS).astype(int), operations].sum(axis=1)


def costs_of(space: Space, classes: int, side: int, plan: SLNASPlan | None = None) -> Costs:
    """Costs of whole networks, of a plan or of CIFAR retraining; a state and its operation matter together."""
    plan = plan or retrained(classes)
    about = f"closed form, {plan.channels} channels, blocks {list(plan.blocks)}"

    def one(place: int, unit: str, per: float = 1.0) -> PolynomialCost:
        def count(codes: np.ndarray) -> np.ndarray:
            return totals(codes, plan, side)[:, place]

        return polynomial(unit, about, space.embed, count, space.mask, per)

    whole = tuple(map(one, (SIZE, MULTIPLY_ADDS, TRAFFIC), UNITS))
    named: dict[str, Callable[[], PolynomialCost]] = {
        name: (lambda cost=cost: cost) for name, cost in zip(RESOURCES, whole, strict=True)
    }
    named |= {"params": lambda: one(PARAMETERS, "M", 1e6), "flops": lambda: one(MULTIPLY_ADDS, "M", 1e6)}
    return Costs((WholeNetwork(whole, space.mask),), named)


def _tables(plan: SLNASPlan, side: int) -> tuple[np.ndarray, np.ndarray]:
    """What every network has, [4], and what an operation adds on an input and on a node, [2 cells, 2, 5, 4]."""
    fixed, chosen = _stems(plan, side), np.zeros((2, 2, len(OPERATIONS), 4), dtype=np.int64)
    side = -(-side // STRIDES[plan.stem])
    blocks = list(plan.walk())
    for block in blocks:
        channels, out = block.channels, side // 2 if block.reduction else side
        for inner, here in enumerate((side, out)):
            each = [_operation(name, channels, block.reduction, here) for name in OPERATIONS]
            chosen[int(block.reduction), inner] += each
        joined = NODES * channels
        fixed += _linear(joined, joined // SQUEEZE) + _linear(joined // SQUEEZE, joined)
        fixed += _conv(joined, block.after, out, norm=joined)
        if block.reduction:
            calibrate = _conv(block.after, channels, out, norm=0)
            fixed += NODES * calibrate - (NODES - 1) * channels * block.after * np.array([1, 0, 1, 1])
            projection = _conv(channels, block.after, out, norm=0)
            last = block is blocks[-1]  # whose projection nothing uses
            fixed += projection * ([1, 0, 1, 0] if last else [1, 1, 1, 1])
        side = out
    return fixed + sum(_linear(width, plan.classes) for width in (*plan.heads, plan.features)), chosen


def _stems(plan: SLNASPlan, side: int) -> np.ndarray:
    width, middle = plan.channels, half(side)
    if plan.stem == "cifar":
        return _conv(3, width, side, 3) + _conv(3, width, side, 5)
    first = _conv(3, width, middle, 3, side=side)
    strided = first + _conv(width, width, half(middle), 3, side=middle)
    blurred = first + _blur(width, middle)
    return strided + (strided if plan.stem == "search" else blurred)


def _operation(name: str, channels: int, reduces: bool, side: int) -> np.ndarray:
    kind, _, kernel = name.rpartition("_")
    after, small = (2 * channels, half(side)) if reduces else (channels, side)
    match kind:
        case "avg_pool":
            return _pool(channels, side, small) + _conv(channels, after, small)
        case "max_pool":
            return _conv(channels, after, side) + _pool(after, side, small)
        case "conv":
            return _conv(channels, after, side)
    width = channels if reduces else channels // 2
    weights = int(kernel[0]) ** 2 * width
    deep = _counted(weights, width, width, side, side, width)
    last = _conv(width, width, small)
    if not reduces:
        return _conv(width, width, side) + deep + last
    return _conv(width, width, side) + 2 * (deep + _blur(width, side) + last)


def _conv(
    before: int, after: int, out: int, kernel: int = 1, *, side: int = 0, norm: int | None = None
) -> np.ndarray:
    """A convolution of side × side pixels, out × out unless given, and a batch norm, of its output unless given."""
    normed = after if norm is None else norm
    return _counted(kernel**2 * before * after, before, after, side or out, out, normed)


def _linear(before: int, after: int) -> np.ndarray:
    """A linear layer without bias."""
    return _counted(before * after, before, after, 1, 1) * [1, 1, 0, 1]


def _blur(channels: int, side: int) -> np.ndarray:
    """A fixed 3 × 3 kernel of stride 2 on every channel."""
    weights = 9 * channels
    return _counted(weights, channels, channels, side, half(side)) - weights * np.array([1, 0, 1, 1])


def _pool(channels: int, side: int, out: int) -> np.ndarray:
    return _counted(0, channels, channels, side, out)


def _counted(weights: int, before: int, after: int, side: int, out: int, norm: int = 0) -> np.ndarray:
    """Numbers of a layer that uses each of its weights once a pixel of its output; norm: channels of a batch norm."""
    traffic = weights + before * side**2 + after * out**2
    return np.array([weights + 2 * norm, weights * out**2, weights, traffic], dtype=np.int64)
