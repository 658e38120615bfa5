"""What finished searches are, as arrays over replicas and steps; and comparisons of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nasreplay._callable import function_at
from nasreplay.data.trials import NOT_KNOWN
from nasreplay.errors import NotMeasured
from nasreplay.spaces import Architecture, Space, space_named
from nasreplay.spaces.product import FlatArray

if TYPE_CHECKING:
    import pandas as pd

    from nasreplay.evaluate.table import TableEvaluator
    from nasreplay.runs.report.row import Row

ARRAYS = ("found_flat", "incumbent_flat", "clock", "queries", "evaluated_flat", "observed", "trial")


@dataclass(frozen=True, repr=False)
class Result:
    """The outcome of one searcher on one table (or live evaluator), R replicas, S recorded points, Q questions.

    A point is one evaluation, or for a searcher that asks none (an exact slope) one step. `found` are architectures,
    `incumbent` and `evaluated` their official indices. What is kept and stored, named flat, are places in arrays [A]
    of the space, or in a space without them rows of `listed`; −1 marks points after a replica's end.
    """

    searcher: str
    """Name of the searcher."""
    dataset: str
    oracle: bool
    """Whether it used the exact slope of a whole table."""
    found_flat: np.ndarray
    """int32 [R]: the architecture that each replica ended with."""
    incumbent_flat: np.ndarray
    """int32 [R, S]: what it would have answered after each point."""
    clock: np.ndarray
    """float64 [R, S]: simulated seconds after each point (0 where nothing is charged)."""
    queries: np.ndarray
    """int32 [R, S]: evaluations charged up to each point."""
    evaluated_flat: np.ndarray
    """int32 [R, Q]: the architecture asked; [R, 0] when none was."""
    observed: np.ndarray
    """float64 [R, Q] percent: the accuracy that it was told; [R, 0] likewise."""
    trial: np.ndarray
    """int32 [R, Q]: the trial that answered (−1: mean); [R, 0] likewise."""
    wall_s: float
    """Wall seconds of the whole batch of replicas."""
    finished: bool = True
    """Whether it came to its end; False when it was interrupted."""
    settings: dict[str, Any] = field(default_factory=dict)
    """JSON values: searcher, evaluator, budget, seed, replicas, space."""
    listed: np.ndarray | None = None
    """int8 [K, D]: the architectures met; None where there are flat indices."""
    truth: TableFacts | None = field(default=None, compare=False)
    """The table that was searched; None of a live search, and of a result out of a file."""

    def __post_init__(self) -> None:
        for name in ("found_flat", "incumbent_flat", "evaluated_flat"):
            object.__setattr__(self, name, np.asarray(getattr(self, name)).view(FlatArray))

    def __repr__(self) -> str:
        best, remark = self.best(), self.settings.get("remark", "")
        end = "" if self.finished else ", interrupted"
        told = f"<{self.searcher} on {self.dataset}: {len(self.found_flat):,} replicas, best {best}{end}>"
        return f"{told} {remark}".rstrip()

    def best(self) -> Architecture | None:
        """The best architecture that a replica found: by the table that was searched, else by what it was told."""
        if self.truth is not None:
            values = np.where(self.found_flat >= 0, self.truth.final_mean[self.found_flat], -np.inf)
        else:
            its = self.evaluated_flat == self.found_flat[:, None]
            values = np.where(its, self.observed, -np.inf).max(axis=1, initial=-np.inf)
        return self.found[int(np.nan_to_num(values, nan=-np.inf).argmax())]

    def to_frame(self) -> pd.DataFrame:
        """One row per replica, as `runs.frames.to_frame` has it; pandas is imported now."""
        return function_at("nasreplay.runs.frames:to_frame")([self], self._tables())

    def plot(self, path: str | Path | None = None) -> tuple[Path, ...]:
        """Draw the mean regret, as `Comparison.plot`; raises NotMeasured without a table whose best is known."""
        if not self._tables():
            raise NotMeasured(
                f"regret needs the table that was searched: none is known of this search by {self.searcher}"
            )
        return Comparison([self], self._tables(), self.settings).plot(path)

    def _tables(self) -> dict[str, TableFacts]:
        return {} if self.truth is None else {self.dataset: self.truth}

    @property
    def space(self) -> Space:
        """The space that was searched."""
        return space_named(self.settings.get("space", TableFacts.space))

    @cached_property
    def found(self) -> tuple[Architecture | None, ...]:
        """R architectures: what each replica ended with; None for one that was never answered."""
        codes = self.from_flat(np.maximum(self.found_flat, 0)).tolist()
        each = zip(codes, self.found_flat.tolist(), strict=True)
        return tuple(Architecture(self.space, tuple(one)) if flat >= 0 else None for one, flat in each)

    @property
    def incumbent(self) -> np.ndarray:
        """int32 [R, S] official indices: what each replica would have answered after each point; −1 after its end."""
        return self._official(self.incumbent_flat)

    @property
    def evaluated(self) -> np.ndarray:
        """int32 [R, Q] official indices of the architectures asked, −1 after the end; [R, 0] when none was."""
        return self._official(self.evaluated_flat)

    def _official(self, flat: np.ndarray) -> np.ndarray:
        return np.where(flat >= 0, self.space.flat_to_official[flat], -1)

    def from_flat(self, flat: np.ndarray) -> np.ndarray:
        """int8 [N, D]: the architectures that these flat numbers [N] of the arrays stand for."""
        return self.space.from_flat(flat) if self.listed is None else self.listed[flat]

    @property
    def points(self) -> np.ndarray:
        """int64 [R]: recorded points of each replica."""
        return (self.incumbent_flat >= 0).sum(axis=1)

    @property
    def evaluations(self) -> np.ndarray:
        """int64 [R]: evaluations that each replica was charged for."""
        return (self.evaluated_flat >= 0).sum(axis=1)

    @property
    def final_clock(self) -> np.ndarray:
        """float64 [R]: simulated seconds at the end of each replica."""
        if not self.clock.shape[1]:
            return np.zeros(len(self.found_flat))
        return np.nanmax(np.where(self.incumbent_flat >= 0, self.clock, 0.0), axis=1)


@dataclass(frozen=True, repr=False)
class TableFacts:
    """What reports need to know of the table that a data set was replayed on."""

    final_mean: np.ndarray
    """float64 [A] percent: validation accuracy at the final fidelity, mean over trials."""
    test: np.ndarray | None = None
    """float64 [A] percent: test accuracy likewise; None where unknown."""
    space: str = "topology"
    """Name of the space whose flat order A follows."""
    budget_s: float | None = None
    """Simulated seconds that a replica may spend; None when something else ended it."""
    meaning: dict[str, str] = field(default_factory=dict)
    """What "valid" and "test" are, in words."""
    measured: int | None = None
    """Architectures that a search could ask for; None: all of them."""

    def __repr__(self) -> str:
        return f"<facts of a table of the {self.space} space, best {self.optimum:.2f} %>"

    @classmethod
    def of(cls, table: TableEvaluator, budget_s: float | None = None) -> TableFacts:
        """The facts of an open table."""
        measured = table.space.size - table.missing if table.missing else None
        return cls(table.final.mean_flat, table.test, table.space.name, budget_s, table.meaning, measured)

    @property
    def optimum(self) -> float:
        """The best final validation accuracy of the table, percent."""
        return float(np.nanmax(self.final_mean))

    @property
    def averaged_by_source(self) -> bool:
        """Whether the source had averaged over trials that are not known."""
        return NOT_KNOWN in self.meaning.get("valid", "")

    @property
    def coverage(self) -> str:
        """How much a search could ask for, such as "60 of 15,625 measured"; empty for everything."""
        return "" if self.measured is None else f"{self.measured:,} of {len(self.final_mean):,} measured"


class PublishedRow(NamedTuple):
    """What a publication printed of a searcher: (mean, standard deviation) over its runs, percent, or None."""

    dataset: str
    searcher: str
    valid: tuple[float, float] | None
    test: tuple[float, float] | None
    checked: str
    """How the numbers were checked."""


@dataclass(frozen=True, repr=False)
class Comparison:
    """Searchers replayed on data sets."""

    results: list[Result]
    """One for each data set and searcher."""
    tables: dict[str, TableFacts]
    """Tables by data set."""
    settings: dict[str, Any] = field(default_factory=dict)
    """JSON values: what was compared, with which seed, versions and command."""
    published: list[PublishedRow] = field(default_factory=list)
    """Rows to stand beside ours; they are not stored."""
    checks: str = ""
    """Source of the published rows, and how they were checked."""

    @property
    def datasets(self) -> list[str]:
        """Data sets that have results, in the order of the tables."""
        return [dataset for dataset in self.tables if self.of(dataset)]

    @property
    def seed(self) -> int:
        """The root seed."""
        return int(self.settings["seed"])

    @property
    def interrupted(self) -> bool:
        """Whether some searches are missing."""
        return bool(self.settings.get("interrupted", False))

    @property
    def score(self) -> str:
        """What a replica is credited with, see `report.statistics.score`."""
        return str(self.settings.get("score", "last"))

    @property
    def notes(self) -> list[str]:
        """What a reader must know, printed above every report."""
        return list(self.settings.get("notes", ()))

    @property
    def drawn_trials(self) -> bool:
        """Whether a search is told one trial of several, drawn at every question."""
        averaged = [facts.averaged_by_source for facts in self.tables.values()]
        return self.settings.get("trial") == "drawn" and not (averaged and all(averaged))

    @property
    def departures(self) -> list[str]:
        """What differs from the publication whose rows stand beside ours."""
        return list(self.settings.get("departures", ()))

    def of(self, dataset: str) -> list[Result]:
        """The results on one data set."""
        return [result for result in self.results if result.dataset == dataset]

    @property
    def rows(self) -> list[Row]:
        """One row for each data set and searcher, with its rank and tests; ranked ones first, best rank first."""
        return function_at("nasreplay.runs.report.rows:rows")(self)

    def __repr__(self) -> str:
        names = ", ".join(dict.fromkeys(result.searcher for result in self.results))
        return f"<comparison of {names} on {', '.join(self.datasets)}>"

    def best(self) -> dict[str, Architecture | None]:
        """Data set → the best architecture that any searcher found, by the table."""
        found = {name: np.concatenate([one.found_flat for one in self.of(name)]) for name in self.datasets}
        return {
            name: space_named(self.tables[name].space).at_flat(
                int(flat[np.nanargmax(self.tables[name].final_mean[flat])])
            )
            for name, flat in found.items()
        }

    def to_frame(self) -> pd.DataFrame:
        """One row per data set, searcher and replica, as `runs.frames.to_frame` has it; pandas is imported now."""
        return function_at("nasreplay.runs.frames:to_frame")(self.results, self.tables)

    def plot(self, path: str | Path | None = None, dataset: str | None = None) -> tuple[Path, ...]:
        """Draw mean regret with its 95 % band into a file, PNG, SVG or PDF by its ending; returns what was written.

        Of several data sets each has a file of its own, its name behind that of `path`, unless one is named. Raises
        BadSetting or BadOutput.
        """
        return function_at("nasreplay.runs.report.plots:plot")(self, path, dataset)

    def merged(self, *others: Comparison) -> Comparison:
        """This comparison with the searchers and data sets of others that have the same settings and seed.

        Raises BadInput for settings that differ, and for numbers of one search that disagree, by name.
        """
        return function_at("nasreplay.runs.joining:merged")((self, *others))


class Numbering:
    """The numbers of architectures in one result: flat indices, or rows of `listed` in the order of appearance."""

    def __init__(self, space: Space):
        self.space = space
        self._rows: dict[bytes, int] = {}

    def of(self, codes: np.ndarray) -> np.ndarray:
        """int [N] of codes [N, D]."""
        if self.space.indexed:
            return self.space.flat(codes)
        rows = [row.tobytes() for row in np.asarray(codes, dtype=np.int8)]
        return np.array([self._rows.setdefault(row, len(self._rows)) for row in rows], dtype=np.int32)

    def of_texts(self, texts: Sequence[str]) -> np.ndarray:
        """int [N] of official texts; raises BadArchitecture."""
        if self.space.indexed:
            return self.space.flat_of(texts)
        codes = {text: self.space.parse(text) for text in dict.fromkeys(texts)}
        return self.of(np.array([codes[text] for text in texts], dtype=np.int8))

    @property
    def listed(self) -> np.ndarray | None:
        """The architectures met, for `Result.listed`."""
        if self.space.indexed:
            return None
        return np.frombuffer(b"".join(self._rows), dtype=np.int8).reshape(-1, self.space.decisions)


def best_so_far(evaluated: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """int32 [R, S]: of the highest accuracy up to each point, first one on ties; −1 after the end."""
    best = np.maximum.accumulate(np.nan_to_num(observed, nan=-np.inf), axis=1)
    new = np.concatenate([np.ones((len(best), 1), bool), best[:, 1:] > best[:, :-1]], axis=1)[
        :, : best.shape[1]
    ]
    at = np.maximum.accumulate(np.where(new, np.arange(best.shape[1]), 0), axis=1)
    return np.where(evaluated >= 0, np.take_along_axis(evaluated, at, axis=1), -1)
