"""Child networks: one architecture of the topology or the size space, as the benchmark trained it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import Tensor, nn

from nasreplay.errors import UnknownName
from nasreplay.models.nb201.cell import FixedCell
from nasreplay.models.nb201.nb201_ops import ResidualBlock
from nasreplay.models.nb201.skeleton import Skeleton, stages
from nasreplay.spaces import SIZE, TOPOLOGY, Space
from nasreplay.spaces.size import CELL, WIDTHS


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


class ChildKind(NamedTuple):
    """How the networks of a space's architectures are made."""

    build: Callable[..., nn.Module]
    """(codes, classes) → network; of a scalable one (codes, classes, channels, cells)."""
    scalable: bool = False
    """Whether channels of the first stage and cells per stage are a choice beside the architecture."""


CHILDREN: dict[str, ChildKind] = {}
"""Child networks by the space's name; another space's are registered here."""


def child(space: Space, codes: Sequence[int], classes: int, channels: int = 16, cells: int = 5) -> nn.Module:
    """The network of codes [D]; channels and cells (per stage) concern scalable ones. Raises UnknownName."""
    if space.name not in CHILDREN:
        raise UnknownName(f"no child networks for the {space.name} space; there are {' and '.join(CHILDREN)}")
    kind = CHILDREN[space.name]
    return kind.build(codes, classes, channels, cells) if kind.scalable else kind.build(codes, classes)


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


CHILDREN[TOPOLOGY.name] = ChildKind(topology_child, scalable=True)
CHILDREN[SIZE.name] = ChildKind(lambda codes, classes: size_child([WIDTHS[code] for code in codes], classes))
