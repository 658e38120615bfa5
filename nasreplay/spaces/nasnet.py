"""The NASNet spaces: a normal and a reduction cell of 2 to 6 nodes; a node takes two states, an operation on each.

Decisions: per cell (normal first), per node, twice (source, operation). The same edge may be chosen twice. Weights
live on all edges: E rows, those of a node together, its lower sources first, normal before reduction. The source
systems search the same space with lists of operations of their own, so each list is a space, of four nodes; with
another number N it is called NAME-N (`with_nodes`). Almost none has flat indices: architectures are codes and texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from nasreplay.errors import BadArchitecture, BadSetting
from nasreplay.seeds import Draws
from nasreplay.spaces.base import Place, Space
from nasreplay.spaces.costs.nasnet_cost import cost
from nasreplay.spaces.costs.network_plan import Plan
from nasreplay.spaces.genotypes.derivation import derive_cell, nodes_of, softmax
from nasreplay.spaces.genotypes.genotype import INPUTS, Cell, Edge, Genotype
from nasreplay.spaces.genotypes.notation import PRIMITIVES, read_genotype, to_darts
from nasreplay.spaces.graph import Graph, WeightRow
from nasreplay.spaces.registry import SPACES, register_space

if TYPE_CHECKING:
    from nasreplay.spaces.costs.expected import Costs

NODES = 4
FEWEST, MOST = 2, 6
"""Nodes of a cell: as published, and the limits."""

DARTS = (
    *("none", "max_pool_3x3", "avg_pool_3x3", "skip_connect"),
    *("sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"),
)
GDAS = (
    *("none", "skip_connect", "sep_conv_3x3", "sep_conv_5x5"),
    *("dil_conv_3x3", "dil_conv_5x5", "avg_pool_3x3", "max_pool_3x3"),
)
SPARSE = (
    *("none", "skip_connect", "cweight_com", "avg_pool_3x3"),
    *("max_pool_3x3", "sep_conv_3x3", "dil_conv_3x3", "shuffle_conv_3x3"),
)


class NASNetSpace(Space):
    """Genotypes over a list of operations; with `fixed_reduction` only the normal cell is searched.

    rule: how `derive` reads logits (`derivation`); architectures, codes and texts don't depend on it.
    dialect: the release whose networks `parameters` and `flops` count.
    """

    def __init__(
        self,
        name: str,
        operations: tuple[str, ...],
        fixed_reduction: bool = False,
        rule: str = "top2",
        nodes: int = NODES,
        dialect: str = Plan.dialect,
    ):
        self.name, self.operations, self.rule, self.nodes = name, operations, rule, nodes
        self.dialect = dialect
        self.cells = 1 if fixed_reduction else 2
        sources = [tuple(map(str, range(place + INPUTS))) for place in range(nodes)]
        self.options = tuple(
            pick
            for _ in range(self.cells)
            for node in sources
            for pick in (node, operations, node, operations)
        )
        kinds = (True, False, True, False)
        self.places = tuple(
            Place(cell, node, kind) for cell in range(self.cells) for node in range(nodes) for kind in kinds
        )

    def with_nodes(self, nodes: int) -> NASNetSpace:
        """This space, of four nodes, with another number of them; known by its own name from then on."""
        if nodes == self.nodes:
            return self
        if not FEWEST <= nodes <= MOST:
            raise BadSetting(f"{nodes} nodes: a cell of a NASNet space has {FEWEST} to {MOST}")
        name = f"{self.name}-{nodes}"
        if name not in SPACES:
            register_space(
                NASNetSpace(name, self.operations, self.cells == 1, self.rule, nodes, self.dialect)
            )
        found = SPACES[name]
        assert isinstance(found, NASNetSpace)
        return found

    def variant(self, name: str) -> NASNetSpace | None:
        """The space called NAME-N, which has N nodes; None for other names."""
        names = {f"{self.name}-{nodes}": nodes for nodes in range(FEWEST, MOST + 1) if nodes != self.nodes}
        return self.with_nodes(names[name]) if self.nodes == NODES and name in names else None

    @property
    def indexed(self) -> bool:
        """False: those with few nodes are small enough, but no table or index of them is known anywhere."""
        return False

    # --- genotypes and text ------------------------------------------------------------------------

    def genotype(self, codes: Sequence[int] | np.ndarray) -> Genotype:
        """The genotype of one architecture."""
        picks = np.asarray(codes).reshape(self.cells, self.nodes, 2, 2).tolist()
        cells = [Cell.of([[self._edge(*pair) for pair in node] for node in cell]) for cell in picks]
        return Genotype(cells[0], cells[1] if self.cells == 2 else None)

    def _edge(self, source: int, operation: int) -> Edge:
        return self.operations[operation], source

    def graphs(self, codes: Sequence[int] | np.ndarray) -> tuple[Graph, ...]:
        """Graphs of the genotype's cells."""
        return self.genotype(codes).graphs()

    def operations_of(self, codes: Sequence[int] | np.ndarray) -> list[str]:
        """Operations of the normal cell, edge by edge."""
        return [operation for _, operation, _ in self.genotype(codes).normal.edges()]

    def encode(self, genotype: Genotype) -> tuple[int, ...]:
        """Codes of a genotype; raises BadArchitecture naming the first thing that is outside this space."""
        if (genotype.reduce is None) != (self.cells == 1):
            found = "a fixed" if genotype.reduce is None else "a searched"
            raise BadArchitecture(f"{found} reduction cell is outside the {self.name} space")
        codes = []
        for where, cell in genotype.cells().items():
            every = list(range(INPUTS, INPUTS + self.nodes))
            if [len(node) for node in cell.nodes] != [2] * self.nodes or sorted(cell.concat) != every:
                raise BadArchitecture(
                    f"{where}: {[len(node) for node in cell.nodes]} edges a node, output {list(cell.concat)}; the "
                    f"{self.name} space has {self.nodes} nodes of two edges and joins all of them"
                )
            for state, operation, source in cell.edges():
                if operation not in self.operations:
                    known = ", ".join(self.operations)
                    raise BadArchitecture(
                        f"{where}, node {state}: {operation} is outside the {self.name} space; it has {known}"
                    )
                codes += [source, self.operations.index(operation)]
        return tuple(codes)

    def parse(self, text: str) -> tuple[int, ...]:
        """Codes of a genotype in any of the forms of `notation`. Raises BadArchitecture."""
        return self.encode(read_genotype(text))

    def format(self, codes: Sequence[int] | np.ndarray) -> str:
        """The text `Genotype(normal=…, …)`."""
        return to_darts(self.genotype(codes))

    # --- moving about ------------------------------------------------------------------------------

    def mutate(self, codes: np.ndarray, draws: Draws) -> np.ndarray:
        """A uniform decision of a uniform kind (source or operation) gets a uniform different option.

        The mutation of Real et al. (AAAI 2019) without its identity: cell, node and edge are uniform. Uses 3 numbers
        each.
        """
        child = np.array(codes, dtype=np.int8)
        pick, kind, step = draws.uniform(3).T
        where = 2 * (pick * (self.decisions // 2)).astype(np.int64) + (kind < 0.5)
        choices, rows = self.choices[where], np.arange(len(child))
        shift = 1 + (step * (choices - 1)).astype(np.int64)
        child[rows, where] = (child[rows, where] + shift) % choices
        return child

    # --- mixtures ----------------------------------------------------------------------------------

    @property
    def edges(self) -> int:
        """E: 14 for each searched cell of four nodes."""
        return self.cells * sum(range(INPUTS, INPUTS + self.nodes))

    @property
    def rows(self) -> tuple[WeightRow, ...]:
        """The edges of the searched cells; nodes count from 0, states from the first input."""
        nodes = range(nodes_of(self.edges // self.cells))
        labels = [f"n({node},{state})" for node in nodes for state in range(node + INPUTS)]
        cells = ("normal cell", "reduction cell")[: self.cells]
        return tuple(WeightRow(cell, label, self.operations) for cell in cells for label in labels)

    @cached_property
    def mask(self) -> np.ndarray:
        """bool [E, O]: every edge has every operation."""
        return np.ones((self.edges, len(self.operations)), dtype=bool)

    def edge_rows(self, codes: np.ndarray) -> np.ndarray:
        """The row of weights of every choice, int64 [N, D/2]: order of the codes."""
        before = np.cumsum([0, *range(INPUTS, INPUTS + self.nodes - 1)])
        first = np.concatenate([before + place * self.edges // self.cells for place in range(self.cells)])
        return np.repeat(first, 2) + np.asarray(codes)[:, ::2]

    def embed(self, codes: np.ndarray) -> np.ndarray:
        """Counts float64 [N, E, O]: an edge that no node takes is a row of zeros, one taken twice counts twice."""
        codes = np.asarray(codes)
        weights = np.zeros((len(codes), *self.mask.shape))
        np.add.at(weights, (np.arange(len(codes))[:, None], self.edge_rows(codes), codes[:, 1::2]), 1.0)
        return weights

    def derive(self, weights: np.ndarray) -> np.ndarray:
        """Codes int8 [N, D] of logits [N, E, O], by the rule from the softmax of each row."""
        probabilities = softmax(np.asarray(weights), np.float32)
        rows = [self.encode(self._derived(row, self.rule)) for row in probabilities]
        return np.array(rows, dtype=np.int8).reshape(len(rows), self.decisions)

    def all_edges(self, weights: np.ndarray) -> Genotype:
        """The genotype of logits [E, O] that keeps every edge (rule `all-edge`); no architecture of this space."""
        return self._derived(softmax(np.asarray(weights), np.float32), "all-edge")

    def _derived(self, probabilities: np.ndarray, rule: str) -> Genotype:
        """The genotype of [E, O]; cells are the space's own, for 54 rows may be two of 6 nodes or one of 9."""
        parts = np.split(probabilities, self.cells)
        cells = [derive_cell(part, self.operations, rule) for part in parts]
        return Genotype(cells[0], cells[1] if self.cells == 2 else None)

    def deriving(self, rule: str) -> NASNetSpace:
        """This space with another derivation rule, one that keeps two edges a node."""
        about = self.name, self.operations, self.cells == 1
        return self if rule == self.rule else NASNetSpace(*about, rule, self.nodes, self.dialect)

    # --- costs -------------------------------------------------------------------------------------

    def costs(self, classes: int, resolution: int, plan: Plan | None = None) -> Costs:
        """Resources of the cells of a shared network (SNAS's own by default), and the cost of training a genotype."""
        from nasreplay.spaces.costs.cell_costs import genotype_costs

        plan = plan or Plan(16, 8, classes)
        return genotype_costs(self.operations, plan, self.nodes, self.cells, resolution, self.embed)

    def parameters(self, codes: np.ndarray, classes: int) -> np.ndarray:
        """Trainable parameters of its release's CIFAR network, 36 channels and 20 cells, no auxiliary head."""
        return self._costs(codes, classes, 32)[:, 0]

    def flops(self, codes: np.ndarray, classes: int, resolution: int) -> np.ndarray:
        """Multiply-accumulates of the same network, int64 [N] (the classifier's biases are not counted)."""
        return self._costs(codes, classes, resolution)[:, 1]

    def _costs(self, codes: np.ndarray, classes: int, side: int) -> np.ndarray:
        found = [cost(self.genotype(row), Plan(classes=classes, dialect=self.dialect), side) for row in codes]
        return np.array(found, dtype=np.int64).reshape(-1, 2)


NASNET_SPACES = {
    space.name: register_space(space)
    for space in (
        NASNetSpace("nasnet", DARTS),  # of DARTS and of SNAS
        NASNetSpace("nasnet-gdas", GDAS),
        NASNetSpace("nasnet-gdas-frc", GDAS, fixed_reduction=True),
        NASNetSpace("nasnet-cnas", PRIMITIVES),
        NASNetSpace("nasnet-sparse", SPARSE, dialect="sparse"),
    )
}
NASNET = NASNET_SPACES["nasnet"]
