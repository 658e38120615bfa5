"""The one driver: loop, epochs, budget, recording, resume and progress of every search."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from nasreplay import own
from nasreplay.errors import BadSetting, LacksCapability, NotMeasured, TrainingFailed, shortened
from nasreplay.evaluate.base import EvaluatorBase
from nasreplay.evaluate.ledger import Budget, Ledger
from nasreplay.evaluate.protocol import Evaluations, Evaluator, Fidelity
from nasreplay.files.workers import check_memory
from nasreplay.runs.result import Result
from nasreplay.search.base import SEARCHERS, Live, Searcher
from nasreplay.search.inside import inside
from nasreplay.search.named import searcher_of
from nasreplay.search.trace import ROW, Trace
from nasreplay.seeds import root_seed
from nasreplay.settings import check_kind
from nasreplay.signals import StopSignals
from nasreplay.spaces.base import Space

MOST_REPLICAS = 1_000_000
SOON = 64  # steps after which the whole is foreseen, and again whenever they have doubled
HINTS = {
    "clock": "give a number of evaluations, for without seconds a time budget never ends.",
    "evaluate": "use a table, a supernet or scratch training.",
    "slope": "use a table or a supernet.",
    "one-hot slope": "use a table with gradient 'exact', or a supernet (one-hot rows always sample the same cell).",
}


class Recorder(Protocol):
    """What may listen to a run: a run folder, a test."""

    def start(self, header: dict[str, Any], searcher: Searcher, evaluator: Evaluator) -> int:
        """Begin before the first step; may load both from a checkpoint. Returns the step to continue from."""
        ...

    def answers(self, answers: Evaluations) -> None:
        """Take the answers of a call that was charged."""
        ...

    def step(self, step: int, live: Live, searcher: Searcher, evaluator: Evaluator) -> None:
        """Record a step."""
        ...

    def end(self, step: int, finished: bool, searcher: Searcher, evaluator: Evaluator) -> None:
        """Record the end: the last step is over, or the run was interrupted between two steps."""
        ...

    def close(self) -> None:
        """Let go of everything, however the run ended, also by an error."""
        ...


class InStep:
    """What a searcher may see of an evaluator during a step: no report, so no test numbers."""

    def __init__(self, evaluator: Evaluator, space: Space):
        self.space, self.abilities = space, evaluator.abilities
        self.ladder, self.steps_per_epoch = evaluator.ladder, evaluator.steps_per_epoch
        self.slope, self.learn, self.begin_step = evaluator.slope, evaluator.learn, evaluator.begin_step
        self.watch, self.mixed_cells, self.costs = evaluator.watch, evaluator.mixed_cells, evaluator.costs
        self.held_out_steps, self.begin_choice = evaluator.held_out_steps, evaluator.begin_choice
        self._evaluate = evaluator.evaluate

    def evaluate(
        self,
        codes: np.ndarray,
        *,
        at: Fidelity | None = None,
        trial: int | str | None = None,
        replica: np.ndarray | None = None,
    ) -> Evaluations:
        """Answers, of the nearest measured architectures where a table has gaps; see `Evaluator.evaluate`."""
        return self._evaluate(self.space.nearest(codes), at=at, trial=trial, replica=replica)


class Progress(NamedTuple):
    """What a progress display needs after a step."""

    step: int
    fraction: float
    """Done share of the slowest replica's budget or of the epochs, 0 to 1."""
    running: int
    """Number of replicas that still run."""


