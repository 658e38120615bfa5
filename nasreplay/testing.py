"""The contract suite: tests that every evaluator and every searcher must pass, by capability. Needs pytest.

Subclass what fits and give `make`; pytest runs the inherited tests:

    class TestMyEvaluator(EvaluatorContract, BatchedContract, SlopeContract, ExactSlopeContract):
        def make(self):
            return MyEvaluator(...)

    class TestMySearcher(SearcherContract):
        def make(self):
            return MySearcher(...)

SearcherContract runs on a made-up table; LiveSearcherContract asks for an evaluator(), of one replica if need be.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import pytest

from nasreplay.errors import BadArchitecture, BadSetting, NotMeasured
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.protocol import Evaluator, Fidelity, Mixture
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.evaluate.table.fidelity import FidelityTable
from nasreplay.search.base import Searcher
from nasreplay.search.driver import InStep, run
from nasreplay.seeds import Stream
from nasreplay.spaces import TOPOLOGY, Space


def synthetic_table(space: Space = TOPOLOGY, trials: int = 3, **settings: Any) -> TableEvaluator:
    """A made-up table with an additive trend, interactions, trial noise and a missing trial here and there."""
    noise = Stream(7, f"synthetic/{space.name}").at()
    count = space.size
    effect = noise.normal(space.mask.size).reshape(space.mask.shape)
    trend = effect[np.arange(space.decisions), space.all_codes].sum(axis=1)
    pairs = np.sin(space.all_codes @ np.arange(1, space.decisions + 1))
    accuracy = (
        60 + 4 * trend[:, None] + 3 * pairs[:, None] + noise.normal(count * trials).reshape(count, trials)
    )
    if trials > 1:
        accuracy[noise.uniform(count)[0] < 0.4, -1] = np.nan
    seconds = 1000 + 200 * noise.uniform(count)[0] + 30 * space.all_codes.sum(axis=1)
    level = FidelityTable(Fidelity("200", 200), np.clip(accuracy, 1, 99), seconds, [777, 888, 999][:trials])
    return TableEvaluator(space, [level], dataset="synthetic", **settings)


def random_codes(space: Space, count: int, seed: int = 0) -> np.ndarray:
    """Uniform codes int8 [count, D]."""
    return space.sample(Stream(seed, "codes", range(count)).at())


def random_mixture(space: Space, count: int, seed: int = 0) -> Mixture:
    """Interior mixtures with every operation active."""
    raw = Stream(seed, "mixture", range(count)).at().uniform(space.mask.size) + 0.05
    weights = raw.reshape(count, *space.mask.shape) * space.mask
    return Mixture(weights / weights.sum(-1, keepdims=True), np.tile(space.mask, (count, 1, 1)))


def vertex_mixture(space: Space, codes: np.ndarray) -> Mixture:
    """The one-hot mixtures of codes [N, D] (spaces whose decisions are their edges)."""
    weights = space.embed(codes)
    return Mixture(weights, weights > 0)


class EvaluatorContract:
    """What every evaluator promises."""

    def make(self) -> Evaluator:
        """A fresh evaluator."""
        raise TypeError("give the contract a make() that returns an evaluator")

    def started(self, budget: Budget | None = None, replicas: int = 1) -> Evaluator:
        """The evaluator at the start of a run of seed 1."""
        evaluator = self.make()
        evaluator.begin(1, range(replicas), budget or Budget())
        return evaluator

    def test_describes_itself_in_json(self):
        described = self.make().describe()
        assert {"evaluator", "space"} <= described.keys()
        assert json.loads(json.dumps(described)) == described

    def test_ladder_is_what_it_answers(self):
        evaluator = self.started()
        assert evaluator.ladder()
        for at in evaluator.ladder():
            answers = evaluator.evaluate(random_codes(evaluator.space, 1), at=at)
            assert answers.at == at
            assert 0 <= answers.accuracy[0] <= 100

    def test_ledger_is_the_sum_of_the_answers(self):
        evaluator = self.started()
        asked = [evaluator.evaluate(random_codes(evaluator.space, 1, seed)) for seed in range(4)]
        total = 0.0
        for answers in asked:
            total += answers.seconds[0]
            assert answers.clock[0] == total
        assert evaluator.ledger.simulated_s[0] == total
        assert evaluator.ledger.queries[0] == 4

    def test_the_crossing_evaluation_is_kept_and_the_next_one_not_answered(self):
        evaluator = self.started(Budget(evaluations=2))
        codes = random_codes(evaluator.space, 3)
        answers = evaluator.evaluate(codes, replica=np.zeros(3, dtype=np.int64))
        assert answers.answered.tolist() == [True, True, False]
        assert evaluator.ledger.queries[0] == 2
        assert evaluator.ledger.simulated_s[0] == answers.clock[1]
        assert evaluator.ledger.spent()[0] >= 1

    def test_bad_questions_are_refused_and_charge_nothing(self):
        evaluator = self.started()
        good = random_codes(evaluator.space, 1)
        with pytest.raises(BadArchitecture):
            evaluator.evaluate(good + 100)
        with pytest.raises(BadArchitecture):
            evaluator.evaluate(good[:, :-1])
        with pytest.raises(NotMeasured):
            evaluator.evaluate(good, at=Fidelity("no such recipe", 1))
        with pytest.raises(BadSetting):
            evaluator.evaluate(np.concatenate([good, good]))
        assert evaluator.ledger.queries[0] == 0
        assert evaluator.ledger.simulated_s[0] == 0

    def test_state_round_trip(self):
        first, second = self.started(), self.started()
        codes = random_codes(first.space, 1)
        first.evaluate(codes)
        second.load_state_dict(first.state_dict())
        assert second.ledger.simulated_s[0] == first.ledger.simulated_s[0]
        for seed in range(3):
            codes = random_codes(first.space, 1, seed)
            one, other = first.evaluate(codes), second.evaluate(codes)
            assert (one.accuracy[0], one.trial[0]) == (other.accuracy[0], other.trial[0])
        assert second.ledger.queries[0] == first.ledger.queries[0] == 4

    def test_report_is_free(self):
        evaluator = self.started()
        report = evaluator.report(random_codes(evaluator.space, 2))
        assert report.valid.shape == (2,)
        assert report.meaning["valid"]
        assert evaluator.ledger.queries[0] == 0


class BatchedContract(EvaluatorContract):
    """What an evaluator that serves many replicas promises besides."""

    def test_a_replica_gets_the_same_answers_in_any_batch(self):
        together, alone = self.started(replicas=7), self.make()
        alone.begin(1, range(3, 4), Budget())
        for seed in range(5):
            codes = random_codes(together.space, 7, seed)
            one, other = together.evaluate(codes), alone.evaluate(codes[3:4])
            assert one.accuracy[3] == other.accuracy[0]
            assert one.trial[3] == other.trial[0]
            assert one.clock[3] == other.clock[0]

    def test_several_questions_of_a_replica_equal_one_by_one(self):
        at_once, one_by_one = self.started(replicas=2), self.started(replicas=2)
        codes = random_codes(at_once.space, 6)
        replica = np.array([0, 1, 0, 0, 1, 0])
        answers = at_once.evaluate(codes, replica=replica)
        for row, asker in enumerate(replica):
            single = one_by_one.evaluate(codes[row : row + 1], replica=np.array([asker]))
            assert single.accuracy[0] == answers.accuracy[row]
            assert single.clock[0] == answers.clock[row]


class SlopeContract(EvaluatorContract):
    """What an evaluator with a slope promises: it is the gradient of its own loss, in central differences."""

    step = 1e-5
    tolerance = 1e-6

    def test_slope_equals_central_differences(self):
        evaluator = self.started()
        evaluator.begin_step()
        mixture = random_mixture(evaluator.space, 1)
        slope = evaluator.slope(mixture)
        for edge, option in np.argwhere(evaluator.space.mask)[::3]:
            loss = []
            for sign in (1, -1):
                weights = mixture.weights.copy()
                weights[0, edge, option] += sign * self.step
                loss.append(evaluator.slope(Mixture(weights, mixture.active)).loss[0])
            difference = (loss[0] - loss[1]) / (2 * self.step)
            assert abs(difference - slope.gradient[0, edge, option]) < self.tolerance

    def test_learn_with_need_slope_answers_a_slope(self):
        evaluator = self.started()
        evaluator.begin_step()
        slope = evaluator.learn(random_mixture(evaluator.space, 1), need_slope=True)
        assert slope is not None
        assert slope.gradient.shape == (1, *evaluator.space.mask.shape)


class ExactSlopeContract(BatchedContract):
    """What the exact slope of a table promises: the multilinear extension of what it answers, for nothing."""

    def test_vertex_slope_is_the_error_that_evaluate_tells(self):
        evaluator = self.started(replicas=5)
        codes = random_codes(evaluator.space, 5)
        slope = evaluator.slope(vertex_mixture(evaluator.space, codes))
        told = evaluator.evaluate(codes, trial="mean").accuracy
        np.testing.assert_allclose(slope.loss, 1 - told / 100, rtol=0, atol=1e-14)

    def test_vertex_gradient_is_the_error_of_the_neighbours(self):
        evaluator = self.started()
        codes = random_codes(evaluator.space, 1)
        slope = evaluator.slope(vertex_mixture(evaluator.space, codes))
        for edge, option in np.argwhere(evaluator.space.mask):
            neighbour = codes.copy()
            neighbour[0, edge] = option
            told = evaluator.evaluate(neighbour, trial="mean").accuracy[0]
            assert abs(slope.gradient[0, edge, option] - (1 - told / 100)) < 1e-14

    def test_interior_slope_is_the_expectation_by_enumeration(self):
        evaluator = self.started()
        space, mixture = evaluator.space, random_mixture(evaluator.space, 1)
        slope = evaluator.slope(mixture)
        row = mixture.weights[0]
        factors = row[np.arange(space.edges), space.all_codes]  # [A, E]
        every = evaluator.evaluate(
            space.all_codes, trial="mean", replica=np.zeros(space.size, dtype=np.int64)
        )
        error = 1 - every.accuracy / 100
        assert abs(factors.prod(axis=1) @ error - slope.loss[0]) < 1e-10
        for edge, option in np.argwhere(space.mask):
            others = np.delete(factors, edge, axis=1).prod(axis=1)
            expected = (others * error)[space.all_codes[:, edge] == option].sum()
            assert abs(expected - slope.gradient[0, edge, option]) < 1e-10

    def test_slope_does_not_depend_on_the_batch(self):
        evaluator = self.started(replicas=130)
        mixture = random_mixture(evaluator.space, 130)
        together = evaluator.slope(mixture)
        for row in (0, 63, 64, 129):
            part = slice(row, row + 1)
            alone = evaluator.slope(
                Mixture(mixture.weights[part], mixture.active[part]), replica=np.array([row])
            )
            assert np.array_equal(alone.gradient[0], together.gradient[row])
            assert alone.loss[0] == together.loss[row]

    def test_slope_charges_nothing_and_second_order_is_first_order(self):
        evaluator = self.started()
        mixture = random_mixture(evaluator.space, 1)
        one, two = evaluator.slope(mixture), evaluator.slope(mixture, order=2)
        assert one.exact
        assert np.array_equal(one.gradient, two.gradient)
        assert evaluator.ledger.queries[0] == 0
        assert evaluator.ledger.simulated_s[0] == 0

    def test_learn_changes_nothing(self):
        evaluator = self.started()
        mixture = random_mixture(evaluator.space, 1)
        before = evaluator.slope(mixture)
        assert evaluator.learn(mixture) is None
        assert np.array_equal(before.gradient, evaluator.slope(mixture).gradient)


class LiveSearcherContract:
    """What every searcher promises on every evaluator that has what it needs, also on one of a single replica."""

    budget = Budget(evaluations=60, epochs=30)
    replicas = 1

    def make(self) -> Searcher:
        """A fresh searcher."""
        raise TypeError("give the contract a make() that returns a searcher")

    def evaluator(self) -> Evaluator:
        """What it is run on."""
        raise TypeError("give the contract an evaluator() that returns an evaluator")

    def outcome(self, replicas: int | range | None = None, seed: int = 5, recorder: Any = None) -> Any:
        """The result of a short run."""
        replicas = self.replicas if replicas is None else replicas
        return run(
            self.make(), self.evaluator(), self.budget, seed=seed, replicas=replicas, recorder=recorder
        )

    def mark(self, searcher: Searcher, evaluator: Evaluator) -> tuple:
        """What a resumed run must repeat after every step; seconds that are measured never do."""
        return searcher.incumbent().tobytes(), evaluator.ledger.queries.tobytes()

    def test_names_its_source_and_settings(self):
        searcher = self.make()
        assert searcher.name
        assert searcher.source
        assert json.loads(json.dumps(searcher.settings())).keys() == searcher.settings().keys()

    def test_spends_its_budget_and_no_more(self):
        result = self.outcome()
        assert result.finished
        assert (result.points > 0).all()
        assert result.evaluations.max() <= (self.budget.evaluations or np.inf)

    def test_finds_an_architecture_of_the_space(self):
        size = self.evaluator().space.size
        result = self.outcome()
        assert ((result.found >= 0) & (result.found < size)).all()
        last = result.incumbent[np.arange(self.replicas), result.points - 1]
        assert np.array_equal(result.found, last)

    def test_same_seed_same_run_other_seed_other_run(self):
        one, again = self.outcome(), self.outcome()
        assert np.array_equal(one.incumbent, again.incumbent)
        found = [self.outcome(seed=seed) for seed in (6, 7)]
        answers = [result.codes(result.incumbent[result.incumbent >= 0]) for result in (one, *found)]
        assert len({codes.tobytes() for codes in answers}) > 1

    def test_a_saved_state_continues_exactly(self):
        whole = _Saver(self.mark)
        self.outcome(recorder=whole)
        half = max(len(whole.trail) // 2, 1)
        stopped = _Saver(self.mark, at=half)
        self.outcome(recorder=stopped)
        resumed = _Saver(self.mark, start=stopped.saved)
        self.outcome(recorder=resumed)
        assert resumed.trail == whole.trail[half:]

    def test_a_step_cannot_reach_test_numbers(self):
        seen = InStep(self.evaluator())
        assert not hasattr(seen, "report")
        assert not hasattr(seen, "test")
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
        """What it is run on; a synthetic table by default."""
        return synthetic_table()

    def mark(self, searcher: Searcher, evaluator: Evaluator) -> tuple:
        """With the simulated seconds: here they are exact."""
        return *super().mark(searcher, evaluator), evaluator.ledger.simulated_s.tobytes()

    def test_a_replica_is_the_same_in_any_batch(self):
        together = self.outcome(range(5))
        for row in (0, 3):
            alone = self.outcome(range(row, row + 1))
            for name in ("found", "incumbent", "clock", "evaluated", "observed", "trial"):
                one, other = (
                    np.atleast_1d(x) for x in (getattr(together, name)[row], getattr(alone, name)[0])
                )
                assert np.array_equal(one[: other.size], other, equal_nan=other.dtype.kind == "f"), name


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
