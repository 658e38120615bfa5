"""What every evaluator promises, by what it can do."""

from __future__ import annotations

import json
from copy import copy

import numpy as np

from nasreplay.errors import BadArchitecture, BadSetting, LacksCapability, NotMeasured
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.protocol import Evaluator, Fidelity, Mixture
from nasreplay.search.parts.samplers import vertex
from nasreplay.testing.made_up import random_codes, random_mixture
from nasreplay.testing.promises import check, refused

BASE = "nasreplay.evaluate.base.EvaluatorBase"
CHARGE = f"charge each answer once, as {BASE}.evaluate does by Ledger.charge"
CHECK = f"Space.check_codes does it, and {BASE}.evaluate calls it first"
STATE = f"{BASE}.state_dict and load_state_dict; add what else has memory"
ALONE = "an answer depends on its replica and its questions, never on others in the batch (seeds.Stream)"


def check_evaluator(evaluator: Evaluator) -> None:
    """Check copies of an evaluator against the promises for its abilities; AssertionError names all that fail."""

    class Chosen(*_contracts(copy(evaluator))):
        def make(self) -> Evaluator:
            return copy(evaluator)

    check(Chosen(), evaluator.describe()["evaluator"])


def _contracts(evaluator: Evaluator) -> tuple[type, ...]:
    """The suites for its abilities, the most special first."""
    try:
        evaluator.begin(1, range(2), Budget())
    except LacksCapability:
        return (EvaluatorContract,)
    if "slope" not in evaluator.abilities:
        return (BatchedContract,)
    exact = evaluator.slope(random_mixture(evaluator.space, 2)).exact
    return (SlopeContract, ExactSlopeContract) if exact else (BatchedContract,)


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
        lacking = {"evaluator", "space", "dataset"} - described.keys()
        assert not lacking, (
            f"describe() lacks {', '.join(sorted(lacking))}; it is what run.json records ({BASE}.describe has them)"
        )
        try:
            again = json.loads(json.dumps(described))
        except (TypeError, ValueError) as problem:
            raise AssertionError(
                f"describe() is JSON values, texts and numbers and lists of them: {problem}"
            ) from None
        assert again == described, (
            f"describe() has values that JSON changes, tuples say: {described}, then {again}"
        )

    def test_ladder_is_what_it_answers(self):
        evaluator = self.started()
        assert evaluator.ladder(), "ladder() has one Fidelity or more, cheapest first (evaluate.protocol)"
        for at in evaluator.ladder():
            answers = evaluator.evaluate(random_codes(evaluator.space, 1), at=at)
            assert answers.at == at, f"evaluate(at={at!r}) answers at it, not at {answers.at!r}"
            told = answers.accuracy[0]
            assert 0 <= told <= 100, f"an accuracy at {at} is percent, 0 to 100, not {told}"

    def test_ledger_is_the_sum_of_the_answers(self):
        evaluator = self.started()
        asked = [evaluator.evaluate(random_codes(evaluator.space, 1, seed)) for seed in range(4)]
        total = 0.0
        for answers in asked:
            total += answers.seconds[0]
            assert answers.clock[0] == total, (
                f"the clock after an answer is the sum of seconds, {total}: {CHARGE}"
            )
        assert evaluator.ledger.simulated_s[0] == total, f"the ledger has {total} simulated seconds: {CHARGE}"
        queries = evaluator.ledger.queries[0]
        assert queries == 4, f"4 questions are charged as 4, not {queries}: {CHARGE}"

    def test_the_crossing_evaluation_is_kept_and_the_next_one_not_answered(self):
        evaluator = self.started(Budget(evaluations=2))
        codes = random_codes(evaluator.space, 3)
        answers = evaluator.evaluate(codes, replica=np.zeros(3, dtype=np.int64))
        assert answers.answered.tolist() == [True, True, False], (
            f"of 3 questions to a budget of 2 the third is not answered, not {answers.answered.tolist()}: {CHARGE}"
        )
        queries = evaluator.ledger.queries[0]
        assert queries == 2, f"only answered questions are charged, 2, not {queries}: {CHARGE}"
        assert evaluator.ledger.simulated_s[0] == answers.clock[1], (
            f"the clock stops at the last answer: {CHARGE}"
        )
        assert evaluator.ledger.spent()[0] >= 1, f"the budget is spent: {CHARGE}"

    def test_bad_questions_are_refused_and_charge_nothing(self):
        evaluator = self.started()
        good = random_codes(evaluator.space, 1)
        with refused(BadArchitecture, "evaluate with an option that no decision has", CHECK):
            evaluator.evaluate(good + 100)
        with refused(BadArchitecture, "evaluate with a decision too few", CHECK):
            evaluator.evaluate(good[:, :-1])
        with refused(NotMeasured, "evaluate at a fidelity that ladder() has not", f"{BASE}.fidelity does it"):
            evaluator.evaluate(good, at=Fidelity("no such recipe", 1))
        with refused(BadSetting, "2 questions of 1 replica without replica=", "Ledger.rows does it"):
            evaluator.evaluate(np.concatenate([good, good]))
        queries, seconds = evaluator.ledger.queries[0], evaluator.ledger.simulated_s[0]
        assert queries == seconds == 0, (
            f"a refused question charges nothing, here {queries} questions and {seconds} s: check before `charge`"
        )

    def test_state_round_trip(self):
        first, second = self.started(), self.started()
        codes = random_codes(first.space, 1)
        first.evaluate(codes)
        second.load_state_dict(first.state_dict())
        assert second.ledger.simulated_s[0] == first.ledger.simulated_s[0], (
            f"state_dict() has the clock: {STATE}"
        )
        for seed in range(3):
            codes = random_codes(first.space, 1, seed)
            one, other = first.evaluate(codes), second.evaluate(codes)
            told, again = (one.accuracy[0], one.trial[0]), (other.accuracy[0], other.trial[0])
            assert told == again, (
                f"after load_state_dict the answer is {told} (accuracy, trial), not {again}: {STATE}"
            )
        queries = second.ledger.queries[0], first.ledger.queries[0]
        assert queries == (4, 4), f"state_dict() has the questions, 4 by then, not {queries}: {STATE}"

    def test_report_is_free(self):
        evaluator = self.started()
        report = evaluator.report(random_codes(evaluator.space, 2))
        shape = np.shape(report.valid)
        assert shape == (2,), (
            f"report(codes [2, D]).valid has shape (2,), not {shape} (evaluate.protocol.Report)"
        )
        assert report.meaning.get("valid"), 'Report.meaning["valid"] says in words what the accuracy is'
        queries = evaluator.ledger.queries[0]
        assert queries == 0, (
            f"a report charges nothing, here {queries} questions: it must not call `evaluate`"
        )


