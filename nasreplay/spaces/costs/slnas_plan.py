"""What is built around the cells of SLNAS: stages of blocks, stems, heads; which images are large enough."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nasreplay.errors import LONGEST_QUOTE, BadSetting
from nasreplay.files.text import harmless
from nasreplay.files.typed import parse_json
from nasreplay.spaces.genotypes.genotype import INPUTS
from nasreplay.spaces.genotypes.slnas_forms import LENGTH, OPERATIONS

STRIDES = {"cifar": 1, "search": 4, "image": 4}
"""Pixels of the image, along a side, that become one behind each stem."""
SMALL = 32
"""The largest side of images, in pixels, that are searched and trained on as CIFAR's."""
PADDINGS = ("reflect", "zeros")
MOST_BLOCKS = 200
SQUEEZE = 16
"""Channels that become one where channels are squeezed."""


class BlockPlan(NamedTuple):
    """One block."""

    number: int
    """Its number, from 1."""
    stage: int
    """Number of its stage, from 1."""
    channels: int
    """Channels C of both inputs."""
    reduction: bool
    """Whether it halves the images and doubles the channels."""

    @property
    def after(self) -> int:
        """Channels of the output."""
        return 2 * self.channels if self.reduction else self.channels

    def __str__(self) -> str:
        return f"block {self.number} ({'the reduction' if self.reduction else 'normal'}, stage {self.stage})"


@dataclass(frozen=True)
class SLNASPlan:
    """A network of SLNAS around any cells. Raises BadSetting for numbers that cannot be built."""

    channels: int
    """Channels F of the first stage, even and at least 4."""
    blocks: tuple[int, ...]
    """Normal blocks of each stage; a reduction block follows each."""
    classes: int
    """Number of classes."""
    stem: str
    """Name in STRIDES."""
    stem_padding: str = "reflect"
    """Borders of the stem's convolutions: reflect, or zeros as PyTorch 1.4 made them."""
    auxiliary: bool = True
    """Whether every stage but the last ends in an auxiliary head."""

    def __post_init__(self):
        if self.channels < 4 or self.channels % 2:
            raise BadSetting(
                f"channels is {self.channels}: they are halved, and five times as many squeezed to a 16th: it must "
                "be even and at least 4"
            )
        for name, value, known in (
            ("stem", self.stem, STRIDES),
            ("stem padding", self.stem_padding, PADDINGS),
        ):
            if value not in known:
                raise BadSetting(f"{name} is {value}: one of {', '.join(known)}")

    def walk(self) -> Iterator[BlockPlan]:
        """The blocks in order."""
        number = 0
        for stage, normal in enumerate(self.blocks, 1):
            for place in range(normal + 1):
                number += 1
                yield BlockPlan(number, stage, self.channels * 2 ** (stage - 1), place == normal)

    @property
    def features(self) -> int:
        """What the classifier sees."""
        return self.channels * 2 ** len(self.blocks)

    @property
    def heads(self) -> tuple[int, ...]:
        """Channels that each auxiliary head sees."""
        return tuple(self.channels * 2**stage for stage in range(1, len(self.blocks)) if self.auxiliary)

    def needs_pairs(self, side: int) -> bool:
        """Whether a batch norm sees a single pixel of an image in some cell, so that batches need two images."""
        return -(-side // STRIDES[self.stem]) >> len(self.blocks) < 3  # a cell's inner nodes are halved again

    def check_images(self, height: int, width: int, reduction: Sequence[int] | None = None) -> None:
        """Raise BadSetting where images of so many pixels get too small, naming the first block that gets them.

        reduction: the 20 integers of the reduction cell; None: any, as in a supernet.
        """
        image, inner = f"images of {height} × {width} pixels", _inner_shuffles(reduction)
        if min(height, width) < 3:
            raise BadSetting(f"{image} are too small for the stem {self.stem}: it needs 3 × 3")
        stride = STRIDES[self.stem]
        height, width = -(-height // stride), -(-width // stride)
        for block in self.walk():
            if block.reduction:
                if min(height, width) < (4 if inner else 2):
                    needs = "4 × 4, as a ShuffleNet unit reads an inner node" if inner else "2 × 2"
                    raise BadSetting(
                        f"{block} gets {height} × {width} pixels of {image} and needs {needs}: fewer stages than "
                        f"{list(self.blocks)}{', the stem cifar' if stride > 1 else ''}, or larger images"
                    )
                height, width = height // 2, width // 2


def _inner_shuffles(reduction: Sequence[int] | None) -> bool:
    """Whether a ShuffleNet unit of the cell, or of some cell, halves the output of a node."""
    if reduction is None:
        return True
    pairs = ((reduction[place], reduction[place + 1]) for place in range(0, LENGTH, 2))
    return any(state >= INPUTS and OPERATIONS[code].startswith("shuffle") for state, code in pairs)


def stages_of(text: str) -> tuple[int, ...]:
    """Normal blocks of each stage out of a text such as [2,2]. Raises BadSetting."""
    shown = harmless(text, most=LONGEST_QUOTE)
    blocks = parse_json(text, list[int], f"--blocks {shown}", error=BadSetting)
    if not blocks or min(blocks) < 0 or len(blocks) + sum(blocks) > MOST_BLOCKS:
        raise BadSetting(
            f"--blocks {shown}: the normal blocks of each stage, at least one stage of at least 0 and {MOST_BLOCKS} "
            "blocks in all: such as [2,2]"
        )
    return tuple(blocks)
