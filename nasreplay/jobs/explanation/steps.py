"""The rungs between a table and a live run: which evaluator each of them has, or why it has none."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from nasreplay.data.locate import open_table
from nasreplay.errors import NotMeasured
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.evaluate.table.fidelity import FidelityTable
from nasreplay.evaluate.table.load import load_table
from nasreplay.jobs import silent
from nasreplay.jobs.explanation.climbing import Step
from nasreplay.jobs.explanation.measured_cells import Cells
from nasreplay.jobs.remaining import in_words
from nasreplay.search import Searcher

if TYPE_CHECKING:
    from nasreplay.evaluate.base import EvaluatorBase

SEEN = 4  # answers by which their time is foreseen
COPIES = 6  # of a table's numbers that a replica's slope takes


@dataclass(frozen=True)
class Between:
    """What the rungs between a table and a run are made of."""

    run: Path
    """Folder of the run."""
    at: int | None
    """A kept epoch, whose weights answer; None: the last ones."""
    searcher: Searcher
    """The run's."""
    cells: Cells
    """What the table has measured."""
    sample: Cells
    """The part of them that the shared weights are asked for."""
    kept: Path
    """Folder of the finished rungs."""
    table: str | None
    """The named table; None: the embedded one."""
    data: Path | None = None
    """Folder of the images, where they have moved."""
    threads: int | None = None
    """CPU threads."""
    tell: Callable[[str], None] = silent
    """Takes a line before the shared weights are asked."""
    show: Callable[[int, int, str], None] = silent
    """Takes the progress of asking them."""

    def steps(self) -> list[Step]:
        """The rungs from the table on, without the run itself."""
        cells, sample, space = self.cells, self.sample, self.cells.truth.space
        restricted = "" if cells.mask.all() else f" inside the {cells.count:,} measured architectures"
        steps = [
            Step(
                "searcher and schedule",
                f"the run's searcher, steps and rates on the table of final accuracies{restricted}",
                lambda: cells.table(cells.truth.final),
                memory=_of_table,
            ),
            self._proxy(),
        ]
        if sample.count < cells.count:
            told = f"the searcher stays inside a uniform sample of {sample.count:,} architectures"
            steps.append(Step("sample", told, lambda: sample.table(self._told), memory=_of_table))
        told = "accuracies with the run's shared weights in place of the table's"
        steps.append(Step("rank error", told, self._shared, memory=_of_table))
        if not sample.mask.all():
            told = f"all {space.size:,} architectures in place of {sample.count:,}"
            whole = sample.count == cells.count
            reason = "" if whole else "only the sample was asked for"
            steps.append(
                Step("unmeasured", told, (lambda: self._shared_whole) if whole else None, reason, _of_table)
            )
        return [*steps, *self._frozen()]

    def _proxy(self) -> Step:
        """What a search may look at: the shortest training that the table knows."""
        final, told = self.cells.truth.final.at, self._told.at
        what = f"{told}, which a search may look at, in place of final accuracies"
        what = what if told != final else "what a search may look at in place of final accuracies"
        opened = None if told == final else lambda: self.cells.table(self._told)
        return Step("proxy", what, opened, f"the table knows one fidelity, {final}", _of_table)

    @cached_property
    def _told(self) -> FidelityTable:
        """The level of the shortest training that has all measured architectures, else that of final accuracies."""
        truth = self.cells.truth
        pack = open_table(self.table)
        stored = pack.accuracy(truth.dataset, "valid")[1].stored
        for recipe in sorted(pack.recipes(stored), key=pack.recipes(stored).__getitem__):
            try:
                level = load_table(truth.dataset, table=pack, recipe=recipe, trial="mean").levels[-1]
            except NotMeasured:
                continue
            if np.isfinite(level.mean_flat[self.cells.mask]).all():
                return level
        return truth.final

    def _shared(self) -> TableEvaluator:
        """Shared accuracies of the sample, out of the whole table of these where there is one."""
        if self.sample.count == self.cells.count:
            return self.sample.table(self._shared_whole.final)
        return self.sample.table(self._tabulated(self.sample.codes, self.kept / "shared-sample.h5").final)

    @cached_property
    def _shared_whole(self) -> TableEvaluator:
        return self._tabulated(None)

    def _tabulated(self, codes: np.ndarray | None, out: Path | None = None) -> TableEvaluator:
        from nasreplay.live.shared_table import shared_table

        seen: list[tuple[float, int]] = []

        def show(done: int, total: int) -> None:
            self.show(done, total, "asking the shared weights")
            seen.append((time.perf_counter(), done))
            if len(seen) == SEEN and done < total:
                (before, first), (now, _) = seen[1], seen[-1]  # the first ones begin everything
                left = in_words((now - before) / max(done - first, 1) * (total - done))
                self.tell(f"rank error: shared accuracies of {total:,} architectures, about {left} left")

        where = {"data": self.data, "threads": self.threads, "out": out}
        return shared_table(self.run, self.at, codes=codes, show=show, **where)

    def _frozen(self) -> list[Step]:
        sloped = "slope" in self.searcher.needs
        reason = f"{self.searcher.name} asks for no slope, and accuracies are the same as on the rung below"
        return [
            Step(
                "relaxation and loss",
                "the supernet with these weights, fixed: mixtures mix features, and cross-entropy is the loss, over "
                "the whole split",
                partial(self._open, "split") if sloped else None,
                reason,
                self._of_supernet,
            ),
            Step(
                "estimator",
                "slopes of mini-batches in place of the whole split",
                partial(self._open, "batches") if sloped else None,
                reason,
                self._of_supernet,
            ),
        ]

    def _open(self, slopes: Literal["split", "batches"]) -> EvaluatorBase:
        from nasreplay.live.frozen_settings import FrozenSettings

        weights = str(self.run) if self.at is None else f"{self.run}@{self.at}"
        told = {"weights": weights, "slopes": slopes, "data": self.data, "threads": self.threads}
        return FrozenSettings.of(told, self.searcher).open(self.searcher)

    def _of_supernet(self, evaluator: EvaluatorBase, replicas: int) -> int:
        from nasreplay.live.search_memory import estimate_search
        from nasreplay.live.supernet import SupernetEvaluator

        assert isinstance(evaluator, SupernetEvaluator)
        needs = self.searcher.needs
        return estimate_search(evaluator, "slope" in needs and "one-hot slope" not in needs)


def _of_table(evaluator: EvaluatorBase, replicas: int) -> int:
    return COPIES * replicas * evaluator.space.size * 8
