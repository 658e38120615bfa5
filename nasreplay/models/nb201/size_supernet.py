"""The supernet of the size space: every layer at the largest width, narrowed by mixtures of the eight widths.

After each module (stem, cell, block, cell, block, cell) the features pass a linear map of their channels that a
row of weights chooses. The three published estimators are choices of (weights, active) and of that map (docs/sources/
weight-sharing.md, 7): masking + Gumbel-softmax: soft weights, all active; masking + sampling, and the warm-up:
one-hot weights; TAS: two active widths, resized to the wider of them. Shapes: images [B, 3, H, W]; W = 8 widths.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nasreplay.errors import BadSetting
from nasreplay.models.nb201.cell import FixedCell
from nasreplay.models.nb201.nb201_ops import ResidualBlock, batch_norm
from nasreplay.models.nb201.skeleton import Skeleton
from nasreplay.spaces import TOPOLOGY
from nasreplay.spaces.size import CELL, WIDTHS

ROWS = (0, 0, 1, 2, 3, 4)  # which position of the space each module follows: stem and first cell share one
WIDEST = max(WIDTHS)


class WidthSupernet(Skeleton):
    """Shared weights of all 32,768 sizes.

    resize: how two widths mix: False masks channels away (FBNetV2, TuNAS), True averages neighboring channels
    to the wider width (TAS). affine, track_running_stats: of all batch norms but those of the residual blocks.
    """

    drop_path = 0.0  # its cells are never dropped

    def __init__(
        self,
        classes: int,
        resize: bool = False,
        affine: bool = False,
        track_running_stats: bool = False,
        cell: str = CELL,
    ):
        flags = (affine, track_running_stats)
        codes = TOPOLOGY.parse(cell)
        modules: list[nn.Module] = [
            ResidualBlock(WIDEST, WIDEST) if place % 2 else FixedCell(codes, WIDEST, WIDEST, *flags)
            for place in range(5)
        ]
        super().__init__(modules, WIDEST, WIDEST, classes, batch_norm(WIDEST, *flags))
        self.stem = nn.Sequential(
            nn.Conv2d(3, WIDEST, 3, padding=1, bias=not affine), batch_norm(WIDEST, *flags)
        )
        self.resize = resize

    def features(self, images: Tensor, weights: Tensor, active: Tensor) -> Tensor:
        """Pooled features [B, 64]; arguments as `forward`."""
        if not bool(active.any(dim=-1).all()):
            raise BadSetting("a mixture of widths without an active width in some row")
        if len(weights) == 5:
            weights, active = weights[list(ROWS)], active[list(ROWS)]
        narrow = _resized if self.resize else _masked
        x = images
        for module, row, chosen in zip([self.stem, *self.cells], weights, active, strict=True):
            x = narrow(module(x), row, chosen)
        return self.pool(x)

    def forward(self, images: Tensor, weights: Tensor, active: Tensor) -> Tensor:
        """images [B, 3, H, W] → logits [B, K].

        weights: float [5, W], one row a position, or [6, W], one row a module (estimators that draw anew for each);
        active: bool of the same shape. Inactive widths count as zero whatever their weight; masked ones have their
        true gradient all the same (it costs nothing), resized ones none.
        """
        return self.classifier(self.features(images, weights, active))


def _resized(x: Tensor, row: Tensor, active: Tensor) -> Tensor:
    """The active widths averaged to the widest of them, mixed; zeros up to 64 channels."""
    chosen = [place for place, used in enumerate(active.tolist()) if used]
    widest = WIDTHS[chosen[-1]]
    mixed = sum(row[place] * averaging(WIDTHS[place], widest).to(row) for place in chosen)
    return F.conv2d(x, mixed[:, :, None, None])  # pyright: ignore[reportIndexIssue]


def _masked(x: Tensor, row: Tensor, active: Tensor) -> Tensor:
    """Channel c stays in proportion to the weight of the active widths that have it."""
    row = torch.where(active.to(row.device), row, row - row.detach())
    channels = torch.arange(WIDEST, device=row.device)
    has = channels < torch.tensor(WIDTHS, device=row.device)[:, None]  # [W, 64]
    return x * (row[:, None] * has).sum(dim=0)[:, None, None]


@cache
def averaging(width: int, wider: int) -> Tensor:
    """float64 [64, 64]: maps the first `width` channels to `wider` by adaptive average pooling.

    Output o averages the inputs ⌊o·width/wider⌋ … ⌈(o+1)·width/wider⌉ − 1; rows from `wider` on are zero.
    """
    matrix = torch.zeros(WIDEST, WIDEST, dtype=torch.float64)
    for out in range(wider):
        first, end = out * width // wider, -(-(out + 1) * width // wider)
        matrix[out, first:end] = 1 / (end - first)
    return matrix
