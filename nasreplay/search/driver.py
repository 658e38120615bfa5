"""The one driver: loop, epochs, budget, recording, resume and progress of every search."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from nasreplay.errors import BadSetting, LacksCapability
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.protocol import Evaluations, Evaluator
from nasreplay.runs.result import Result
from nasreplay.search.base import Live, Searcher
from nasreplay.seeds import rank_within, root_seed


class Recorder(Protocol):
    """What may listen to a run: a run folder, a test."""

    def start(self, header: dict[str, Any]) -> int:
        """Before the first step; returns the step to continue from."""
        ...

    def answers(self, answers: Evaluations) -> None:
        """After every charged call."""
        ...

    def step(self, step: int, live: Live, searcher: Searcher, evaluator: Evaluator) -> None:
        """After every step."""
        ...


class InStep:
    """What a searcher may see of an evaluator during a step: no report, so no test numbers."""

    def __init__(self, evaluator: Evaluator):
        self.space, self.abilities = evaluator.space, evaluator.abilities
        self.ladder, self.steps_per_epoch = evaluator.ladder, evaluator.steps_per_epoch
        self.evaluate, self.slope, self.learn = evaluator.evaluate, evaluator.slope, evaluator.learn
        self.begin_step = evaluator.begin_step


class Progress(NamedTuple):
    """What a progress display needs after a step."""

    step: int
    fraction: float  # of the slowest replica's budget or of the epochs
    running: int  # replicas


def run(
    searcher: Searcher,
    evaluator: Evaluator,
    budget: Budget | None = None,
    *,
    seed: int = -1,
    replicas: int | range = 1,
    recorder: Recorder | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Run one searcher on one evaluator until every replica has spent its budget or its epochs.

    `replicas` is a number or a range of replica numbers: replica r of a seed gives the same result in any batch.
    `seed` −1 draws one, found in the result's settings. KeyboardInterrupt ends the run after the step in flight
    with what there is (`finished` False). Raises LacksCapability or BadSetting before anything is asked.
    """
    budget = budget or Budget()
    seed, replicas = root_seed(seed), range(replicas) if isinstance(replicas, int) else replicas
    epochs = _epochs(searcher, evaluator, budget, replicas)
    evaluator.begin(seed, replicas, budget)
    searcher.begin(evaluator.space, evaluator.ladder(), seed, replicas)
    header = {
        "searcher": {"name": searcher.name, "source": searcher.source, **searcher.settings()},
        "evaluator": evaluator.describe(),
        "budget": budget.settings(),
        "seed": seed,
        "replicas": [replicas.start, replicas.stop],
        "epochs": epochs,
    }
    trace = Trace(evaluator, keep_steps=searcher.needs == "slope")
    finished, started = True, time.perf_counter()
    step = recorder.start(header) if recorder else 0
    evaluator.ledger.listener = _both(trace.answers, recorder.answers) if recorder else trace.answers
    in_step: Any = InStep(evaluator)
    try:
        while len((live := _live(evaluator, epochs, step)).rows):
            if epochs and step % evaluator.steps_per_epoch == 0:
                evaluator.at_epoch(live.epoch, epochs)
            before = time.perf_counter()
            searcher.step(in_step, live)
            evaluator.ledger.wall_s[live.rows] += time.perf_counter() - before
            step += 1
            trace.step(live, searcher)
            if recorder:
                recorder.step(step, live, searcher, evaluator)
            if progress:
                progress(Progress(step, float(live.progress.min()), len(live.rows)))
    except KeyboardInterrupt:
        finished = False
    return trace.result(searcher, evaluator, header, time.perf_counter() - started, finished)


def _epochs(searcher: Searcher, evaluator: Evaluator, budget: Budget, replicas: range) -> int:
    if not replicas:
        raise BadSetting("a run needs at least one replica")
    if searcher.needs not in evaluator.abilities:
        raise LacksCapability(
            f"{searcher.name} needs an evaluator with {searcher.needs!r} (a table or a supernet); "
            f"{type(evaluator).__name__} offers {', '.join(sorted(evaluator.abilities))}"
        )
    epochs = min(filter(None, (searcher.epochs, budget.epochs)), default=0)
    if not epochs and budget.simulated_s is budget.wall_s is budget.evaluations is None:
        raise BadSetting(
            f"{searcher.name} never ends by itself: give a budget (simulated_s, evaluations or wall_s)"
        )
    return epochs


