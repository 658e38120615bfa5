"""One-hot cells of a supernet in evaluation, one after another: what several of them compute is computed once.

In the first cell of a network all have the same input, so a node's image follows from the operations before it: cells
in flat order walk a tree of partial results. Later cells have an input each. Batch norms with running statistics are
folded into their convolutions, and channels come last in memory: so convolutions of few channels are faster.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import cache, partial
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nasreplay.models.nb201.cell import LAST, MixedCell
from nasreplay.models.nb201.fuse import Term, convolve, folded
from nasreplay.models.nb201.nb201_ops import ReLUConvBN, ResidualBlock, Zero
from nasreplay.models.nb201.topology_supernet import Supernet
from nasreplay.spaces.topology import EDGES, OPERATIONS

INTO = [
    [(edge, source) for edge, (to, source) in enumerate(EDGES) if to == node] for node in range(1, LAST + 1)
]
"""(edge, source) of the edges that lead to each node but the first."""
WEIGHTLESS = ("skip_connect", "avg_pool_3x3")
"""Operations that make zeros of zeros."""
KEPT_BYTES = 2**26  # of partial results
LEAST = 16  # partial results that cells which differ in their last three edges need

Layer = Callable[..., Tensor]
"""Image to image; with True as second argument it may write to the image."""


def logits_of_cells(net: Supernet, images: Tensor, codes: np.ndarray) -> Iterator[Tensor]:
    """Logits [B, classes] of each of the architectures int [N, D] for images [B, 3, H, W]; fastest in flat order.

    The network is in evaluation mode; drop path is left out. Equal to one forward pass each, up to rounding.
    """
    stem = net.stem(images).contiguous(memory_format=torch.channels_last)
    cells = [
        [[_ready(layer) for layer in cast(nn.ModuleList, layers)] for layers in cell.edges.values()]
        if isinstance(cell, MixedCell)
        else _block(cast(ResidualBlock, cell))
        for cell in net.cells
    ]
    recent = _Recent(max(LEAST, KEPT_BYTES // stem.nbytes))
    for row in codes.tolist():
        x, known = stem, recent
        for cell in cells:
            x = _output(cell, x, row, known) if isinstance(cell, list) else cell(x)
            known = _Recent(0)
        yield net.classifier(net.pool(x))


class _Recent(OrderedDict[Hashable, Tensor]):
    """The last results, by what they are of."""

    def __init__(self, most: int):
        super().__init__()
        self.most = most

    def found(self, key: Hashable, make: Callable[[], Tensor]) -> Tensor:
        """The result of that key, made if it is not there."""
        result = self[key] if key in self else make()
        if self.most:
            self[key] = result
            self.move_to_end(key)
            if len(self) > self.most:
                self.popitem(last=False)
        return result


def _output(layers: list[list[Layer | None]], x: Tensor, codes: Sequence[int], known: _Recent) -> Tensor:
    """The output node of a cell with input x, in a tensor of its own."""
    nodes: list[tuple[Tensor | None, Hashable]] = [(x, ())]
    total: Tensor | None = x
    for incoming in INTO:
        total, path = None, ()
        for edge, source in incoming:
            layer, (image, before) = layers[edge][codes[edge]], nodes[source]
            if layer is None or (image is None and OPERATIONS[codes[edge]] in WEIGHTLESS):
                continue
            key = (edge, codes[edge], before)
            term = known.found(key, partial(layer, torch.zeros_like(x) if image is None else image))
            path = (*path, key)
            if total is None:
                total = term
            elif edge == len(layers) - 1:
                return total + term
            else:
                total = known.found(path, partial(torch.add, total, term))
        nodes.append((total, path))
    return torch.zeros_like(x) if total is None else total.clone()


def _ready(layer: nn.Module) -> Layer | None:
    """An operation of a cell; None for zeros."""
    if isinstance(layer, Zero):
        return None
    if not isinstance(layer, ReLUConvBN):
        return layer
    if not layer.norm.track_running_stats:
        return lambda x: convolve(F.relu(x), [Term(0, layer)])
    kernel, bias = folded(layer)
    kernel = kernel.contiguous(memory_format=torch.channels_last)
    place: Any = (layer.conv.stride, layer.conv.padding)
    return lambda x, own=False: F.conv2d(F.relu_(x) if own else F.relu(x), kernel, bias, *place)


def _block(block: ResidualBlock) -> Layer:
    """The block between two stages; it writes to the image that it is given."""
    first, second = cast(Layer, _ready(block.conv_a)), cast(Layer, _ready(block.conv_b))

    def apply(x: Tensor) -> Tensor:
        straight = block.downsample(x)
        return second(first(x, True), True).add_(straight)

    return apply


@cache
def value_of(codes: tuple[int, ...]) -> Hashable:
    """What a cell computes, as a sum of terms: equal for cells that are equal whatever the shared weights are.

    Nothing depends on a node that no operation reads, a `none` adds nothing, a skip adds what its node is a sum of,
    and the average over zeros is zero. Of the 15,625 cells 8,720 differ.
    """
    nodes: list[frozenset[tuple[Hashable, int]]] = [frozenset({("input", 1)})]
    for incoming in INTO:
        terms: Counter[Hashable] = Counter()
        for edge, source in incoming:
            name, read = OPERATIONS[codes[edge]], nodes[source]
            if name == "skip_connect":
                terms.update(dict(read))
            elif name == "avg_pool_3x3":
                terms.update({(name, read): 1} if read else {})
            elif name != "none":
                terms[edge, name, read] += 1
        nodes.append(frozenset(terms.items()))
    return nodes[LAST]
