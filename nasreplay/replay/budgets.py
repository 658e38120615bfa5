"""The published time budgets of the NATS-Bench baselines, and what they become on another recipe."""

from __future__ import annotations

from typing import NamedTuple

from nasreplay.data.cards import CARDS
from nasreplay.errors import BadSetting
from nasreplay.evaluate.table import TableEvaluator

SECONDS = {(space, name): budget for name, card in CARDS.items() for space, budget in card.seconds.items()}
EPOCHS = 12


class TimeBudget(NamedTuple):
    """A budget in simulated seconds, and whether it is the published one or scaled by `factor`."""

    seconds: float
    factor: float

    @property
    def words(self) -> str:
        """Name of the budget in reports."""
        if self.factor == 1:
            return "published"
        return f"scaled (published × {self.factor * EPOCHS:g}/{EPOCHS})"


def time_budget(table: TableEvaluator) -> TimeBudget:
    """The default budget of a table; raises BadSetting where no published one fits."""
    seconds = SECONDS.get((table.space.name, table.dataset))
    if not table.levels[-1].at.recipe.isdecimal():
        seconds = None  # not a recipe of the benchmark: shared weights answer in milliseconds
    if seconds is None or "clock" not in table.abilities:
        why = "has no published budget" if seconds is None else "lacks training seconds"
        raise BadSetting(f"{table.dataset} on this table {why}: give --evaluations N")
    factor = table.levels[-1].at.epoch / EPOCHS
    return TimeBudget(seconds * factor, factor)
