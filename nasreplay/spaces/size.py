"""The size space of NATS-Bench (sss): five widths out of eight on one fixed cell; text `c0:c1:c2:c3:c4`.

c0 is the stem and first cell, c1 the first residual block, c2 the second cell, c3 the second residual block,
c4 the third cell and the head (the code's reading; the public README says otherwise and is wrong).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nasreplay.seeds import Draws
from nasreplay.spaces.base import Space
from nasreplay.spaces.costs import nats_cost
from nasreplay.spaces.graph import Arrow, Graph, Node
from nasreplay.spaces.registry import register_space

if TYPE_CHECKING:
    from nasreplay.spaces.costs.expected import Costs

WIDTHS = (8, 16, 24, 32, 40, 48, 56, 64)
# stages and their positions
STAGES = (("stem", 0), ("cell", 0), ("block", 1), ("cell", 2), ("block", 3), ("cell", 4))
CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"


class SizeSpace(Space):
    """The 32,768 sizes; the flat index is the official index."""

    name = "size"
    options = (tuple(map(str, WIDTHS)),) * 5
    mark = separator = ":"
    noun = "width"
    archive = "NATS-sss-v1_0-50262"
    widens = True

    def mutate(self, codes: np.ndarray, draws: Draws) -> np.ndarray:
        """A uniform position gets a uniform width out of all eight: may be a no-op, as published."""
        child = np.array(codes, dtype=np.int8)
        rows = np.arange(len(child))
        position, width = draws.integers(np.array([5, 8]), 2).T
        child[rows, position] = width
        return child

    def widths(self, codes: np.ndarray) -> np.ndarray:
        """Channel numbers int64 [N, 5]."""
        return np.array(WIDTHS)[np.asarray(codes)]

    @property
    def forms(self) -> dict[str, Callable[[Sequence[int]], Any]]:
        """The widths as numbers."""
        return {"widths": lambda codes: self.widths(np.asarray(codes)).tolist()}

    def graphs(self, codes: Sequence[int] | np.ndarray) -> tuple[Graph, ...]:
        """The network as a chain of its stages, each as tall as it has channels; a block halves the image."""
        widths = self.widths(np.asarray(codes)).tolist()
        stages = [
            Node(f"{name}\n{widths[place]}", height=widths[place] / WIDTHS[-1]) for name, place in STAGES
        ]
        nodes = (Node("image", "input"), *stages, Node("classes", "output"))
        return (Graph("network", nodes, tuple(Arrow(place, place + 1) for place in range(len(nodes) - 1))),)

    def costs(self, classes: int, resolution: int) -> Costs:
        """Resources, parameters and FLOPs of the whole network: neighboring positions matter together."""
        from nasreplay.spaces.costs.cell_costs import UNITS, benchmark_costs
        from nasreplay.spaces.costs.expected import Costs, WholeNetwork, polynomial
        from nasreplay.spaces.costs.resources import RESOURCES

        about = "closed form, as SNAS counts"
        counts = (self._size, partial(self.flops, classes=classes, resolution=resolution))
        counts = (*counts, partial(self._traffic, classes=classes, resolution=resolution))
        whole = tuple(
            polynomial(unit, about, self.embed, count, self.mask)
            for unit, count in zip(UNITS, counts, strict=True)
        )
        named = {name: (lambda one=one: one) for name, one in zip(RESOURCES, whole, strict=True)}
        return Costs(
            (WholeNetwork(whole, self.mask),), {**named, **benchmark_costs(self, classes, resolution)}
        )

    def _size(self, codes: np.ndarray) -> np.ndarray:
        """Weights of all convolutions, int64 [N]."""
        c0, c1, c2, c3, c4 = self.widths(codes).T
        cells = sum(_cell_flops(a, b, 1) for a, b in ((c0, c0), (c1, c2), (c3, c4)))
        blocks = nats_cost.residual_flops(c0, c1, 1) + nats_cost.residual_flops(c2, c3, 1)
        return nats_cost.stem_flops(c0, 1) + cells + blocks

    def _traffic(self, codes: np.ndarray, classes: int, resolution: int) -> np.ndarray:
        """What every layer reads and writes, and all weights, int64 [N]."""
        c0, c1, c2, c3, c4 = self.widths(codes).T
        pixels = [(resolution >> stage) ** 2 for stage in range(3)]
        # a cell: three layers (two convolutions and the skip) read its input, three an inner node
        cells = ((c0, c0), (c1, c2), (c3, c4))
        moved = sum((3 * a + 9 * b) * area for (a, b), area in zip(cells, pixels, strict=True))
        # a block: 3×3 of stride 2, 3×3, and a shortcut of average pooling and 1×1
        moved += (10 * c0 + 4 * c1) * pixels[1] + (10 * c2 + 4 * c3) * pixels[2]
        moved += (3 + c0) * pixels[0] + c4 * pixels[2] + 2 * c4 + classes + c4 * classes + classes
        return moved + self._size(codes)

    def parameters(self, codes: np.ndarray, classes: int) -> np.ndarray:
        """Trainable parameters, int64 [N]."""
        c0, c1, c2, c3, c4 = self.widths(codes).T
        cells = sum(_cell_parameters(a, b) for a, b in ((c0, c0), (c1, c2), (c3, c4)))
        blocks = nats_cost.residual_parameters(c0, c1) + nats_cost.residual_parameters(c2, c3)
        return nats_cost.as_counts(
            nats_cost.stem_parameters(c0) + cells + blocks + nats_cost.head_parameters(c4, classes)
        )

    def flops(self, codes: np.ndarray, classes: int, resolution: int) -> np.ndarray:
        """Multiply-accumulates for one image, int64 [N]."""
        c0, c1, c2, c3, c4 = self.widths(codes).T
        half, quarter = resolution // 2, resolution // 4
        cells = _cell_flops(c0, c0, resolution) + _cell_flops(c1, c2, half) + _cell_flops(c3, c4, quarter)
        blocks = nats_cost.residual_flops(c0, c1, half) + nats_cost.residual_flops(c2, c3, quarter)
        return nats_cost.as_counts(
            nats_cost.stem_flops(c0, resolution) + cells + blocks + nats_cost.head_flops(c4, classes)
        )


def _cell_parameters(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    # two 3×3 leave the cell input, three leave inner nodes; the skip is Conv 1×1 + BN unless widths agree
    convolutions = 2 * (9 * before * after + 2 * after) + 3 * (9 * after * after + 2 * after)
    return convolutions + (before != after) * (before * after + 2 * after)


def _cell_flops(before: np.ndarray, after: np.ndarray, resolution: int) -> np.ndarray:
    multiplies = 18 * before * after + 27 * after * after + (before != after) * before * after
    return multiplies * resolution**2


SIZE = register_space(SizeSpace(), "sss")
