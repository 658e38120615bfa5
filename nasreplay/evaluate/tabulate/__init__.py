"""Filling a table from any evaluator: every table is an evaluator, and every evaluator can become a table.

Answers go to a log beside the pack and are on the disk before the next question. So a tabulation may be killed at
any moment: the same call goes on where the log ends and comes to the same bytes, if the evaluator gives the same
answers. When all is answered, the pack is written whole and the log removed.

Shapes: N architectures of one call. A flat index names an architecture; a trial is a seed, "mean", or None for an
evaluator that has no trials.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nasreplay.data import semantics
from nasreplay.data.custom_dataset import check_name
from nasreplay.data.pack import Pack
from nasreplay.errors import BadOutput, BadSetting, NotMeasured
from nasreplay.evaluate.protocol import Evaluator, Fidelity
from nasreplay.evaluate.tabulate.log import Answered, AnswerLog
from nasreplay.evaluate.tabulate.to_pack import finished, write_tabulated

CIRCUMSTANCES = ("trial", "device", "threads")  # described, but they don't decide which table it is
LARGEST = 10_000_000  # architectures of a space that a table can have
CHUNK_S = 1.0  # chunks grow until one takes about this long; a kill loses one of them

Trial = int | str | None


def tabulate(
    evaluator: Evaluator,
    codes: np.ndarray | None,
    out: str | Path,
    *,
    at: Fidelity | None = None,
    trial: Trial | Sequence[int] = None,
    shard: tuple[int, int] = (1, 1),
    chunk: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    command: str = "",
) -> Pack:
    """Ask an evaluator for architectures and write its answers as a pack; continues what was begun at `out`.

    codes: int [N, D], or None for the whole space. at: None is the highest fidelity. trial: "mean", a seed, several
    seeds, or None for what the evaluator is set to. shard (i, n): the i-th of n parts, counted from 1; join them
    with `to_pack.merge`. chunk: architectures asked at once, None for about a second's. progress(done, total).
    command: kept in the log, for who continues it.

    The evaluator is used as it is (trained, if it has weights). What it says that it has not measured stays NaN, and
    test accuracies are recorded where it has them. Raises BadSetting, NotMeasured or BadOutput.
    """
    out, asks, at = Path(out), _asks(evaluator, trial), evaluator.fidelity(at)
    flat = _asked(evaluator, codes)
    job = _job(evaluator, at, asks, flat, shard)
    mine = flat[shard[0] - 1 :: shard[1]]
    asker = _Asker(evaluator, at, asks, mine)
    if out.is_dir():
        raise BadOutput(f"{out}: a folder; name the .h5 file to write")
    log = AnswerLog(out.with_name(f"{out.name}.log"), command)
    if not log.path.exists() and (done := finished(out, job)):
        return done
    with log:
        rows = log.resume(job, mine)
        for answers in asker.answers(len(rows), chunk):
            log.append(answers)
            rows += answers
            if progress:
                progress(len(rows), len(mine))
        try:
            pack = write_tabulated(out, job, rows)
        except NotMeasured:
            log.remove()  # to go on with it would only come here again
            raise
        log.remove()
    return pack


# --- what is asked ---------------------------------------------------------------------------------


def _asks(evaluator: Evaluator, trial: Trial | Sequence[int]) -> tuple[Trial, ...]:
    """The trials to ask each architecture for."""
    trial = evaluator.describe().get("trial") if trial is None else trial
    if trial == "drawn":
        raise BadSetting("a table is not filled with drawn trials: choose mean, or seeds")
    if trial is None or isinstance(trial, int | str):
        return (trial,)
    return tuple(sorted({int(seed) for seed in trial}))


def _asked(evaluator: Evaluator, codes: np.ndarray | None) -> np.ndarray:
    """Flat indices int64, each once, in order."""
    space = evaluator.space
    if space.size > LARGEST:
        raise BadSetting(
            f"a table has a row for every architecture: {space.name} has {space.size:,}, too many"
        )
    if codes is None:
        return np.arange(space.size)
    flat = np.unique(space.flat(space.check_codes(codes)).astype(np.int64))
    if not len(flat):
        raise BadSetting("no architecture to tabulate")
    return flat


def _job(
    evaluator: Evaluator, at: Fidelity, asks: tuple[Trial, ...], flat: np.ndarray, shard: tuple[int, int]
) -> dict[str, Any]:
    """What decides the numbers, as JSON values; it becomes the source of the pack."""
    number, parts = shard
    if not 1 <= number <= parts <= len(flat):
        raise BadSetting(
            f"shard {number}/{parts}: it must be i/n with i from 1 to n and n at most {len(flat):,}, "
            "the number of architectures"
        )
    told = {name: value for name, value in evaluator.describe().items() if name not in CIRCUMSTANCES}
    if "weights" in evaluator.abilities:
        told["weights"] = digest_of_weights(evaluator)
    if told["dataset"] not in (*semantics.DATASETS, *semantics.FACTS):
        check_name(told["dataset"])
    digest = hashlib.sha256(flat.astype("<i8").tobytes()).hexdigest()[:16]
    job = {
        "space": evaluator.space.name,
        "dataset": told["dataset"],
        "at": _recipe(evaluator, at),
        "trials": asks,
        "evaluator": told,
        "asked": {digest: len(flat)},
        "shard": shard,
    }
    return json.loads(json.dumps(job))


def digest_of_weights(evaluator: Evaluator) -> str:
    """The digest of an evaluator's shared weights: with other weights it is another, whatever it describes."""
    found = hashlib.sha256()
    for name, values in evaluator.state_dict()["net"].items():
        plain = values.detach().cpu().double().numpy() if hasattr(values, "detach") else np.asarray(values)
        found.update(name.encode() + plain.tobytes())
    return found.hexdigest()[:16]


