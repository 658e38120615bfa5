"""Networks of single architectures, as settings: one class for each space; torch is imported when one is built.

Trainings and the evaluator `scratch` ask the class of a space for all that depends on it; `child_networks` has all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from nasreplay.errors import BadSetting, UnknownName
from nasreplay.settings import Json, setting
from nasreplay.spaces import SIZE, TOPOLOGY, Space
from nasreplay.spaces.topology import CELLS_PER_STAGE, WIDTH

if TYPE_CHECKING:
    from torch import Tensor, nn

    from nasreplay.models.shared_network import SharedNetwork

CHILD_NETWORKS: dict[str, type[ChildNetwork]] = {}
"""The networks of a space's architectures, by its name; a subclass with a `home` registers itself."""


@dataclass(frozen=True)
class ChildNetwork:
    """What stands around an architecture in a network of its own; fields are the sizes that may be chosen."""

    home: ClassVar[Space]
    """The space of the architectures."""
    origin: ClassVar[str] = "the benchmark"
    """Whose network it is, in words."""
    recipes: ClassVar[str] = ""
    """What stands before -CIFAR and -OTHER in names of its recipes in configs/opts; "": the benchmark's serves."""
    also: ClassVar[frozenset[str]] = frozenset()
    """Other settings of a training that mean something to it: drop_path, auxiliary, inherit."""
    whole: ClassVar[bool] = False
    """Whether it trains on all training images, as genotypes do; else as the benchmark did."""
    compared: ClassVar[bool] = True
    """Whether tables hold numbers of such networks."""

    def __init_subclass__(cls, **rest: Any):
        super().__init_subclass__(**rest)
        if "home" in vars(cls):
            CHILD_NETWORKS[cls.home.name] = cls

    def sized(self, side: int) -> Self:
        """The sizes for images of so many pixels a side, where some depend on that."""
        return self

    @property
    def init(self) -> str:
        """How weights are drawn (`models.initialization`)."""
        return "torch"

    @property
    def words(self) -> str:
        """The sizes in words; "" where there are none."""
        return ""

    def settings(self) -> Json:
        """Every size, as JSON values."""
        return asdict(self)

    def header(self) -> Json:
        """What a training that goes on must have in common."""
        return self.settings()

    def needs_pairs(self, side: int) -> bool:
        """Whether a batch of one image cannot train it, as some batch norm sees a single pixel of that."""
        return False

    def build(self, codes: Sequence[int], classes: int, side: int = 32, auxiliary: bool = False) -> nn.Module:
        """The network of codes [D] with fresh weights, images [B, 3, side, side] → logits [B, K].

        auxiliary: whether with auxiliary heads, if it can have them. Raises BadSetting.
        """
        raise TypeError(f"{type(self).__name__} has no build")

    def inherit(self, network: nn.Module, shared: SharedNetwork, weights: Mapping[str, Tensor]) -> None:
        """Give a network that was built here the shared weights of its operations. Raises BadSetting."""
        raise BadSetting(f"--inherit does not apply to the {self.home.name} space: leave it out")


def child_network_of(space: Space) -> type[ChildNetwork]:
    """The networks of a space's architectures. Raises UnknownName."""
    if space.name not in CHILD_NETWORKS:
        known = " and ".join(CHILD_NETWORKS)
        raise UnknownName(f"no child networks for the {space.name} space; there are {known}")
    return CHILD_NETWORKS[space.name]


@dataclass(frozen=True)
class CellChild(ChildNetwork):
    """The benchmark's network of a cell (`nb201.child`)."""

    channels: int = setting(WIDTH, least=1, most=4096)
    """Channels of the first stage."""
    cells: int = setting(CELLS_PER_STAGE, least=0, most=200)
    """Cells per stage."""

    home = TOPOLOGY

    @property
    def words(self) -> str:
        """Channels and cells."""
        return f"{self.channels} channels and {self.cells} cells a stage"

    def build(self, codes: Sequence[int], classes: int, side: int = 32, auxiliary: bool = False) -> nn.Module:
        """See `nb201.child`."""
        from nasreplay.models.nb201.child import topology_child
        from nasreplay.models.nb201.skeleton import check_side

        check_side(side)
        return topology_child(codes, classes, self.channels, self.cells)


@dataclass(frozen=True)
class WidthChild(ChildNetwork):
    """The benchmark's network of widths (`nb201.child`)."""

    home = SIZE

    def header(self) -> Json:
        """What trainings of this space have always recorded."""
        return CellChild().settings()

    def build(self, codes: Sequence[int], classes: int, side: int = 32, auxiliary: bool = False) -> nn.Module:
        """See `nb201.child`."""
        from nasreplay.models.nb201.child import size_child
        from nasreplay.models.nb201.skeleton import check_side
        from nasreplay.spaces.size import WIDTHS

        check_side(side)
        return size_child([WIDTHS[code] for code in codes], classes)
