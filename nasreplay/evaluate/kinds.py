"""Kinds of evaluators, by the names that `--evaluator` takes: each is a settings class that opens its evaluator.

A new kind is one file: an evaluator, and a frozen dataclass `class MySettings(EvaluatorSettings, kind="mine")` whose
`open` gives it. It is found in this folder; `jobs.evaluator_kinds` imports what stands elsewhere. Other packages name
theirs in the entry-point group `nasreplay.evaluators`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

from nasreplay.evaluate.protocol import Evaluator
from nasreplay.plugins import Registry
from nasreplay.settings import chosen, setting, to_plain


class Asker(Protocol):
    """What an evaluator must know of the searcher that will ask it (`nasreplay.search.Searcher`)."""

    home: ClassVar[str]
    rungs: ClassVar[int]
    recipe: ClassVar[str]
    resizes: ClassVar[bool]
    rule: ClassVar[str]


@dataclass(frozen=True, kw_only=True)
class EvaluatorSettings:
    """Base of the settings of every kind."""

    dataset: str = "cifar10"
    """Data set: a name, or the path of an image folder."""
    table: str | None = setting(None, metavar="PACK")
    """A pack: path or name. Default: the embedded NAS-Bench-201."""

    kind: ClassVar[str] = ""
    """The name of the kind."""
    live: ClassVar[bool] = True
    """Whether its seconds are measured, not simulated."""

    processes: ClassVar[bool] = False
    """Whether several processes may train it together."""

    def __init_subclass__(cls, kind: str = "", **rest: Any):
        super().__init_subclass__(**rest)
        if kind:
            cls.kind = kind
            EVALUATORS.add(cls, kind)

    @classmethod
    def owners(cls) -> tuple[type, ...]:
        """The settings classes whose fields are its options."""
        return (cls,)

    @classmethod
    def of(cls, values: Mapping[str, Any], asker: Asker | None = None) -> Self:
        """Settings out of the values that were given. Raises BadSetting or UnknownName."""
        return chosen(cls, values)

    def plain(self) -> dict[str, Any]:
        """Every setting as a JSON value, for run.json."""
        return to_plain(self)

    def prepare(self, show: Callable[[int, int], None] | None = None) -> None:
        """Do beforehand what takes long of `open`: nothing, unless the kind says so. show(done, total)."""

    def open(self, asker: Asker | None = None) -> Evaluator:
        """The evaluator. Raises what its parts raise."""
        raise TypeError(f"{type(self).__name__} has no open")


EVALUATORS: Registry[type[EvaluatorSettings]] = Registry("evaluator", "nasreplay.evaluate")
"""The kinds by name; `jobs.evaluator_kinds` imports those of other rooms."""
