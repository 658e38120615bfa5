"""The supernet of the topology space: all operations on all edges, mixed by weights that the caller gives.

The forward modes of the original systems are choices of (weights, active) (docs/sources/weight-sharing.md, 3):
joint (DARTS, SNAS, SETN's architecture step): all active; gdas: one active operation an edge, with gradients for the
others by `cell.surrogate`; select, dynamic, urs: constant one-hot weights, for urs drawn anew in every cell.
Shapes: images [B, 3, H, W]; E edges, O operations; M = 3·cells mixed cells; K classes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nasreplay.errors import BadSetting
from nasreplay.models.drop_path import drop_path
from nasreplay.models.nb201.cell import MixedCell
from nasreplay.models.nb201.nb201_ops import ResidualBlock, batch_norm
from nasreplay.models.nb201.skeleton import Skeleton, stages
from nasreplay.models.recompute import run_cell


class Supernet(Skeleton):
    """Shared weights of all 15,625 cells.

    affine, track_running_stats: of the batch norms inside the mixed cells (published scripts: False, and their
    second argument). The last batch norm is affine with running statistics unless plain_head, which makes it
    follow the two flags (the newer published class). drop_path: rate at which a cell's output is dropped per
    sample, in training and evaluation as published; its draws come from `generator`. checkpoint_cells: see
    `recompute`.
    """

    def __init__(
        self,
        classes: int,
        channels: int = 16,
        cells: int = 5,
        affine: bool = False,
        track_running_stats: bool = True,
        plain_head: bool = False,
    ):
        flags = (affine, track_running_stats)
        modules: list[nn.Module] = [
            MixedCell(before, *flags) if before == after else ResidualBlock(before, after)
            for before, after in stages(channels, cells)
        ]
        norm = batch_norm(4 * channels, *flags) if plain_head else None
        super().__init__(modules, channels, 4 * channels, classes, norm)
        self.mixed_cells = 3 * cells
        self.drop_path = 0.0
        self.generator: torch.Generator | None = None
        self.checkpoint_cells = False

    def features(self, images: Tensor, weights: Tensor, active: Tensor) -> Tensor:
        """Pooled features [B, C]; arguments as `forward`."""
        if not bool(active.any(dim=-1).all()):
            raise BadSetting("a mixture without an active operation on some edge; `none` is an operation too")
        rows = iter(self._by_cell(weights).unbind())
        chosen = iter(self._by_cell(active).tolist())
        x = self.stem(images)
        for cell in self.cells:
            mixture = (next(rows), next(chosen)) if isinstance(cell, MixedCell) else ()
            x = drop_path(run_cell(self, cell, x, *mixture), self.drop_path, self.generator)
        return self.pool(x)

    def forward(self, images: Tensor, weights: Tensor, active: Tensor) -> Tensor:
        """images [B, 3, H, W] → logits [B, K].

        weights: float [E, O] for all cells, or [M, E, O]; active: bool of the same shape, which operations are
        computed, at least one on each edge. Inactive ones count as zero whatever their weight.
        """
        return self.classifier(self.features(images, weights, active))

    def _by_cell(self, table: Tensor) -> Tensor:
        return table if table.dim() == 3 else table.expand(self.mixed_cells, -1, -1)
