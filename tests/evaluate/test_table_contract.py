from typing import Any

import numpy as np
import pytest

from nasreplay.errors import BadSetting, LacksCapability, NotMeasured
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.protocol import Mixture
from nasreplay.search.parts.samplers import softmax_vjp
from nasreplay.spaces import SIZE, TOPOLOGY, Space
from nasreplay.spaces.genotypes.derivation import softmax
from nasreplay.testing import (
    BatchedContract,
    ExactSlopeContract,
    SlopeContract,
    random_codes,
    random_mixture,
    synthetic_table,
    vertex_mixture,
)


class Uneven(Space):
    """A space with unequal numbers of choices, made for the tests."""

    name = "uneven"
    options = (("a", "b"), ("a", "b", "c"), ("a", "b", "c", "d"), ("a", "b", "c"))

    def parse(self, text):
        return tuple("abcd".index(letter) for letter in text)

    def format(self, codes):
        return "".join("abcd"[code] for code in codes)

    def mutate(self, codes, draws):
        return codes

    def parameters(self, codes, classes):
        return np.zeros(len(codes), dtype=np.int64)

    def flops(self, codes, classes, resolution):
        return np.zeros(len(codes), dtype=np.int64)


UNEVEN = Uneven()


class TestTopologyTable(SlopeContract, ExactSlopeContract):
    def make(self):
        return synthetic_table(TOPOLOGY)


class TestSizeTable(SlopeContract, ExactSlopeContract):
    def make(self):
        return synthetic_table(SIZE)


class TestUnevenTable(SlopeContract, ExactSlopeContract):
    def make(self):
        return synthetic_table(UNEVEN)


class TestOneTrial(BatchedContract):
    def make(self):
        return synthetic_table(TOPOLOGY, trials=1)


class TestMeanTrial(SlopeContract, ExactSlopeContract):
    def make(self):
        return synthetic_table(TOPOLOGY, trial="mean")


def test_drawn_trials_are_uniform_over_those_that_exist():
    table = synthetic_table()
    table.begin(0, range(1), Budget())
    level = table.levels[0]
    flat = int(np.flatnonzero(level.trials.count == 2)[0])
    codes = np.tile(TOPOLOGY.from_flat([flat]), (3000, 1))
    answers = table.evaluate(codes, replica=np.zeros(3000, dtype=np.int64))
    seeds, counts = np.unique(answers.trial, return_counts=True)
    assert seeds.tolist() == [777, 888]
    assert abs(counts[0] - 1500) < 150
    expected = {777: level.accuracy[flat, 0], 888: level.accuracy[flat, 1]}
    assert all(
        expected[t] == a for t, a in zip(answers.trial.tolist(), answers.accuracy.tolist(), strict=True)
    )


def test_a_missing_trial_is_not_measured_and_charges_nothing():
    table = synthetic_table()
    complete, lacking = (int(np.flatnonzero(table.levels[0].trials.count == n)[0]) for n in (3, 2))
    codes = TOPOLOGY.from_flat([complete, lacking])
    table.begin(0, range(2), Budget())
    with pytest.raises(NotMeasured, match="777, 888"):
        table.evaluate(codes, trial=999)
    assert table.ledger.queries.tolist() == [0, 0]
    with pytest.raises(NotMeasured, match="777, 888, 999"):
        table.evaluate(codes, trial=5)


def test_discard_drops_the_crossing_evaluation():
    table = synthetic_table()
    seconds = table.levels[0].seconds
    flat = np.arange(5)
    limit = float(seconds[:3].sum() + 1)
    table.begin(0, range(1), Budget(simulated_s=limit, overshoot="discard"))
    answers = table.evaluate(TOPOLOGY.from_flat(flat), replica=np.zeros(5, dtype=np.int64))
    assert answers.answered.tolist() == [True, True, True, False, False]
    assert table.ledger.simulated_s[0] == answers.clock[2] <= limit
    assert table.ledger.spent()[0] >= 1
    table.begin(0, range(1), Budget(simulated_s=limit))
    answers = table.evaluate(TOPOLOGY.from_flat(flat), replica=np.zeros(5, dtype=np.int64))
    assert answers.answered.tolist() == [True, True, True, True, False]


