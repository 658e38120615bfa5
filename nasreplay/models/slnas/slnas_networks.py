"""The networks of SLNAS: the supernet of all architectures, and that of one, built directly from its codes.

Shapes: images [B, 3, H, W], also with H ≠ W; K classes; A auxiliary heads. Codes are int8 [40] (`spaces.slnas`); a
mixture has a row for each of them, weights [40, 6].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from nasreplay.errors import BadSetting
from nasreplay.models.drop_path import DropPath
from nasreplay.models.initialization import INITIALIZATIONS
from nasreplay.models.recompute import run_cell
from nasreplay.models.slnas.slnas_blocks import Block, Cell, ChosenBlock, SharedBlock, Term
from nasreplay.models.slnas.slnas_ops import BOOKKEEPING, Blur, Norms, conv, norm, resized, size_of
from nasreplay.spaces.costs.slnas_plan import BlockPlan, SLNASPlan
from nasreplay.spaces.slnas import LENGTH

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
"""What batch norms keep beside weights."""


class Backbone(DropPath):
    """Stems, blocks, heads; drop path concerns the output of each operation.

    The older input of the block behind a reduction gets 2C channels by a 1×1 convolution; the one behind the last
    reduction is there, as released, and nothing uses it.
    """

    def __init__(self, plan: SLNASPlan, norms: Norms, block: Callable[[BlockPlan], Block]):
        super().__init__()
        self.plan = plan
        self.stems = nn.ModuleList(_stems(plan, norms.outside))
        self.blocks = nn.ModuleList(map(block, plan.walk()))
        reductions = (each for each in plan.walk() if each.reduction)
        self.projections = nn.ModuleList(conv(each.channels, each.after) for each in reductions)
        self.auxiliary_head = nn.ModuleList(
            nn.Linear(width, plan.classes, bias=False) for width in plan.heads
        )
        self.classifier = nn.Linear(plan.features, plan.classes, bias=False)

    def outputs(self, images: Tensor, normal: Cell, reduction: Cell) -> tuple[Tensor, list[Tensor]]:
        """Logits [B, K], and those of the A auxiliary heads."""
        older, newer = (stem(images) for stem in self.stems)
        auxiliary, stage = [], 0
        for block in self.blocks:
            cell = reduction if block.reduction else normal
            before, older, newer = newer, newer, run_cell(self, block, older, newer, cell, self.dropped)
            if block.reduction and (stage := stage + 1) < len(self.projections):
                # made as small as the next block does it: the 1×1 convolution commutes with that
                older = self.projections[stage - 1](resized(before, size_of(newer)))
                if self.auxiliary_head:
                    auxiliary.append(self.auxiliary_head[stage - 1](newer.mean(dim=(2, 3))))
        return self.classifier(newer.mean(dim=(2, 3))), auxiliary

    def answered(self, images: Tensor, normal: Cell, reduction: Cell) -> Tensor | tuple[Tensor, Tensor]:
        """Logits [B, K]; in training with auxiliary heads also theirs, [A, B, K]."""
        logits, auxiliary = self.outputs(images, normal, reduction)
        return (logits, torch.stack(auxiliary)) if auxiliary and self.training else logits


class SLNASSupernet(Backbone):
    """Shared weights of all architectures; only what is active is computed.

    bookkeeping: of the batch norms, a name in BOOKKEEPING.
    """

    def __init__(self, plan: SLNASPlan, bookkeeping: str = "batch"):
        norms = BOOKKEEPING[bookkeeping]
        super().__init__(plan, norms, lambda block: SharedBlock(block, norms))

    def forward(self, images: Tensor, weights: Tensor, active: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """images [B, 3, H, W] → logits [B, K]; in training with auxiliary heads also theirs, [A, B, K].

        weights: float [40, 6], a row for each code; active: bool [40, 6], which options are computed, at least one a
        row. A branch is the sum over its active states and operations, each times both weights. Inactive options
        count as zero whatever their weight.
        """
        return self.answered(images, *_cells(weights, active.tolist()))


def _cells(weights: Tensor, active: list[list[bool]]) -> tuple[Cell, Cell]:
    """The terms of the normal and the reduction cell."""
    options = [[option for option, used in enumerate(row) if used] for row in active]
    if not all(options):
        raise BadSetting("a mixture without an active option in some row")
    values, mixed = weights.tolist(), weights.requires_grad

    def term(row: int, state: int, operation: int) -> Term:
        plain = not mixed and values[row][state] * values[row + 1][operation] == 1
        return Term(state, operation, None if plain else weights[row, state] * weights[row + 1, operation])

    branches = [
        [term(row, state, operation) for state in options[row] for operation in options[row + 1]]
        for row in range(0, len(options), 2)
    ]
    return branches[: LENGTH // 2], branches[LENGTH // 2 :]


class SLNASNet(Backbone):
    """The network of one architecture; codes: its 40 numbers. All batch norms keep running statistics."""

    def __init__(self, codes: Sequence[int], plan: SLNASPlan):
        pairs = zip(codes[::2], codes[1::2], strict=True)
        terms = [[Term(int(state), int(operation))] for state, operation in pairs]
        cells = terms[: LENGTH // 2], terms[LENGTH // 2 :]
        super().__init__(plan, Norms(), lambda block: ChosenBlock(block, Norms(), cells[block.reduction]))
        self.cells = cells

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Logits [B, K]; in training with auxiliary heads also theirs, [A, B, K]."""
        return self.answered(images, *self.cells)


