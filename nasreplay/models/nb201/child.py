"""Child networks: one architecture of the topology or the size space, as the benchmark trained it."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from nasreplay.models.nb201.cell import FixedCell
from nasreplay.models.nb201.nb201_ops import ResidualBlock
from nasreplay.models.nb201.skeleton import Skeleton, stages
from nasreplay.spaces import TOPOLOGY
from nasreplay.spaces.size import CELL


class Child(Skeleton):
    """A network of one architecture; state dicts of the official archives load as they are."""

    def features(self, images: Tensor) -> Tensor:
        """images [B, 3, H, W] → pooled features [B, C]."""
        x = self.stem(images)
        for cell in self.cells:
            x = cell(x)
        return self.pool(x)

    def forward(self, images: Tensor) -> Tensor:
        """images [B, 3, H, W] → logits [B, K]."""
        return self.classifier(self.features(images))


def topology_child(codes: Sequence[int], classes: int, channels: int = 16, cells: int = 5) -> Child:
    """3·cells cells in three stages of width C, 2C, 4C."""
    modules: list[nn.Module] = [
        FixedCell(codes, before, after) if before == after else ResidualBlock(before, after)
        for before, after in stages(channels, cells)
    ]
    return Child(modules, channels, 4 * channels, classes)


def size_child(widths: Sequence[int], classes: int, cell: str = CELL) -> Child:
    """Cell, block, cell, block, cell with these output widths; `cell` is the text of their common cell."""
    codes = TOPOLOGY.parse(cell)
    modules, before = [], widths[0]
    for position, after in enumerate(widths):
        block = position % 2 == 1
        modules.append(ResidualBlock(before, after) if block else FixedCell(codes, before, after))
        before = after
    return Child(modules, widths[0], widths[-1], classes)
