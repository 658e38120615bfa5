"""What every searcher promises: on a table of many replicas, and on any other evaluator."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np

from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.protocol import Evaluator
from nasreplay.search.base import Searcher
from nasreplay.search.driver import InStep, run
from nasreplay.spaces import space_named
from nasreplay.testing.made_up import synthetic_table
from nasreplay.testing.promises import check

SEARCHER = "nasreplay.search.Searcher"
SAMPLING = "nasreplay.search.SamplingSearcher"
DRAWS = "random numbers come from self.draws(rows) alone"


def check_searcher(searcher: Searcher, evaluator: Evaluator | None = None) -> None:
    """Check a searcher against the promises of searchers; AssertionError tells of all that fail.

    evaluator: a table or another evaluator of many replicas that it is run on; by default a made-up table of its
    home space. The searcher itself is left as it is: every run has a copy.
    """

    class Chosen(SearcherContract):
        def make(self) -> Searcher:
            return deepcopy(searcher)

        def evaluator(self) -> Evaluator:
            return deepcopy(evaluator) if evaluator else synthetic_table(space_named(searcher.home))

    check(Chosen(), getattr(searcher, "name", type(searcher).__name__))


class LiveSearcherContract:
    """What every searcher promises on every evaluator that has what it needs, also on one of a single replica."""

    budget = Budget(evaluations=60, epochs=30)
    replicas = 1
    _usual: Any = None

    def make(self) -> Searcher:
        """A fresh searcher."""
        raise TypeError("give the contract a make() that returns a searcher")

    def evaluator(self) -> Evaluator:
        """The evaluator on which the searcher is run."""
        raise TypeError("give the contract an evaluator() that returns an evaluator")

    def outcome(self, replicas: int | range | None = None, seed: int = 5, recorder: Any = None) -> Any:
        """The result of a short run."""
        replicas = self.replicas if replicas is None else replicas
        return run(
            self.make(), self.evaluator(), self.budget, seed=seed, replicas=replicas, recorder=recorder
        )

    def usual(self) -> Any:
        """The outcome that several tests look at: it is made once."""
        kept = type(self).__dict__.get("_usual") or self.outcome()
        type(self)._usual = kept
        return kept

    def mark(self, searcher: Searcher, evaluator: Evaluator) -> tuple:
        """What a resumed run must repeat after every step; seconds that are measured never do."""
        return searcher.incumbent().tobytes(), evaluator.ledger.queries.tobytes()

    def test_names_its_source_and_settings(self):
        searcher = self.make()
        for fact in ("name", "source"):
            text = getattr(searcher, fact, None)
            assert isinstance(text, str) and text != "", (  # noqa: PT018
                f"class attribute `{fact}` is a text, not {text!r} ({SEARCHER})"
            )
        try:
            kept = json.loads(json.dumps(searcher.settings()))
        except (TypeError, ValueError) as problem:
            raise AssertionError(
                f"fields are JSON values, for run.json: {problem} ({SEARCHER}.settings)"
            ) from None
        assert kept.keys() == searcher.settings().keys(), (
            f"settings() has texts as names ({SEARCHER}.settings)"
        )

    def test_spends_its_budget_and_no_more(self):
        result = self.usual()
        assert result.finished, "the run comes to the end of its budget"
        idle = np.flatnonzero(result.points == 0)
        assert not len(idle), f"every replica asks or steps; {idle.tolist()} did not: index with live.rows"
        asked, limit = result.evaluations.max(), self.budget.evaluations or np.inf
        assert asked <= limit, (
            f"{asked} evaluations were charged to a budget of {limit}: ask by step's evaluator only"
        )

    def test_finds_an_architecture_of_the_space(self):
        size = self.evaluator().space.size
        result = self.usual()
        found = result.found_flat
        assert ((found >= 0) & (found < size)).all(), (
            f"incumbent() is codes int8 [R, D] of the space ({SEARCHER})"
        )
        last = result.incumbent_flat[np.arange(self.replicas), result.points - 1]
        assert np.array_equal(found, last), (
            "incumbent() at the end is the best that was told (or the last step's): keep it in self.state, and let "
            f"tell() use answers.codes and answers.replica ({SAMPLING})"
        )

    def test_same_seed_same_run_other_seed_other_run(self):
        one, again = self.usual(), self.outcome()
        assert np.array_equal(one.incumbent_flat, again.incumbent_flat), (
            f"the same seed gives the same run: {DRAWS}; and all that changes is set anew in begin()"
        )
        found = [self.outcome(seed=seed) for seed in (6, 7)]
        answers = [
            result.from_flat(result.incumbent_flat[result.incumbent_flat >= 0]) for result in (one, *found)
        ]
        assert len({codes.tobytes() for codes in answers}) > 1, f"another seed gives another run: {DRAWS}"

    def test_a_saved_state_continues_exactly(self):
        whole = _Saver(self.mark)
        self.outcome(recorder=whole)
        half = max(len(whole.trail) // 2, 1)
        stopped = _Saver(self.mark, at=half)
        self.outcome(recorder=stopped)
        resumed = _Saver(self.mark, start=stopped.saved)
        self.outcome(recorder=resumed)
        steps = zip(resumed.trail, whole.trail[half:], strict=False)
        first = next((step for step, (one, other) in enumerate(steps, half + 1) if one != other), None)
        assert resumed.trail == whole.trail[half:], (
            f"a run that is saved after step {half} and loaded goes on as before, and here differs "
            f"{'in its length' if first is None else f'from step {first} on'}: what a step changes "
            f"lives in self.state, arrays whose first axis is the replica ({SEARCHER}.state_dict)"
        )

    def test_a_step_cannot_reach_test_numbers(self):
        seen = InStep(self.evaluator(), self.evaluator().space)
        reached = [name for name in ("report", "test") if hasattr(seen, name)]
        assert not reached, f"what a step sees has no {reached} (search.driver.InStep)"
        searcher = self.make()
        evaluator = self.evaluator()

        def forbidden(codes: np.ndarray) -> Any:
            raise AssertionError("a searcher asked for a report")

        evaluator.report = forbidden
        run(searcher, evaluator, self.budget, seed=1, replicas=self.replicas)


class SearcherContract(LiveSearcherContract):
    """What every searcher promises besides on an evaluator that serves several replicas: a table by default."""

    replicas = 3

    def evaluator(self) -> Evaluator:
        """The evaluator on which the searcher is run; a synthetic table by default."""
        return synthetic_table()

    def mark(self, searcher: Searcher, evaluator: Evaluator) -> tuple:
        """Add the simulated seconds: here they are exact."""
        return *super().mark(searcher, evaluator), evaluator.ledger.simulated_s.tobytes()

    def test_a_replica_is_the_same_in_any_batch(self):
        together = self.outcome(range(5))
        for row in (0, 3):
            alone = self.outcome(range(row, row + 1))
            for name in ("found_flat", "incumbent_flat", "clock", "evaluated_flat", "observed", "trial"):
                one, other = (
                    np.atleast_1d(x) for x in (getattr(together, name)[row], getattr(alone, name)[0])
                )
                assert np.array_equal(one[: other.size], other, equal_nan=other.dtype.kind == "f"), (
                    f"`{name.removesuffix('_flat')}` of replica {row} is the same alone as among five: {DRAWS}; "
                    "index with live.rows or answers.replica, and sum over no replicas"
                )


class _Saver:
    """A recorder that keeps every step's mark and one state."""

    def __init__(self, mark: Callable[..., tuple], *, at: int = 0, start: dict[str, Any] | None = None):
        self.mark, self.at, self.begin, self.saved, self.trail = mark, at, start, None, []

    def start(self, header: dict[str, Any], searcher: Searcher, evaluator: Evaluator) -> int:
        if not self.begin:
            return 0
        searcher.load_state_dict(self.begin["searcher"])
        evaluator.load_state_dict(self.begin["evaluator"])
        return self.begin["step"]

    def answers(self, answers: Any) -> None:
        pass

    def step(self, step: int, live: Any, searcher: Searcher, evaluator: Evaluator) -> None:
        self.trail.append(self.mark(searcher, evaluator))
        if step == self.at:
            state = {"step": step, "searcher": searcher.state_dict(), "evaluator": evaluator.state_dict()}
            self.saved = deepcopy(state)  # the weights in it go on learning

    def end(self, step: int, finished: bool, searcher: Searcher, evaluator: Evaluator) -> None:
        pass

    def close(self) -> None:
        pass
