"""Costs of a table: closed forms of its space, and its measured columns through their exact multilinear extension."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nasreplay.data import semantics
from nasreplay.data.pack import Pack
from nasreplay.data.pack.layout import cost_columns
from nasreplay.data.trials import trial_mean
from nasreplay.errors import NotMeasured
from nasreplay.evaluate.protocol import Mixture
from nasreplay.evaluate.table.multilinear import Multilinear, exact_slope
from nasreplay.spaces.base import Space
from nasreplay.spaces.costs.expected import Cost, Costs

MS = 1e3


@dataclass(frozen=True)
class ColumnCost:
    """A number of every architecture of a space, as measured."""

    unit: str
    """Its unit; "" where it is not known."""
    source: str
    """The column, or what counted it."""
    space: Space
    """The space of the architectures."""
    values: np.ndarray
    """float64 [A], flat."""

    def of(self, codes: np.ndarray) -> np.ndarray:
        """float64 [N]: the numbers of codes [N, D]."""
        return self.values[self.space.flat(codes)]

    def expected(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Value [N] and exact gradient [N, E, O] of the multilinear extension; rows need not sum to one."""
        rows = weights.astype(bool)
        one_hot = np.where((rows.sum(axis=-1, keepdims=True) == 1) & (weights[rows] == 1).all(), rows, True)
        return exact_slope(self.space, self._extension, self.values, Mixture(weights, one_hot))

    @cached_property
    def _extension(self) -> Multilinear:
        return Multilinear(self.values, self.space.choices)


def table_costs(pack: Pack, dataset: str, stored: str) -> Costs:
    """What a pack and its space know of costs on a data set, whose numbers are stored as `stored`."""
    space, known = pack.space, Costs()
    named: dict[str, Callable[[], Cost]] = {}
    facts = pack.custom[dataset].facts if dataset in pack.custom else semantics.FACTS[dataset]
    if facts is not None:
        classes, side = facts.classes, facts.resolution
        known = space.costs(classes, side)
        if space.costed:
            every = {
                "params": lambda: space.parameters(space.all_codes, classes),
                "flops": lambda: space.flops(space.all_codes, classes, side),
            }
            named |= {name: _counted(space, count) for name, count in every.items()}
    for where in dict.fromkeys((stored, dataset)):
        named |= {name: _column(pack, path) for name, path in cost_columns(pack.columns, where).items()}
    return Costs(known.kinds, {**named, **known.named})


def _counted(space: Space, count: Callable[[], np.ndarray]) -> Callable[[], Cost]:
    return lambda: ColumnCost("M", f"networks of the {space.name} space", space, count() / 1e6)


def _column(pack: Pack, path: str) -> Callable[[], Cost]:
    def made() -> Cost:
        values = pack.column(path)
        values = trial_mean(values) if values.ndim == 2 else values
        if missing := int((~np.isfinite(values)).sum()):
            raise NotMeasured(
                f"{path} of {pack.title!r} lacks {missing:,} architectures: an expected cost needs all of them"
            )
        milliseconds = path.endswith("/latency")  # as queries tell it
        return ColumnCost("ms" * milliseconds, path, pack.space, values * MS if milliseconds else values)

    return made
