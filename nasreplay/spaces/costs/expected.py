"""Costs of architectures and their exact expected values under independent edges: what searches weigh and bound.

A named `Cost` is a number of each architecture: its expected value under a mixture has a closed form, and so has the
gradient. `CellKind`s hold SNAS's three resources of every operation on every edge of every cell, of which its penalty
is made. Shapes: N mixtures, E rows of weights, O operations, M cells of a kind with e rows; R = 3 resources.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple, Protocol

import numpy as np

from nasreplay.errors import UnknownName

Embed = Callable[[np.ndarray], np.ndarray]
"""Codes [N, D] → counts float64 [N, E, O] (`Space.embed`)."""


class Cost(Protocol):
    """One number of each architecture."""

    @property
    def unit(self) -> str:
        """The unit, as answers show it; "" where it is not known."""
        ...

    @property
    def source(self) -> str:
        """Origin of the numbers, in words."""
        ...

    def of(self, codes: np.ndarray) -> np.ndarray:
        """float64 [N]: the costs of codes [N, D]."""
        ...

    def expected(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Expected cost [N] and its gradient [N, E, O] where each row of weights [N, E, O] is drawn by itself."""
        ...


@dataclass(frozen=True)
class PolynomialCost:
    """A sum over rows, and over pairs of rows that matter together."""

    unit: str
    """Its unit."""
    source: str
    """Origin of the numbers, in words."""
    embed: Embed
    """The space's own."""
    fixed: float
    """What every architecture costs."""
    entries: np.ndarray
    """float64 [E, O]: what an operation adds."""
    pairs: Mapping[tuple[int, int], np.ndarray] = field(default_factory=dict)
    """Two rows → float64 [O, O]: what both operations add together."""
    share: np.ndarray | float = 1.0
    """[E, 1]: how often an architecture takes a row, on average over its choices of edges."""

    def of(self, codes: np.ndarray) -> np.ndarray:
        """float64 [N]: the costs of codes [N, D]."""
        return self._at(self.embed(codes))[0]

    def expected(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Expected cost [N] and its gradient [N, E, O]."""
        value, gradient = self._at(weights * self.share)
        return value, gradient * self.share

    def _at(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        gradient = np.broadcast_to(self.entries, weights.shape).copy()
        value = self.fixed + (weights * self.entries).sum(axis=(1, 2))
        for (one, other), table in self.pairs.items():
            # sums over one axis: products of matrices may depend on the size of the batch
            along = (weights[:, other, None, :] * table).sum(axis=2)
            gradient[:, one] += along
            gradient[:, other] += (weights[:, one, :, None] * table).sum(axis=1)
            value = value + (weights[:, one] * along).sum(axis=1)
        return value, gradient


def polynomial(
    unit: str,
    source: str,
    embed: Embed,
    count: Callable[[np.ndarray], np.ndarray],
    mask: np.ndarray,
    per: float = 1.0,
) -> PolynomialCost:
    """The polynomial of a cost in which at most neighboring decisions matter together, out of the cost itself.

    count: codes [N, D] → whole numbers [N], `per` of them a unit; mask: bool [D, O], the options that there are.
    """
    decisions, options = mask.shape

    def at(*chosen: tuple[int, int]) -> np.ndarray:
        codes = np.zeros((len(chosen), decisions), dtype=np.int8)
        for row, (decision, option) in enumerate(chosen):
            codes[row, decision] = option
        return np.asarray(count(codes), dtype=np.float64)

    base = at((0, 0))[0]
    entries = np.zeros(mask.shape)
    for decision, option in zip(*np.nonzero(mask), strict=True):
        entries[decision, option] = at((decision, option))[0] - base
    pairs = {}
    for one in range(decisions - 1):
        rows, columns = np.nonzero(mask[one][:, None] & mask[one + 1])
        codes = np.zeros((len(rows), decisions), dtype=np.int8)
        codes[:, one], codes[:, one + 1] = rows, columns
        table = np.zeros((options, options))
        alone = base + entries[one, rows] + entries[one + 1, columns]
        table[rows, columns] = np.asarray(count(codes), dtype=np.float64) - alone
        if table.any():
            pairs[one, one + 1] = table
    pairs = {rows: table / per for rows, table in pairs.items()}
    return PolynomialCost(unit, source, embed, float(base) / per, entries / per, pairs)


class Measure(NamedTuple):
    """The resources of the cells of a kind under some mixtures."""

    values: np.ndarray
    """float64 [N, M, e, R]: of every edge; e is 1 where a network isn't a sum over edges."""
    pull: Callable[[np.ndarray], np.ndarray]
    """Gradient of the values [N, M, e, R] → gradient of all weights [N, E, O]."""


@dataclass(frozen=True)
class CellKind:
    """Cells that share their weights of operations."""

    name: str
    """Name of the kind in records: normal, reduce or cell."""
    rows: slice
    """Its rows of weights."""
    entries: np.ndarray
    """float64 [M, e, O, R]: resources of every operation."""
    divisor: float
    """What the release divides its sum over cells by."""

    @property
    def cells(self) -> int:
        """M."""
        return len(self.entries)

    @property
    def average(self) -> np.ndarray:
        """float64 [M, 1, R]: means over all edges and operations of a cell."""
        return self.entries.mean(axis=(1, 2))[:, None]

    def measure(self, weights: np.ndarray) -> Measure:
        """Resources under mixtures [N, E, O]."""
        own = weights[:, self.rows]
        values = (own[:, None, ..., None] * self.entries).sum(axis=3)

        def pull(gradient: np.ndarray) -> np.ndarray:
            found = np.zeros(weights.shape)
            found[:, self.rows] = (gradient[:, :, :, None] * self.entries).sum(axis=(1, 4))
            return found

        return Measure(values, pull)


@dataclass(frozen=True)
class WholeNetwork:
    """A network whose resources are no sums over edges, as one cell of one edge: polynomials of all rows."""

    costs: tuple[PolynomialCost, ...]
    """R polynomials."""
    options: np.ndarray
    """bool [E, O]."""
    name: ClassVar[str] = "network"
    divisor: ClassVar[float] = 1.0
    rows: ClassVar[slice] = slice(None)
    cells: ClassVar[int] = 1

    @property
    def average(self) -> np.ndarray:
        """float64 [1, 1, R]: expected resources of a uniform architecture."""
        uniform = self.options / self.options.sum(axis=1, keepdims=True)
        return np.array([[[cost.expected(uniform[None])[0][0] for cost in self.costs]]])

    def measure(self, weights: np.ndarray) -> Measure:
        """Resources under mixtures [N, E, O]."""
        values, gradients = zip(*(cost.expected(weights) for cost in self.costs), strict=True)

        def pull(gradient: np.ndarray) -> np.ndarray:
            parts = zip(gradient[:, 0, 0].T, gradients, strict=True)
            return sum((part[:, None, None] * each for part, each in parts), np.zeros(weights.shape))

        return Measure(np.stack(values, axis=-1)[:, None, None], pull)


@dataclass(frozen=True)
class Costs:
    """What an evaluator knows of the costs of its architectures."""

    kinds: tuple[CellKind | WholeNetwork, ...] = ()
    """Kinds of cells with their resources; none where no closed form is known."""
    named: Mapping[str, Callable[[], Cost]] = field(default_factory=dict)
    """Name → what makes the cost when it is asked for."""

    def cost(self, name: str) -> Cost:
        """The cost of that name. Raises UnknownName."""
        if name not in self.named:
            raise UnknownName.among(sorted(self.named), "no cost is known here by the name", name)
        return self.named[name]()