def run(
    searcher: str | Searcher | type[Searcher],
    evaluator: Evaluator,
    budget: Budget | None = None,
    *,
    seed: int = -1,
    replicas: int | range = 1,
    recorder: Recorder | None = None,
    progress: Callable[[Progress], None] | None = None,
    agree: Callable[[Ledger, bool], bool] | None = None,
    begun: Callable[[], None] | None = None,
) -> Result:
    """Run one searcher on one evaluator until every replica has spent its budget or its epochs.

    searcher: an object, or a name; settings that were not chosen are those for this evaluator (`Searcher.settle`).
    replicas: a number or a range of replica numbers: replica r of a seed gives the same result in any batch. seed: −1
    draws one, found in the result's settings. Ctrl-C and SIGTERM end the run after the step in flight (`finished`
    False); a second one at once. Where several processes run the same search, `agree` is asked before each step with
    the ledger and whether this one is to stop: it makes the ledgers equal and returns whether all are to stop.
    `begun` is called once both have begun. Raises LacksCapability or BadSetting before anything is asked.
    """
    searcher, replicas = searcher_of(searcher), _checked(evaluator, budget, seed, replicas)
    budget, agree = budget or Budget(), agree or (lambda ledger, asked: asked)
    seed = root_seed(seed)
    searcher.settle(getattr(evaluator, "preset", EvaluatorBase.preset))
    epochs = validate(searcher, evaluator, budget, replicas)
    evaluator.begin(seed, replicas, budget)
    space = inside(evaluator)
    searcher.begin(space, evaluator.ladder(), seed, replicas)
    if begun:
        begun()
    header = {
        "searcher": {"name": searcher.name, "source": searcher.source, **searcher.settings()},
        "evaluator": evaluator.describe(),
        "budget": budget.settings(),
        "seed": seed,
        "replicas": [replicas.start, replicas.stop],
        "epochs": epochs,
    }
    if file := own.file_of(type(searcher)):
        header["searcher_file"] = {"name": Path(file.path).name, "sha256": file.sha256}
    if space is not evaluator.space:
        header["measured"] = [space.size - evaluator.missing, space.size]
    if searcher.slope_order == 2 and "order_2" in header["evaluator"]:
        header["apart"] = header["evaluator"]["order_2"]
    trace = Trace(evaluator, keep_steps=searcher.tells_steps(evaluator))
    started = time.perf_counter()

    def hear(answers: Evaluations) -> None:
        trace.answers(answers)
        if recorder:
            recorder.answers(answers)

    step = 0
    try:
        step = recorder.start(header, searcher, evaluator) if recorder else 0
        if remark := searcher.remark(evaluator.space):
            header["remark"] = remark
        evaluator.ledger.listener = hear
        in_step: Any = InStep(evaluator, space)
        with StopSignals() as stop, np.errstate(all="ignore"):  # what is no number is told by the searcher
            while not agree(evaluator.ledger, stop.asked):
                live = _live(evaluator, epochs, step)
                if not len(live.rows):
                    break
                if epochs and step % evaluator.steps_per_epoch == 0:
                    evaluator.at_epoch(live.epoch, epochs)
                before = time.perf_counter()
                step += 1
                searcher.step(in_step, live)
                if step % evaluator.steps_per_epoch == 0:
                    searcher.end_epoch(in_step, live)
                evaluator.ledger.wall_s[live.rows] += time.perf_counter() - before
                trace.step(live, searcher)
                if step & (step - 1) == 0 and step >= SOON:
                    progressed = _live(evaluator, epochs, step).progress
                    if len(progressed):  # none after the last step
                        trace.check(step, float(progressed.mean()))
                if recorder:
                    recorder.step(step, live, searcher, evaluator)
                if progress:
                    progress(Progress(step, float(live.progress.min()), len(live.rows)))
            finished = not len(_live(evaluator, epochs, step).rows)
            if recorder:
                recorder.end(step, finished, searcher, evaluator)
    except FloatingPointError as problem:
        raise TrainingFailed(
            f"{searcher.name}: {problem} at step {step:,}: lower its learning rate"
        ) from None
    finally:
        if recorder:
            recorder.close()
    return trace.result(searcher, evaluator, header, time.perf_counter() - started, finished)


