"""Evaluators: what answers for points of a space. Start with `protocol`; `from_function` makes one of a function.

Called, it is the command: `nasreplay.evaluate("CNAS", weights="FILE")` measures a trained network on its test images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nasreplay._callable import callable_package, function_at

if TYPE_CHECKING:
    from nasreplay.evaluate.function_evaluator import from_function

callable_package(__name__, "nasreplay.jobs.training.evaluation:evaluate")

__all__ = ["from_function"]


def __getattr__(name: str) -> Any:
    if name == "from_function":  # on demand: it knows spaces and data sets
        return function_at("nasreplay.evaluate.function_evaluator:from_function")
    raise AttributeError(f"module 'nasreplay.evaluate' has no attribute {name!r}")
