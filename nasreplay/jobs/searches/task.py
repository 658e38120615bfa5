"""What one search is told: with what, for how long, and where it is recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from nasreplay.errors import BadSetting
from nasreplay.evaluate.kinds import EvaluatorSettings
from nasreplay.evaluate.ledger import MOST, Budget
from nasreplay.numerals import LARGEST
from nasreplay.runs.earlier import as_recorded
from nasreplay.runs.folder import read_header
from nasreplay.search import Searcher, make
from nasreplay.search.changes import ChangeSettings
from nasreplay.settings import Json, setting

if TYPE_CHECKING:
    from nasreplay.runs.result import Result
    from nasreplay.spaces import Architecture

Tell = Callable[[str], None]
"""Takes a line for the person who waits."""
Show = Callable[[int, int], None]
"""Takes the number of steps done, and of all."""


@dataclass(frozen=True, kw_only=True)
class SearchSettings(ChangeSettings):
    """What is searched with, for how long, and where it is recorded."""

    budget: float | None = setting(None, most=MOST, metavar="SECONDS")
    """Simulated seconds per replica."""
    evaluations: int | None = setting(None, most=10**8, metavar="N")
    """Evaluations per replica."""
    cost: str | None = setting(None, metavar="NAME")
    """Cost that the answer of a gradient search is bounded in: params, flops, latency, a column of the table, …"""
    bound: float | None = None
    """The largest cost, in its unit (params and flops M, latency ms)."""
    seed: int = setting(-1, least=-1, most=LARGEST)
    """Root seed; -1 draws one and prints it."""
    out: Path | None = None
    """Run folder. Default: under output/, named after searcher, data set and seed."""
    resume: bool = False
    """Continue the run that --out holds."""

    fixed: ClassVar[Mapping[str, str]] = {"seed": "its batches and its noise are drawn from it"}
    """What a fork takes over from its parent as it is, and why."""

    def __post_init__(self):
        if self.resume and self.out is None:
            raise BadSetting("--resume needs --out, the folder of the run")
        if (self.cost is None) != (self.bound is None):
            raise BadSetting("a cost has a bound: --cost NAME --bound NUMBER")

    def searcher(
        self, named: str | Searcher, preset: str, epochs: int | None = None, usual: int | None = None
    ) -> Searcher:
        """The searcher with its settings, of a run that goes on with those that it had where no others are given.

        epochs: for one that has some and is told of no others; usual: for one that begins and is told of none. One
        that is given as an object keeps the settings that it was given.
        """
        if isinstance(named, Searcher):
            named.settle(preset)
            return named
        name = named
        changes = dict(self.changes((name,)).get(name, {}))
        if self.cost is not None:
            if "bound" not in make(name).settings():
                raise BadSetting(f"--cost {self.cost}: {name} bounds no cost, searches by gradients do")
            changes |= {"cost": self.cost, "bound": self.bound}
        recorded, was = self.recorded("searcher"), self.recorded("epochs")
        if epochs and was and epochs < was:
            raise BadSetting(
                f"--epochs {epochs}: {self.out} holds a run of {was}, which only more can lengthen"
            )
        made = as_recorded(make(name, changes, preset=preset), recorded)
        before = {} if recorded is None else {key: recorded.get(key) for key in made.settings()}
        before = {key: value for key, value in before.items() if value is not None}
        field = made.epochs_field
        if getattr(made, field) is not None and (asked := epochs or (recorded is None and usual)):
            # in earlier releases --epochs shortened some searches only, which still had a number of their own
            before[field] = max(asked, before.get(field, 0))
        return as_recorded(make(name, {**before, **changes}, preset=preset), recorded)

    def recorded(self, part: str) -> Any:
        """A part of the header of the run that is resumed, {} where it lacks it; None without such a run."""
        if not (self.resume and self.out and (self.out / "run.json").exists()):
            return None
        return read_header(self.out).get(part, {})

    @property
    def origin(self) -> Json:
        """What run.json says of the run that this one is a fork of; nothing of others."""
        return {}

    def limits(self, epochs: int | None = None) -> Budget:
        """The budget of the one replica."""
        return Budget(simulated_s=self.budget, evaluations=self.evaluations, epochs=epochs)


@dataclass(frozen=True)
class Task:
    """One search to run."""

    searcher: str | Searcher
    """Name of the searcher, or itself with its settings."""
    evaluator: EvaluatorSettings
    """Settings of the evaluator that answers."""
    settings: SearchSettings
    """Budget, seed and run folder."""
    seed: int
    """Root seed, drawn if need be."""
    command: str = ""
    """What was typed, for run.json."""

    @property
    def options(self) -> Mapping[str, Any]:
        """All that was chosen as JSON values; `live.trained` opens the same evaluator from them."""
        return {
            "searcher": self.searcher if isinstance(self.searcher, str) else self.searcher.name,
            "evaluator": self.evaluator.kind,
            **self.evaluator.plain(),
            "budget": self.settings.budget,
            "evaluations": self.settings.evaluations,
            "seed": self.seed,
        }


class Found:
    """Base of the dataclasses that say what was found."""

    def plain(self) -> Json:
        """Every field as a JSON value; what is unknown is left out."""
        return {
            name: _plain(value) for name, value in vars(self).items() if value is not None and value != ""
        }


class RecordedFound(Found):
    """Base of those that have a run folder."""

    folder: Path

    @property
    def result(self) -> Result:
        """The search as arrays: the results.h5 of its run folder, which has `best()` and `to_frame()`."""
        from nasreplay.runs.store import load_result

        return load_result(self.folder / "results.h5")

    def best(self) -> Architecture | None:
        """The architecture that was found."""
        return self.result.best()


def _plain(value: Any) -> Any:
    return value.plain() if isinstance(value, Found) else str(value) if isinstance(value, Path) else value
