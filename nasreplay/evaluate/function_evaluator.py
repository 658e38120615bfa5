"""An evaluator out of one function, which gives the accuracy of an architecture."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from math import isfinite
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from nasreplay import own
from nasreplay.data.custom_dataset import check_name
from nasreplay.errors import BadSetting, NasReplayError, NotMeasured, shortened
from nasreplay.evaluate.base import Answers, EvaluatorBase
from nasreplay.evaluate.kinds import EVALUATORS, Asker, EvaluatorSettings
from nasreplay.evaluate.protocol import MEAN, Evaluator, Fidelity, Report
from nasreplay.settings import setting
from nasreplay.spaces import Architecture, Space, register_space, space_named

ENOUGH = 3  # different answers of at most 1: these are fractions, not percent

Score = Callable[[Architecture], float | None]
"""Gives the accuracy of an architecture in percent, of the validation split; None or NaN: cannot be measured."""


def from_function(
    score: Score,
    space: str | Space = "topology",
    *,
    seconds: float | Callable[[Architecture], float] | None = None,
    dataset: str = "own",
    meaning: str = "",
) -> FunctionEvaluator:
    """An evaluator whose answers are those of a function, for any searcher, budget and table.

    score: is given an `Architecture` (`str(…)`, `.codes`, `.index`) and gives percent, 0 to 100, the same at every
    call; None or NaN for what cannot be measured. space: a name, `my.py:SPACE`, or a `Space`. seconds: simulated
    cost of an answer, a number or a function; None: there is no clock, and budgets are evaluations. dataset: a name
    of your own. meaning: what the accuracy is, in words. Raises BadSetting or UnknownName.
    """
    return FunctionEvaluator(score, space, seconds=seconds, dataset=dataset, meaning=meaning)


class FunctionEvaluator(EvaluatorBase):
    """See `from_function`. The function is asked one architecture at a time, again whenever a searcher asks again."""

    kind = "function"

    def __init__(
        self,
        score: Score,
        space: str | Space = "topology",
        *,
        seconds: float | Callable[[Architecture], float] | None = None,
        dataset: str = "own",
        meaning: str = "",
    ):
        if not callable(score):
            raise BadSetting(
                f"{shortened(score)} is no function: it must take an architecture and give its accuracy in percent"
            )
        if not (seconds is None or callable(seconds) or (_is_number(seconds) and seconds >= 0)):
            raise BadSetting(f"seconds is {shortened(seconds)}: a number that is not negative, or a function")
        self.score, self.seconds = score, seconds
        self.space = register_space(space) if isinstance(space, Space) else space_named(space)
        self.dataset = check_name(dataset)
        self.name = getattr(score, "__name__", type(score).__name__)
        self.meaning = meaning or f"what the function {self.name} gives, percent"
        self.abilities = frozenset({"evaluate"} if seconds is None else {"evaluate", "clock"})
        self.told: dict[Architecture, float] = {}
        """What the function gave, by architecture."""

    def ladder(self) -> tuple[Fidelity, ...]:
        """One fidelity."""
        return (Fidelity("function", 1),)

    def answer(
        self, codes: np.ndarray, at: Fidelity, trial: int | str | None, replica: np.ndarray
    ) -> Answers:
        """Ask the function for each of codes [N, D]. Raises NotMeasured where it has no answer."""
        every = [Architecture(self.space, tuple(row)) for row in np.asarray(codes).tolist()]
        accuracy = np.array([self._percent(one) for one in every], dtype=np.float64)
        seconds = np.array([self._cost(one) for one in every], dtype=np.float64)
        return Answers(accuracy, np.full(len(codes), MEAN), seconds)

    def report(self, codes: np.ndarray) -> Report:
        """What the function gave last, or gives now, for codes [N, D]."""
        every = [Architecture(self.space, tuple(row)) for row in np.asarray(codes).tolist()]
        valid = [self.told[one] if one in self.told else self._percent(one) for one in every]
        doubt = ", all at most 1: percent is meant, 93.2, not 0.932" if self._are_fractions() else ""
        return Report(np.array(valid, dtype=np.float64), None, {"valid": f"{self.meaning}{doubt}"})

    def describe(self) -> dict[str, Any]:
        """The function, and the file that it came from."""
        file = own.file_of(self.score)
        source = {"file": file.path, "sha256": file.sha256} if file else {}
        return {**super().describe(), "function": self.name, "valid": self.meaning, **source}

    def _percent(self, one: Architecture) -> float:
        given = self._ask(self.score, one, self.name)
        if given is None or not isfinite(given):
            raise NotMeasured(f"{self.name} gives no accuracy for {one}: {given}")
        if not 0 <= given <= 100:
            raise BadSetting(f"{self.name} gives {given:g} for {one}: an accuracy in percent is 0 to 100")
        self.told[one] = given
        if len(self.told) == ENOUGH and self._are_fractions():
            raise BadSetting(
                f"{self.name} gave {ENOUGH} accuracies of at most 1, as {given:g}: give percent, 93.2, not 0.932"
            )
        return given

    def _are_fractions(self) -> bool:
        return 0 < max(self.told.values(), default=0) <= 1

    def _cost(self, one: Architecture) -> float:
        if not callable(self.seconds):
            return self.seconds or 0.0
        given = self._ask(self.seconds, one, "seconds")
        if given is None or not isfinite(given) or given < 0:
            raise BadSetting(f"seconds gives {given} for {one}: a number that is not negative")
        return given

    def _ask(
        self, function: Callable[[Architecture], float | None], one: Architecture, name: str
    ) -> float | None:
        try:
            given = function(one)
        except NasReplayError:
            raise
        except (Exception, SystemExit) as problem:
            code = getattr(function, "__code__", None)
            place = f"{code.co_filename}{own.line_in(problem, code.co_filename)}: " if code else ""
            told = f"{type(problem).__name__}: {problem}"
            raise NasReplayError(f"{place}{name} failed for {one}: {told}") from problem
        if given is None:
            return None
        try:
            if isinstance(given, bool | np.bool_ | str | bytes):
                raise TypeError
            return float(given)
        except (TypeError, ValueError):
            raise BadSetting(f"{name} gives {shortened(given)} for {one}: it must give a number") from None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


# --- on the command line -----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class FunctionSettings(EvaluatorSettings):
    """A function of yours, `my.py:score`; or an evaluator of yours, `my.py:EVALUATOR`, which has no settings."""

    dataset: str = "own"
    """Data set: a name, or the path of an image folder."""
    space: str | None = None
    """Space: topology, size, nasnet, nasnet-gdas, … Default: the one that the searcher was made for."""
    seconds: float | None = setting(None, least=0)
    """Simulated cost of an answer of a function. Default: none, and no clock."""

    score: ClassVar[Any] = None
    """What stands at the place."""

    def open(self, asker: Asker | None = None) -> Evaluator:
        """The evaluator. Raises BadSetting."""
        if self.table is not None:
            raise BadSetting(f"--table has no effect with --evaluator {self.kind}: leave it out")
        if isinstance(self.score, EvaluatorBase):
            if (self.dataset, self.space, self.seconds) != ("own", None, None):
                raise BadSetting(
                    f"{self.kind} is an evaluator: --dataset, --space and --seconds have no effect"
                )
            return copy(self.score)
        space = self.space or (asker.home if asker else "topology")
        return FunctionEvaluator(self.score, space, seconds=self.seconds, dataset=self.dataset)


def adopt(thing: Any) -> type[EvaluatorSettings]:
    """The settings class of what stands at a place: one, an evaluator or its class, or a function.

    Raises BadSetting for anything else.
    """
    if isinstance(thing, type) and issubclass(thing, EvaluatorSettings):
        return thing
    if isinstance(thing, type) and issubclass(thing, EvaluatorBase):
        thing = thing()
    if not _fits(thing):
        raise BadSetting(
            "is neither a function that gives an accuracy in percent nor an evaluator (nasreplay.evaluate.base)"
        )
    names = {"__module__": __name__, "__qualname__": "FunctionSettings", "kind": own.place_of(thing)}
    score = thing if isinstance(thing, EvaluatorBase) else staticmethod(thing)
    return type("FunctionSettings", (FunctionSettings,), {**names, "score": score})


def _fits(thing: Any) -> bool:
    """Whether `adopt` takes it."""
    if isinstance(thing, type):
        return issubclass(thing, EvaluatorSettings | EvaluatorBase)
    if isinstance(thing, ModuleType):  # such as this package, which can be called
        return False
    return callable(thing) or isinstance(thing, EvaluatorBase)


EVALUATORS.fits, EVALUATORS.adopt = _fits, adopt
