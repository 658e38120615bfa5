"""A run folder with its full event log: run.json, events.jsonl, checkpoint/, results.h5.

The log is flushed after every step. A checkpoint (at most one a second, the last two are kept) holds the states and
the length of the log; a resumed run cuts the log back to it and goes on, so that its log equals the
uninterrupted one apart from wall seconds. Beside them stands the best epoch's state of a run on shared weights.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Generic, NamedTuple, TypeVar

import numpy as np

from nasreplay.errors import BadOutput, WriteFailed
from nasreplay.evaluate.protocol import Evaluations, Evaluator
from nasreplay.files.lock import alone_in
from nasreplay.files.state import fitting
from nasreplay.files.text import place, read_text
from nasreplay.files.typed import typed
from nasreplay.runs.checkpoints import (
    ARRAYS,
    LOG,
    Files,
    epoch_name,
    kept_epochs,
    kept_path,
    last_paths,
    latest_state,
)
from nasreplay.runs.folder import check_resume, open_folder, read_header, versions
from nasreplay.runs.outside import check_result, check_run, parsed_event
from nasreplay.runs.parents import begin_as, first_state, parent_of
from nasreplay.runs.recordable import AtEpoch, Recordable
from nasreplay.runs.result import Numbering, Result, best_so_far
from nasreplay.runs.tensorboard import EVERY, Board
from nasreplay.settings import Json
from nasreplay.spaces import space_named

KEPT = 2
LONGEST_LOG = 256  # MB

S = TypeVar("S", bound=Recordable)
E = TypeVar("E", bound=Evaluator)
Facts = dict[str, Any]
"""JSON values by name."""


class _Best(NamedTuple):
    accuracy: float


class RunFolder(Generic[S, E]):
    """Records a run; give it to the driver as `recorder`.

    resume: continue the run that the folder holds (same settings); without it a folder that holds a run is refused.
    each_epoch: gives the facts of a finished epoch (epoch, searcher, evaluator → JSON values) for an "epoch" event.
    keep_epoch: writes what else is to be kept of it (epoch, facts, searcher, evaluator).
    keep_every: epochs between two whose checkpoints stay, the last one's, too; 0: none do.
    each_stage: gives further facts of a stage that has begun, for a "stage" event.
    Where shared weights tell an accuracy, the best epoch's state is kept as checkpoint/best.
    files: the kind of checkpoint; live runs hold tensors. save_every_s: seconds between two checkpoints. board: draws
    what is logged; then the first of EVERY steps is logged number by number, too. tell: gets a line when the run
    continues.
    """

    log: BinaryIO

    def __init__(
        self,
        folder: Path,
        facts: Json,
        *,
        resume: bool = False,
        save_every_s: float = 1.0,
        each_epoch: Callable[[int, S, E], Facts] | None = None,
        keep_epoch: Callable[[int, Facts, S, E], None] | None = None,
        keep_every: int = 0,
        each_stage: Callable[[S], Facts] | None = None,
        files: Files = ARRAYS,
        board: Board | None = None,
        tell: Callable[[str], None] | None = None,
    ):
        self.folder, self.facts, self.resume, self.save_every_s = folder, facts, resume, save_every_s
        self.each_epoch, self.keep_epoch, self.files = each_epoch, keep_epoch, files
        self.board, self.tell, self.each_stage, self.keep_every = board, tell, each_stage, keep_every
        self._stage = 0
        self._opened = ExitStack()
        self._saved = time.perf_counter()
        self._asked: list[Evaluations] = []
        self._best = -math.inf

    def start(self, header: dict[str, Any], searcher: S, evaluator: E) -> int:
        """Open or continue the folder; raises BadOutput."""
        check_resume(self.folder, self.resume)
        if begins := parent_of(self.facts, self.folder):
            begins.check_fits(header)
            with fitting(kept_path(begins.folder, begins.epoch)):  # before anything is written
                state = first_state(begins, self.files, searcher.state_dict(), evaluator.steps_per_epoch)
                searcher.load_state_dict(state["searcher"])
                evaluator.space.check_codes(searcher.answer())
        self._opened.enter_context(alone_in(self.folder))
        recorded = open_folder(self.folder, header, {**self.facts, "versions": versions()}, self.tell)
        (self.folder / "checkpoint").mkdir(exist_ok=True)
        for leftover in (self.folder / "checkpoint").glob(".*.tmp"):  # of a run that was killed in a write
            leftover.unlink()
        state = latest_state(self.folder, self.files)
        if not state and (parent := parent_of(recorded, self.folder)):
            state = begin_as(
                parent, self.folder, self.files, searcher.state_dict(), evaluator.steps_per_epoch
            )
        self.log = self._opened.enter_context((self.folder / LOG).open("ab"))
        self.log.truncate(state["log_bytes"] if state else 0)
        self.log.seek(0, 2)
        if self.board:
            self._opened.callback(self.board.close)
            self.board.start(read_events(self.folder))
        self._unlink_after(state["step"] if state else 0, evaluator.steps_per_epoch)
        if not state:
            return 0
        with suppress(BadOutput):  # none yet
            best = self._file("best")
            self._best = typed(self.files.load(best), _Best, place(best), error=BadOutput).accuracy
        with fitting(self._path(state["step"])):
            searcher.load_state_dict(state["searcher"])
            evaluator.load_state_dict(state["evaluator"])
            evaluator.space.check_codes(searcher.answer())
            self._stage = stage.number if (stage := searcher.stage()) else 0
        if self.tell:
            self.tell(f"continuing after step {state['step']:,}")
        return state["step"]

    def _unlink_after(self, step: int, steps_per_epoch: int) -> None:
        """Remove checkpoints of later steps: they could not be used, and their place in the log is no longer true."""
        later = [path for path in last_paths(self.folder, self.files) if path > self._path(step)]
        later += [path for epoch, path in kept_epochs(self.folder).items() if epoch * steps_per_epoch > step]
        for path in later:
            path.unlink()

    def answers(self, answers: Evaluations) -> None:
        """Keep the answers until the step is over."""
        self._asked.append(answers)

    def step(self, step: int, live: AtEpoch, searcher: S, evaluator: E) -> None:
        """Write the step's events, and a checkpoint when it is time; raises WriteFailed."""
        ended = self.each_epoch and step % evaluator.steps_per_epoch == 0
        with self._writing():
            facts = self._epoch_facts(live.epoch, searcher, evaluator) if ended else None
            self._write_step(step, live, searcher, evaluator)
            if facts:
                self._write(event="epoch", epoch=live.epoch, **facts)
                self._keep_best(step, facts, searcher, evaluator)
                if self.keep_epoch:
                    self.keep_epoch(live.epoch, facts, searcher, evaluator)
            self.log.flush()
            kept = ended and self.keep_every and (live.epoch + 1) % self.keep_every == 0
            if kept:
                self.files.save(
                    self._file(epoch_name(live.epoch + 1)), self._state(step, searcher, evaluator)
                )
            if kept or time.perf_counter() - self._saved >= self.save_every_s:
                self._checkpoint(step, searcher, evaluator)

    def _write_step(self, step: int, live: AtEpoch, searcher: S, evaluator: E) -> None:
        if (stage := searcher.stage()) and stage.number > self._stage:
            self._stage = stage.number
            further = self.each_stage(searcher) if self.each_stage else {}
            self._write(event="stage", step=step, **stage.plain(), **further)
        for answers in self._asked:
            self._write_answers(step, answers, evaluator)
        self._asked.clear()
        if searcher.tells_steps(evaluator):
            drawn = self.board is not None and step % EVERY == 1
            self._write(
                event="step",
                step=step,
                epoch=live.epoch,
                loss=_loss(searcher),
                found=evaluator.space.format(searcher.answer()[0].tolist()),
                simulated_s=float(evaluator.ledger.simulated_s[0]),
                wall_s=float(evaluator.ledger.wall_s[0]),
                **({"scalars": {**evaluator.step_metrics(), **searcher.step_facts()}} if drawn else {}),
            )

    def end(self, step: int, finished: bool, searcher: S, evaluator: E) -> None:
        """Write a last checkpoint; the end is logged only when the run came to it. Raises WriteFailed."""
        with self._writing():
            epoch, rest = divmod(step, evaluator.steps_per_epoch)
            if self.keep_every and finished and not rest and epoch not in kept_epochs(self.folder):
                self.files.save(self._file(epoch_name(epoch)), self._state(step, searcher, evaluator))
            self._checkpoint(step, searcher, evaluator)
            if finished:
                found = evaluator.space.format(searcher.answer()[0].tolist())
                simulated_s = float(evaluator.ledger.simulated_s[0])
                self._write(event="end", step=step, found=found, simulated_s=simulated_s)
            self.log.flush()

    def close(self) -> None:
        """Let go of the folder."""
        with suppress(OSError):  # of the log, told already
            self._opened.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except (OSError, BadOutput) as problem:
            reason = getattr(problem.__cause__ or problem, "strerror", None) or problem
            raise WriteFailed(
                f"{self.folder}: cannot be written: {reason}; the last checkpoint is intact"
            ) from problem

    def _write_answers(self, step: int, answers: Evaluations, evaluator: E) -> None:
        for row in range(len(answers.codes)):
            self._write(
                event="evaluation",
                step=step,
                architecture=evaluator.space.format(answers.codes[row].tolist()),
                recipe=answers.at.recipe,
                epoch=answers.at.epoch,
                trial=int(answers.trial[row]),
                accuracy=float(answers.accuracy[row]),
                seconds=float(answers.seconds[row]),
                simulated_s=float(answers.clock[row]),
                answered=bool(answers.answered[row]),
                wall_s=float(evaluator.ledger.wall_s[0]),
            )

    def _write(self, **event: Any) -> None:
        self.log.write(json.dumps(event).encode() + b"\n")
        if self.board:
            self.board.add(event)

    def _checkpoint(self, step: int, searcher: S, evaluator: E) -> None:
        self.files.save(self._path(step), self._state(step, searcher, evaluator))
        for old in last_paths(self.folder, self.files)[:-KEPT]:
            old.unlink()
        self._saved = time.perf_counter()

    def _epoch_facts(self, epoch: int, searcher: S, evaluator: E) -> Facts:
        assert self.each_epoch
        facts = self.each_epoch(epoch, searcher, evaluator)
        if "shared_accuracy" in facts:
            return facts
        shared = evaluator.shared_accuracy(searcher.answer()[:1])
        if shared is not None:
            facts["shared_accuracy"] = float(shared[0])
        return facts

    def _keep_best(self, step: int, facts: Facts, searcher: S, evaluator: E) -> None:
        accuracy = facts.get("shared_accuracy", -math.inf)
        if accuracy > self._best:
            state = self._state(step, searcher, evaluator) | {"accuracy": accuracy}
            self.files.save(self._file("best"), state)
            self._best = accuracy

    def _state(self, step: int, searcher: S, evaluator: E) -> dict[str, Any]:
        self.log.flush()
        state = {"step": step, "log_bytes": self.log.tell()}
        return state | {"searcher": searcher.state_dict(), "evaluator": evaluator.state_dict()}

    def _path(self, step: int) -> Path:
        return self._file(f"step-{step:09d}")

    def _file(self, name: str) -> Path:
        return self.folder / "checkpoint" / f"{name}.{self.files.suffix}"


