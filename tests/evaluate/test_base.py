"""What an evaluator costs to add: a name, a ladder, an answer and a report; the base passes the contract for it."""

import numpy as np
import pytest

from nasreplay.errors import BadArchitecture, LacksCapability, NotMeasured
from nasreplay.evaluate.base import Answers, EvaluatorBase
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.protocol import MEAN, Evaluator, Fidelity, Report
from nasreplay.search import make, run
from nasreplay.spaces import TOPOLOGY, Space
from nasreplay.spaces.topology import OPERATIONS
from nasreplay.testing import BatchedContract, random_codes, random_mixture

SKIP = OPERATIONS.index("skip_connect")


class Skips(EvaluatorBase):
    """A proxy without training: the percentage of skip connections, two seconds an answer."""

    kind, dataset = "skips", "none"
    space: Space = TOPOLOGY

    def ladder(self):
        return (Fidelity("skips", 1),)

    def answer(self, codes, at, trial, replica):
        return Answers(self.percent(codes), np.full(len(codes), MEAN), np.full(len(codes), 2.0))

    def report(self, codes):
        return Report(self.percent(codes), None, {"valid": "percent of skip connections"})

    def percent(self, codes):
        return 100.0 * (codes == SKIP).mean(axis=1)


class OneAtATime(Skips):
    several = False


class TestContract(BatchedContract):
    def make(self):
        return Skips()


def test_it_is_an_evaluator_that_lacks_what_it_did_not_write():
    skips, mixture = Skips(), random_mixture(TOPOLOGY, 1)
    assert isinstance(skips, Evaluator)
    codes = random_codes(TOPOLOGY, 3)
    assert skips.answerable(codes).tolist() == [True] * 3
    assert skips.test_accuracy(codes) is skips.shared_accuracy(codes) is None
    assert (skips.missing, skips.epoch_metrics(), skips.learn(mixture)) == (0, {}, None)
    for call in (lambda: skips.slope(mixture), lambda: skips.learn(mixture, need_slope=True)):
        with pytest.raises(LacksCapability, match="skips has no slope: use a table or a supernet"):
            call()
    with pytest.raises(
        NotMeasured, match="none: epoch 2 of recipe skips is not on offer: epoch 1 of recipe skips"
    ):
        skips.fidelity(Fidelity("skips", 2))
    with pytest.raises(LacksCapability, match="skips serves one replica, asked for 2"):
        OneAtATime().begin(0, range(2), Budget())


def test_a_search_on_it_finds_what_it_rewards():
    result = run(make("rea"), Skips(), Budget(evaluations=150), seed=1, replicas=3)
    best = result.from_flat(result.found_flat)
    assert (best == SKIP).sum(axis=1).min() >= 5
    assert result.clock.max() == 300


def test_the_first_question_begins_a_run_of_one_replica_without_a_budget():
    skips = Skips()
    assert "ledger" not in vars(skips)
    answers = skips.evaluate(random_codes(TOPOLOGY, 1))
    assert (answers.clock[0], skips.ledger.queries.tolist()) == (2.0, [1])
    with pytest.raises(BadArchitecture):
        skips.evaluate(random_codes(TOPOLOGY, 1) + 100)
    assert skips.ledger.queries.tolist() == [1]
