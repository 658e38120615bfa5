"""The published time budgets of the NATS-Bench baselines, and what they become on another recipe."""

from __future__ import annotations

from typing import NamedTuple

from nasreplay.errors import BadSetting
from nasreplay.evaluate.table import TableEvaluator

# simulated seconds at the 12-epoch recipe (NATS-Bench, TPAMI 2021, section 5; the authors' run-all script)
SECONDS = {
    ("topology", "cifar10"): 20_000.0,
    ("topology", "cifar100"): 40_000.0,
    ("topology", "ImageNet16-120"): 120_000.0,
    ("size", "cifar10"): 20_000.0,
    ("size", "cifar100"): 40_000.0,
    ("size", "ImageNet16-120"): 60_000.0,
}
EPOCHS = 12


class TimeBudget(NamedTuple):
    """A budget in simulated seconds, and whether it is the published one or scaled by `factor`."""

    seconds: float
    factor: float

    @property
    def words(self) -> str:
        """How reports call it."""
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