def _recipe(evaluator: Evaluator, at: Fidelity) -> Fidelity:
    """What the table calls it: epoch 12 of recipe 200 is the end neither of recipe 12 nor of recipe 200."""
    last = max(epoch for recipe, epoch in evaluator.ladder() if recipe == at.recipe)
    if at.epoch == last and (not at.recipe.isdecimal() or int(at.recipe) == at.epoch):
        return at
    return Fidelity(f"{at.recipe}-at-{at.epoch}", at.epoch)


# --- the answers -----------------------------------------------------------------------------------


class _Asker:
    """Asks one evaluator at one fidelity for the same trials of every architecture `flat` (indices int64)."""

    def __init__(self, evaluator: Evaluator, at: Fidelity, asks: tuple[Trial, ...], flat: np.ndarray):
        self.evaluator, self.at, self.asks, self.flat = evaluator, at, asks, flat
        codes = evaluator.space.from_flat(flat)
        self.answerable = {trial: evaluator.answerable(codes, at=at, trial=trial) for trial in asks}

    def answers(self, start: int, chunk: int | None) -> Iterator[list[Answered]]:
        """Chunk after chunk from the architecture number `start` on, an entry per architecture."""
        size = chunk or 1
        while start < len(self.flat):
            before = time.perf_counter()
            yield self._chunk(slice(start, start + size))
            start += size
            if chunk is None and time.perf_counter() - before < CHUNK_S / 2:
                size *= 2

    def _chunk(self, part: slice) -> list[Answered]:
        found = [Answered(flat, [], [], [], []) for flat in self.flat[part].tolist()]
        for trial in self.asks:
            rows = np.flatnonzero(self.answerable[trial][part])
            for row, *answer in zip(rows, *self._ask(self.flat[part][rows], trial), strict=True):
                for values, value in zip(found[row][1:], answer, strict=True):
                    values.append(value)
        return found

    def _ask(self, flat: np.ndarray, trial: Trial) -> tuple[list[Any], ...]:
        """(seeds, accuracies, seconds, test accuracies)."""
        if not len(flat):
            return [], [], [], []
        codes, replica = self.evaluator.space.from_flat(flat), np.zeros(len(flat), dtype=np.int64)
        answers = self.evaluator.evaluate(codes, at=self.at, trial=trial, replica=replica)
        if not answers.answered.all():
            raise BadSetting("the evaluator's budget is spent; a table is filled without a budget")
        tests = self.evaluator.test_accuracy(codes, at=self.at, trial=trial)
        tests = [math.nan] * len(codes) if tests is None else tests.tolist()
        return answers.trial.tolist(), answers.accuracy.tolist(), answers.seconds.tolist(), tests
