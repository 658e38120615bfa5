"""Blocks of SLNAS: a cell's nodes, brought to one size and joined, then squeeze-and-excite and a 1×1 convolution.

Shapes: images [B, C, H, W].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from nasreplay.models.slnas.slnas_ops import Norms, SqueezeExcite, added, conv, norm, operation, resized
from nasreplay.spaces.costs.slnas_plan import BlockPlan
from nasreplay.spaces.slnas import NODES, OPERATIONS

Drop = Callable[[Tensor], Tensor]  # what drop path makes of an image


class Term(NamedTuple):
    """An operation on a state, as a part of a branch."""

    state: int
    """Number of the state."""
    operation: int
    """Number of the operation."""
    weight: Tensor | None = None
    """Weight in a mixture; None is 1."""


Cell = Sequence[Sequence[Term]]
"""The terms of each branch: ten of one term in an architecture; both branches of a node stand side by side."""


class Block(nn.Module):
    """A block; a subclass says which operation a term of a branch means."""

    branches: nn.ModuleList

    def __init__(self, plan: BlockPlan, norms: Norms):
        super().__init__()
        joined = NODES * plan.channels
        self.reduction, self.channels = plan.reduction, plan.channels
        self.calibrate = conv(plan.after, plan.channels) if plan.reduction else nn.Identity()
        self.final = nn.Sequential(
            norm(joined, norms.outside), nn.Mish(), SqueezeExcite(joined), conv(joined, plan.after)
        )

    def operation(self, branch: int, term: Term) -> nn.Module:
        """The operation of a term."""
        raise TypeError(f"{type(self).__name__} has no operation")

    def forward(self, older: Tensor, newer: Tensor, cell: Cell, dropped: Drop) -> Tensor:
        """Both inputs → [B, C, H, W], or [B, 2C, ⌊H/2⌋, ⌊W/2⌋] of a reduction; H × W is the size of the newer one."""
        height, width = newer.shape[2:]
        states = [resized(older, (height, width)), newer]
        for node in range(NODES):
            pair = (2 * node, 2 * node + 1)
            terms = [self._term(branch, term, states, dropped) for branch in pair for term in cell[branch]]
            x = added(terms)
            states.append(self.calibrate(resized(x, (height // 2, width // 2))) if self.reduction else x)
        return self.final(torch.cat(states[2:], dim=1))

    def _term(self, branch: int, term: Term, states: Sequence[Tensor], dropped: Drop) -> Tensor:
        x = dropped(self.operation(branch, term)(states[term.state]))
        return x if term.weight is None else term.weight * x


class SharedBlock(Block):
    """Every operation of every branch: `branches[b][o]`."""

    def __init__(self, plan: BlockPlan, norms: Norms):
        super().__init__(plan, norms)
        self.branches = nn.ModuleList(
            nn.ModuleList(operation(name, plan.channels, plan.reduction, norms) for name in OPERATIONS)
            for _ in range(2 * NODES)
        )

    def operation(self, branch: int, term: Term) -> nn.Module:
        """The operation of a term."""
        return self.branches[branch][term.operation]  # pyright: ignore[reportIndexIssue]


class ChosenBlock(Block):
    """The operations of one cell: `branches[b]`."""

    def __init__(self, plan: BlockPlan, norms: Norms, cell: Cell):
        super().__init__(plan, norms)
        names = [OPERATIONS[term.operation] for (term,) in cell]
        self.branches = nn.ModuleList(operation(name, plan.channels, plan.reduction, norms) for name in names)

    def operation(self, branch: int, term: Term) -> nn.Module:
        """The operation of a branch."""
        return self.branches[branch]
