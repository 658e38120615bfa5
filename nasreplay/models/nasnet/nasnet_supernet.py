"""The supernets of the NASNet spaces: all operations on all edges, mixed by weights that the caller gives.

As in `supernet`, the forward modes of the source systems are choices of (weights, active): DARTS and SNAS: soft
weights, all active; GDAS: one active operation an edge, straight-through weights (inactive weights get no gradient
here, as published for this space); curriculum, random sampling: counts of a genotype, its edges active. Two releases
differ in the network (docs/sources/weight-sharing.md, 10): AutoDL-Projects' has biases before plain batch
norms, no norm after poolings, and batch norm and ReLU before the classifier; that of DARTS, SNAS and CNAS has none of
these but a norm after poolings. Shapes: images [B, 3, H, W]; E edges, O operations; K classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nasreplay.errors import BadSetting
from nasreplay.models.drop_path import DropPath
from nasreplay.models.nasnet.evaluation_network import AuxiliaryHead
from nasreplay.models.nasnet.nasnet_cells import Drop, Entrance, FixedReduction, stem_layers
from nasreplay.models.nasnet.nasnet_ops import Chain, layer
from nasreplay.models.nb201.nb201_ops import MOMENTUM, Pool, ReLUConvBN, Zero, batch_norm
from nasreplay.models.recompute import run_cell
from nasreplay.spaces.costs.network_plan import CellPlan, Plan
from nasreplay.spaces.genotypes.genotype import FIXED_WIDTH, INPUTS
from nasreplay.spaces.nasnet import NASNetSpace


class NASNetSupernet(DropPath):
    """Shared weights of all genotypes of a space.

    plan: channels, cells, classes, stem, auxiliary head, and the dialect; the published searches have 16 channels,
    and 6 and 8 cells. affine, track_running_stats: of the batch norms inside
    the cells; plain_stem: whether the stem's are affine where those are, and not always. Drop path concerns the
    mixture of each edge, as in SNAS. Raises BadSetting for the stem of ImageNet.
    """

    def __init__(
        self,
        space: NASNetSpace,
        plan: Plan,
        affine: bool = False,
        track_running_stats: bool = True,
        plain_stem: bool = False,
    ):
        super().__init__()
        if plan.entry.reduces:
            raise BadSetting(f"supernets have a stem for small images, not {plan.stem}")
        self.space, self.plan = space, plan
        self.stem = nn.Sequential(*stem_layers(plan, affine or not plain_stem))
        pool_norm = "none" if plan.style.search_layers else "affine" if affine else "bare"
        flags = (affine, track_running_stats)
        widths = space.nodes, FIXED_WIDTH if space.cells == 1 else space.nodes
        cells = list(plan.walk(widths))
        self.cells = nn.ModuleList(
            FixedReduction(cell, *flags)
            if cell.reduction and space.cells == 1
            else MixedCell(space, cell, plan.shuffle_groups, pool_norm, *flags)
            for cell in cells
        )
        if not plan.style.search_layers:
            without_biases(self.cells)
        self.final_norm = plan.style.final_norm
        if self.final_norm:
            self.lastact = nn.Sequential(batch_norm(cells[-1].output), nn.ReLU())
        self.auxiliary_head = (
            AuxiliaryHead(cells[plan.reductions[1]].output, plan) if plan.auxiliary else None
        )
        self.classifier = nn.Linear(cells[-1].output, plan.classes)

    def outputs(self, images: Tensor, weights: Tensor, active: Tensor) -> Iterator[Tensor]:
        """The output of each cell, [B, C, H, W]; arguments as `forward`."""
        rows = weights.chunk(self.space.cells)
        chosen = [part.tolist() for part in active.chunk(self.space.cells)]
        before = last = self.stem(images)
        for place, cell in enumerate(self.cells):
            if isinstance(cell, FixedReduction):
                before, last = last, run_cell(self, cell, before, last, self.dropped)
            else:
                kind = int(place in self.plan.reductions)
                mixture = rows[kind], chosen[kind]
                before, last = last, run_cell(self, cell, before, last, *mixture, self.dropped)
            yield last

    def forward(self, images: Tensor, weights: Tensor, active: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """images [B, 3, H, W] → logits [B, K]; in training with an auxiliary head also its logits.

        weights: float [E, O], normal edges first; active: bool [E, O], which operations are computed; an edge without
        any is left out. Inactive operations count as zero whatever their weight.
        """
        auxiliary, x = None, images
        for number, x in enumerate(self.outputs(images, weights, active)):
            if number == self.plan.reductions[1] and self.training and self.auxiliary_head is not None:
                auxiliary = self.auxiliary_head(x)
        x = self.lastact(x) if self.final_norm else x
        logits = self.classifier(x.mean(dim=(2, 3)))
        return logits if auxiliary is None else (logits, auxiliary)


class MixedCell(Entrance):
    """Every operation on each edge; `edges["i<-j"]` is the list of operations from state j to node i, state i + 2."""

    def __init__(
        self, space: NASNetSpace, plan: CellPlan, groups: int, pool_norm: str, affine: bool, track: bool
    ):
        super().__init__(plan, affine, track)
        self.nodes = space.nodes
        self.pairs = [(node, source) for node in range(self.nodes) for source in range(node + INPUTS)]
        self.edges = nn.ModuleDict(
            {
                f"{node}<-{source}": nn.ModuleList(
                    layer(name, plan.channels, self._stride(plan, source), affine, track, pool_norm, groups)
                    for name in space.operations
                )
                for node, source in self.pairs
            }
        )

    @staticmethod
    def _stride(plan: CellPlan, source: int) -> int:
        return 2 if plan.reduction and source < INPUTS else 1

    def forward(
        self, before: Tensor, last: Tensor, weights: Tensor, active: list[list[bool]], dropped: Drop
    ) -> Tensor:
        """The outputs of the last two cells → [B, N·C, H', W']; weights [E, O], active [E][O] of this cell's kind."""
        states = [State(x) for x in self.states(before, last)]
        rows, needed = weights.unbind(), _needed(self, active)
        for node in range(self.nodes):
            total: Tensor | None = None
            for edge, (target, source) in enumerate(self.pairs):
                if target == node and needed[edge]:
                    x = dropped(self._mixture(edge, states[source], rows[edge], needed[edge]))
                    total = x if total is None else total + x
            states.append(State(torch.zeros_like(states[INPUTS].x) if total is None else total))
        return torch.cat([state.x for state in states[INPUTS:]], dim=1)

    def layers(self, edge: int) -> nn.ModuleList:
        """The operations of an edge."""
        node, source = self.pairs[edge]
        return self.edges[f"{node}<-{source}"]  # pyright: ignore[reportReturnType]

    def _mixture(self, edge: int, state: State, row: Tensor, options: Sequence[int]) -> Tensor:
        layers = self.layers(edge)
        terms = (state.after(layers[option], row[option]) for option in options)
        total = next(terms)
        for term in terms:
            total = total + term
        return total