def read_events(folder: Path) -> list[dict[str, Any]]:
    """All events of a run; a last line that a kill cut short is left out. Raises BadOutput."""
    file = folder / LOG
    if not file.exists():
        raise BadOutput(f"{folder}: holds no event log ({LOG})")
    lines = read_text(file, limit=LONGEST_LOG, error=BadOutput).split("\n")[:-1]
    return [parsed_event(line, f"{place(file)}, event {number:,}") for number, line in enumerate(lines, 1)]


def result_of(folder: Path) -> Result:
    """The result of a recorded run, made from its log. Raises BadOutput."""
    header, events = read_header(folder), read_events(folder)
    header.pop("working_folder", None)
    check_run(header, str(folder / "run.json"))
    number = Numbering(space_named(header["evaluator"]["space"]))
    asked = [event for event in events if event["event"] == "evaluation" and event["answered"]]
    steps = [event for event in events if event["event"] == "step"]
    sloped = any(event["loss"] is not None for event in steps)
    if not (steps or asked):
        raise BadOutput(f"{folder}: the run was ended before its first step was recorded")
    evaluated = number.of_texts([event["architecture"] for event in asked]).astype(np.int32)[None]
    observed = np.array([[event["accuracy"] for event in asked]], dtype=np.float64)
    incumbent = best_so_far(evaluated, observed)
    if steps:
        incumbent = number.of_texts([event["found"] for event in steps]).astype(np.int32)[None]
    result = Result(
        searcher=header["searcher"]["name"],
        dataset=header["evaluator"]["dataset"],
        oracle=sloped and header["evaluator"].get("gradient") == "exact",
        found_flat=incumbent[:, -1],
        incumbent_flat=incumbent,
        clock=np.array([[event["simulated_s"] for event in steps or asked]], dtype=np.float64),
        queries=_queries(steps, asked),
        evaluated_flat=evaluated,
        observed=observed,
        trial=np.array([[event["trial"] for event in asked]], dtype=np.int32),
        wall_s=float((steps or asked)[-1]["wall_s"]),
        finished=bool(events) and events[-1]["event"] == "end",
        settings={**header, "space": number.space.name},
        listed=number.listed,
    )
    try:
        check_result(result)
    except ValueError as problem:
        raise BadOutput(f"{folder}: damaged: {problem}") from None
    return result


def _loss(searcher: Recordable) -> float | None:
    """Loss of a search by slopes; None where there is none, or none yet."""
    loss = float(searcher.state.loss[0]) if hasattr(searcher.state, "loss") else math.nan
    return loss if math.isfinite(loss) else None


def _queries(steps: list[dict[str, Any]], asked: list[dict[str, Any]]) -> np.ndarray:
    """int32 [1, S]: answered questions up to each step, or up to each question."""
    at = np.array([event["step"] for event in asked])
    if not steps:
        return np.arange(1, len(at) + 1, dtype=np.int32)[None]
    return np.searchsorted(at, [event["step"] for event in steps], side="right").astype(np.int32)[None]
