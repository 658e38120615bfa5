"""The network of one architecture of SLNAS, as settings; torch is imported when it is built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Self

from nasreplay.errors import BadSetting
from nasreplay.models.child_network import ChildNetwork
from nasreplay.settings import setting
from nasreplay.spaces.costs.slnas_plan import SMALL, SLNASPlan, stages_of
from nasreplay.spaces.slnas import LENGTH, SLNAS

if TYPE_CHECKING:
    from torch import Tensor, nn

    from nasreplay.models.shared_network import SharedNetwork


@dataclass(frozen=True)
class SLNASChild(ChildNetwork):
    """The retraining network of SLNAS (`slnas.slnas_networks`)."""

    channels: int | None = setting(None, most=4096)
    """Channels of the first stage, even. Default: 32, as published."""
    blocks: str | None = setting(None, metavar="[N,N,…]")
    """Normal blocks of each stage; a reduction block ends each. Default: [4,4], above 32 pixels [2,2]."""
    stem: Literal["cifar", "search", "image"] | None = None
    """Stem: cifar keeps the size of the image, the others quarter it. Default: cifar, above 32 pixels image."""
    stem_padding: Literal["reflect", "zeros"] = "reflect"
    """Borders of the stem's convolutions; zeros are those of PyTorch 1.4."""

    home = SLNAS
    origin = "SLNAS"
    recipes = "SLNAS"
    also = frozenset({"drop_path", "auxiliary", "inherit"})
    whole = True
    compared = False

    def __post_init__(self):
        self.plan(2, True)

    @property
    def init(self) -> str:
        """How weights are drawn: PyTorch's way behind the stem of CIFAR, else as in the searches."""
        return "torch" if self.stem == "cifar" else "fan-out-small"

    @property
    def words(self) -> str:
        """Channels, blocks and stem."""
        return f"{self.channels} channels, blocks {self.blocks}, stem {self.stem}"

    def sized(self, side: int) -> Self:
        """The sizes for images of so many pixels a side, as published where nothing was given."""
        blocks, stem = ("[4,4]", "cifar") if side <= SMALL else ("[2,2]", "image")
        channels = 32 if self.channels is None else self.channels
        return replace(self, channels=channels, blocks=self.blocks or blocks, stem=self.stem or stem)

    def plan(self, classes: int, auxiliary: bool) -> SLNASPlan:
        """What stands around the cells. Raises BadSetting."""
        channels, stages = 32 if self.channels is None else self.channels, stages_of(self.blocks or "[4,4]")
        return SLNASPlan(channels, stages, classes, self.stem or "cifar", self.stem_padding, auxiliary)

    def needs_pairs(self, side: int) -> bool:
        """See SLNASPlan; auxiliary heads have no batch norms."""
        return self.sized(side).plan(2, True).needs_pairs(side)

    def build(self, codes: Sequence[int], classes: int, side: int = 32, auxiliary: bool = False) -> nn.Module:
        """See `slnas.slnas_networks`. Raises BadSetting for images that get too small in some block."""
        from nasreplay.models.slnas.slnas_networks import SLNASNet

        plan = self.sized(side).plan(classes, auxiliary)
        plan.check_images(side, side, codes[LENGTH:])
        return SLNASNet(codes, plan)

    def inherit(self, network: nn.Module, shared: SharedNetwork, weights: Mapping[str, Tensor]) -> None:
        """Give a network the weights of its operations, and of stems and heads where those are the same.

        Raises BadSetting for weights of another space, or of other channels or blocks.
        """
        from nasreplay.models.slnas.slnas_networks import take_shared

        if shared.home is not SLNAS or not take_shared(network, weights):
            told = ", ".join(f"{name} {value}" for name, value in shared.settings().items() if value)
            raise BadSetting(
                f"--inherit: its weights are of the {shared.home.name} space with {told}; this network has "
                f"{self.words}: channels and blocks must be those of the search"
            )
