"""The networks with shared weights, as settings: one of each space, and how it is built (torch only then)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from nasreplay.config import one_of, positive, within
from nasreplay.errors import BadSetting
from nasreplay.settings import chosen, setting
from nasreplay.spaces import SIZE, TOPOLOGY, Space
from nasreplay.spaces.costs.network_plan import Plan
from nasreplay.spaces.genotypes.derivation import TWO_EDGES
from nasreplay.spaces.nasnet import NASNET_SPACES, NASNetSpace
from nasreplay.spaces.topology import CELLS_PER_STAGE, WIDTH

if TYPE_CHECKING:
    from nasreplay.models.nasnet.nasnet_supernet import NASNetSupernet
    from nasreplay.models.nb201.size_supernet import WidthSupernet
    from nasreplay.models.nb201.skeleton import Skeleton
    from nasreplay.models.nb201.topology_supernet import Supernet

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
    def of(cls, values: Mapping[str, Any], resizes: bool) -> Self:
        """The network out of the values that were given; resizes: `Searcher.resizes`. Raises BadSetting."""
        return chosen(cls, values)

    @property
    def space(self) -> Space:
        """The space that is searched."""
        return self.home

    @property
    def flags(self) -> tuple[bool, bool]:
        """(affine, track_running_stats) of the batch norms."""
        return bool(self.affine), bool(self.bn)

    @property
    def published(self) -> bool:
        """Whether its children are the benchmark's networks, so that their parameters and FLOPs are known."""
        return True

    @property
    def mixed_cells(self) -> int:
        """M, where a mixture may have a cell axis, weights [N, M, E, O] of the M cells; else 0."""
        return 0

    @property
    def size(self) -> int:
        """Channels of the first stage times cells of a stage; 0 where they are fixed."""
        return getattr(self, "channels", 0) * getattr(self, "cells", 0)

    def build(self, classes: int) -> Skeleton | NASNetSupernet:
        """The network with fresh weights: (images [B, 3, H, W], weights [E, O], active [E, O]) → logits [B, K]."""
        raise TypeError(f"{type(self).__name__} has no build")

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

    def build(self, classes: int) -> Supernet:
        """See `nb201.topology_supernet`."""
        from nasreplay.models.nb201.topology_supernet import Supernet

        return Supernet(classes, self.channels, self.cells, *self.flags, bool(self.plain_head))

    def drop_path_at(self, epoch: int, epochs: int) -> float:
        """The rate rises linearly and reaches `drop_path` in the last epoch."""
        return self.drop_path * (epoch + 1) / epochs


@dataclass(frozen=True)
class WidthNetwork(SharedNetwork):
    """All widths of the size space around the benchmark's cell (`nb201.size_supernet`)."""

    resize: bool = setting(False, shown=False)
    """How two widths mix: False masks channels away, True averages them to the wider one, as TAS does."""

    home: ClassVar[Space] = SIZE

    def build(self, classes: int) -> WidthSupernet:
        """See `nb201.size_supernet`."""
        from nasreplay.models.nb201.size_supernet import WidthSupernet

        return WidthSupernet(classes, self.resize, *self.flags)

    @classmethod
    def of(cls, values: Mapping[str, Any], resizes: bool) -> Self:
        """The network that resizes, or masks, as the searcher wants."""
        return chosen(cls, values, resize=resizes)

    def run_folder(self, searcher: str, dataset: str, facts: Mapping[str, Any]) -> str:
        """NATS-Bench's name, with weight_decay, warmup and epochs if known: tas-affine0_BN0-AWD0.001-WARM0.3-E2."""
        told = (("AWD", "weight_decay"), ("WARM", "warmup"), ("E", "epochs"))
        parts = [f"{searcher.replace('-', '_')}-affine{self.affine}_BN{self.bn}"]
        parts += [f"{word}{facts[name]}" for word, name in told if facts.get(name) is not None]
        return f"search-sss/{dataset}/{'-'.join(parts)}"


@dataclass(frozen=True)
class GenotypeNetwork(SharedNetwork):
    """All genotypes of a NASNet space (`nasnet.nasnet_supernet`); each subclass names its space."""

    bn: int = 1
    channels: int = setting(WIDTH, most=4096)
    """Channels of the first stage. Default: 16, as published; not in the size space."""
    cells: int = setting(2, most=200)
    """Normal cells per stage. Default: 2, as published: 3N + 2 cells in all, 3N in AutoDL-Projects' network."""
    drop_path: float = 0.0
    """Rate at which an edge is dropped for a sample, from the first epoch on, as in SNAS. Default: 0."""
    derive: str = "top2"
    """Rule from logits to a genotype (`genotypes.derivation`): top2, none or pairs. Default: top2."""

    home: ClassVar[NASNetSpace]
    recipes: ClassVar[str] = "-NASNet-CIFAR"
    leaves_checkpoint: ClassVar[bool] = True
    dialect: ClassVar[str] = "darts"
    """Whose network it is (`costs.network_plan.Dialect`)."""

    def __post_init__(self):
        super().__post_init__()
        positive(self, "channels", "cells")
        within(self, 0.0, 1 - 1e-9, "drop_path")
        one_of(self, "derive", TWO_EDGES)

    @property
    def space(self) -> NASNetSpace:
        """The home space, deriving by the rule."""
        return self.home.deriving(self.derive)

    @property
    def published(self) -> bool:
        """False: no benchmark has trained these."""
        return False

    def build(self, classes: int) -> NASNetSupernet:
        """See `nasnet.nasnet_supernet`."""
        from nasreplay.models.nasnet.nasnet_supernet import NASNetSupernet

        cells = 3 * self.cells + (0 if self.dialect == "xautodl-searched" else 2)
        plan = Plan(self.channels, cells, classes, dialect=self.dialect)
        return NASNetSupernet(self.space, plan, *self.flags)

    def drop_path_at(self, epoch: int, epochs: int) -> float:
        """The rate is constant."""
        return self.drop_path


class DARTSNetwork(GenotypeNetwork):
    """The network of the DARTS release of 2018, and of SNAS."""

    home = NASNET_SPACES["nasnet"]


class GDASNetwork(GenotypeNetwork):
    """The network of AutoDL-Projects, which searches it with GDAS and DARTS."""

    home = NASNET_SPACES["nasnet-gdas"]
    folder = "search-cell-darts/{SEARCHER}-{dataset}-BN{bn}"
    dialect = "xautodl-searched"


class GDASFRCNetwork(GDASNetwork):
    """The network of GDAS-FRC: that of GDAS with the fixed reduction cell; channels are a multiple of 4."""

    home = NASNET_SPACES["nasnet-gdas-frc"]
    folder = "search-cell-darts/{SEARCHER}-FRC-{dataset}-BN{bn}"

    def __post_init__(self):
        super().__post_init__()
        if self.channels % 4:
            raise BadSetting(
                f"channels is {self.channels}: the fixed reduction cell needs a number divisible by 4"
            )


@dataclass(frozen=True)
class CNASNetwork(GenotypeNetwork):
    """The network of CNAS, whose supernet is never in evaluation mode: each batch has its own statistics."""

    bn: int = 0

    home = NASNET_SPACES["nasnet-cnas"]


class SparseNetwork(GenotypeNetwork):
    """The network of the sparse CNAS."""

    home = NASNET_SPACES["nasnet-sparse"]
