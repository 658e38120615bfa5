"""Evaluation networks of genotypes, for CIFAR and ImageNet, as each release builds them (`network_plan.Dialect`).

Shapes: images [B, 3, H, W]; K classes.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nasreplay.models.drop_path import DropPath
from nasreplay.models.nasnet.nasnet_cells import Drop, Entrance, FixedReduction, stem_layers
from nasreplay.models.nasnet.nasnet_ops import layer
from nasreplay.models.nb201.nb201_ops import batch_norm
from nasreplay.models.recompute import run_cell
from nasreplay.spaces.costs.nasnet_cost import AUXILIARY
from nasreplay.spaces.costs.network_plan import CellPlan, Dialect, Plan
from nasreplay.spaces.genotypes.genotype import Cell, Genotype


class NASNet(DropPath):
    """The network of a genotype; its parameters are those of the releases (`parameter_names` translates their names).

    Drop path concerns the output of each operation but the identity. Raises BadSetting.
    """

    def __init__(self, genotype: Genotype, plan: Plan):
        super().__init__()
        self.genotype, self.plan = genotype, plan
        first = stem_layers(plan)
        if plan.entry.reduces:
            self.stem0, self.stem1 = nn.Sequential(*first[:-3]), nn.Sequential(*first[-3:])
        else:
            self.stem = nn.Sequential(*first)
        cells = list(plan.walk(genotype.widths))
        self.cells = nn.ModuleList(_cell(genotype, cell, plan) for cell in cells)
        after = cells[plan.reductions[1]].output
        self.auxiliary_head = AuxiliaryHead(after, plan) if plan.auxiliary else None
        last = cells[-1].output
        if plan.style.final_norm:
            self.lastact = nn.Sequential(batch_norm(last), nn.ReLU())
        self.classifier = nn.Linear(last * plan.features, plan.classes)

    def outputs(self, images: Tensor) -> Iterator[Tensor]:
        """The output of each cell, [B, C, H, W]."""
        before, last = self._stems(images)
        for cell in self.cells:
            before, last = last, run_cell(self, cell, before, last, self.dropped)
            yield last

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Logits [B, K]; in training with an auxiliary head also its logits."""
        auxiliary, x = None, images
        for number, x in enumerate(self.outputs(images)):
            if number == self.plan.reductions[1] and self.training and self.auxiliary_head is not None:
                auxiliary = self.auxiliary_head(x)
        x = self.lastact(x) if self.plan.style.final_norm else x
        side = self.plan.style.pooled
        features = F.adaptive_avg_pool2d(x, side).flatten(1) if self.plan.features > 1 else x.mean(dim=(2, 3))
        logits = self.classifier(features)
        return logits if auxiliary is None else (logits, auxiliary)

    def _stems(self, images: Tensor) -> tuple[Tensor, Tensor]:
        if self.plan.entry.reduces:
            x = self.stem0(images)
            return x, self.stem1(x)
        x = self.stem(images)
        return x, x


def _cell(genotype: Genotype, cell: CellPlan, plan: Plan) -> nn.Module:
    found = genotype.reduce if cell.reduction else genotype.normal
    return (
        FixedReduction(cell) if found is None else GenotypeCell(found, cell, plan.style, plan.shuffle_groups)
    )


class GenotypeCell(Entrance):
    """One cell with the genotype's operations.

    `_ops` holds the layers in the order of the genotype's edges, `wiring` (layer, node, source) of each edge.
    """

    def __init__(self, cell: Cell, plan: CellPlan, style: Dialect, shuffle_groups: int = 1):
        super().__init__(plan)
        self.concat = cell.concat
        self.wiring, layers = _wire(cell, style.search_layers)
        extra = {"pool_norm": style.pool_norm, "groups": shuffle_groups}
        self._ops = nn.ModuleList(
            layer(name, plan.channels, 2 if plan.reduction and source < 2 else 1, **extra)
            for name, source in layers
        )

    def forward(self, before: Tensor, last: Tensor, dropped: Drop) -> Tensor:
        """The outputs of the last two cells → [B, n·C, H', W']."""
        nodes = dict(enumerate(self.states(before, last)))
        for place, node, source in self.wiring:
            module = self._ops[place]
            x = module(nodes[source])
            x = x if isinstance(module, nn.Identity) else dropped(x)
            nodes[node] = nodes[node] + x if node in nodes else x
        return torch.cat([nodes[state] for state in self.concat], dim=1)


def _wire(cell: Cell, shared: bool) -> tuple[list[tuple[int, int, int]], list[tuple[str, int]]]:
    """(layer, node, source) of each edge, and (operation, source) of each layer.

    shared: edges between the same states share one layer, the last of them.
    """
    edges = list(cell.edges())
    if not shared:
        wiring = [(place, node, source) for place, (node, _, source) in enumerate(edges)]
        return wiring, [(name, source) for _, name, source in edges]
    layers = {(node, source): name for node, name, source in edges}
    order = list(layers)
    wiring = [(order.index((node, source)), node, source) for node, _, source in edges]
    return wiring, [(name, source) for (_, source), name in layers.items()]


class AuxiliaryHead(nn.Module):
    """A small classifier on the output of the second reduction cell.

    That has 8 × 8 pixels in CIFAR networks, 7 × 7 in ImageNet networks; other sizes are averaged to 2 × 2 as well.
    """

    def __init__(self, channels: int, plan: Plan):
        super().__init__()
        narrow, wide = AUXILIARY
        self.side, stride = (7, 2) if plan.entry.reduces else (8, 3)
        norm = [] if plan.entry.reduces and not plan.style.imagenet_norm else [batch_norm(wide)]
        self.features = nn.Sequential(
            nn.ReLU(),
            nn.AvgPool2d(5, stride, count_include_pad=False),
            nn.Conv2d(channels, narrow, 1, bias=False),
            batch_norm(narrow),
            nn.ReLU(),
            nn.Conv2d(narrow, wide, 2, bias=False),
            *norm,
            nn.ReLU(),
        )
        self.classifier = nn.Linear(wide, plan.classes)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] → logits [B, K]."""
        if x.shape[2:] == (self.side, self.side):
            x = self.features(x)
        else:
            x = self.features[2:](F.adaptive_avg_pool2d(F.relu(x), 2))
        return self.classifier(x.flatten(1))