def test_budgets_must_be_positive():
    wrongs: list[dict[str, Any]] = [
        {"simulated_s": -1.0},
        {"evaluations": 0},
        {"epochs": -3},
        {"overshoot": "maybe"},
    ]
    for wrong in wrongs:
        with pytest.raises(BadSetting):
            Budget(**wrong)


def test_query_is_typed_and_equals_evaluate():
    table = synthetic_table()
    codes = random_codes(TOPOLOGY, 20)
    table.begin(0, range(20), Budget())
    told = table.evaluate(codes, trial="mean").accuracy
    for row, accuracy in zip(codes, told, strict=True):
        text = TOPOLOGY.format(row)
        answer = table.query(text)
        official = TOPOLOGY.architecture(text).official_index
        assert answer == table.query(official) == table.query(TOPOLOGY.architecture(text))
        assert (answer.accuracy, answer.split, answer.at.epoch) == (accuracy, "valid", 200)
        assert answer.trials in (2, 3)
    with pytest.raises(ValueError, match="15624"):
        table.query(15_625)
    assert table.query(0, trial=777).trials == 1


class TestSampledSlope:
    def made(self, k=4, replicas=1, budget=None):
        table = synthetic_table(gradient="sampled", samples=k)
        table.begin(3, range(replicas), budget or Budget())
        return table

    def test_every_draw_is_charged(self):
        table = self.made(k=6, replicas=2)
        slope = table.slope(random_mixture(TOPOLOGY, 2))
        assert not slope.exact
        assert table.ledger.queries.tolist() == [6, 6]
        assert (table.ledger.simulated_s > 6000).all()

    def test_unbiased_once_pushed_through_the_softmax(self):
        logits = np.log(random_mixture(TOPOLOGY, 1).weights)
        soft = softmax(logits)
        exact = synthetic_table().slope(Mixture(soft, soft > 0))
        expected = softmax_vjp(soft, 1.0, exact.gradient)[0]
        replicas = 20_000
        table = self.made(k=2, replicas=replicas)
        many = Mixture(np.repeat(soft, replicas, axis=0), np.ones((replicas, 6, 5), dtype=bool))
        pushed = softmax_vjp(many.weights, 1.0, table.slope(many).gradient)
        error = pushed.std(axis=0) / np.sqrt(replicas)
        assert (np.abs(pushed.mean(axis=0) - expected) < 5 * error).all()
        assert (error < np.abs(expected).max() / 10).all()  # the test can tell

    def test_one_hot_rows_are_refused_by_name(self):
        table = self.made()
        with pytest.raises(LacksCapability, match="GDAS"):
            table.slope(vertex_mixture(TOPOLOGY, random_codes(TOPOLOGY, 1)))

    def test_a_budget_that_ends_in_the_middle_keeps_its_word(self):
        table = self.made(k=6, budget=Budget(evaluations=4))
        slope = table.slope(random_mixture(TOPOLOGY, 1))
        assert table.ledger.queries[0] == 4
        assert np.isfinite(slope.gradient).all()

    def test_settings_are_checked(self):
        with pytest.raises(BadSetting, match="at least 2"):
            synthetic_table(gradient="sampled", samples=1)
        with pytest.raises(BadSetting, match="exact"):
            synthetic_table(gradient="guessed")
        with pytest.raises(BadSetting, match="error"):
            synthetic_table(objective="fun")


def test_a_mixture_drawn_in_every_cell_is_refused():
    mixture = random_mixture(TOPOLOGY, 2)
    with pytest.raises(LacksCapability, match="cell"):
        synthetic_table().slope(Mixture(mixture.weights[None], mixture.active[None]))
