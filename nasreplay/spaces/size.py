"""The size space of NATS-Bench (sss): five widths out of eight on one fixed cell; text `c0:c1:c2:c3:c4`.

c0 is the stem and first cell, c1 the first residual block, c2 the second cell, c3 the second residual block,
c4 the third cell and the head (the code's reading; the public README says otherwise and is wrong).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nasreplay.seeds import Draws
from nasreplay.spaces.base import Space
from nasreplay.spaces.costs import nats_cost
from nasreplay.spaces.graph import Arrow, Graph, Node
from nasreplay.spaces.registry import register_space

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