def _live(evaluator: Evaluator, epochs: int, step: int) -> Live:
    spent = evaluator.ledger.spent()
    epoch = step // evaluator.steps_per_epoch
    if epochs:
        spent = np.maximum(spent, step / (epochs * evaluator.steps_per_epoch))
    rows = np.flatnonzero(spent < 1)
    return Live(rows, spent[rows], epoch, epochs)


def _both(one: Callable[[Any], None], other: Callable[[Any], None]) -> Callable[[Any], None]:
    def call(answers: Any) -> None:
        one(answers)
        other(answers)

    return call


class Trace:
    """Everything that a run did, collected as arrays."""

    def __init__(self, evaluator: Evaluator, keep_steps: bool):
        self.evaluator, self.keep_steps = evaluator, keep_steps
        self.asked: list[Evaluations] = []
        self.steps: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def answers(self, answers: Evaluations) -> None:
        """Keep the answered questions of a call."""
        self.asked.append(answers if answers.answered.all() else answers.only(answers.answered))

    def step(self, live: Live, searcher: Searcher) -> None:
        """Keep what a gradient searcher would answer now."""
        if self.keep_steps:
            found = self.evaluator.space.index(searcher.incumbent()[live.rows])
            self.steps.append((live.rows, found, self.evaluator.ledger.simulated_s[live.rows]))

    def result(
        self, searcher: Searcher, evaluator: Evaluator, header: dict[str, Any], wall_s: float, finished: bool
    ) -> Result:
        """Arrays over replicas and points."""
        space, replicas = evaluator.space, len(evaluator.ledger)
        replica = _joined([a.replica for a in self.asked], np.int64)
        place = (replica, rank_within(replica))
        index = _joined([space.index(a.codes) for a in self.asked], np.int32)
        evaluated = _grid(replicas, place, index, -1)
        observed = _grid(replicas, place, _joined([a.accuracy for a in self.asked], float), np.nan)
        clock = _grid(replicas, place, _joined([a.clock for a in self.asked], float), np.nan)
        trial = _grid(replicas, place, _joined([a.trial for a in self.asked], np.int32), -1)
        incumbent = _best_so_far(evaluated, observed)
        if self.keep_steps:
            rows = _joined([s[0] for s in self.steps], np.int64)
            place = (rows, rank_within(rows))
            incumbent = _grid(replicas, place, _joined([s[1] for s in self.steps], np.int32), -1)
            clock = _grid(replicas, place, _joined([s[2] for s in self.steps], float), np.nan)
        settings = {**header, "space": space.name}
        return Result(
            searcher=searcher.name,
            dataset=str(evaluator.describe().get("dataset", "")),
            oracle=searcher.needs == "slope" and not len(replica),
            found=space.index(searcher.incumbent()).astype(np.int32),
            incumbent=incumbent,
            clock=clock,
            evaluated=evaluated,
            observed=observed,
            trial=trial,
            wall_s=wall_s,
            finished=finished,
            settings=settings,
        )


def _joined(parts: list[np.ndarray], kind: Any) -> np.ndarray:
    return np.concatenate(parts).astype(kind) if parts else np.zeros(0, dtype=kind)


def _grid(
    replicas: int, place: tuple[np.ndarray, np.ndarray], values: np.ndarray, missing: Any
) -> np.ndarray:
    grid = np.full((replicas, int(place[1].max(initial=-1)) + 1), missing, dtype=values.dtype)
    grid[place] = values
    return grid


def _best_so_far(evaluated: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """int32 [R, S]: of the highest accuracy up to each point, first one on ties; −1 after the end."""
    best = np.maximum.accumulate(np.nan_to_num(observed, nan=-np.inf), axis=1)
    new = np.concatenate([np.ones((len(best), 1), bool), best[:, 1:] > best[:, :-1]], axis=1)[
        :, : best.shape[1]
    ]
    at = np.maximum.accumulate(np.where(new, np.arange(best.shape[1]), 0), axis=1)
    return np.where(evaluated >= 0, np.take_along_axis(evaluated, at, axis=1), -1)
