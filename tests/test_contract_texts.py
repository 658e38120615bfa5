"""What a contract says of an evaluator or a searcher that breaks a promise: what was expected, and where to look."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from nasreplay import search
from nasreplay.evaluate.base import Answers, EvaluatorBase
from nasreplay.evaluate.protocol import Fidelity, Report
from nasreplay.spaces import TOPOLOGY, Space
from nasreplay.testing import check_evaluator, check_searcher


class Good(EvaluatorBase):
    kind, dataset = "mine", "none"
    space: Space = TOPOLOGY

    def ladder(self):
        return (Fidelity("a", 1),)

    def answer(self, codes, at, trial, replica):
        return Answers(50.0 + codes.sum(axis=1), np.full(len(codes), -1), np.ones(len(codes)))

    def report(self, codes):
        return Report(50.0 + np.asarray(codes).sum(axis=1), None, {"valid": "a sum"})


class WithoutName(Good):
    def describe(self):
        return {"space": "topology"} | {"evaluator": "mine"}


class Tuples(Good):
    def describe(self):
        return super().describe() | {"more": (1, 2)}


class AnyFidelity(Good):
    def fidelity(self, at):
        return at or self.ladder()[0]


class Fraction(Good):
    def answer(self, codes, at, trial, replica):
        return super().answer(codes, at, trial, replica)._replace(accuracy=np.full(len(codes), 100.5))


class Forgetful(Good):
    def state_dict(self):
        return {"ledger": self.ledger.__class__(1).state_dict()}


class Charging(Good):
    def report(self, codes):
        return Report(
            self.evaluate(codes, replica=np.zeros(len(codes), dtype=int)).accuracy, None, {"valid": "a"}
        )


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (WithoutName, "describe() lacks dataset; it is what run.json records"),
        (Tuples, "describe() has values that JSON changes, tuples say"),
        (
            AnyFidelity,
            "evaluate at a fidelity that ladder() has not raises NotMeasured, and nothing was raised",
        ),
        (Fraction, "an accuracy at epoch 1 of recipe a is percent, 0 to 100, not 100.5"),
        (Forgetful, "state_dict() has the clock: nasreplay.evaluate.base.EvaluatorBase.state_dict"),
        (Charging, "a report charges nothing, here 2 questions: it must not call `evaluate`"),
    ],
)
def test_a_broken_evaluator(kind, words):
    check_evaluator(Good())
    with pytest.raises(AssertionError) as told:
        check_evaluator(kind())
    assert words in str(told.value)
    assert "evaluator_contract.py:" in str(told.value)


@dataclass
class Fine(search.SamplingSearcher):
    name: ClassVar[str] = "fine"
    source: ClassVar[str] = "a test"

    def ask(self, live):
        return search.Question(self.space.sample(self.draws(live.rows)), live.rows)


@dataclass
class Global(Fine):
    def ask(self, live):
        codes = np.random.default_rng().integers(0, 5, (len(live.rows), 6)).astype(np.int8)
        return search.Question(codes, live.rows)


@dataclass
class Sharing(Fine):
    def ask(self, live):
        codes = np.repeat(self.space.sample(self.draws(live.rows))[:1], len(live.rows), axis=0)
        return search.Question(codes, live.rows)


@dataclass
class Elsewhere(Fine):
    def begin(self, space, ladder, seed, replicas):
        super().begin(space, ladder, seed, replicas)
        self.asked = 0

    def ask(self, live):
        self.asked += 1
        return search.Question(self.space.from_flat(np.full(len(live.rows), self.asked)), live.rows)


@dataclass
class Always(Fine):
    def incumbent(self):
        return np.zeros_like(self.state.best_codes)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Global, "the same seed gives the same run: random numbers come from self.draws(rows) alone"),
        (Sharing, "of replica 3 is the same alone as among five: random numbers come from self.draws(rows)"),
        (Elsewhere, "goes on as before, and here differs"),
        (Always, "incumbent() at the end is the best that was told"),
    ],
)
def test_a_broken_searcher(kind, words):
    check_searcher(Fine())
    with pytest.raises(AssertionError) as told:
        check_searcher(kind())
    assert words in str(told.value)
    assert "searcher_contract.py:" in str(told.value)
