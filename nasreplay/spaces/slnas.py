"""The space of SLNAS: a normal and a reduction cell of five nodes; a node takes two states, an operation on each.

An architecture is two lists of 20 integers, as in its release (`--arch "[[…], […]]"`): node n has the state and the
operation of its branch x, then those of branch y. State 0 is the older input, 1 the newer one, 2 + m the output of
node m; the output joins all five nodes, used or not. Both branches may be the same, with weights of their own. The
DARTS-style form names operations `slnas:NAME`, for those of NASNet-type cells differ in content where names agree.
Source: Chen, Stage and Lite Search Technology in Convolutional Neural Network Architecture Search;
github.com/Yee-Master/SLNAS.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from nasreplay.errors import BadArchitecture, shortened
from nasreplay.spaces.base import Place, Space
from nasreplay.spaces.genotypes.genotype import INPUTS, Cell, Edge, Genotype, sequence
from nasreplay.spaces.genotypes.notation import DARTS_FIELDS, plain, to_darts
from nasreplay.spaces.graph import Graph, WeightRow
from nasreplay.spaces.registry import register_space

if TYPE_CHECKING:
    from nasreplay.spaces.costs.expected import Costs
    from nasreplay.spaces.costs.slnas_plan import SLNASPlan

OPERATIONS = ("shuffle_3x3", "shuffle_5x5", "avg_pool_3x3", "max_pool_3x3", "conv_1x1")
CELLS = {"normal": "normal cell", "reduce": "reduction cell"}
"""Fields of the DARTS-style form, and what they are called."""
NODES = 5
LENGTH = 4 * NODES
"""Integers of a cell."""
PREFIX = "slnas:"
"""How the DARTS-style form names operations."""
EXAMPLE = f"two lists of {LENGTH} integers, [[normal cell], [reduction cell]]"
_GENOTYPE = re.compile(r"^(?:\w+\s*=\s*)?(?:[\w.]*Genotype\b|\{\s*['\"](?:normal|reduce))")
_OWN = re.compile(r"['\"](?:slnas:|shuffle_\dx)")
_LIST = re.compile(r"^[\[(]")
_LONG = re.compile(  # a row longer than in any other notation, or two of numbers only
    r"[\[(](?:[^\[\](),]*,){8}|^.\s*[\[(][^\[\]()'\"]*[\])]\s*,\s*[\[(][^\[\]()'\"]*[\])]\s*.$"
)


class SameNumbers:
    """The official index of each flat one and back, where both are the same and too many for an array."""

    def __getitem__(self, numbers: Any) -> Any:
        return numbers


class SLNASSpace(Space):
    """Codes are both lists, one after the other; `places` says which of them are states, which operations.

    Indices are Python's integers in arrays of objects, for there are 2.6e25; no table holds the space.
    """

    name = "slnas"
    official_to_flat = flat_to_official = SameNumbers()  # pyright: ignore[reportAssignmentType]

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

    # --- text --------------------------------------------------------------------------------------

    def owns(self, text: str) -> bool:
        """Whether a text is a genotype of these operations, or a list of two rows or with one of over 8 entries."""
        looks = (_GENOTYPE, _OWN) if _GENOTYPE.match(text) else (_LIST, _LONG)
        return all(look.search(text) for look in looks)

    def parse(self, text: str) -> tuple[int, ...]:
        """Codes of `[[20 integers], [20 integers]]` or of the DARTS-style form.

        Raises BadArchitecture, which says list, position and range, or cell and pair.
        """
        if not (_LIST.search(text) or _GENOTYPE.match(text)):
            raise BadArchitecture(f"{shortened(text)} is no architecture of SLNAS: expected {EXAMPLE}")
        value = plain(text)
        if isinstance(value, Mapping):
            return _of_genotype(value)
        rows = value if isinstance(value, list) else []
        if len(rows) != len(CELLS) or not all(isinstance(row, list) for row in rows):
            count = "" if not rows else f"{len(rows)} list{'s' * (len(rows) > 1)}: "
            if rows and not any(isinstance(row, list) for row in rows):
                count = f"one list of {len(rows)}: "
            raise BadArchitecture(f"{shortened(value)} is {count}expected {EXAMPLE}")
        return tuple(code for number, row in enumerate(rows) for code in _row(row, number, self.choices))

    def format(self, codes: Sequence[int] | np.ndarray) -> str:
        """The text `[[20 integers], [20 integers]]`, as SLNAS prints it."""
        return json.dumps(np.asarray(codes).reshape(len(CELLS), LENGTH).tolist())

    @property
    def forms(self) -> dict[str, Callable[[Sequence[int]], Any]]:
        """The DARTS-style form."""
        return {"darts": lambda codes: to_darts(_genotype(codes, PREFIX))}

    def encode(self, genotype: Genotype) -> tuple[int, ...]:
        """Raises BadArchitecture: a genotype of NASNet-type cells has other operations, be their names the same."""
        state, operation, _ = next(genotype.normal.edges())
        raise BadArchitecture(f"normal cell, node {state}: {_foreign(operation)}")

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Where each decision stands, as n0.x of the normal cell, r4.y of the reduction; behind an operation `op`."""
        names = [f"{'nr'[place.cell]}{place.node}" for place in self.places]
        return tuple(
            f"{name}.{'xxyy'[decision % 4]}{'' if place.source else ' op'}"
            for decision, (name, place) in enumerate(zip(names, self.places, strict=True))
        )

    def graphs(self, codes: Sequence[int] | np.ndarray) -> tuple[Graph, ...]:
        """Both cells: two named arrows into every node, and one from each node to the output."""
        return _genotype(codes).graphs()

    def operations_of(self, codes: Sequence[int] | np.ndarray) -> list[str]:
        """Operations of the normal cell, branch by branch."""
        return [OPERATIONS[code] for code in codes[1:LENGTH:2]]

    # --- indices -----------------------------------------------------------------------------------

    def flat(self, codes: np.ndarray) -> np.ndarray:
        """Python's integers, object [N]: mixed radix of the codes [N, D], last decision fastest."""
        numbers = np.zeros(len(codes), dtype=object)
        for choices, column in zip(self.choices.tolist(), np.asarray(codes).T, strict=True):
            numbers = numbers * choices + column.astype(object)
        return numbers

    def from_flat(self, flat: np.ndarray | Sequence[int]) -> np.ndarray:
        """Codes int8 [N, D] of such numbers: the inverse of `flat`."""
        numbers = np.array(flat, dtype=object).reshape(-1)
        codes = np.zeros((len(numbers), self.decisions), dtype=np.int8)
        for decision in reversed(range(self.decisions)):
            choices = int(self.choices[decision])
            codes[:, decision], numbers = numbers % choices, numbers // choices
        return codes

    def check_index(self, index: object) -> int:
        """An index as an int; BadArchitecture for what is none of this space."""
        number = int(index) if isinstance(index, int | np.integer) and not isinstance(index, bool) else -1
        if not 0 <= number < self.size:
            raise self.no_such_index(index)
        return number

    # --- mixtures and costs ------------------------------------------------------------------------

    @property
    def rows(self) -> tuple[WeightRow, ...]:
        """A row for each decision: the state of a branch, or its operation."""
        cells = tuple(CELLS.values())
        about = zip(self.places, self.labels, self.options, strict=True)
        return tuple(WeightRow(cells[place.cell], label, names) for place, label, names in about)

    def costs(self, classes: int, resolution: int, plan: SLNASPlan | None = None) -> Costs:
        """Resources, parameters and multiply-adds of the network of a plan: by default that of CIFAR retraining."""
        from nasreplay.spaces.costs.slnas_cost import costs_of

        return costs_of(self, classes, resolution, plan)

    def parameters(self, codes: np.ndarray, classes: int) -> np.ndarray:
        """Trainable parameters of the network of CIFAR retraining, with its auxiliary head: 32 channels, [4,4]."""
        from nasreplay.spaces.costs.slnas_cost import retrained, totals

        return totals(codes, retrained(classes))[:, 0]

    def flops(self, codes: np.ndarray, classes: int, resolution: int) -> np.ndarray:
        """Multiply-accumulates of the same network for one image, int64 [N]."""
        from nasreplay.spaces.costs.slnas_cost import retrained, totals

        return totals(codes, retrained(classes), resolution)[:, 1]


