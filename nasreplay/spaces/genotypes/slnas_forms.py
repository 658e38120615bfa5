"""How SLNAS writes architectures: two lists of 20 integers, and a DARTS-style form with names of its own.

Node n has the state and the operation of its branch x, then those of branch y. State 0 is the older input, 1 the
newer one, 2 + m the output of node m; the output joins all five nodes, used or not. The DARTS-style form names
operations `slnas:NAME`, for those of NASNet-type cells differ in content where names agree.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nasreplay.errors import BadArchitecture, shortened
from nasreplay.spaces.genotypes.genotype import INPUTS, Cell, Edge, Genotype, sequence
from nasreplay.spaces.genotypes.notation import DARTS_FIELDS, plain

if TYPE_CHECKING:
    import numpy as np

OPERATIONS = ("shuffle_3x3", "shuffle_5x5", "avg_pool_3x3", "max_pool_3x3", "conv_1x1")
CELLS = {"normal": "normal cell", "reduce": "reduction cell"}
"""Fields of the DARTS-style form, and what they are called."""
NODES = 5
LENGTH = 4 * NODES
"""Integers of a cell."""
OPTIONS = [most for node in range(NODES) for most in 2 * (node + INPUTS, len(OPERATIONS))]
"""For each of them the number of its values."""
PREFIX = "slnas:"
"""How the DARTS-style form names operations."""
EXAMPLE = f"two lists of {LENGTH} integers, [[normal cell], [reduction cell]]"
_GENOTYPE = re.compile(r"^(?:\w+\s*=\s*)?(?:[\w.]*Genotype\b|\{\s*['\"](?:normal|reduce))")
_OWN = re.compile(r"['\"](?:slnas:|shuffle_\dx)")
_LIST = re.compile(r"^[\[(]")
_LONG = re.compile(  # a row longer than in any other notation, or two of numbers only
    r"[\[(](?:[^\[\](),]*,){8}|^.\s*[\[(][^\[\]()'\"]*[\])]\s*,\s*[\[(][^\[\]()'\"]*[\])]\s*.$"
)


def is_own(text: str) -> bool:
    """Whether a text is a genotype of these operations, or a list of two rows or with one of over 8 entries."""
    looks = (_GENOTYPE, _OWN) if _GENOTYPE.match(text) else (_LIST, _LONG)
    return all(look.search(text) for look in looks)


def read_codes(text: str) -> tuple[int, ...]:
    """The 40 integers of a text of either form, normal cell first.

    Raises BadArchitecture, which says list, position and range, or cell and pair.
    """
    if not (_LIST.search(text) or _GENOTYPE.match(text)):
        raise BadArchitecture(f"{shortened(text)} is no architecture of SLNAS: expected {EXAMPLE}")
    value = plain(text)
    if isinstance(value, Mapping):
        return _of_genotype(value)
    rows = value if isinstance(value, list) else []
    if len(rows) != len(CELLS) or not all(isinstance(row, list) for row in rows):
        nested = any(isinstance(row, list) for row in rows)
        count = f"{len(rows)} list{'s' * (len(rows) > 1)}" if nested else f"one list of {len(rows)}"
        raise BadArchitecture(f"{shortened(value)} is {count}: expected {EXAMPLE}")
    return tuple(code for row, name in zip(rows, CELLS.values(), strict=True) for code in _row(row, name))


def to_lists(codes: Sequence[int] | np.ndarray) -> str:
    """The text `[[20 integers], [20 integers]]`, as SLNAS prints it."""
    numbers = [int(code) for code in codes]
    return json.dumps([numbers[:LENGTH], numbers[LENGTH:]])


def _row(row: list[Any], name: str) -> list[int]:
    """The integers of one list, checked."""
    where = f"list {list(CELLS.values()).index(name) + 1} ({name.removesuffix(' cell')})"
    for place, (code, most) in enumerate(zip(row, OPTIONS, strict=False)):
        if type(code) is not int or not 0 <= code < most:
            wrong = f"is not in 0 ... {most - 1}" if type(code) is int else f"is no integer 0 ... {most - 1}"
            raise BadArchitecture(f"{where}, position {place}: {shortened(code)} {wrong}")
    if len(row) != LENGTH:
        raise BadArchitecture(f"{where} is of length {len(row)}; a cell of SLNAS has {LENGTH} integers")
    return row


def cells_of(codes: Sequence[int] | np.ndarray, prefix: str = "") -> Genotype:
    """Both cells as those of a genotype, which only here may have such operations."""
    states, operations = ([int(code) for code in codes[kind::2]] for kind in (0, 1))
    edges: list[Edge] = [
        (prefix + OPERATIONS[each], state) for state, each in zip(states, operations, strict=True)
    ]
    nodes = [tuple(edges[place : place + 2]) for place in range(0, len(edges), 2)]
    joined = tuple(range(INPUTS, INPUTS + NODES))
    return Genotype(Cell(tuple(nodes[:NODES]), joined), Cell(tuple(nodes[NODES:]), joined))


def refusal(operation: str) -> str:
    """Why an operation is none of these."""
    if operation in OPERATIONS:
        return f"{operation} may be of another family: write {PREFIX}{operation} where SLNAS's own is meant"
    return (
        f"{shortened(operation)} is no operation of SLNAS, which has {PREFIX}{f', {PREFIX}'.join(OPERATIONS)}"
    )


def _of_genotype(fields: Mapping[str, Any]) -> tuple[int, ...]:
    """Codes of the DARTS-style form: ten pairs a cell, flat or two a node."""
    if unknown := fields.keys() - DARTS_FIELDS or CELLS.keys() - fields.keys():
        raise BadArchitecture(
            f"{shortened(min(unknown))}: a genotype of SLNAS has the fields normal and reduce, and their concat"
        )
    codes: list[int] = []
    for field, where in CELLS.items():
        every = list(range(INPUTS, INPUTS + NODES))
        if fields.get(f"{field}_concat") not in (None, every):
            raise BadArchitecture(
                f"{where}: concat {shortened(fields[f'{field}_concat'])}; a cell of SLNAS joins all nodes, {every}"
            )
        listed = sequence(fields[field], f"{where}: its pairs", 2 * NODES)
        nested = all(isinstance(node, list) and node and isinstance(node[0], list) for node in listed)
        pairs = [pair for node in listed for pair in node] if nested else listed
        if len(pairs) != 2 * NODES:
            raise BadArchitecture(
                f"{where}: {len(pairs)} (operation, state) pairs; a cell of SLNAS has {2 * NODES}"
            )
        for place, pair in enumerate(pairs):
            codes += _pair(pair, f"{where}, pair {place}", place // 2 + INPUTS)
    return tuple(codes)


def _pair(pair: Any, where: str, states: int) -> tuple[int, int]:
    """State and operation of one branch."""
    if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)):
        raise BadArchitecture(f"{where}: {shortened(pair)} is not an (operation, state) pair")
    operation, state = pair
    name = operation.removeprefix(PREFIX)
    if name == operation or name not in OPERATIONS:
        raise BadArchitecture(f"{where}: {refusal(operation)}")
    if type(state) is not int or not 0 <= state < states:
        raise BadArchitecture(f"{where}: state {shortened(state)} is not in 0 ... {states - 1}")
    return state, OPERATIONS.index(name)