class BatchedContract(EvaluatorContract):
    """What an evaluator that serves many replicas promises besides."""

    def test_a_replica_gets_the_same_answers_in_any_batch(self):
        together, alone = self.started(replicas=7), self.make()
        alone.begin(1, range(3, 4), Budget())
        for seed in range(5):
            codes = random_codes(together.space, 7, seed)
            one, other = together.evaluate(codes), alone.evaluate(codes[3:4])
            for name in ("accuracy", "trial", "clock"):
                told, again = getattr(one, name)[3], getattr(other, name)[0]
                assert told == again, f"{name} of replica 3 among 7 is {told}, alone {again}: {ALONE}"

    def test_several_questions_of_a_replica_equal_one_by_one(self):
        at_once, one_by_one = self.started(replicas=2), self.started(replicas=2)
        codes = random_codes(at_once.space, 6)
        replica = np.array([0, 1, 0, 0, 1, 0])
        answers = at_once.evaluate(codes, replica=replica)
        for row, asker in enumerate(replica):
            single = one_by_one.evaluate(codes[row : row + 1], replica=np.array([asker]))
            for name in ("accuracy", "clock"):
                told, again = getattr(answers, name)[row], getattr(single, name)[0]
                assert told == again, (
                    f"{name} of question {row} of 6 at once is {told}, one by one {again}: {ALONE}"
                )


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
            gradient = slope.gradient[0, edge, option]
            assert abs(difference - gradient) < self.tolerance, (
                f"gradient of edge {edge}, operation {option} is {gradient}, and by central differences {difference}"
            )

    def test_learn_with_need_slope_answers_a_slope(self):
        evaluator = self.started()
        evaluator.begin_step()
        slope = evaluator.learn(random_mixture(evaluator.space, 1), need_slope=True)
        assert slope is not None, "learn(need_slope=True) returns a Slope (evaluate.protocol)"
        shape, wanted = slope.gradient.shape, (1, *evaluator.space.mask.shape)
        assert shape == wanted, f"a gradient has shape [N, E, O], here {wanted}, not {shape}"


