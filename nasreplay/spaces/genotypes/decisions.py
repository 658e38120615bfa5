"""Dictionaries of decisions, as other libraries write cells: keys name edges or nodes, values operations and sources.

| keys                                               | whose                                  | what it is      |
|----------------------------------------------------|----------------------------------------|-----------------|
| `0_1`, also behind `…/`                            | NNI: source_node                       | a cell of six   |
| `1<-0`                                             | HPOBench, ConfigSpace: node<-source    | operations      |
| `hp_x0` to `hp_x5`                                 | Syne Tune: the order of the text       |                 |
| `op_indices`                                       | NASLib: numbers of its own operations  |                 |
| `normal/op_2_0`, `normal/input_2_0`, …             | NNI 2 and 3: node, first or second     | a genotype      |
| `normal_n2_p0`, `normal_n2_switch`, …              | NNI 1: node and source; those chosen   |                 |
| `edge_normal_0`, `inputs_node_normal_3`, after `…:` | NAS-Bench-301: edge; sources of a node |                 |

Other keys of such a dictionary are about the network or its training, and left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from nasreplay.errors import BadArchitecture, shortened
from nasreplay.files.text import harmless
from nasreplay.spaces.genotypes.genotype import ALIASES, INPUTS, Genotype
from nasreplay.spaces.genotypes.notation import REDUCTION, from_mapping

PAIRS = (
    (1, 0),
    (2, 0),
    (2, 1),
    (3, 0),
    (3, 1),
    (3, 2),
)  # (node, source) of a cell of six, in the order of its text
NASLIB = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
NASLIB_PAIRS = ((1, 0), (2, 0), (3, 0), (2, 1), (3, 1), (3, 2))
NNI_1 = ("maxpool", "avgpool", "skipconnect", "sepconv3x3", "sepconv5x5", "dilconv3x3", "dilconv5x5")
_PREFIX = r"(?:.*[/:])?"
_NNI_2 = re.compile(_PREFIX + r"(normal|reduce)/(?:op|input)_(\d)_(\d)")
_NNI_1 = re.compile(r"(normal|reduce)_n(\d)_p(\d)")
_EDGE_301 = re.compile(_PREFIX + r"edge_(normal|reduce)_(\d{1,2})")

Decisions = Mapping[str, Any]
Edge = tuple[str, Any, Any, int]  # cell, operation, source, node


def read_decisions(value: Decisions) -> Genotype | str | None:
    """The genotype, or the text of the cell of six operations, of a dictionary; None if it is none of these.

    Raises BadArchitecture for one that lacks a key, or has another value than an operation or a source.
    """
    value = {harmless(str(key)): each for key, each in value.items()}
    for read in (_six, _naslib):
        if (cell := read(value)) is not None:
            return _text(cell)
    for edges in (_nni_2, _nni_1, _nasbench301):
        if found := list(edges(value)):
            lacking = {"normal", "reduce"} - {each[0] for each in found}
            if lacking:
                raise BadArchitecture(
                    f"the {min(lacking)} cell is missing among these decisions; {REDUCTION}"
                )
            cells = {name: [each[1:] for each in found if each[0] == name] for name in ("normal", "reduce")}
            return from_mapping(cells)
    return None


def _text(cell: Mapping[tuple[int, int], Any]) -> str:
    words = [_word(cell[pair], f"the edge from {pair[1]} to {pair[0]}") for pair in PAIRS]
    names = [f"{ALIASES.get(word, word)}~{source}" for word, (_, source) in zip(words, PAIRS, strict=True)]
    return f"|{names[0]}|+|{names[1]}|{names[2]}|+|{names[3]}|{names[4]}|{names[5]}|"


def _word(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise BadArchitecture(f"{where}: {shortened(value)} is not the name of an operation")
    return value


def _six(value: Decisions) -> Mapping[tuple[int, int], Any] | None:
    """Operations by (node, source)."""
    spelled: tuple[Callable[[int, int, int], str], ...] = (
        lambda place, node, source: f"{source}_{node}",
        lambda place, node, source: f"{node}<-{source}",
        lambda place, node, source: f"hp_x{place}",
    )
    last = {re.sub(_PREFIX, "", str(key), count=1): operation for key, operation in value.items()}
    for spell in spelled:
        keys = [spell(place, *pair) for place, pair in enumerate(PAIRS)]
        there = [key for key in keys if key in last]
        form = re.compile(re.sub(r"\d+", r"\\d+", keys[0]))
        further = [key for key in last if form.fullmatch(key) and key not in keys]
        if len(there) > 1 and further:
            raise BadArchitecture(f"a cell has six operations, {', '.join(keys)}: {further[0]} is another")
        if there == keys:
            return {pair: last[key] for pair, key in zip(PAIRS, keys, strict=True)}
        if len(there) > 1:
            lacking = ", ".join(key for key in keys if key not in last)
            raise BadArchitecture(f"a cell has six operations, {', '.join(keys)}: {lacking} is missing")
    return None


def _naslib(value: Decisions) -> Mapping[tuple[int, int], Any] | None:
    if "op_indices" not in value:
        return None
    numbers = value["op_indices"]
    if not isinstance(numbers, list | tuple) or len(numbers) != len(NASLIB_PAIRS):
        raise BadArchitecture(f"op_indices {shortened(numbers)}: six numbers 0 to {len(NASLIB) - 1}")
    return {
        pair: _numbered(each, NASLIB, "op_indices") for pair, each in zip(NASLIB_PAIRS, numbers, strict=True)
    }


def _numbered(number: Any, operations: tuple[str, ...], where: str) -> str:
    if type(number) is not int or not 0 <= number < len(operations):
        raise BadArchitecture(f"{where}: {shortened(number)} must be 0 to {len(operations) - 1}")
    return operations[number]


def _nni_2(value: Decisions) -> Iterable[Edge]:
    nodes = {found.groups()[:2]: key[: found.end(1)] for key, found in _matches(value, _NNI_2)}
    for (cell, node), key in nodes.items():
        if int(node) > 5:
            raise BadArchitecture(
                f"{key}/op_{node}_0: which of five nodes a cell joins is not said here, only those of DARTS (four, "
                "all of them); write Genotype(…) with its concat"
            )
        for place in (0, 1):
            operation, source = (_of(value, f"{key}/{part}_{node}_{place}") for part in ("op", "input"))
            yield (
                cell,
                operation,
                source[0] if isinstance(source, list) and len(source) == 1 else source,
                int(node),
            )


def _nni_1(value: Decisions) -> Iterable[Edge]:
    for key, found in _matches(value, _NNI_1):
        cell, node, source = found.groups()
        switch = value.get(f"{cell}_n{node}_switch")
        chosen = key in switch if isinstance(switch, list) else value[key] not in ([], None)
        if chosen:
            operation = value[key]
            if not isinstance(operation, str):
                operation = _numbered(operation, NNI_1, key)
            yield cell, operation, int(source), int(node)


def _nasbench301(value: Decisions) -> Iterable[Edge]:
    first = [
        sum(range(INPUTS, node)) for node in range(INPUTS, 7)
    ]  # edge 0, 2, 5, 9, 14 begins node 2, 3, 4, 5, 6
    for key, found in _matches(value, _EDGE_301):
        cell, edge = found[1], int(found[2])
        node = max((state for state, start in enumerate(first, INPUTS) if start <= edge))
        source = edge - first[node - INPUTS]
        taken = f"inputs_node_{cell}_{node}"
        inputs = _of(value, key.replace(f"edge_{cell}_{edge}", taken)) if node > INPUTS else "0_1"
        if str(source) in str(inputs).split("_"):
            yield cell, value[key], source, node


def _matches(value: Decisions, pattern: re.Pattern[str]) -> list[tuple[str, re.Match[str]]]:
    """The keys that fit a pattern, by cell and node, in the order of their numbers."""
    found = [(key, match) for key in value if (match := pattern.fullmatch(str(key)))]
    return sorted(found, key=lambda one: [one[1][1], *map(int, one[1].groups()[1:])])


def _of(value: Decisions, key: str) -> Any:
    if key not in value:
        raise BadArchitecture(f"{key} is missing")
    return value[key]
