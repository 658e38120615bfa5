"""Every way in which genotypes are written: one reader for all of them, and a writer for each.

| form        | what it is                                                                              |
|-------------|-----------------------------------------------------------------------------------------|
| `json`      | our own: the four fields of DARTS as JSON, one list of pairs a node                     |
| `darts`     | `Genotype(normal=[('sep_conv_3x3', 0), …], normal_concat=range(2, 6), reduce=…, …)`     |
| `two-input` | the same after dropping `none` edges, two pairs a node                                  |
| `all-edge`  | the same with every edge written (SNAS)                                                 |
| `xautodl`   | the dictionary that AutoDL-Projects' NASNet searches give, with its operation names     |
| `cnas`      | `Genotype.from_arch(normal_arch=[('sep_conv_3x3', 0, 2), …], …)`: each edge with its node |
| `cnas-json` | the JSON of eight fields that a CNAS genotype prints                                    |
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nasreplay.errors import BadArchitecture, shortened
from nasreplay.files.text import harmless
from nasreplay.spaces.genotypes.genotype import (
    INPUTS,
    MOST_EDGES,
    MOST_NODES,
    Cell,
    Genotype,
    grouped,
    placed,
    sequence,
)
from nasreplay.spaces.genotypes.literal import LONGEST, NoArchitecture, literal

PRIMITIVES = (  # the operations of a CNAS genotype; its ordinals count in this order
    *("sep_conv_3x3", "sep_conv_5x5", "max_pool_3x3", "avg_pool_3x3"),
    *("none", "skip_connect", "dil_conv_3x3", "dil_conv_5x5"),
)
SEARCHED = {  # what the search cells of AutoDL-Projects are made of, and their names there
    "sep_conv_3x3": "dua_sepc_3x3",
    "sep_conv_5x5": "dua_sepc_5x5",
    "dil_conv_3x3": "dil_sepc_3x3",
    "dil_conv_5x5": "dil_sepc_5x5",
    **{name: name for name in ("none", "skip_connect", "avg_pool_3x3", "max_pool_3x3")},
    **{name: name for name in ("nor_conv_1x1", "nor_conv_3x3", "nor_conv_7x7")},
}
DARTS_FIELDS = {"normal", "normal_concat", "reduce", "reduce_concat", "connectN", "connects", "layout"}
ARCH_FIELDS = {"normal_arch", "normal_concat", "reduced_arch", "reduced_concat"}
CNAS_FIELDS = (
    *("named_normal_arch", "ordinal_normal_arch", "normal_concat"),
    *("named_reduced_arch", "ordinal_reduced_arch", "reduced_concat", "primitives", "loose_end"),
)
REDUCTION = "write Genotype(…, reduce=None, reduce_concat=None) for the fixed one"
_LOOKS = re.compile(r"\s*(\{|(\w+\s*=\s*)?Genotype\b)")


def is_genotype(text: str) -> bool:
    """Whether a text looks like a genotype rather than another form of an architecture."""
    return _LOOKS.match(text) is not None


def read_genotype(text: str) -> Genotype:
    """The genotype of a text in any of the forms, or of a CNAS search result. Raises BadArchitecture."""
    value = plain(text)
    if isinstance(value, Mapping) and isinstance(value.get("arch"), str):
        return read_genotype(value["arch"])
    return from_mapping(value)


def plain(text: str) -> Any:
    """The value of a text of JSON or of Python's plain data (`literal`). Raises BadArchitecture."""
    if len(text) > LONGEST:
        raise BadArchitecture(f"{shortened(text)} has over {LONGEST:,} characters: too long for a genotype")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return literal(text)