class ExactSlopeContract(BatchedContract):
    """What the exact slope of a table promises: the multilinear extension of what it answers, for nothing."""

    def test_vertex_slope_is_the_error_that_evaluate_tells(self):
        evaluator = self.started(replicas=5)
        codes = random_codes(evaluator.space, 5)
        slope = evaluator.slope(vertex(evaluator.space, codes))
        told = evaluator.evaluate(codes, trial="mean").accuracy
        np.testing.assert_allclose(slope.loss, 1 - told / 100, rtol=0, atol=1e-14)

    def test_vertex_gradient_is_the_error_of_the_neighbors(self):
        evaluator = self.started()
        codes = random_codes(evaluator.space, 1)
        slope = evaluator.slope(vertex(evaluator.space, codes))
        for edge, option in np.argwhere(evaluator.space.mask):
            neighbor = codes.copy()
            neighbor[0, edge] = option
            told = evaluator.evaluate(neighbor, trial="mean").accuracy[0]
            gradient, wanted = slope.gradient[0, edge, option], 1 - told / 100
            assert abs(gradient - wanted) < 1e-14, (
                f"gradient of edge {edge}, operation {option} at a vertex is the neighbor's error {wanted}, "
                f"not {gradient}"
            )

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
        wanted = factors.prod(axis=1) @ error
        assert abs(wanted - slope.loss[0]) < 1e-10, (
            f"loss is the expected error {wanted}, not {slope.loss[0]}"
        )
        for edge, option in np.argwhere(space.mask):
            others = np.delete(factors, edge, axis=1).prod(axis=1)
            expected = (others * error)[space.all_codes[:, edge] == option].sum()
            gradient = slope.gradient[0, edge, option]
            assert abs(expected - gradient) < 1e-10, (
                f"gradient of edge {edge}, operation {option} is the expected error {expected}, not {gradient}"
            )

    def test_slope_does_not_depend_on_the_batch(self):
        evaluator = self.started(replicas=130)
        mixture = random_mixture(evaluator.space, 130)
        together = evaluator.slope(mixture)
        for row in (0, 63, 64, 129):
            part = slice(row, row + 1)
            alone = evaluator.slope(
                Mixture(mixture.weights[part], mixture.active[part]), replica=np.array([row])
            )
            same = (
                np.array_equal(alone.gradient[0], together.gradient[row])
                and alone.loss[0] == together.loss[row]
            )
            assert same, (
                f"the slope of mixture {row} of 130 is the same alone, to the last bit (no sums over a batch)"
            )

    def test_slope_charges_nothing_and_second_order_is_first_order(self):
        evaluator = self.started()
        mixture = random_mixture(evaluator.space, 1)
        one, two = evaluator.slope(mixture), evaluator.slope(mixture, order=2)
        assert one.exact, "Slope.exact is True for the gradient of a whole table"
        assert np.array_equal(one.gradient, two.gradient), "order=2 equals order=1 where there are no weights"
        queries, seconds = evaluator.ledger.queries[0], evaluator.ledger.simulated_s[0]
        assert queries == seconds == 0, (
            f"an exact slope charges nothing, here {queries} questions and {seconds} s"
        )

    def test_learn_changes_nothing(self):
        evaluator = self.started()
        mixture = random_mixture(evaluator.space, 1)
        before = evaluator.slope(mixture)
        assert evaluator.learn(mixture) is None, "learn() returns nothing unless a slope is needed"
        same = np.array_equal(before.gradient, evaluator.slope(mixture).gradient)
        assert same, "learn() changes nothing where there are no weights"
