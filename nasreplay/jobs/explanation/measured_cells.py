"""What a table says of any architecture where it has measured a part of its space only, and searches inside it.

As in `search.inside`, an architecture that was not measured stands for the nearest one that was. An exact slope needs
a number at every vertex: there it is that of the same nearest architecture.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from nasreplay.evaluate.table import TableEvaluator
from nasreplay.evaluate.table.fidelity import FidelityTable
from nasreplay.search.inside import inside


class Cells:
    """The architectures of a space that a table has measured, or some of these."""

    def __init__(self, truth: TableEvaluator, sloped: bool, chosen: np.ndarray | None = None):
        """Take those of a final table; sloped: whether searches ask for slopes; chosen: bool [A], some of them."""
        self.truth, self.sloped = truth, sloped
        measured = np.isfinite(truth.final.mean_flat)
        self.mask = measured if chosen is None else measured & chosen
        """bool [A]: which architectures they are."""

    @property
    def count(self) -> int:
        """Number of them."""
        return int(self.mask.sum())

    @property
    def codes(self) -> np.ndarray:
        """int8 [K, D]: they themselves, in flat order."""
        return self.truth.space.all_codes[self.mask]

    @cached_property
    def stand_ins(self) -> np.ndarray:
        """int [A], flat: for each architecture the nearest of them."""
        space = self.truth.space
        return space.flat(inside(self.table(self.truth.final, filled=False)).nearest(space.all_codes))

    def regrets(self, codes: np.ndarray) -> np.ndarray:
        """float64 [N], percent points of final accuracy below the best of the table, of codes [N, D] or stand-ins."""
        return self.truth.optimum - self.truth.final.mean_flat[self.stand_ins[self.truth.space.flat(codes)]]

    def table(self, level: FidelityTable, filled: bool = True) -> TableEvaluator:
        """An evaluator of the mean accuracies of a level, of these architectures only."""
        accuracy = np.where(self.mask, level.mean_flat, np.nan)
        if filled and self.sloped and not self.mask.all():
            accuracy = accuracy[self.stand_ins]
        told = FidelityTable(level.at, accuracy, name=self.truth.space.at_flat)
        return TableEvaluator(self.truth.space, [told], dataset=self.truth.dataset, trial="mean")
