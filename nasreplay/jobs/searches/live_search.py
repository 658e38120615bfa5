"""A live search: one searcher on a supernet or on children trained from scratch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from nasreplay.errors import BadSetting, Interrupted
from nasreplay.evaluate.protocol import Evaluations, Report
from nasreplay.jobs import rank_zero
from nasreplay.jobs.rank_zero import RankZeroRecorder
from nasreplay.jobs.remaining import remaining
from nasreplay.jobs.searches.begun import as_begun, images_as_begun
from nasreplay.jobs.searches.gaps import TotalGap, total_gap
from nasreplay.jobs.searches.health import epoch_facts
from nasreplay.jobs.searches.sample_log import FinalChoice, SampledRun, final_choice
from nasreplay.jobs.searches.search_checkpoint import SearchCheckpoint
from nasreplay.jobs.searches.stage_end import end_of_stage
from nasreplay.jobs.searches.task import RecordedFound, Show, Task, Tell
from nasreplay.live.evaluator_settings import LiveSettings
from nasreplay.live.scratch import ScratchEvaluator
from nasreplay.live.search_memory import estimate_search, room_for_kept
from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.live.trained import TENSOR_FILES
from nasreplay.runs.folder import check_resume, continues
from nasreplay.runs.record import result_of
from nasreplay.runs.store import save_result
from nasreplay.runs.tensorboard import Board, of_search
from nasreplay.search import Searcher
from nasreplay.search.driver import Progress, run
from nasreplay.seeds import Stream
from nasreplay.settings import Json
from nasreplay.train.augment import blanks
from nasreplay.train.distributed import process_group
from nasreplay.train.step_memory import check_weights

SAVE_EVERY_S = 30.0
LARGE = 2000  # channels times cells, far beyond the published ones, above which weights are counted first
LiveEvaluator = SupernetEvaluator | ScratchEvaluator


@dataclass(frozen=True)
class LiveFound(RecordedFound):
    """What a live search found."""

    searcher: str
    """Name of the searcher."""
    dataset: str
    """Name of the data set."""
    seed: int
    """Root seed."""
    found: str
    """The architecture, as its space writes it."""
    official_index: int | None
    """The architecture's index in the benchmark's own order; None in a space without one."""
    accuracy: float
    """Percent on the validation images, with shared weights or trained from scratch."""
    accuracy_meaning: str
    """What that accuracy is, in words."""
    test_accuracy: float | None
    """Percent on the test images; None with shared weights."""
    test_meaning: str
    """What it is, in words."""
    points: int
    """Number of steps."""
    evaluations: int | None
    """Number of evaluations; None of a searcher that trains for epochs."""
    wall_s: float
    """Seconds that were really spent."""
    folder: Path
    """Run folder."""
    note: str
    """What is unusual of the images; "" for nothing."""
    gap: TotalGap | None
    """What a table of the same data set says; None without one."""
    checkpoint: Path | None
    """The file that `nasreplay retrain` takes, where the published scripts leave one."""
    final: FinalChoice | None
    """The choice of a search that tells its samples; None of others."""


def search_live(task: Task, tell: Tell, show: Show | None) -> LiveFound:
    """Run and record it. Raises what its parts raise, Interrupted after Ctrl-C."""
    settings, own = task.settings, task.evaluator
    assert isinstance(own, LiveSettings)
    searcher = settings.searcher(task.searcher, "live", own.epochs, own.usual_epochs)
    folder = settings.out or own.folder(searcher) / f"seed-{task.seed}"
    rank_zero.broadcast(lambda: check_resume(folder, settings.resume))  # before images are read
    with continues(folder):
        return _search(task, own, searcher, folder, tell, show)


def _search(
    task: Task, own: LiveSettings, searcher: Searcher, folder: Path, tell: Tell, show: Show | None
) -> LiveFound:
    group, settings = process_group(), task.settings
    own = images_as_begun(own, settings.recorded("options"))
    evaluator = own.open(searcher)
    assert isinstance(evaluator, LiveEvaluator)
    _check(searcher, evaluator)
    as_begun(evaluator, own, settings.recorded("evaluator"))
    if isinstance(evaluator, SupernetEvaluator) and evaluator.network.size > LARGE:
        check_weights(lambda: evaluator.network.build(evaluator.source.classes, evaluator.source.side))
    source, truth = evaluator.source, own.truth(evaluator.space)
    longest = searcher.epochs_on(evaluator)
    epochs = longest and min(longest, own.epochs or longest)
    if own.keep_every and not epochs:
        raise BadSetting(
            f"--keep-every {own.keep_every}: {searcher.name} has no epochs to keep: leave it out"
        )
    options = {**task.options, **source.where}
    leaves = group.is_rank_zero and own.leaves_checkpoint
    checkpoint = _checkpoint(searcher, task, folder, options) if leaves else None

    def each_epoch(epoch: int, *_: object) -> Json:
        facts = epoch_facts(searcher, evaluator, truth, epoch, epochs or 1)
        tell(facts.line(epoch, epochs or 0))
        if epoch == 0 and epochs and epochs > 1:
            tell(remaining(float(evaluator.ledger.wall_s[0]), epochs - 1))
        if facts.warning:
            tell(f"warning: {facts.warning}")
        if not (stage := searcher.stage()):
            return facts.plain()
        told = {**facts.plain(), **stage.plain(), "warm_up": stage.warming}
        if stage.derived:
            sample = Stream(task.seed, f"tau of stage {stage.number}")
            end = end_of_stage(stage, stage.derived, evaluator, truth, sample, folder, epochs or 0)
            tell(end.line(stage))
            told |= end.plain()
        return told

    def begun() -> None:
        _tell_settings(searcher, evaluator, task, epochs, tell)
        if own.keep_every and epochs and isinstance(evaluator, SupernetEvaluator):
            tell(f"{room_for_kept(evaluator, epochs, own.keep_every, folder)} in {folder / 'checkpoint'}")

    record = SampledRun(
        folder,
        {
            "command": task.command,
            "options": options,
            "images": source.record(),
            "device": evaluator.device.title,
            **settings.origin,
        },
        resume=settings.resume,
        save_every_s=SAVE_EVERY_S,
        each_epoch=each_epoch if epochs else None,
        keep_epoch=_kept(checkpoint, searcher, evaluator),
        keep_every=own.keep_every,
        files=TENSOR_FILES,
        board=Board(folder / "tensorboard", of_search, tell) if epochs else None,
        tell=tell,
    )
    recorder = RankZeroRecorder(group, record if group.is_rank_zero else None)
    if not epochs:
        recorder.hear = _Evaluations(evaluator, settings.evaluations, tell, show)
    outcome = run(
        searcher,
        evaluator,
        settings.limits(own.epochs if epochs else None),
        seed=task.seed,
        recorder=recorder,
        progress=_shown(show, evaluator.steps_per_epoch * epochs) if show and epochs else None,
        agree=recorder.agree,
        begun=begun,
    )
    if not outcome.finished:
        raise Interrupted("interrupted")

    def found() -> LiveFound:
        result = result_of(folder)
        save_result(folder / "results.h5", result)
        (best,) = result.found
        assert best, "a search that finished was answered"
        codes = best.space.codes([best])
        told = _measured(evaluator, codes)
        return LiveFound(
            searcher=result.searcher,
            dataset=result.dataset,
            seed=task.seed,
            found=best.text,
            official_index=best.index if best.space.indexed else None,
            accuracy=float(told.valid[0]),
            accuracy_meaning=told.meaning["valid"],
            test_accuracy=None if told.test is None else float(told.test[0]),
            test_meaning=told.meaning.get("test", ""),
            points=int(result.points[0]),
            evaluations=None if epochs else int(result.evaluations[0]),
            wall_s=result.wall_s,
            folder=folder,
            note="; ".join(filter(None, (searcher.note_of(codes), source.note))),
            gap=total_gap(result.settings, codes, truth) if truth else None,
            checkpoint=checkpoint.path if checkpoint and checkpoint.path.exists() else None,
            final=final_choice(searcher, evaluator, own, folder),
        )

    return group.broadcast(found)


class _Evaluations:
    """A line for each evaluation of a sampling search, which may take minutes."""

    def __init__(self, evaluator: LiveEvaluator, total: int | None, tell: Tell, show: Show | None):
        self.evaluator, self.total, self.tell, self.show = evaluator, total, tell, show
        self.best = -np.inf

    def __call__(self, answers: Evaluations) -> None:
        """Tell the answers of a call."""
        rows = np.flatnonzero(answers.answered)
        done, of = int(self.evaluator.ledger.queries[0]), f"/{self.total:,}" if self.total else ""
        for number, row in enumerate(rows, done - len(rows) + 1):
            accuracy, seconds = answers.accuracy[row], answers.seconds[row]
            best = ", the best so far" if accuracy > self.best else ""
            self.best = max(self.best, accuracy)
            text = self.evaluator.space.format(answers.codes[row].tolist())
            self.tell(f"evaluation {number:,}{of}, {accuracy:.2f} %, {seconds:.1f} s, {text}{best}")
        if self.show and self.total:
            self.show(done, self.total)


def _measured(evaluator: LiveEvaluator, codes: np.ndarray) -> Report:
    """What the evaluator itself says of codes int8 [1, D]: a table may say something else."""
    shared = evaluator.shared_accuracy(codes)
    if shared is None:
        return evaluator.report(codes)
    assert isinstance(evaluator, SupernetEvaluator)
    return Report(shared, None, {"valid": evaluator.judged})


def _check(searcher: Searcher, evaluator: LiveEvaluator) -> None:
    """Raise BadSetting for a searcher that this evaluator cannot serve."""
    if isinstance(evaluator, SupernetEvaluator) and not searcher.learns and evaluator.start is None:
        raise BadSetting(
            f"{searcher.name} trains no shared weights: give --weights RUN, a live run that has trained them"
        )


def _kept(
    checkpoint: SearchCheckpoint | None, searcher: Searcher, evaluator: LiveEvaluator
) -> Callable[..., None] | None:
    if checkpoint is None or not isinstance(evaluator, SupernetEvaluator):
        return None
    return lambda epoch, facts, *_: checkpoint.save(epoch, facts, searcher, evaluator)


def _shown(show: Show, steps: int) -> Callable[[Progress], None]:
    return lambda now: show(now.step, steps)


def _tell_settings(
    searcher: Searcher, evaluator: LiveEvaluator, task: Task, epochs: int | None, tell: Tell
) -> None:
    """Tell what the settings became, the memory that it takes, and whether it looks at test images."""
    tell(f"{searcher.name}, seed {task.seed}: {_resolved(evaluator, epochs)}")
    tell(evaluator.source.about)
    warnings = blanks(evaluator.recipe.cutout, evaluator.source.side), searcher.remark(evaluator.space)
    for warning in filter(None, warnings):
        tell(f"warning: {warning}")
    if not epochs:
        tell(f"each evaluation is on {evaluator.asked_images:,} validation images")
    if isinstance(evaluator, SupernetEvaluator):
        if evaluator.network.remark:
            tell(f"warning: {evaluator.network.remark}")
        mixes = "slope" in searcher.needs and "one-hot slope" not in searcher.needs
        less = "" if mixes else " at most"
        tell(
            f"memory{less} {estimate_search(evaluator, mixes) / 1e6:,.0f} MB for weights and steps of "
            f"{evaluator.recipe.batch} images"
        )
        if evaluator.source.valid_on_test:
            tell(f"warning: {evaluator.source.note}")


def _resolved(evaluator: LiveEvaluator, epochs: int | None) -> str:
    told, recipe, device = evaluator.describe(), evaluator.recipe, evaluator.device
    images = ", ".join(f"{count:,}" for count in told.get("images", [len(evaluator.images)]))
    network = told.get("network") or {name: told[name] for name in ("channels", "cells") if name in told}
    facts = [f"{evaluator.source.name} ({images} images)", f"{evaluator.space.name} space"]
    facts += [f"{name.replace('_', ' ')} {value}" for name, value in network.items() if value is not None]
    facts += [f"cutout {recipe.cutout}" if recipe.cutout else ""]
    facts += [f"epochs {epochs}" if epochs else "", f"batch {recipe.batch}", device.words]
    facts += [f"{recipe.micro_batches} micro-batches" if recipe.micro_batches > 1 else ""]
    facts += [f"{device.group.world_size} processes" if device.group.world_size > 1 else ""]
    facts += [f"device {device.title}", f"{torch.get_num_threads()} threads"]
    note = "" if evaluator.source.valid_on_test else evaluator.source.note  # which is told as a warning
    return ", ".join(filter(None, facts)) + (f"\nnote: {note}" if note else "")


def _checkpoint(searcher: Searcher, task: Task, folder: Path, options: Json) -> SearchCheckpoint:
    """The published checkpoint, beside the default run folders or in the chosen one."""
    assert isinstance(task.evaluator, LiveSettings)
    default = task.evaluator.folder(searcher)
    beside = default if folder.resolve() == (default / f"seed-{task.seed}").resolve() else folder
    path = beside / "checkpoint" / f"seed-{task.seed}-basic.pth"
    return SearchCheckpoint(path, folder, options, task.settings.resume)
