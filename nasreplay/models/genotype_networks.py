"""The networks with shared weights of the NASNet spaces, as settings: one of each space, and how it is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from nasreplay.config import one_of, positive, within
from nasreplay.errors import BadSetting
from nasreplay.models.shared_network import SharedNetwork
from nasreplay.numerals import MOST_REAL
from nasreplay.settings import chosen, setting
from nasreplay.spaces.costs.network_plan import DIALECTS, Plan, level_of, narrow_gate, stem_of
from nasreplay.spaces.genotypes.derivation import TWO_EDGES
from nasreplay.spaces.nasnet import FEWEST, MOST, NASNET_SPACES, NODES, NASNetSpace
from nasreplay.spaces.topology import WIDTH

if TYPE_CHECKING:
    from nasreplay.evaluate.kinds import Asker
    from nasreplay.models.nasnet.nasnet_supernet import NASNetSupernet
    from nasreplay.spaces.costs.expected import Costs


@dataclass(frozen=True)
class GenotypeNetwork(SharedNetwork):
    """All genotypes of a NASNet space (`nasnet.nasnet_supernet`); each subclass names its space."""

    bn: int = 1
    channels: int = setting(WIDTH, most=4096)
    """Channels of the first stage. Default: 16, as published; not in the size space."""
    cells: int | None = setting(None, most=200)
    """Normal cells per stage. Default: 2, as published: 3N + 2 cells in all, 3N in AutoDL-Projects' network."""
    layers: int | None = setting(None, least=3, most=602)
    """Cells of a NASNet-type network in all, any number from 3, instead of --cells."""
    nodes: int = setting(NODES, least=FEWEST)
    """Nodes of a cell of the NASNet spaces, 2 to 6. Default: 4, as published."""
    auxiliary: float = 0.0
    """Weight of the loss of an auxiliary head on the second reduction cell of a NASNet-type network; 0: no head.
    Default: 0; SNAS's --auxiliary is 0.4."""
    stem_level: int | None = setting(None, least=0)
    """Stem of a NASNet-type network: 1 and 2 halve the image. Default: 0; nasnet-sparse 1 above 32 pixels, 2 above
    64."""
    drop_path: float = 0.0
    """Rate at which an edge is dropped for a sample, from the first epoch on, as in SNAS. Default: 0."""
    derive: str = field(default="top2", compare=False)  # the weights are those of every rule
    """Rule from logits to a genotype (`genotypes.derivation`): top2, none or pairs. Default: the searcher's, SNAS
    none, others top2."""

    home: ClassVar[NASNetSpace]
    recipes: ClassVar[str] = "-NASNet-CIFAR"
    leaves_checkpoint: ClassVar[bool] = True
    dialect: ClassVar[str] = "darts"
    """Whose network it is (`costs.network_plan.Dialect`)."""

    def __post_init__(self):
        super().__post_init__()
        if self.layers is not None and self.cells is not None:
            raise BadSetting(
                f"--layers {self.layers} and --cells {self.cells} both say how many cells: give one"
            )
        if self.layers is None and self.cells is None:
            object.__setattr__(self, "cells", 2)
        positive(self, "channels", "cells" if self.layers is None else "layers")
        within(self, 0.0, 1 - 1e-9, "drop_path")
        within(self, 0.0, MOST_REAL, "auxiliary")
        within(self, FEWEST, MOST, "nodes")
        if self.stem_level is not None:
            stem_of(self.stem_level)
        one_of(self, "derive", TWO_EDGES)

    @classmethod
    def of(cls, values: Mapping[str, Any], asker: Asker | None = None) -> Self:
        """The network that derives by the searcher's own rule where none is given."""
        own = {} if values.get("derive") or asker is None else {"derive": asker.rule}
        return chosen(cls, values, **own)

    @property
    def space(self) -> NASNetSpace:
        """The home space with so many nodes, deriving by the rule."""
        return self.home.with_nodes(self.nodes).deriving(self.derive)

    @property
    def auxiliary_weight(self) -> float:
        """Weight of the loss of the auxiliary head."""
        return self.auxiliary

    @property
    def remark(self) -> str:
        """What differs from the release where channels are few."""
        return narrow_gate(self.home.operations, self.channels)

    @property
    def size(self) -> int:
        """Channels of the first stage times a third of the cells."""
        return self.channels * self.total // 3

    @property
    def total(self) -> int:
        """Number of cells."""
        return self.layers or DIALECTS[self.dialect].cells(self.cells or 0)

    @property
    def published(self) -> bool:
        """False: no benchmark has trained these."""
        return False

    def plan(self, classes: int, side: int) -> Plan:
        """What stands around the edges, for images of so many pixels a side."""
        level = self.stem_level
        if level is None:
            level = level_of(side) if DIALECTS[self.dialect].leveled else 0
        return Plan(self.channels, self.total, classes, stem_of(level), self.auxiliary > 0, self.dialect)

    def build(self, classes: int, side: int = 32) -> NASNetSupernet:
        """See `nasnet.nasnet_supernet`."""
        from nasreplay.models.nasnet.nasnet_supernet import NASNetSupernet

        return NASNetSupernet(self.space, self.plan(classes, side), *self.flags)

    def costs(self, classes: int, side: int) -> Costs:
        """Costs of its own cells, and of training a genotype."""
        return self.space.costs(classes, side, self.plan(classes, side))

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
    dialect = "cnas"


@dataclass(frozen=True)
class SparseNetwork(GenotypeNetwork):
    """The network of the sparse CNAS: the batch norms of the stem are affine where those of the cells are."""

    shuffle_groups: int = setting(1, least=1, most=64)
    """Groups between which shuffle_conv_3x3 shuffles, in nasnet-sparse. Default: 1, as published: none."""
    plain_stem: int = setting(1, shown=False)
    """0: the stem's batch norms are always affine, as here before."""

    home = NASNET_SPACES["nasnet-sparse"]
    dialect = "sparse"
    recipe = "SPARSE-SEARCH"

    def plan(self, classes: int, side: int) -> Plan:
        """What stands around the edges, and the groups of the shuffle."""
        return replace(super().plan(classes, side), shuffle_groups=self.shuffle_groups)

    def build(self, classes: int, side: int = 32) -> NASNetSupernet:
        """See `nasnet.nasnet_supernet`."""
        from nasreplay.models.nasnet.nasnet_supernet import NASNetSupernet

        return NASNetSupernet(self.space, self.plan(classes, side), *self.flags, bool(self.plain_stem))
