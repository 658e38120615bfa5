"""The network around the cells of a genotype, as data: widths, strides, stems, heads, and how releases differ.

`models.nasnet` builds it, `costs.nasnet_cost` counts it without building. The source systems agree on everything
but what a `Dialect` says (docs/sources: weight-sharing.md, 11; snas.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from nasreplay.errors import BadSetting, UnknownName
from nasreplay.spaces.genotypes.genotype import INPUTS, Genotype

STEM = 3  # the stem of CIFAR networks has 3·C channels
HIDDEN = 16  # channels of cweight_com to each of its hidden layer, which has at least one


class Stem(NamedTuple):
    """What stands before the cells: 3 × 3 convolutions, a batch norm after each, a ReLU between two of them."""

    convolutions: tuple[tuple[int, int, int], ...]
    """(a, b, stride) of each: it has C·a // b channels."""
    reduces: bool = False
    """Whether the last one is to the first cell what a reduction cell is: the cell reads its input and its output."""

    def layers(self, channels: int) -> list[tuple[int, int, int]]:
        """(channels before, channels after, stride) of each convolution for C channels."""
        widths = [3, *(channels * a // b for a, b, _ in self.convolutions)]
        return [(*pair, step[-1]) for pair, step in zip(pairwise(widths), self.convolutions, strict=True)]


STEMS = {
    "cifar": Stem(((STEM, 1, 1),)),
    "level-1": Stem(((STEM, 1, 2),)),
    "level-2": Stem(((STEM, 2, 1), (STEM, 1, 2))),
    "imagenet": Stem(((1, 2, 2), (1, 1, 2), (1, 1, 2)), reduces=True),
}
"""The stems by name; the level-N are those of the sparse CNAS for larger images."""
LEVELS = ("cifar", "level-1", "level-2")
"""The stems of the sparse CNAS by the level of reduction."""


def stem_of(level: int) -> str:
    """The stem of a level of reduction. Raises BadSetting."""
    if level not in range(len(LEVELS)):
        raise BadSetting(f"stem level {level}: there are 0, 1 and 2, which halve the image or not")
    return LEVELS[level]


def level_of(side: int) -> int:
    """The level of reduction for images of so many pixels a side: 0 up to 32, 1 up to 64, 2 above."""
    return (side > 32) + (side > 64)


class Dialect(NamedTuple):
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
    recipe: str = "NAS"
    """How the names of the recipes begin by which the release trains what it found (configs/opts)."""
    pooled: int = 1
    """Side of what the features of networks for more than 10 classes are averaged to."""
    leveled: bool = False
    """Whether the stem goes by the side of the images (`level_of`)."""
    imagenet_channels: int = 48
    """Channels C of its ImageNet networks."""
    init: str = "torch"
    """First weights of networks with two edges a node: torch, or fan-out; all-edge networks have torch's."""
    names: str = "darts"
    """How its state dicts name layers: as DARTS or AutoDL-Projects (xautodl) does, or "" where that is not known."""

    def cells(self, normal: int) -> int:
        """Cells of a network with so many normal ones a stage; between search cells a reduction takes one's place."""
        return 3 * normal + (0 if self.search_layers else 2)


DIALECTS = {
    "darts": Dialect("the 2018 DARTS release", recipe="DARTS"),
    "cnas": Dialect("CNAS", recipe="CNAS"),
    "pdarts": Dialect("P-DARTS", imagenet_norm=True),
    "gdas": Dialect("the 2019 GDAS release", pool_norm="bare", recipe="GDAS2019", names=""),
    "snas": Dialect(
        "SNAS", pool_norm="affine", imagenet_norm=True, imagenet_channels=50, init="fan-out", recipe="SNAS"
    ),
    "sparse": Dialect("the sparse CNAS", pooled=2, leveled=True, recipe="SPARSE"),
    "xautodl": Dialect("AutoDL-Projects, published genotypes", imagenet_norm=True, names="xautodl"),
    "xautodl-searched": Dialect(
        "AutoDL-Projects, genotypes of its searches",
        imagenet_norm=True,
        final_norm=True,
        search_layers=True,
        names="xautodl",
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


def narrow_gate(operations: Iterable[str], channels: int) -> str:
    """What differs from the release where gates have few channels; "" for nothing. operations: all there are."""
    if "cweight_com" not in operations or channels >= HIDDEN:
        return ""
    return (
        f"cweight_com of fewer than {HIDDEN} channels has one hidden channel; in its release it has none, and its "
        "gate does not depend on the image"
    )


class CellPlan(NamedTuple):
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
    """A name of `STEMS`; imagenet divides the side of an image by 8."""
    auxiliary: bool = False
    """Whether an auxiliary head follows the second reduction cell."""
    dialect: str = "darts"
    """A name of `DIALECTS`."""
    shuffle_groups: int = 1
    """Groups of the 1 × 1 convolutions of shuffle_conv, whose channels are shuffled between them."""

    def __post_init__(self):
        if self.dialect not in DIALECTS:
            raise UnknownName.among(DIALECTS, "unknown dialect", self.dialect)
        if self.stem not in STEMS:
            raise UnknownName.among(STEMS, "unknown stem", self.stem)
        if self.cells < 3 or self.channels < 2 or self.classes < 2:
            raise BadSetting(
                f"{self.cells} cells of {self.channels} channels for {self.classes} classes: at least 3 cells, "
                "2 channels, 2 classes"
            )
        if self.shuffle_groups < 1 or self.channels % self.shuffle_groups**2:
            raise BadSetting(
                f"{self.shuffle_groups} shuffle groups of {self.channels} channels: the square of the groups must "
                "divide the channels"
            )

    @property
    def style(self) -> Dialect:
        """The dialect's facts."""
        return DIALECTS[self.dialect]

    @property
    def entry(self) -> Stem:
        """The stem's facts."""
        return STEMS[self.stem]

    @property
    def features(self) -> int:
        """Numbers that the classifier gets of each channel."""
        return self.style.pooled**2 if self.classes > 10 else 1

    @property
    def reductions(self) -> tuple[int, int]:
        """Which cells halve the image; the auxiliary head follows the second."""
        return self.cells // 3, 2 * self.cells // 3

    def walk(self, widths: tuple[int, int], side: int = 32) -> Iterator[CellPlan]:
        """The cells in order, for `Genotype.widths` and images of so many pixels a side."""
        stem = self.entry.layers(self.channels)
        for _, _, stride in stem:
            side = half(side) if stride == 2 else side
        width, channels, after = stem[-1][1], self.channels, self.entry.reduces
        before = (stem[-1][0] if after else width, width)
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