def _row(row: list[Any], number: int, choices: np.ndarray) -> list[int]:
    """The integers of one list, checked."""
    where = f"list {number + 1} ({list(CELLS.values())[number].removesuffix(' cell')})"
    for place, (code, most) in enumerate(zip(row, choices[:LENGTH].tolist(), strict=False)):
        if type(code) is not int or not 0 <= code < most:
            wrong = f"is not in 0 ... {most - 1}" if type(code) is int else f"is no integer 0 ... {most - 1}"
            raise BadArchitecture(f"{where}, position {place}: {shortened(code)} {wrong}")
    if len(row) != LENGTH:
        raise BadArchitecture(f"{where}: {len(row)} integers; a cell of SLNAS has {LENGTH}")
    return row


def _genotype(codes: Sequence[int] | np.ndarray, prefix: str = "") -> Genotype:
    """Both cells as a genotype's, which only here may have such operations."""
    picks = np.asarray(codes).reshape(len(CELLS), NODES, 2, 2).tolist()

    def edge(state: int, operation: int) -> Edge:
        return prefix + OPERATIONS[operation], state

    joined = tuple(range(INPUTS, INPUTS + NODES))
    cells = [Cell(tuple(tuple(edge(*pair) for pair in node) for node in cell), joined) for cell in picks]
    return Genotype(*cells)


def _foreign(operation: str) -> str:
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
        raise BadArchitecture(f"{where}: {_foreign(operation)}")
    if type(state) is not int or not 0 <= state < states:
        raise BadArchitecture(f"{where}: state {shortened(state)} is not in 0 ... {states - 1}")
    return state, OPERATIONS.index(name)


SLNAS = register_space(SLNASSpace())
