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

from collections.abc import Iterator, Sequence

from nasreplay.errors import BadArchitecture
from nasreplay.spaces.genotypes.genotype import INPUTS, Cell, Genotype
from nasreplay.spaces.topology import EDGES, OPERATIONS

OUTPUT = 3  # the last node of a NAS-Bench-201 cell


def genotype_of(codes: Sequence[int]) -> Genotype:
    """The genotype of a NAS-Bench-201 cell, given as codes [6]."""
    nodes = [[("none", 0)] for _ in range(OUTPUT)]
    for (node, source), code in zip(EDGES, codes, strict=True):
        nodes[node - 1].append((OPERATIONS[code], source + 1))
    return Genotype(Cell.of(nodes, (OUTPUT + 1,)), None)


def cell_of(genotype: Genotype) -> tuple[int, ...]:
    """Codes of the NAS-Bench-201 cell that a genotype is; a reduction cell equal to the normal one is left out.

    Raises BadArchitecture, which lists everything that such a cell cannot express.
    """
    lost = list(_lost(genotype))
    if lost:
        raise BadArchitecture(f"not a NAS-Bench-201 cell: {'; '.join(lost)}")
    chosen = {(state - 1, source - 1): operation for state, operation, source in genotype.normal.edges()}
    return tuple(OPERATIONS.index(chosen.get(edge, "none")) for edge in EDGES)


def _lost(genotype: Genotype) -> Iterator[str]:
    cell = genotype.normal
    if len(cell.nodes) != OUTPUT:
        yield f"it has {len(cell.nodes)} intermediate nodes where the cell has {OUTPUT}"
    if cell.concat != (OUTPUT + 1,):
        yield f"its output joins the states {list(cell.concat)} where the cell gives its last node, {[OUTPUT + 1]}"
    edges = [(state, operation, source) for state, operation, source in cell.edges() if operation != "none"]
    direct = [_arrow(state, source) for state, _, source in edges if source < INPUTS - 1]
    if direct:
        yield f"the edges {', '.join(direct)} read state 0, and the cell has one input, state 1"
    for name in sorted({operation for _, operation, _ in edges} - set(OPERATIONS)):
        places = ", ".join(_arrow(state, source) for state, operation, source in edges if operation == name)
        yield f"{name} on {places} is none of {', '.join(OPERATIONS)}"
    pairs = [(state, source) for state, _, source in cell.edges()]
    twice = [_arrow(*pair) for pair in sorted(set(pairs)) if pairs.count(pair) > 1]
    if twice:
        yield f"the edges {', '.join(twice)} have two operations each where the cell has one"
    if genotype.reduce not in (None, cell):
        yield "it has a reduction cell of its own where the reduction is fixed"


def _arrow(state: int, source: int) -> str:
    return f"{state}←{source}"
