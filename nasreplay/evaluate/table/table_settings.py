"""What a search on a table can be told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from nasreplay.errors import BadSetting, shortened
from nasreplay.evaluate.kinds import Asker, EvaluatorSettings
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.numerals import counted
from nasreplay.spaces import space_named
from nasreplay.spaces.base import Space


@dataclass(frozen=True, kw_only=True)
class ReadingSettings:
    """How a search reads a table."""

    recipe: str | None = None
    """Training recipe that the search is told of. Default: the longest."""
    trial: int | str = "drawn"
    """Trial: drawn, mean, or the seed of one."""
    gradient: str = "exact"
    """Slopes of a table: exact (an oracle) or sampled."""
    samples: int = 6
    """Look-ups of one sampled slope."""


@dataclass(frozen=True, kw_only=True)
class TableSettings(EvaluatorSettings, ReadingSettings, kind="table"):
    """A benchmark table with the simulated clock."""

    space: str | None = None
    """Space: topology, size, nasnet, nasnet-gdas, … Default: the one that the searcher was made for."""

    live = False

    @classmethod
    def of(cls, values: Mapping[str, Any], asker: Asker | None = None) -> Self:
        """Settings of these values; without a data set, that which is meant in the table."""
        from nasreplay.evaluate.table.load import default_dataset

        made = super().of(values, asker)
        if made.table is None or values.get("dataset") is not None:
            return made
        return replace(made, dataset=default_dataset(made.table))

    def open(self, asker: Asker | None = None) -> TableEvaluator:
        """The table, with as many rungs as the searcher can use."""
        from nasreplay.evaluate.table.load import load_table

        space = space_named(self.space) if self.space else None  # first: it may be one that only this names
        table = load_table(
            self.dataset,
            table=self.table,
            recipe=self.recipe,
            trial=trial_of(self.trial),
            rungs=asker.rungs if asker else 1,
            gradient=self.gradient,
            samples=self.samples,
        )
        if space:
            check_space(table, space)
        return table


def trial_of(text: int | str) -> int | str:
    """The trial of a text: drawn, mean, or a seed. Raises BadSetting."""
    if text in ("drawn", "mean"):
        return text
    seed = counted(str(text))
    if seed is None:
        raise BadSetting(f"--trial {shortened(text)}: drawn, mean, or the seed of a trial (777, 888, 999)")
    return seed


def check_space(table: TableEvaluator, space: Space) -> None:
    """Raise BadSetting for a table of another space."""
    if table.space is not space:
        raise BadSetting(
            f"{table.source['table']} is a table of the {table.space.name} space, not of {space.name}: "
            "name another with --table"
        )
