"""The kinds of evaluators that commands offer: importing the built-in settings makes them known."""

from __future__ import annotations

from nasreplay.evaluate.kinds import EvaluatorSettings, evaluator_kinds, kind_named
from nasreplay.evaluate.table.table_settings import TableSettings
from nasreplay.live.evaluator_settings import ScratchSettings, SupernetSettings

__all__ = ["ScratchSettings", "SupernetSettings", "TableSettings", "evaluator_kinds", "kind_named", "owners"]


def owners() -> tuple[type, ...]:
    """The settings classes of all kinds, whose fields are the options of a command that takes any evaluator."""
    kinds: list[type[EvaluatorSettings]] = list(evaluator_kinds().values())
    return tuple(dict.fromkeys(owner for kind in kinds for owner in kind.owners()))
