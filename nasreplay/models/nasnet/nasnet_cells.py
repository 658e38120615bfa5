"""What evaluation networks and supernets of genotypes share: stems, the entrance of a cell, the fixed reduction cell.

Shapes: images [B, C, H, W].
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from nasreplay.errors import BadSetting
from nasreplay.models.nasnet.nasnet_ops import long
from nasreplay.models.nb201.nb201_ops import ReLUConvBN, Shrink, batch_norm
from nasreplay.spaces.costs.network_plan import CellPlan, Plan

GROUPS = 8  # of the fixed reduction's long convolutions

Drop = Callable[[Tensor], Tensor]  # what drop path makes of an image


def stem_layers(plan: Plan, affine: bool = True) -> list[nn.Module]:
    """The layers of a plan's stem: convolution, batch norm, and before the next two a ReLU."""
    layers: list[nn.Module] = []
    for before, after, stride in plan.entry.layers(plan.channels):
        convolution = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
        layers += [*([nn.ReLU()] if layers else []), convolution, batch_norm(after, affine)]
    return layers


class Entrance(nn.Module):
    """What all cells begin with: both inputs brought to C channels and to the same size."""

    def __init__(self, plan: CellPlan, affine: bool = True, track: bool = True):
        super().__init__()
        before, channels = plan.before, plan.channels
        if plan.after_reduction:
            self.preprocess0 = Shrink(before[0], channels, affine, track)
        else:
            self.preprocess0 = ReLUConvBN(before[0], channels, 1, 1, affine, track)
        self.preprocess1 = ReLUConvBN(before[1], channels, 1, 1, affine, track)

    def states(self, before: Tensor, last: Tensor) -> list[Tensor]:
        """States 0 and 1 of the outputs of the last two cells."""
        return [self.preprocess0(before), self.preprocess1(last)]


class FixedReduction(Entrance):
    """The fixed reduction of GDAS-FRC: on each input long convolutions and a max pooling.

    Raises BadSetting for channels that 8 doesn't divide.
    """

    def __init__(self, plan: CellPlan, affine: bool = True, track: bool = True):
        super().__init__(plan, affine, track)
        channels = plan.channels
        if channels % GROUPS:
            raise BadSetting(
                f"the fixed reduction cell needs channels divisible by {GROUPS}, found {channels}: a network with "
                "one starts from channels divisible by 4"
            )
        self.ops1 = nn.ModuleList(self._branch(channels, affine, track) for _ in range(2))
        self.ops2 = nn.ModuleList(
            nn.Sequential(nn.MaxPool2d(3, 2, 1), batch_norm(channels, affine, track)) for _ in range(2)
        )

    @staticmethod
    def _branch(channels: int, affine: bool, track: bool) -> nn.Module:
        first = long(channels, channels, 3, 2, affine, track, GROUPS)
        last = nn.Conv2d(channels, channels, 1, bias=not affine)
        return nn.Sequential(*first, nn.ReLU(), last, batch_norm(channels, affine, track))

    def forward(self, before: Tensor, last: Tensor, dropped: Drop) -> Tensor:
        """The outputs of the last two cells → [B, 4·C, H/2, W/2]."""
        states = self.states(before, last)
        branches = zip([*self.ops1, *self.ops2], [*states, *states], strict=True)
        return torch.cat([dropped(branch(state)) for branch, state in branches], dim=1)
