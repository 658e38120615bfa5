"""The space of SLNAS: a normal and a reduction cell of five nodes; a node takes two states, an operation on each.

An architecture is two lists of 20 integers, as in its release (`--arch "[[…], […]]"`): node n has the state and the
operation of its branch x, then those of branch y. State 0 is the older input, 1 the newer one, 2 + m the output of
node m; the output joins all five nodes, used or not. Both branches may be the same, with weights of their own.
Source: Chen, Stage and Lite Search Technology in Convolutional Neural Network Architecture Search;
github.com/Yee-Master/SLNAS.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from nasreplay.errors import BadArchitecture, shortened
from nasreplay.spaces.base import Place, Space
from nasreplay.spaces.genotypes.genotype import INPUTS
from nasreplay.spaces.genotypes.notation import plain
from nasreplay.spaces.registry import register_space

OPERATIONS = ("shuffle_3x3", "shuffle_5x5", "avg_pool_3x3", "max_pool_3x3", "conv_1x1")
CELLS = ("normal", "reduction")
NODES = 5
LENGTH = 4 * NODES
"""Integers of a cell."""


class SLNASSpace(Space):
    """Codes are both lists, one after the other; `places` says which of them are states, which operations."""

    name = "slnas"

    def __init__(self):
        states = [tuple(map(str, range(node + INPUTS))) for node in range(NODES)]
        cell = [pick for names in states for pick in (names, OPERATIONS, names, OPERATIONS)]
        super().__init__(options=tuple(cell * len(CELLS)))
        self.places = tuple(
            Place(number, node, source)
            for number in range(len(CELLS))
            for node in range(NODES)
            for source in (True, False, True, False)
        )

    def parse(self, text: str) -> tuple[int, ...]:
        """Codes of `[[20 integers], [20 integers]]`. Raises BadArchitecture with list, position and range."""
        value = plain(text)
        if not isinstance(value, list) or len(value) != len(CELLS):
            raise BadArchitecture(f"{shortened(value)}: expected two lists of {LENGTH} integers")
        return tuple(code for number, row in enumerate(value) for code in self._row(row, number))

    def _row(self, row: Any, number: int) -> list[int]:
        """The integers of one cell, checked."""
        where = f"list {number + 1} ({CELLS[number]})"
        if not isinstance(row, list):
            raise BadArchitecture(f"{where}: {shortened(row)} is no list of {LENGTH} integers")
        for place, (code, choices) in enumerate(zip(row, self.choices.tolist(), strict=False)):
            if type(code) is not int:
                raise BadArchitecture(f"{where}, position {place}: {shortened(code)} is no integer")
            if not 0 <= code < choices:
                raise BadArchitecture(
                    f"{where}, position {place}: {shortened(code)} is not in 0 ... {choices - 1}"
                )
        if len(row) != LENGTH:
            raise BadArchitecture(f"{where}: {len(row)} integers; a cell of SLNAS has {LENGTH}")
        return row

    def format(self, codes: Sequence[int] | np.ndarray) -> str:
        """The text `[[20 integers], [20 integers]]`, as SLNAS prints it."""
        return json.dumps(np.asarray(codes).reshape(len(CELLS), LENGTH).tolist())


SLNAS = register_space(SLNASSpace())