def take_shared(net: nn.Module, weights: Mapping[str, Tensor]) -> bool:
    """Give a network of one architecture what a supernet's state dict has of it; False where its blocks do not fit.

    Stems, heads and statistics that the supernet does not have stay as they are.
    """
    assert isinstance(net, SLNASNet)
    own, taken = net.state_dict(), {}
    for name, values in own.items():
        part, block, kind, branch, *rest = [*name.split("."), *[""] * 4]
        if kind == "branches":
            (term,) = net.cells[bool(net.blocks[int(block)].reduction)][int(branch)]
            found = weights.get(
                ".".join(filter(None, (part, block, kind, branch, str(term.operation), *rest)))
            )
        else:
            found = weights.get(name)
        if found is not None and found.shape == values.shape:
            taken[name] = found
        elif part in ("blocks", "projections") and not name.endswith(STATISTICS):
            return False
    extra = any(name.startswith(f"blocks.{len(net.blocks)}.") for name in weights)
    return not extra and bool(net.load_state_dict({**own, **taken}))


@torch.no_grad()
def _fan_out_small(network: nn.Module) -> None:
    """Convolutions N(0, 2/(kh·kw·C_out)), linear layers N(0, 0.01²): the first weights of SLNAS's search."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out")
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0, 0.01)


INITIALIZATIONS["fan-out-small"] = _fan_out_small


def _stems(plan: SLNASPlan, track: bool) -> list[nn.Sequential]:
    """Both stems."""
    width = plan.channels

    def layer(before: int, kernel: int, stride: int) -> list[nn.Module]:
        mode = {"padding": kernel // 2, "padding_mode": plan.stem_padding, "bias": False}
        return [nn.Conv2d(before, width, kernel, stride, **mode), norm(width, track)]

    if plan.stem == "cifar":
        return [nn.Sequential(*layer(3, 3, 1)), nn.Sequential(*layer(3, 5, 1))]

    def strided(layers: list[nn.Module]) -> nn.Sequential:
        return nn.Sequential(*layer(3, 3, 2), nn.Mish(), *layers)

    def convolved() -> nn.Sequential:
        return strided([*layer(width, 3, 2), nn.Mish()])

    return [convolved(), convolved() if plan.stem == "search" else strided([Blur(width)])]
