"""Between cells of NAS-Bench-201 and genotypes.

A NAS-Bench-201 cell as a genotype: its input is state 1 (the previous cell), its nodes 1, 2, 3 are the states 2, 3,
4; every edge is written, those from state 0 (the cell before the previous one) are `none`; the output is state 4
alone; the reduction is fixed. The translation keeps the graph and its operations, not the network around it: a
NASNet-type network puts its own 1×1 convolutions before the cell.

Back, a genotype is a cell if nothing is lost; a missing edge is `none`. The operations of both are the same layers:

| NAS-Bench-201  | genotype, other names       |
|----------------|-----------------------------|
| `none`         | `none`                      |
| `skip_connect` | `skip_connect`              |
| `nor_conv_1x1` | `nor_conv_1x1`, `conv_1x1`  |
| `nor_conv_3x3` | `nor_conv_3x3`, `conv_3x3`  |
| `avg_pool_3x3` | `avg_pool_3x3`              |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from nasreplay.errors import BadArchitecture
from nasreplay.files.text import harmless
from nasreplay.spaces.genotypes.genotype import INPUTS, Cell, Genotype

OUTPUT = 3  # the last node of a NAS-Bench-201 cell
Operations = Mapping[tuple[int, int], str]
"""(node, source) → the operation on that edge of a cell."""


def genotype_of(cell: Operations) -> Genotype:
    """The genotype of a NAS-Bench-201 cell."""
    nodes = [[("none", 0)] for _ in range(OUTPUT)]
    for (node, source), operation in cell.items():
        nodes[node - 1].append((operation, source + 1))
    return Genotype(Cell.of(nodes, (OUTPUT + 1,)), None)


def edges_of(genotype: Genotype, known: Sequence[str]) -> Operations:
    """The NAS-Bench-201 cell that a genotype is; a reduction cell equal to the normal one is left out.

    known: the operations of the cell. Raises BadArchitecture, which lists everything that such a cell cannot express.
    """
    lost = list(_lost(genotype, known))
    if lost:
        raise BadArchitecture(f"not a NAS-Bench-201 cell: {harmless('; '.join(lost), most=520)}")
    return {(state - 1, source - 1): operation for state, operation, source in genotype.normal.edges()}


def _lost(genotype: Genotype, known: Sequence[str]) -> Iterator[str]:
    cell = genotype.normal
    if len(cell.nodes) != OUTPUT:
        yield f"it has {len(cell.nodes)} intermediate nodes where the cell has {OUTPUT}"
    if cell.concat != (OUTPUT + 1,):
        yield f"its output joins the states {list(cell.concat)} where the cell gives its last node, {[OUTPUT + 1]}"
    edges = [(state, operation, source) for state, operation, source in cell.edges() if operation != "none"]
    direct = [_arrow(state, source) for state, _, source in edges if source < INPUTS - 1]
    if direct:
        yield f"the edges {', '.join(direct)} read state 0, and the cell has one input, state 1"
    for name in sorted({operation for _, operation, _ in edges} - set(known)):
        places = ", ".join(_arrow(state, source) for state, operation, source in edges if operation == name)
        yield f"{name} on {places} is none of {', '.join(known)}"
    pairs = [(state, source) for state, _, source in cell.edges()]
    twice = [_arrow(*pair) for pair in sorted(set(pairs)) if pairs.count(pair) > 1]
    if twice:
        yield f"the edges {', '.join(twice)} have two operations each where the cell has one"
    if genotype.reduce not in (None, cell):
        yield "it has a reduction cell of its own where the reduction is fixed"


def _arrow(state: int, source: int) -> str:
    return f"{state}←{source}"
