"""A search on an evaluator of the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nasreplay.errors import BadSetting, Interrupted
from nasreplay.jobs.searches.task import RecordedFound, Show, Task, Tell
from nasreplay.runs.folder import continues
from nasreplay.runs.record import RunFolder, result_of
from nasreplay.runs.store import save_result
from nasreplay.search import run
from nasreplay.search.driver import Progress


@dataclass(frozen=True)
class OwnFound(RecordedFound):
    """What a search on an evaluator of one's own found."""

    searcher: str
    """Name of the searcher."""
    dataset: str
    """What the evaluator calls its data."""
    found: str
    """The architecture."""
    index: int | None
    """The architecture's index; None in a space without any."""
    accuracy: float
    """Percent, as the evaluator reports it."""
    meaning: str
    """What that accuracy is."""
    evaluations: int
    """Number of questions."""
    simulated_s: float
    """Simulated seconds; 0 without a clock."""
    wall_s: float
    """Seconds that were really spent."""
    seed: int
    """Root seed."""
    folder: Path
    """Run folder."""


def search_own(task: Task, tell: Tell, show: Show | None = None) -> OwnFound:
    """Run and record it. Raises what its parts raise, Interrupted after Ctrl-C."""
    searcher = task.settings.searcher(task.searcher, "table")
    task.evaluator.prepare(show)
    evaluator = task.evaluator.open(searcher)
    dataset = str(evaluator.describe()["dataset"])
    budget = task.settings.limits()
    if budget.simulated_s is None and budget.evaluations is None and searcher.epochs_on(evaluator) is None:
        raise BadSetting("an evaluator of your own has no published budget: give --evaluations N")
    folder = task.settings.out or Path("output/search") / f"{searcher.name}-{dataset}-seed{task.seed}"
    facts = {"command": task.command, "options": task.options}
    recorder = RunFolder(folder, facts, resume=task.settings.resume, tell=tell)

    def told(progress: Progress) -> None:
        if show:
            show(round(1000 * progress.fraction), 1000)

    with continues(folder):
        if not run(searcher, evaluator, budget, seed=task.seed, recorder=recorder, progress=told).finished:
            raise Interrupted("interrupted")
    result = result_of(folder)
    save_result(folder / "results.h5", result)
    (best,) = result.found
    assert best, "a search that finished was answered"
    report = evaluator.report(result.from_flat(result.found_flat[:1]))
    return OwnFound(
        searcher=result.searcher,
        dataset=dataset,
        found=best.text,
        index=best.index if best.space.indexed else None,
        accuracy=float(report.valid[0]),
        meaning=report.meaning["valid"],
        evaluations=int(result.evaluations[0]),
        simulated_s=float(result.final_clock[0]),
        wall_s=result.wall_s,
        seed=task.seed,
        folder=folder,
    )