def _needed(cell: MixedCell, active: list[list[bool]]) -> list[list[int]]:
    """The operations of each edge that are computed: the active ones, without zeros that nothing depends on.

    A node that only zeros read stays in the graph: what leads there gets a zero gradient, so decay and momentum.
    """
    options = [[option for option, used in enumerate(row) if used] for row in active]
    if not any(options[:INPUTS]):
        raise BadSetting("a mixture without an active operation into node 2; `none` is an operation too")
    real = [
        [option for option in row if not isinstance(cell.layers(edge)[option], Zero)]
        for edge, row in enumerate(options)
    ]
    targets = {node for (node, _), row in zip(cell.pairs, real, strict=True) if row}
    sources = {source for (_, source), row in zip(cell.pairs, real, strict=True) if row}
    return [
        row if node in targets and source in sources else every
        for (node, source), row, every in zip(cell.pairs, real, options, strict=True)
    ]


class State:
    """A state of a cell, and what several operations begin with, computed once."""

    def __init__(self, x: Tensor):
        self.x = x
        self._rectified: Tensor | None = None
        self._pooled: dict[tuple, Tensor] = {}

    def after(self, operation: nn.Module, weight: Tensor) -> Tensor:
        """weight · operation of this state; the scalar weight becomes part of a batch norm that comes last."""
        if isinstance(operation, Chain | ReLUConvBN):
            first, *rest, norm = operation.op
            x = self._rectify() if isinstance(first, nn.ReLU) else self._pool(first)
            for module in rest:
                x = module(x)
            return weighted_norm(norm, x, weight)  # pyright: ignore[reportArgumentType]
        return weight * (self._pool(operation) if _pooling(operation) else operation(self.x))

    def _rectify(self) -> Tensor:
        if self._rectified is None:
            self._rectified = F.relu(self.x)
        return self._rectified

    def _pool(self, pooling: nn.Module) -> Tensor:
        kind = (type(pooling), getattr(pooling, "kernel_size", 3), pooling.stride)
        if kind not in self._pooled:
            self._pooled[kind] = pooling(self.x)
        return self._pooled[kind]


def weighted_norm(norm: nn.BatchNorm2d, x: Tensor, weight: Tensor) -> Tensor:
    """weight · norm(x), as one batch norm of that scale."""
    batch = norm.training or not norm.track_running_stats
    if norm.training and norm.track_running_stats:
        norm.num_batches_tracked.add_(1)  # pyright: ignore[reportOptionalMemberAccess]
    # repeated, not expanded: the backward pass of batch norms reads the entries as if they lay side by side
    scale = weight.repeat(norm.num_features) if norm.weight is None else weight * norm.weight
    shift = None if norm.bias is None else weight * norm.bias
    return F.batch_norm(x, norm.running_mean, norm.running_var, scale, shift, batch, MOMENTUM, norm.eps)


def _pooling(operation: nn.Module) -> bool:
    return isinstance(operation, nn.MaxPool2d) or (
        isinstance(operation, Pool) and operation.preprocess is None
    )


def without_biases(cells: nn.Module) -> None:
    """Take the biases of convolutions away: the 2018 release has none."""
    for module in cells.modules():
        if isinstance(module, nn.Conv2d):
            module.bias = None
