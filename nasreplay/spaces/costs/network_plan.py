"""The network around the cells of a genotype, as data: widths, strides, stems, heads, and how releases differ.

`models.nasnet` builds it, `costs.nasnet_cost` counts it without building. The source systems agree on everything
but what a `Dialect` says (docs/sources: weight-sharing.md, 11; snas.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nasreplay.errors import BadSetting, UnknownName
from nasreplay.spaces.genotypes.genotype import INPUTS, Genotype

STEM = 3  # the stem of CIFAR networks has 3·C channels


@dataclass(frozen=True)
class Dialect:
    """How the networks of one release differ from the others."""

    source: str
    """Name of the release."""
    pool_norm: str = "none"
    """The batch norm after pooling operations: none, bare (neither scale nor shift) or affine."""
    imagenet_norm: bool = False
    """Whether the ImageNet auxiliary head ends with a batch norm."""
    final_norm: bool = False
    """Whether a batch norm and a ReLU stand before the classifier."""
    search_layers: bool = False
    """Whether a cell has one layer for each pair of states, as the search cells of AutoDL-Projects: of two operations
    between the same states the later is used twice."""


DIALECTS = {
    "darts": Dialect("the 2018 DARTS release; CNAS"),
    "pdarts": Dialect("P-DARTS", imagenet_norm=True),
    "gdas": Dialect("the 2019 GDAS release", pool_norm="bare"),
    "snas": Dialect("SNAS", pool_norm="affine", imagenet_norm=True),
    "xautodl": Dialect("AutoDL-Projects, published genotypes", imagenet_norm=True),
    "xautodl-searched": Dialect(
        "AutoDL-Projects, genotypes of its searches", imagenet_norm=True, final_norm=True, search_layers=True
    ),
}


FIXED_REDUCTION = "fixed reduction cell of GDAS-FRC"
"""What the network of a genotype without a reduction cell has in its place."""


def lost_operations(genotype: Genotype, dialect: str = "") -> list[str]:
    """Operations of a genotype that a network lacks, a sentence for each node.

    dialect: the release whose layers are meant; "" while nothing says, when those that lack some are named.
    """
    told: list[str] = []
    if dialect and not DIALECTS[dialect].search_layers:
        return told
    for where, cell in genotype.cells().items():
        for state, source in cell.doubled():
            last = [operation for operation, each in cell.nodes[state - INPUTS] if each == source][-1]
            layers = "" if dialect else "in layers of xautodl-searched "
            told.append(
                f"{where}, node {state}: {layers}only the last of the operations from state {source}, {last}, is "
                "built, in the place of each"
            )
    return told


@dataclass(frozen=True)
class CellPlan:
    """One cell of a network."""

    before: tuple[int, int]
    """Channels of its two inputs."""
    channels: int
    """Channels of its nodes."""
    output: int
    """Channels of its output."""
    reduction: bool
    """Whether it halves the image."""
    after_reduction: bool
    """Whether the cell before it does."""
    side: int
    """Pixels a side of its second input."""


@dataclass(frozen=True)
class Plan:
    """The network around the cells. Raises UnknownName, BadSetting.

    The published sizes: CIFAR 36 channels, 20 cells; AutoDL-Projects' searched genotypes 33 channels, 18 cells;
    ImageNet 48 to 52 channels, 14 cells.
    """

    channels: int = 36
    """Channels of a node in the first stage."""
    cells: int = 20
    """Number of cells, the reduction cells (at a third and two thirds) included."""
    classes: int = 10
    """Outputs of the classifier."""
    stem: str = "cifar"
    """cifar, or imagenet, which divides the side of an image by 8."""
    auxiliary: bool = False
    """Whether an auxiliary head follows the second reduction cell."""
    dialect: str = "darts"
    """A name of `DIALECTS`."""

    def __post_init__(self):
        if self.dialect not in DIALECTS:
            raise UnknownName.among(DIALECTS, "unknown dialect", self.dialect)
        if self.stem not in ("cifar", "imagenet"):
            raise UnknownName.among(("cifar", "imagenet"), "unknown stem", self.stem)
        if self.cells < 3 or self.channels < 2 or self.classes < 2:
            raise BadSetting(
                f"{self.cells} cells of {self.channels} channels for {self.classes} classes: at least 3 cells, "
                "2 channels, 2 classes"
            )

    @property
    def style(self) -> Dialect:
        """The dialect's facts."""
        return DIALECTS[self.dialect]

    @property
    def reductions(self) -> tuple[int, int]:
        """Which cells halve the image; the auxiliary head follows the second."""
        return self.cells // 3, 2 * self.cells // 3

    def walk(self, widths: tuple[int, int], side: int = 32) -> Iterator[CellPlan]:
        """The cells in order, for `Genotype.widths` and images of so many pixels a side."""
        imagenet = self.stem == "imagenet"
        width = self.channels if imagenet else STEM * self.channels
        before, channels, after = (width, width), self.channels, imagenet
        for _ in range(3 if imagenet else 0):
            side = half(side)
        for place in range(self.cells):
            reduction = place in self.reductions
            channels *= 1 + reduction
            output = channels * widths[reduction]
            yield CellPlan(before, channels, output, reduction, after, side)
            side = half(side) if reduction else side
            before, after = (before[1], output), reduction


def half(side: int) -> int:
    """Pixels a side after a stride of 2."""
    return (side + 1) // 2