def from_mapping(value: Any) -> Genotype:
    """The genotype of a dictionary with the fields of DARTS, of `from_arch` or of CNAS. Raises BadArchitecture."""
    if not isinstance(value, Mapping):
        _refuse(value)
    value = _without_groups(value)
    for names, known, read in (
        (("normal", "reduce"), DARTS_FIELDS, _cell),
        (("normal_arch", "reduced_arch"), ARCH_FIELDS, _from_triples),
        (("named_normal_arch", "named_reduced_arch"), set(CNAS_FIELDS), _from_triples),
    ):
        if names[0] in value and value.keys() <= known:
            normal, reduce = (value.get(name) for name in names)
            concats = [value.get(name) for name in sorted(known) if name.endswith("_concat")]
            fixed = reduce is None and read is _cell
            _refuse_unread(value)
            if fixed and names[1] not in value and concats[1] is not None:
                raise BadArchitecture(
                    "reduce_concat without reduce: the reduction cell is missing; write reduce=None for the fixed one"
                )
            return Genotype(
                read(normal, concats[0], "normal cell"),
                None if fixed else read(reduce, concats[1], "reduction cell"),
            )
    return _refuse(value)


def _refuse_unread(value: Mapping[str, Any]) -> None:
    """Refuse fields that would change the network."""
    for field, read in (("layout", ("cell",)), ("connectN", ()), ("connects", ())):
        if value.get(field) not in (None, *read):
            right = " or ".join(map(repr, (*read, None)))
            raise BadArchitecture(
                f"{field}={shortened(value[field])} of a genotype is not read: expected {right}"
            )


