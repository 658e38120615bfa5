import numpy as np
import pytest
from torch import nn

from nasreplay.errors import BadSetting, LacksCapability, NotMeasured
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.protocol import Evaluator, Fidelity
from nasreplay.live.scratch import ScratchEvaluator
from nasreplay.search import make, run
from nasreplay.spaces import TOPOLOGY
from nasreplay.testing import EvaluatorContract, random_codes, random_mixture
from nasreplay.train.images.image_sources import load
from nasreplay.train.recipe import Recipe

SMALL = {"channels": 4, "cells": 1, "fraction": 0.2, "recipe": Recipe(batch=32)}


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NASREPLAY_HOME", str(tmp_path_factory.mktemp("home")))
        yield


def small(**settings) -> ScratchEvaluator:
    return ScratchEvaluator(TOPOLOGY, load("digits"), **{**SMALL, "ladder": (1,), **settings})


class TestContract(EvaluatorContract):
    def make(self):
        return small()


class TestContractOfDrawnTrials(EvaluatorContract):
    def make(self):
        return small(ladder=(1, 2), trial="drawn")


def test_it_is_an_evaluator_without_a_slope():
    evaluator = small()
    assert isinstance(evaluator, Evaluator)
    assert evaluator.abilities == {"evaluate", "clock"}
    mixture = random_mixture(TOPOLOGY, 1)
    for call in (evaluator.slope, evaluator.learn):
        with pytest.raises(LacksCapability):
            call(mixture)
    with pytest.raises(LacksCapability, match=r"gdas needs .*: scratch offers clock, evaluate"):
        run(make("gdas"), small(), Budget(epochs=1))


class Counting:
    """Builds tiny networks and counts them."""

    def __init__(self):
        self.built = 0

    def __call__(self, space, codes, classes, channels, cells):
        self.built += 1
        return nn.Sequential(nn.Flatten(), nn.Linear(192, classes))


def test_asking_again_is_free_in_wall_time_and_charged_again():
    build = Counting()
    evaluator = small(build=build, ladder=(1, 2))
    codes = random_codes(TOPOLOGY, 1)
    first, again = evaluator.evaluate(codes), evaluator.evaluate(codes)
    assert build.built == 1
    assert first.accuracy[0] == again.accuracy[0]
    assert again.seconds[0] == first.seconds[0] > 0
    assert evaluator.ledger.simulated_s[0] == first.seconds[0] + again.seconds[0]
    assert evaluator.ledger.queries[0] == 2
    lower = evaluator.evaluate(codes, at=Fidelity("12", 1))
    assert build.built == 1  # it was passed on the way
    assert lower.seconds[0] < first.seconds[0]
    small(build=build, ladder=(1, 2)).evaluate(codes)
    assert build.built == 1  # another evaluator of the same settings reads the same cache
    evaluator.evaluate(codes, trial=5)
    small(build=build, ladder=(1, 2), recipe=Recipe(batch=64)).evaluate(codes)
    assert build.built == 3


def test_the_epochs_passed_on_the_way_are_those_of_a_shorter_training(monkeypatch, tmp_path):
    codes = random_codes(TOPOLOGY, 1, 3)
    long = small(ladder=(1, 2))
    long.evaluate(codes)
    passed = long.evaluate(codes, at=Fidelity("12", 1))
    monkeypatch.setenv("NASREPLAY_HOME", str(tmp_path))
    alone = small(ladder=(1, 2)).evaluate(codes, at=Fidelity("12", 1))
    assert passed.accuracy[0] == alone.accuracy[0]


def test_nothing_is_trained_after_the_end_of_the_budget():
    build = Counting()
    evaluator = small(build=build, trial=4242)
    evaluator.begin(1, range(1), Budget(evaluations=2))
    answers = evaluator.evaluate(random_codes(TOPOLOGY, 4, 9), replica=np.zeros(4, dtype=np.int64))
    assert answers.answered.tolist() == [True, True, False, False]
    assert build.built == 2
    assert np.isnan(answers.accuracy).tolist() == [False, False, True, True]


def test_the_mean_is_of_all_trials_and_costs_as_much():
    evaluator = small(build=Counting())
    codes = random_codes(TOPOLOGY, 1, 5)
    each = [evaluator.evaluate(codes, trial=seed) for seed in (777, 888, 999)]
    mean = evaluator.evaluate(codes, trial="mean")
    assert mean.trial[0] == -1
    assert mean.accuracy[0] == pytest.approx(np.mean([one.accuracy[0] for one in each]))
    assert mean.seconds[0] == pytest.approx(sum(one.seconds[0] for one in each))


def test_what_is_not_on_the_ladder_is_refused():
    evaluator = small(ladder=(1, 3), build=Counting())
    assert evaluator.ladder() == (Fidelity("12", 1), Fidelity("12", 3))
    for at in (Fidelity("12", 2), Fidelity("200", 1)):
        with pytest.raises(NotMeasured, match="epoch 1 of recipe 12; epoch 3 of recipe 12"):
            evaluator.evaluate(random_codes(TOPOLOGY, 1), at=at)
    for ladder in ((), (0,), (13,)):
        with pytest.raises(BadSetting, match="epochs 1 to 12"):
            small(ladder=ladder)


def test_a_damaged_cache_entry_is_trained_again():
    build = Counting()
    evaluator = small(build=build, trial=31)
    codes = random_codes(TOPOLOGY, 1)
    first = evaluator.evaluate(codes)
    (file,) = evaluator.folder.glob("*-31.json")
    file.write_text(file.read_text()[:40])
    assert evaluator.evaluate(codes).accuracy[0] == first.accuracy[0]
    assert build.built == 2


def test_a_search_runs_on_it():
    evaluator = small(build=Counting())
    result = run(make("random"), evaluator, Budget(evaluations=3), seed=1)
    assert result.evaluations.tolist() == [3]
    report = evaluator.report(evaluator.space.from_flat(result.found_flat))
    assert report.valid[0] == result.observed[0].max()
    assert "digits" in report.meaning["test"]
    assert "with channels 4, cells 1" in report.meaning["valid"]
