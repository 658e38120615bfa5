"""A search on a table, with the simulated clock."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nasreplay.errors import Interrupted
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.jobs.remaining import in_words
from nasreplay.jobs.searches.stage_end import open_part
from nasreplay.jobs.searches.table_facts import table_facts
from nasreplay.jobs.searches.task import RecordedFound, Task, Tell
from nasreplay.replay.budgets import time_budget
from nasreplay.runs.folder import continues
from nasreplay.runs.record import RunFolder, result_of
from nasreplay.runs.result import Result
from nasreplay.runs.store import save_result
from nasreplay.search import Budget, Searcher
from nasreplay.search.driver import Progress, run
from nasreplay.settings import Json

SOON_S = 5.0


@dataclass(frozen=True)
class TableFound(RecordedFound):
    """What a search on a table found, and what the table says of it."""

    searcher: str
    """Name of the searcher."""
    dataset: str
    """Proper name of the data set."""
    oracle: bool
    """Whether it followed the exact slope, which no real search has."""
    found: str
    """The architecture."""
    official_index: int
    """The architecture's index in the benchmark's own order."""
    validation_accuracy: float
    """Percent, mean over trials, longest recipe."""
    meaning: str
    """What that accuracy is."""
    rank: int
    """1 = best of the table."""
    of: int
    """Architectures that were measured."""
    regret: float
    """Points below the best of the table."""
    evaluations: int
    """Number of look-ups."""
    points: int
    """Number of steps."""
    simulated_s: float
    """Simulated seconds."""
    wall_s: float
    """Seconds that were really spent."""
    test_accuracy: float | None
    """Percent; None where the table holds none."""
    test_meaning: str
    """What the test accuracy is, in words."""
    derived_validation_accuracy: float | None
    """Percent, best of 10 samples of the final policy, of searchers that have one."""
    seed: int
    """Root seed."""
    folder: Path
    """Run folder."""
    note: str = ""
    """What is unusual of this searcher in this space; "" for nothing."""


class _Remaining:
    """Tells once how long a search will take that is not over soon."""

    def __init__(self, tell: Tell):
        self.tell, self.started, self.told = tell, time.perf_counter(), False

    def __call__(self, now: Progress) -> None:
        """Look at the clock after a step."""
        past = time.perf_counter() - self.started
        if past > SOON_S and not self.told:
            self.told = True
            self.tell(f"about {in_words(past / max(now.fraction, 1e-9) - past)} left")


def search_table(task: Task, tell: Tell) -> TableFound:
    """Run and record it. Raises what its parts raise, Interrupted after Ctrl-C."""
    searcher = task.settings.searcher(task.searcher, "table")
    table = task.evaluator.open(searcher)
    assert isinstance(table, TableEvaluator)
    budget = task.settings.limits()
    if budget.simulated_s is None and budget.evaluations is None:
        budget = Budget(simulated_s=time_budget(table).seconds)
    folder = task.settings.out or Path("output/search") / f"{searcher.name}-{table.dataset}-seed{task.seed}"

    def each_stage(searcher: Searcher) -> Json:
        stage = searcher.stage()
        assert stage
        told = open_part(stage, table)
        tell(told.line(stage))
        return told.plain()

    def each_epoch(epoch: int, *_: object) -> Json:
        found = table.space.format(searcher.answer()[0].tolist())
        return {"found": found, **searcher.epoch_facts(epoch, searcher.epochs_on(table) or 1)}

    recorder = RunFolder(
        folder,
        {"command": task.command},
        resume=task.settings.resume,
        each_stage=each_stage,
        each_epoch=each_epoch if searcher.records_costs else None,
        tell=tell,
    )
    with continues(folder):
        progress = _Remaining(tell)
        if not run(searcher, table, budget, seed=task.seed, recorder=recorder, progress=progress).finished:
            raise Interrupted("interrupted")
    result = result_of(folder)
    save_result(folder / "results.h5", result)
    return _found(searcher, table, result, task.seed, folder)


def _found(searcher: Searcher, table: TableEvaluator, result: Result, seed: int, folder: Path) -> TableFound:
    (found,) = result.found
    assert found, "a search that finished was answered"
    codes = table.space.codes([found])
    row, meaning = table_facts(table, codes), table.report(codes).meaning
    derived = None
    if (drawn := searcher.derive(10)) is not None:
        derived = float(np.max(table.report(searcher.space.nearest(drawn[0])).valid))
    measured = table.space.size - table.missing
    partial = f"{measured:,} of {table.space.size:,} architectures measured; rank and regret are among these"
    return TableFound(
        searcher=result.searcher,
        dataset=result.dataset,
        oracle=result.oracle,
        found=found.text,
        official_index=found.index,
        validation_accuracy=row.table_valid,
        meaning=meaning["valid"],
        rank=row.table_rank,
        of=measured,
        regret=row.table_regret,
        evaluations=int(result.evaluations[0]),
        points=int(result.points[0]),
        simulated_s=float(result.final_clock[0]),
        wall_s=result.wall_s,
        test_accuracy=row.table_test,
        test_meaning="" if row.table_test is None else meaning["test"],
        derived_validation_accuracy=derived,
        seed=seed,
        folder=folder,
        note="; ".join(
            filter(
                None, (searcher.note_of(codes), searcher.remark(table.space), partial * bool(table.missing))
            )
        ),
    )