def _without_groups(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields as DARTS calls them, where aw_nas numbers groups of cells: normal_0, reduce_1, normal_0_concat."""
    named = {re.sub(r"^(normal|reduce)_\d", r"\1", str(name)): each for name, each in value.items()}
    if len(named) < len(value):
        raise BadArchitecture(f"a genotype has one normal and one reduction cell; found {_listed(value)}")
    if named.keys() != value.keys() and "reduce" not in named:
        raise BadArchitecture(f"the reduction cell is missing: found {_listed(value)}; {REDUCTION}")
    return named


def _refuse(value: Any) -> Any:
    found = _listed(value) if isinstance(value, Mapping) else type(value).__name__
    raise NoArchitecture(
        "a genotype has the fields normal, normal_concat, reduce, reduce_concat, or normal_arch, normal_concat, "
        f"reduced_arch, reduced_concat, or those of CNAS; found {found}"
    )


def _listed(value: Mapping[str, Any]) -> str:
    return harmless(", ".join(map(str, value)), most=100) or "none"


def _cell(nodes: Any, concat: Any, where: str) -> Cell:
    if isinstance(nodes, list | tuple) and nodes and _is_pair(nodes[0]):
        pairs = sequence(nodes, f"{where}: its edges", MOST_NODES * MOST_EDGES)
        if any(placed(pair, where)[2] is not None for pair in pairs):
            return _from_triples(pairs, concat, where)
        try:
            nodes = grouped(pairs, concat)
        except BadArchitecture as problem:
            raise BadArchitecture(f"{where}: {problem}") from None
    return Cell.of(nodes, concat, where)


def _is_pair(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) > 0 and isinstance(value[0], str)


def _from_triples(triples: Any, concat: Any, where: str) -> Cell:
    """A cell of edges that each say their node (`placed`); they may stand in any order."""
    nodes: dict[int, list[Any]] = {}
    for triple in sequence(triples, f"{where}: its edges", MOST_NODES * MOST_EDGES):
        operation, source, node = placed(triple, where)
        if node is None:
            raise BadArchitecture(f"{where}: {shortened(triple)} is not an (operation, source, node) triple")
        nodes.setdefault(node, []).append((operation, source))
    if sorted(nodes) != list(range(INPUTS, len(nodes) + INPUTS)):
        raise BadArchitecture(
            f"{where}: the triples lead to the nodes {shortened(sorted(nodes))}; must be 2, 3, … without gaps "
            "(a node that takes nothing is written ('none', 0, NODE))"
        )
    return Cell.of([nodes[state] for state in sorted(nodes)], concat, where)


# --- writers ---------------------------------------------------------------------------------------


def to_mapping(genotype: Genotype) -> dict[str, Any]:
    """The four fields of DARTS as plain lists, one list of pairs a node; what `from_mapping` reads."""
    fields: dict[str, Any] = {}
    for name, cell in (("normal", genotype.normal), ("reduce", genotype.reduce)):
        fields[name] = cell and [[list(edge) for edge in node] for node in cell.nodes]
        fields[f"{name}_concat"] = cell and list(cell.concat)
    return fields


def to_darts(genotype: Genotype) -> str:
    """The text of DARTS: flat pairs where they read back as the same cell, else one tuple of pairs a node."""
    fields = []
    for name, cell in (("normal", genotype.normal), ("reduce", genotype.reduce)):
        fields += [
            f"{name}={None if cell is None else _flat(cell)}",
            f"{name}_concat={None if cell is None else _states(cell.concat)}",
        ]
    return f"Genotype({', '.join(fields)})"


def _flat(cell: Cell) -> list[Any]:
    pairs = [edge for node in cell.nodes for edge in node]
    try:
        same = [tuple(group) for group in grouped(pairs, cell.concat)] == list(cell.nodes)
    except BadArchitecture:  # an odd number of pairs: not two a node
        same = False
    return pairs if same else list(cell.nodes)


def _states(concat: Sequence[int]) -> str:
    run = range(concat[0], concat[-1] + 1)
    return str(run) if list(run) == list(concat) else str(list(concat))


def to_xautodl(genotype: Genotype) -> str:
    """The dictionary of AutoDL-Projects, without scores; a fixed reduction cell is left out, as there."""
    fields: dict[str, Any] = {}
    for name, cell in (("normal", genotype.normal), ("reduce", genotype.reduce)):
        if cell is not None:
            nodes = [
                tuple((_searched(operation), source) for operation, source in node) for node in cell.nodes
            ]
            fields |= {name: nodes, f"{name}_concat": list(cell.concat)}
    return str(fields)


def _searched(operation: str) -> str:
    if operation not in SEARCHED:
        raise BadArchitecture(
            f"{operation} is no operation of AutoDL-Projects' search cells ({', '.join(SEARCHED.values())}); "
            "write the genotype in another form, such as darts"
        )
    return SEARCHED[operation]


def to_cnas(genotype: Genotype) -> str:
    """The Python call that makes a CNAS genotype from (operation, source, node) triples."""
    normal, reduced = map(_triples, _pair(genotype))
    concats = [_states(cell.concat) for cell in _pair(genotype)]
    return (
        f"Genotype.from_arch(normal_arch={normal}, normal_concat={concats[0]}, "
        f"reduced_arch={reduced}, reduced_concat={concats[1]})"
    )


def to_cnas_json(genotype: Genotype) -> str:
    """The JSON of eight fields; ordinals count in the default order of operations."""
    values: list[Any] = []
    for cell in _pair(genotype):
        triples = _triples(cell)
        ordinals = [(PRIMITIVES.index(operation), *rest) for operation, *rest in triples]
        values += [triples, ordinals, cell.concat]
    return json.dumps(dict(zip(CNAS_FIELDS, [*values, PRIMITIVES, False], strict=True)))


def _pair(genotype: Genotype) -> tuple[Cell, Cell]:
    """Both cells, if CNAS can hold them."""
    if genotype.reduce is None:
        raise BadArchitecture(
            "a CNAS genotype has a reduction cell of its own; this one's reduction is fixed"
        )
    counts = {name: [len(node) for node in cell.nodes] for name, cell in genotype.cells().items()}
    for name, edges in counts.items():
        if set(edges) != {2} or len(edges) != len(genotype.normal.nodes):
            raise BadArchitecture(
                f"a CNAS genotype has two edges a node and as many nodes in both cells; the {name} has {edges}"
            )
    return genotype.normal, genotype.reduce


def _triples(cell: Cell) -> list[tuple[str, int, int]]:
    triples = [(operation, source, state) for state, operation, source in cell.edges()]
    for operation, _, _ in triples:
        if operation not in PRIMITIVES:
            raise BadArchitecture(f"{operation} is no operation of CNAS genotypes ({', '.join(PRIMITIVES)})")
    return triples


WRITERS: dict[str, Callable[[Genotype], str]] = {
    "json": lambda genotype: json.dumps(to_mapping(genotype)),
    "darts": to_darts,
    "two-input": lambda genotype: to_darts(genotype.two_inputs()),
    "all-edge": lambda genotype: to_darts(genotype.all_edges()),
    "compact": lambda genotype: to_darts(genotype.compact()),
    "xautodl": to_xautodl,
    "cnas": to_cnas,
    "cnas-json": to_cnas_json,
}
