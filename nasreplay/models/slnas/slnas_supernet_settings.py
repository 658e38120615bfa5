"""The supernet of SLNAS, as settings; torch is imported when it is built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from nasreplay.config import within
from nasreplay.errors import BadSetting
from nasreplay.models.shared_network import SharedNetwork
from nasreplay.numerals import MOST_REAL
from nasreplay.settings import Json, setting
from nasreplay.spaces.costs.slnas_plan import SMALL, SLNASPlan, stages_of
from nasreplay.spaces.slnas import SLNAS, SLNASSpace

if TYPE_CHECKING:
    from nasreplay.models.slnas.slnas_networks import SLNASSupernet
    from nasreplay.spaces.costs.expected import Costs

OTHERS = ("bn", "affine")
"""Settings of the batch norms of other spaces."""


@dataclass(frozen=True)
class SLNASNetwork(SharedNetwork):
    """All architectures of SLNAS (`slnas.slnas_networks`); a step computes only what is drawn."""

    bn: int = setting(0, shown=False)
    affine: int = setting(0, shown=False)
    channels: int | None = setting(None, most=4096)
    """Channels of the first stage, even. Default: 48, above 32 pixels 16, as published."""
    blocks: str | None = setting(None, metavar="[N,N,…]")
    """Normal blocks of each stage of an SLNAS network; a reduction block ends each. Default: [4,4], above 32 pixels
    [1,1], as published."""
    stem: Literal["cifar", "search", "image"] = "search"
    """Stem of an SLNAS network: cifar keeps the size of the image, search and image make it a quarter. Default:
    search, as published."""
    stem_padding: Literal["reflect", "zeros"] = "reflect"
    """Borders of the stem of an SLNAS network; zeros are those of PyTorch 1.4."""
    search_bn: Literal["batch", "tracked", "legacy"] = "batch"
    """Statistics of an SLNAS supernet's batch norms in evaluation: each batch's, running ones, or as released running
    ones inside ShuffleNet units only."""
    auxiliary: float = 0.4
    """Weight of the loss of the auxiliary heads; 0: none. Default: 0.4, as published."""
    auxiliary_heads: Literal["rising", "equal", "first"] = "rising"
    """How the losses of several auxiliary heads are weighed: by their number, all alike, or the first alone. Default:
    rising, as in the published search on CIFAR."""
    drop_path: float = 0.35
    """Rate towards which drop path rises linearly from 0. Default: 0.35, as published."""

    home: ClassVar[SLNASSpace] = SLNAS
    recipe: ClassVar[str] = "SLNAS-SEARCH"
    folder: ClassVar[str] = "search-slnas/{SEARCHER}-{dataset}"

    def __post_init__(self):
        super().__post_init__()
        if any(getattr(self, name) for name in OTHERS):
            raise BadSetting(
                f"--{' and --'.join(OTHERS)} do not apply to {self.home.name}, whose batch norms have weights: "
                "--search-bn says which keep running statistics"
            )
        within(self, 0.0, 1 - 1e-9, "drop_path")
        within(self, 0.0, MOST_REAL, "auxiliary")
        self.plan(2, SMALL)

    @property
    def auxiliary_weight(self) -> float:
        """Weight of the loss of the auxiliary heads."""
        return self.auxiliary

    @property
    def heads(self) -> str:
        """How the losses of the heads are weighed."""
        return self.auxiliary_heads

    @property
    def size(self) -> int:
        """Channels of the last stage times blocks."""
        plan = self.plan(2, SMALL)
        return plan.features * len(list(plan.walk())) // 2

    @property
    def published(self) -> bool:
        """False: no benchmark has trained these."""
        return False

    def plan(self, classes: int, side: int) -> SLNASPlan:
        """What stands around the cells, for images of so many pixels a side. Raises BadSetting."""
        channels, blocks = (48, "[4,4]") if side <= SMALL else (16, "[1,1]")
        channels = channels if self.channels is None else self.channels
        stages = stages_of(self.blocks or blocks)
        return SLNASPlan(channels, stages, classes, self.stem, self.stem_padding, self.auxiliary > 0)

    def needs_pairs(self, side: int) -> bool:
        """See SLNASPlan."""
        return self.plan(2, side).needs_pairs(side)

    def build(self, classes: int, side: int = 32) -> SLNASSupernet:
        """See `slnas.slnas_networks`. Raises BadSetting for images that get too small in some block."""
        from nasreplay.models.initialization import initialized
        from nasreplay.models.slnas.slnas_networks import SLNASSupernet

        plan = self.plan(classes, side)
        plan.check_images(side, side)
        return initialized(SLNASSupernet(plan, self.search_bn), "fan-out-small")

    def costs(self, classes: int, side: int) -> Costs:
        """Costs of architectures with its own channels, blocks and stem."""
        return self.home.costs(classes, side, self.plan(classes, side))

    def settings(self) -> Json:
        """Every field but the two that other networks have, as JSON values."""
        return {name: value for name, value in super().settings().items() if name not in OTHERS}

    def drop_path_at(self, epoch: int, epochs: int) -> float:
        """The rate rises linearly from 0."""
        return self.drop_path * epoch / epochs
