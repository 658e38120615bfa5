"""The networks with shared weights of the benchmark's spaces, as settings; torch is imported when one is built."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from nasreplay.config import positive, within
from nasreplay.models.shared_network import SharedNetwork
from nasreplay.settings import chosen, setting
from nasreplay.spaces import SIZE, TOPOLOGY, Space
from nasreplay.spaces.topology import CELLS_PER_STAGE, WIDTH

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from nasreplay.evaluate.kinds import Asker
    from nasreplay.models.nb201.size_supernet import WidthSupernet
    from nasreplay.models.nb201.topology_supernet import Supernet
    from nasreplay.spaces.costs.expected import Costs


@dataclass(frozen=True)
class CellNetwork(SharedNetwork):
    """All cells of the topology space (`nb201.topology_supernet`)."""

    bn: int = 1
    channels: int = setting(WIDTH, most=4096)
    """Channels of the first stage. Default: 16, as published; not in the size space."""
    cells: int = setting(CELLS_PER_STAGE, most=200)
    """Cells per stage. Default: 5, NASNet 2, as published; not in the size space."""
    drop_path: float = 0.0
    """Rate of drop path in the last epoch, reached linearly. Default: 0; not in the size space."""

    plain_head: int = 0
    """1: the last batch norm follows --bn and --affine, as in search-cell.py; 0: affine, with running statistics."""

    home: ClassVar[Space] = TOPOLOGY
    folder: ClassVar[str] = "search-cell-nas-bench-201/{SEARCHER}-{dataset}-BN{bn}"

    def __post_init__(self):
        super().__post_init__()
        positive(self, "channels", "cells")
        within(self, 0.0, 1 - 1e-9, "drop_path")

    @property
    def published(self) -> bool:
        """True with 16 channels and 5 cells."""
        return (self.channels, self.cells) == (WIDTH, CELLS_PER_STAGE)

    @property
    def mixed_cells(self) -> int:
        """All searched cells."""
        return 3 * self.cells

    def build(self, classes: int, side: int = 32) -> Supernet:
        """See `nb201.topology_supernet`."""
        from nasreplay.models.nb201.skeleton import check_side
        from nasreplay.models.nb201.topology_supernet import Supernet

        check_side(side)
        return Supernet(classes, self.channels, self.cells, *self.flags, bool(self.plain_head))

    def alike(self, codes: np.ndarray) -> Sequence[Hashable]:
        """What each cell computes (`nb201.many_cells`)."""
        from nasreplay.models.nb201.many_cells import value_of

        return [value_of(tuple(row)) for row in codes.tolist()]

    def outputs(self, net: nn.Module, images: Tensor, codes: np.ndarray) -> Iterator[Tensor]:
        """Logits of each architecture; cells share what they compute (`nb201.many_cells`)."""
        from nasreplay.models.nb201.many_cells import logits_of_cells

        return logits_of_cells(cast("Supernet", net), images, codes)

    def costs(self, classes: int, side: int) -> Costs:
        """Costs of its own channels and cells."""
        return TOPOLOGY.costs(classes, side, self.channels, self.cells)

    def drop_path_at(self, epoch: int, epochs: int) -> float:
        """The rate rises linearly and reaches `drop_path` in the last epoch."""
        return self.drop_path * (epoch + 1) / epochs


@dataclass(frozen=True)
class WidthNetwork(SharedNetwork):
    """All widths of the size space around the benchmark's cell (`nb201.size_supernet`)."""

    resize: bool = setting(False, shown=False)
    """How two widths mix: False masks channels away, True averages them to the wider one, as TAS does."""

    home: ClassVar[Space] = SIZE

    def build(self, classes: int, side: int = 32) -> WidthSupernet:
        """See `nb201.size_supernet`."""
        from nasreplay.models.nb201.size_supernet import WidthSupernet
        from nasreplay.models.nb201.skeleton import check_side

        check_side(side)
        return WidthSupernet(classes, self.resize, *self.flags)

    @classmethod
    def of(cls, values: Mapping[str, Any], asker: Asker | None = None) -> Self:
        """The network that resizes, or masks, as the searcher wants."""
        return chosen(cls, values, resize=asker is not None and asker.resizes)

    def run_folder(self, searcher: str, dataset: str, facts: Mapping[str, Any]) -> str:
        """NATS-Bench's name, with weight_decay, warmup and epochs if known: tas-affine0_BN0-AWD0.001-WARM0.3-E2."""
        told = (("AWD", "weight_decay"), ("WARM", "warmup"), ("E", "epochs"))
        parts = [f"{searcher.replace('-', '_')}-affine{self.affine}_BN{self.bn}"]
        parts += [f"{word}{facts[name]}" for word, name in told if facts.get(name) is not None]
        return f"search-sss/{dataset}/{'-'.join(parts)}"
