"""Climbing a ladder: the same searcher, streams and settings on evaluators that differ by one ingredient each."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nasreplay.errors import BadOutput, Interrupted
from nasreplay.evaluate.base import EvaluatorBase
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.protocol import Mixture
from nasreplay.files.atomic import write_whole
from nasreplay.files.text import MB
from nasreplay.files.typed import read_json
from nasreplay.jobs import silent
from nasreplay.jobs.remaining import in_words
from nasreplay.runs.attribution.attribution import Rung
from nasreplay.search import Searcher
from nasreplay.search.driver import Progress
from nasreplay.search.driver import run as run_on
from nasreplay.search.inside import inside

BLOCK = 25
"""Replicas that run at once; what they find does not depend on it."""


class Step(NamedTuple):
    """A rung that is to be climbed."""

    name: str
    """What it adds to the rung below, in a word or two."""
    exchanged: str
    """What it exchanges, a sentence."""
    open: Callable[[], EvaluatorBase] | None
    """Opens its evaluator, when its turn has come; None where it cannot be climbed."""
    reason: str = ""
    """Why not."""
    memory: Callable[[EvaluatorBase, int], int] | None = None
    """Bytes that the evaluator takes with so many replicas; None: not told."""


@dataclass(frozen=True)
class Ladder:
    """What is the same on all rungs."""

    searcher: Searcher
    """The searcher, with all its settings."""
    budget: Budget
    """What ends each search."""
    steps_per_epoch: int
    """Steps of an epoch of the run: those of an epoch on a table, too."""
    regrets: Callable[[np.ndarray], np.ndarray]
    """Regrets float64 [N], percent points, of codes int8 [N, D]."""
    seed: int
    """Root seed of replicas; single searches have this seed and the ones after it."""
    replicas: int = 100
    """Searches on evaluators that serve several at once."""
    seeds: int = 1
    """Searches on all others."""

    def climb(
        self,
        steps: Sequence[Step],
        kept: Path | None = None,
        tell: Callable[[str], None] = silent,
        show: Callable[[int, int, str], None] = silent,
    ) -> list[Rung]:
        """The rungs, each with the regrets of what its searches found.

        kept: a folder in which those of each block of replicas are kept, and looked for first. Time and memory of a
        rung are told before it begins. Raises what the searches raise, Interrupted after Ctrl-C, and BadOutput for
        files in `kept` that are damaged.
        """
        rungs = []
        for step in steps:
            if step.open is None:
                rungs.append(Rung(step.name, step.exchanged, reason=step.reason))
                tell(f"{step.name}: {step.reason}; the part is joined with the next one")
                continue
            rungs.append(Rung(step.name, step.exchanged, self.regrets(self._found(step, kept, tell, show))))
        return rungs

    def _found(self, step: Step, kept: Path | None, tell: Callable, show: Callable) -> np.ndarray:
        """int8 [n, D]: what the searches of a rung found, in the order of replicas or seeds."""
        assert step.open
        evaluator = step.open()
        space, count = evaluator.space, self.replicas if evaluator.several else self.seeds
        file = kept and kept / f"{step.name.replace(' ', '-')}.json"
        found = read_json(file, list[str], error=BadOutput)[:count] if file and file.exists() else []
        size = BLOCK if evaluator.several else 1
        if evaluator.several:
            evaluator.steps_per_epoch = self.steps_per_epoch
        if len(found) < count:
            tell(self._told(step, evaluator, count - len(found), min(size, count)))
        while len(found) < count:
            first = len(found)
            block = range(first, min(first + size, count))
            found += map(space.format, self._search(step, evaluator, block, count, show).tolist())
            if file:
                write_whole(file, json.dumps(found).encode() + b"\n")
        return space.codes(found)

    def _search(
        self, step: Step, evaluator: EvaluatorBase, block: range, count: int, show: Callable
    ) -> np.ndarray:
        """int8 [n, D]: what these replicas found, or the single search of this number."""

        def progress(now: Progress) -> None:
            show(round(1000 * (block.start + now.fraction * len(block))), 1000 * count, step.name)

        one = not evaluator.several
        result = run_on(
            copy(self.searcher),
            evaluator,
            self.budget,
            seed=self.seed + block.start * one,
            replicas=1 if one else block,
            progress=progress,
        )
        if not result.finished:
            raise Interrupted("interrupted: the same command goes on")
        return result.from_flat(result.found_flat)

    def _told(self, step: Step, evaluator: EvaluatorBase, count: int, block: int) -> str:
        """A line about a rung: how many searches, how long they take by the time of one step, and in what memory."""
        evaluator.begin(self.seed, range(block if evaluator.several else 1), Budget())
        seconds = min(self._seconds(evaluator, block) for _ in range(2))
        epochs = self.budget.epochs
        steps = epochs * evaluator.steps_per_epoch if epochs else self.budget.evaluations or 1
        what = "replicas" if evaluator.several else "search" if count == 1 else "searches"
        memory = f", {step.memory(evaluator, block) / MB:,.0f} MB" if step.memory else ""
        time_ = in_words(seconds * steps * -(-count // block))
        return f"{step.name}: {count:,} {what} of {steps:,} steps, about {time_}{memory}"

    def _seconds(self, evaluator: EvaluatorBase, block: int) -> float:
        """Seconds of one question, of the kind that the searcher asks."""
        rows, space, needs = np.arange(block), evaluator.space, self.searcher.needs
        codes = inside(evaluator).nearest(np.repeat((space.choices - 1)[None], block, axis=0).astype(np.int8))
        active = (
            space.embed(codes) > 0 if "one-hot slope" in needs else np.repeat(space.mask[None], block, axis=0)
        )
        mixture = Mixture(active / active.sum(axis=-1, keepdims=True), active)
        evaluator.begin_step()
        started = time.perf_counter()
        if "slope" in needs:
            evaluator.slope(mixture, replica=rows)
        else:
            evaluator.evaluate(codes, replica=rows)
        return time.perf_counter() - started