def _checked(evaluator: object, budget: object, seed: object, replicas: object) -> range:
    """The replicas' numbers; raises BadSetting for arguments of another kind than `run` takes."""
    if not (hasattr(evaluator, "abilities") and hasattr(evaluator, "evaluate")):
        raise BadSetting(
            f"evaluator is {shortened(evaluator)}: it must answer, as nasreplay.load_table('cifar10') does"
        )
    if not isinstance(budget, Budget | None):
        raise BadSetting(
            f"budget is {shortened(budget)}: it must be a Budget, such as search.Budget(evaluations=150)"
        )
    check_kind("seed", seed, int)
    if isinstance(replicas, range):
        if replicas.step == 1 and replicas.start >= 0:
            return replicas
        raise BadSetting(f"replicas is {replicas}: numbers from 0 on, each one more than the last")
    check_kind("replicas", replicas, int)
    return range(int(replicas))  # pyright: ignore[reportArgumentType]


def validate(searcher: Searcher, evaluator: Evaluator, budget: Budget, replicas: range) -> int:
    """Refuse combinations that cannot run. Returns the number of epochs, 0 if a budget ends the run.

    Raises LacksCapability, NotMeasured or BadSetting.
    """
    if not 0 < len(replicas) <= MOST_REPLICAS:
        raise BadSetting(f"{len(replicas):,} replicas: a run has 1 to {MOST_REPLICAS:,}")
    needs = searcher.needs | ({"clock"} if budget.simulated_s is not None else set())
    lacking = sorted(needs - evaluator.abilities)
    if lacking:
        hints = [HINTS[need] for need in lacking if f"one-hot {need}" not in lacking]  # which says the same
        raise LacksCapability(
            f"{searcher.name} needs {' and '.join(lacking)}: {evaluator.describe()['evaluator']} "
            f"offers {', '.join(sorted(evaluator.abilities))}; {' '.join(hints)}"
        )
    space = evaluator.space
    if searcher.edgewise and space.decisions != space.edges:
        raise LacksCapability(
            f"{searcher.name} decides on an operation for each edge, and in the {space.name} space edges are chosen, "
            f"too: take {', '.join(_choosing_edges())}"
        )
    if missing := evaluator.missing:
        measured = f"{space.size - missing:,} of {space.size:,} architectures were measured"
        if missing == space.size:
            raise NotMeasured(f"{measured}: choose another --trial, or another table")
        if "slope" in searcher.needs:
            raise NotMeasured(
                f"{searcher.name} needs a slope, and so every architecture: {measured}; leave it out"
            )
    searcher.check(evaluator)
    state = _state_of_one(searcher, evaluator)
    check_memory(
        state * len(replicas),
        f"{searcher.name} with {len(replicas):,} replicas",
        "lower its settings, or replicas",
    )
    epochs = min(filter(None, (searcher.epochs_on(evaluator), budget.epochs)), default=0)
    if not epochs and budget.simulated_s is budget.wall_s is budget.evaluations is None:
        raise BadSetting(
            f"{searcher.name} never ends by itself: give a budget of seconds (simulated_s, wall_s) or evaluations"
        )
    points = len(replicas) * max(budget.evaluations or 0, epochs * evaluator.steps_per_epoch)
    check_memory(points * ROW, f"a run of {points:,} points", "lower the budget, epochs or replicas")
    return epochs


def _state_of_one(searcher: Searcher, evaluator: Evaluator) -> int:
    """Bytes of a replica's state."""
    searcher.begin(inside(evaluator), evaluator.ladder(), 0, range(1))
    return sum(getattr(value, "nbytes", 0) for value in vars(searcher.state).values())


def _choosing_edges() -> list[str]:
    """Searchers for shared weights that work where the edges are chosen, too."""
    found = SEARCHERS.items()
    return [name for name, kind in found if kind.learns and not kind.edgewise and kind.home == Searcher.home]


def _live(evaluator: Evaluator, epochs: int, step: int) -> Live:
    spent = evaluator.ledger.spent()
    epoch = step // evaluator.steps_per_epoch
    if epochs:
        spent = np.maximum(spent, step / (epochs * evaluator.steps_per_epoch))
    rows = np.flatnonzero(spent < 1)
    return Live(rows, spent[rows], epoch, epochs)
