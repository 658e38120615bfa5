"""Planted errors come back from a ladder in the size in which they were planted, and parts sum to the whole."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pytest

from nasreplay.errors import BadOutput
from nasreplay.evaluate.base import Answers, EvaluatorBase
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.protocol import MEAN, Fidelity, Slope
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.evaluate.table.fidelity import FidelityTable
from nasreplay.jobs.explanation import climbing
from nasreplay.jobs.explanation.climbing import Ladder, Step
from nasreplay.jobs.explanation.measured_cells import Cells
from nasreplay.runs.attribution.attribution import Attribution, Rung, difference_interval
from nasreplay.runs.attribution.waterfall import save_waterfall
from nasreplay.search import make
from nasreplay.seeds import Stream
from nasreplay.spaces import TOPOLOGY

STEPS = 30
PROXY, RANK, RELAXATION, ESTIMATOR, LEARNING = range(5)  # an edge of each error
NAMES = ("proxy", "rank", "relaxation", "estimator", "learning")


@dataclass
class Planted(EvaluatorBase):
    """Additive accuracies: option 0 of every edge is best, and option 1 of an edge costs its error's points.

    With each error on top of those before, something makes a searcher prefer option 1 of one edge: other accuracies
    (proxy, rank), a bonus between architectures that is 0 at each of them (relaxation), a fair chance besides noise
    (estimator), or slopes that are wrong for most of the search (learning). `errors` is how many of them are in.
    """

    costs_of: tuple[float, ...]
    chance: float
    errors: int

    kind, dataset, space = "planted", "planted", TOPOLOGY
    abilities = frozenset({"evaluate", "slope", "one-hot slope"})

    def begin(self, seed, replicas, budget):
        super().begin(seed, replicas, budget)
        self.noise, self.passed = Stream(seed, "noise", replicas), 0
        self.unlucky = Stream(seed, "luck", replicas).at().uniform(1)[:, 0] < self.chance

    def ladder(self):
        return (Fidelity("planted", 1),)

    def believed(self):
        """float64 [E, O]: points that each option costs by the accuracies of this rung."""
        costs = true_costs(self.costs_of)
        for edge in (PROXY, RANK)[: self.errors]:
            if self.costs_of[edge]:
                costs[edge, :2] = costs[edge, 1::-1]
        return costs

    def answer(self, codes, at, trial, replica):
        told = 90 - self.believed()[np.arange(TOPOLOGY.edges), codes].sum(axis=1)
        return Answers(told, np.full(len(codes), MEAN), np.zeros(len(codes)))

    def slope(self, mixture, *, split="valid", order=1, replica=None):
        weights, gradient = mixture.weights, np.tile(self.believed() / 100, (len(mixture.weights), 1, 1))
        if self.errors > RELAXATION and self.costs_of[RELAXATION]:
            gradient[:, RELAXATION, 1] -= 1 - 9 * weights[:, RELAXATION, 1] ** 8  # of w (1 − w⁸)
        if self.errors > ESTIMATOR:
            gradient += 0.001 * self.noise.at(replica).normal(gradient[0].size).reshape(gradient.shape)
            gradient[self.unlucky[replica], ESTIMATOR, 1] -= 1
        if self.errors > LEARNING and self.costs_of[LEARNING] and self.passed < 0.8 * STEPS:
            gradient[:, LEARNING, 1] -= 1
        self.passed += 1
        loss = (gradient * weights).sum(axis=(1, 2))
        return Slope(loss, gradient, False, self.ladder()[0], MEAN)


def true_costs(costs_of):
    costs = np.full((TOPOLOGY.edges, 5), 20.0)
    costs[:, 0], costs[:5, 1] = 0, costs_of
    return costs


def regrets(costs_of, codes):
    return true_costs(costs_of)[np.arange(TOPOLOGY.edges), codes].sum(axis=1)


def ladder(costs_of, **changes):
    settings = {"epochs": STEPS, "learning_rate": 0.1, "weight_decay": 0.0}
    searcher = make("darts-v1", settings)
    own = Ladder(searcher, Budget(epochs=STEPS), 1, partial(regrets, costs_of), seed=5, replicas=60)
    return replace(own, **changes)


def steps(costs_of, chance):
    names = ("searcher", *NAMES)
    return [Step(name, name, partial(Planted, costs_of, chance, number)) for number, name in enumerate(names)]


PLANTINGS = [
    ((0, 0, 0, 0, 0), 0.0),
    ((1, 2, 3, 4, 5), 0.3),
    ((0, 7.5, 0, 0, 0), 0.0),
    ((0, 0, 6, 0.5, 0), 0.6),
    ((0.25, 0, 0, 8, 0), 0.1),
    ((0, 0.5, 2, 0, 9), 0.0),
    ((3, 0, 1, 2, 0), 1.0),
]


@pytest.mark.parametrize(("costs_of", "chance"), PLANTINGS)
def test_planted_errors_come_back(costs_of, chance):
    found = Attribution(tuple(ladder(costs_of).climb(steps(costs_of, chance))), level=0.999)
    planted = [0.0, *costs_of]
    planted[1 + ESTIMATOR] *= chance
    assert [part.name for part in found.parts] == ["searcher", *NAMES]
    for part, points in zip(found.parts, planted, strict=True):
        assert part.interval is not None
        low, high = part.interval
        assert low - 1e-9 <= points <= high + 1e-9, part
        assert low <= part.points <= high
        if part.name != "estimator" or chance in (0, 1):
            assert part.points == pytest.approx(points, abs=1e-9)
        else:
            assert high - low < 8  # it can fail
    assert sum(part.points for part in found.parts) == pytest.approx(found.whole, abs=1e-9)


def test_a_rung_that_cannot_be_climbed_is_joined_with_the_next():
    costs_of, chance = PLANTINGS[1]
    every = steps(costs_of, chance)
    every[3] = Step("relaxation", "features are mixed", None, "there is no slope")
    told = []
    found = Attribution(tuple(ladder(costs_of).climb(every, tell=told.append)))
    joined = found.parts[3]
    assert joined.name == "relaxation + estimator"
    assert joined.joined == ("relaxation: there is no slope",)
    assert joined.exchanged == ("features are mixed", "estimator")
    assert sum(part.points for part in found.parts) == pytest.approx(found.whole, abs=1e-9)
    assert told[0].startswith("searcher: 60 replicas of 30 steps, about ")
    assert "relaxation: there is no slope; the part is joined with the next one" in told
    assert found.plain()["rungs"][3]["reason"] == "there is no slope"


def test_blocks_of_replicas_and_kept_rungs_do_not_change_a_number(tmp_path, monkeypatch):
    costs_of, chance = PLANTINGS[3]
    few = ladder(costs_of, replicas=16)
    whole = few.climb(steps(costs_of, chance), tmp_path)
    monkeypatch.setattr(climbing, "BLOCK", 7)
    parts = few.climb(steps(costs_of, chance))
    replace(few, replicas=9).climb(steps(costs_of, chance), tmp_path)
    (tmp_path / "learning.json").unlink()
    again = few.climb(steps(costs_of, chance), tmp_path)
    for one, other, third in zip(whole, parts, again, strict=True):
        np.testing.assert_array_equal(one.regrets, other.regrets)
        np.testing.assert_array_equal(one.regrets, third.regrets)
    told = []
    few.climb(steps(costs_of, chance), tmp_path, tell=told.append)
    assert told == []  # all is kept
    (tmp_path / "rank.json").write_text('{"a": 1}')
    with pytest.raises(BadOutput, match=r"rank\.json"):
        few.climb(steps(costs_of, chance), tmp_path)


def test_intervals():
    rung = partial(Rung, "a", "b")
    few, many = np.array([1.0, 2.0, 4.0]), np.array([2.0, 3.1, 4.9])
    low, high = difference_interval(rung(few), rung(many), 0.95) or (0, 0)
    # differences 1, 1.1, 0.9: their standard deviation 0.1 / √3, times Student's 4.302653 of 2 degrees of freedom
    assert (low, high) == pytest.approx((0.7515862, 1.2484138))
    assert difference_interval(rung(few), rung(many[:1]), 0.95) is None
    one = rung(many[:1], known=True)
    low, high = difference_interval(rung(few), one, 0.95) or (0, 0)
    assert (low + high) / 2 == pytest.approx(2 - 7 / 3)
    assert high - low == pytest.approx(2 * 4.302653 * few.std(ddof=1) / 3**0.5)
    assert difference_interval(one, one, 0.95) == (0.0, 0.0)


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_waterfall(tmp_path, ending):
    rungs = [Rung(name, name, np.array(values)) for name, values in {"a": [1.0, 2], "b": [0.5, 0.7]}.items()]
    file = tmp_path / f"w.{ending}"
    save_waterfall(Attribution(tuple(rungs)), file, "planted")
    assert file.stat().st_size > 1000
    if ending == "svg":
        assert "whole" in file.read_text()


def test_what_was_not_measured_stands_for_the_nearest():
    accuracy = np.full(TOPOLOGY.size, np.nan)
    measured = TOPOLOGY.codes(["|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"]).repeat(3, axis=0)
    measured[1, 0], measured[2] = 1, 3
    accuracy[TOPOLOGY.flat(measured)] = 60, 70, 80
    truth = TableEvaluator(TOPOLOGY, [FidelityTable(Fidelity("12", 12), accuracy)], trial="mean")
    cells, other = Cells(truth, sloped=True), measured.copy()
    other[2, 5], other[1, 3] = 0, 4
    np.testing.assert_array_equal(cells.regrets(other), [20, 10, 0])
    filled = cells.table(truth.final)
    assert filled.missing == 0
    np.testing.assert_array_equal(filled.report(other).valid, [60, 70, 80])
    assert Cells(truth, sloped=False).table(truth.final).missing == TOPOLOGY.size - 3
