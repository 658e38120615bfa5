"""Collects what a run did, step by step, and makes a Result of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from nasreplay.evaluate.protocol import Evaluations, Evaluator
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.files.workers import check_memory
from nasreplay.runs.result import Numbering, Result, TableFacts, best_so_far
from nasreplay.search.base import Live, Searcher
from nasreplay.seeds import rank_within

ROW = 100
"""Bytes that a question or a step of a replica takes, until the result is made."""


class Trace:
    """Everything that a run did, collected as arrays."""

    def __init__(self, evaluator: Evaluator, keep_steps: bool):
        self.evaluator, self.keep_steps = evaluator, keep_steps
        self.number = Numbering(evaluator.space)
        self.asked: list[Evaluations] = []
        self.steps: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
        self.rows = 0

    def answers(self, answers: Evaluations) -> None:
        """Keep the answered questions of a call."""
        self.asked.append(answers if answers.answered.all() else answers.only(answers.answered))
        self.rows += len(answers.codes)

    def step(self, live: Live, searcher: Searcher) -> None:
        """Keep what the searcher would answer now."""
        if self.keep_steps:
            self.rows += len(live.rows)
            found = self.number.of(searcher.answer()[live.rows])
            ledger = self.evaluator.ledger
            self.steps.append((live.rows, found, ledger.simulated_s[live.rows], ledger.queries[live.rows]))

    def check(self, step: int, spent: float) -> None:
        """Raise BadSetting where the whole run, of which this fraction is spent, would not fit into memory."""
        steps, count = (value / max(spent, 1e-300) for value in (step, self.rows * ROW))
        check_memory(count, f"a run of about {steps:,.3g} steps", "lower the budget, or replicas")

    def result(
        self, searcher: Searcher, evaluator: Evaluator, header: dict[str, Any], wall_s: float, finished: bool
    ) -> Result:
        """The result: arrays over replicas and points (questions, or steps of a search by epochs)."""
        replicas = len(evaluator.ledger)
        replica = _joined([a.replica for a in self.asked], np.int64)
        points = (replica, rank_within(replica))
        index = _joined([self.number.of(a.codes) for a in self.asked], np.int32)
        evaluated = _grid(replicas, points, index, -1)
        observed = _grid(replicas, points, _joined([a.accuracy for a in self.asked], float), np.nan)
        clock = _grid(replicas, points, _joined([a.clock for a in self.asked], float), np.nan)
        trial = _grid(replicas, points, _joined([a.trial for a in self.asked], np.int32), -1)
        incumbent = best_so_far(evaluated, observed)
        queries = np.cumsum(evaluated >= 0, axis=1, dtype=np.int32)
        if self.keep_steps:
            rows = _joined([s[0] for s in self.steps], np.int64)
            points = (rows, rank_within(rows))
            incumbent = _grid(replicas, points, _joined([s[1] for s in self.steps], np.int32), -1)
            clock = _grid(replicas, points, _joined([s[2] for s in self.steps], float), np.nan)
            queries = _grid(replicas, points, _joined([s[3] for s in self.steps], np.int32), 0)
        settings = {**header, "space": evaluator.space.name}
        return Result(
            searcher=searcher.name,
            dataset=str(evaluator.describe().get("dataset", "")),
            oracle="slope" in searcher.needs and evaluator.describe().get("gradient") == "exact",
            found_flat=self.number.of(searcher.answer()).astype(np.int32),
            incumbent_flat=incumbent,
            clock=clock,
            queries=queries,
            evaluated_flat=evaluated,
            observed=observed,
            trial=trial,
            wall_s=wall_s,
            finished=finished,
            settings=settings,
            listed=self.number.listed,
            truth=TableFacts.of(evaluator, evaluator.ledger.budget.simulated_s)
            if isinstance(evaluator, TableEvaluator)
            else None,
        )


def _joined(parts: list[np.ndarray], kind: Any) -> np.ndarray:
    return np.concatenate(parts).astype(kind) if parts else np.zeros(0, dtype=kind)


def _grid(
    replicas: int, points: tuple[np.ndarray, np.ndarray], values: np.ndarray, missing: Any
) -> np.ndarray:
    """[replicas, points] of values at (replica, point), `missing` elsewhere."""
    grid = np.full((replicas, int(points[1].max(initial=-1)) + 1), missing, dtype=values.dtype)
    grid[points] = values
    return grid
