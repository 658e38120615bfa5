"""The kinds of evaluators that commands offer: importing the built-in settings makes them known."""

from __future__ import annotations

from nasreplay.errors import BadSetting, shortened
from nasreplay.evaluate.function_evaluator import FunctionSettings, adopt
from nasreplay.evaluate.kinds import EVALUATORS, EvaluatorSettings
from nasreplay.evaluate.table.table_settings import TableSettings
from nasreplay.live.evaluator_settings import SupernetSettings
from nasreplay.live.frozen_settings import FrozenSettings, SharedTableSettings
from nasreplay.live.scratch_settings import ScratchSettings

__all__ = [
    "BUILT_IN",
    "EVALUATORS",
    "FrozenSettings",
    "FunctionSettings",
    "ScratchSettings",
    "SharedTableSettings",
    "SupernetSettings",
    "TableSettings",
    "kind_of",
    "owners",
]

BUILT_IN = (
    TableSettings,
    *SupernetSettings.owners(),
    FrozenSettings,
    SharedTableSettings,
    *ScratchSettings.owners(),
    FunctionSettings,
)
"""The settings classes of the built-in kinds, whose fields the signatures of functions list."""


def kind_of(evaluator: object) -> type[EvaluatorSettings]:
    """The settings class of a kind's name, of a place, or of an object. Raises UnknownName or BadSetting."""
    if isinstance(evaluator, str):
        return EVALUATORS.named(evaluator)
    try:
        return adopt(evaluator)
    except BadSetting as problem:
        raise BadSetting(f"evaluator: {shortened(evaluator)} {problem}") from None


def owners() -> tuple[type, ...]:
    """The settings classes of all kinds, whose fields are the options of a command that takes any evaluator."""
    kinds = (*EVALUATORS.values(), FunctionSettings)
    return tuple(dict.fromkeys(owner for kind in kinds for owner in kind.owners()))
