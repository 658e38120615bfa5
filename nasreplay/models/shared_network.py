"""What all networks with shared weights have in common, as settings; `shared_networks` has them all."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from nasreplay.errors import BadSetting
from nasreplay.settings import chosen
from nasreplay.spaces import Space

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from nasreplay.evaluate.kinds import Asker
    from nasreplay.spaces.costs.expected import Costs

NETWORKS: dict[str, type[SharedNetwork]] = {}
"""The shared network of each space, by the space's name; a subclass with a `home` registers itself."""


@dataclass(frozen=True)
class SharedNetwork:
    """What all networks with shared weights have in common."""

    bn: int = 0
    """1: batch norms keep running statistics; 0: they use those of each batch. Default: 1, size space and CNAS 0."""
    affine: int = 0
    """1: searched batch norms have weights of their own; 0, as published: none. Default: 0."""

    name: ClassVar[str] = "network"
    """What messages call it."""
    home: ClassVar[Space]
    """The space whose architectures share the weights."""

    recipes: ClassVar[str] = ""
    """What stands behind the names of its own recipes in configs/opts; another space's serve where there are none."""
    recipe: ClassVar[str] = ""
    """The recipe of configs/opts of all its searches, which gives their epochs, too; "" where each has its own."""
    folder: ClassVar[str] = "search-cell-{space}/{SEARCHER}-{dataset}-BN{bn}"
    """The folder of its searches below output/: the published one, where there is one."""
    leaves_checkpoint: ClassVar[bool] = False
    """Whether a search leaves a checkpoint as the published scripts do, for `nasreplay retrain`."""

    def __init_subclass__(cls, **rest: Any):
        super().__init_subclass__(**rest)
        if "home" in vars(cls):
            NETWORKS[cls.home.name] = cls

    def __post_init__(self):
        if self.bn not in (0, 1):
            raise BadSetting(f"bn is {self.bn}: 1 keeps running statistics, 0 uses those of each batch")
        if self.affine not in (0, 1):
            raise BadSetting(f"affine is {self.affine}: 1 gives batch norms weights, 0 does not")

    @classmethod
    def of(cls, values: Mapping[str, Any], asker: Asker | None = None) -> Self:
        """The network out of the values that were given, and of what the searcher wants. Raises BadSetting."""
        return chosen(cls, values)

    @property
    def space(self) -> Space:
        """The space that is searched."""
        return self.home

    @property
    def flags(self) -> tuple[bool, bool]:
        """(affine, track_running_stats) of the batch norms."""
        return bool(self.affine), bool(self.bn)

    def batch_norms(self, batch: int) -> str:
        """The statistics with which searched batch norms judge an architecture, in words; batch: images at once."""
        return "running statistics" if self.bn else f"the statistics of each batch of {batch:,}"

    def needs_pairs(self, side: int) -> bool:
        """Whether a batch of one image is too few, as some batch norm sees a single pixel of that."""
        return False

    @property
    def published(self) -> bool:
        """Whether its children are the benchmark's networks, so that their parameters and FLOPs are known."""
        return True

    @property
    def auxiliary_weight(self) -> float:
        """Weight of the loss of an auxiliary head; 0 where there is none."""
        return 0.0

    @property
    def heads(self) -> str:
        """How the losses of several auxiliary heads are weighed (`auxiliary_heads.HEADS`)."""
        return "equal"

    @property
    def remark(self) -> str:
        """What a reader must know of this network; "" for nothing."""
        return ""

    @property
    def mixed_cells(self) -> int:
        """M, where a mixture may have a cell axis, weights [N, M, E, O] of the M cells; else 0."""
        return 0

    @property
    def size(self) -> int:
        """Channels of the first stage times cells of a stage; 0 where they are fixed."""
        return getattr(self, "channels", 0) * getattr(self, "cells", 0)

    def build(self, classes: int, side: int = 32) -> nn.Module:
        """The network with fresh weights: (images [B, 3, H, W], weights [E, O], active [E, O]) → logits [B, K].

        side: pixels of the images, H and W.
        """
        raise TypeError(f"{type(self).__name__} has no build")

    def alike(self, codes: np.ndarray) -> Sequence[Hashable] | None:
        """A key for each architecture int [N, D], equal where both compute the same; None where nothing is known."""
        return None

    def outputs(self, net: nn.Module, images: Tensor, codes: np.ndarray) -> Iterator[Any]:
        """What the network gives for images [B, 3, H, W] with each of the architectures int [N, D], in this order."""
        import torch

        for weights in torch.as_tensor(self.space.embed(codes)).to(images):
            yield net(images, weights, weights > 0)

    def costs(self, classes: int, side: int) -> Costs:
        """What its operations cost, and its architectures."""
        return self.space.costs(classes, side)

    def drop_path_at(self, epoch: int, epochs: int) -> float:
        """The rate of an epoch counted from 0; 0 where nothing can be dropped."""
        return 0.0

    def settings(self) -> dict[str, Any]:
        """Every field, as JSON values."""
        return asdict(self)

    def run_folder(self, searcher: str, dataset: str, facts: Mapping[str, Any]) -> str:
        """The run folder's name from `folder`. facts: settings of the search that it may tell."""
        return self.folder.format(
            space=self.home.name, SEARCHER=searcher.upper(), dataset=dataset, bn=self.bn
        )
