"""Constructors start nothing, and a command builds its network once."""

from dataclasses import replace

import numpy as np
import pytest

from nasreplay.cli.main import main
from nasreplay.evaluate.ledger import Budget
from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.models.shared_networks import CellNetwork
from nasreplay.testing import random_codes
from nasreplay.train.images.image_sources import load
from nasreplay.train.recipe import WEIGHT_SHARING


@pytest.fixture
def builds(monkeypatch) -> list[int]:
    """The number of classes of every network that is built."""
    built, build = [], CellNetwork.build

    def counted(self, classes, side):
        built.append(classes)
        return build(self, classes, side)

    monkeypatch.setattr(CellNetwork, "build", counted)
    return built


def tiny() -> SupernetEvaluator:
    recipe = replace(WEIGHT_SHARING, batch=64)
    return SupernetEvaluator(load("digits"), CellNetwork(channels=1, cells=1), recipe=recipe, fraction=0.2)


@pytest.mark.slow
def test_a_search_builds_its_network_once(builds, tmp_path, monkeypatch):
    monkeypatch.setenv("NASREPLAY_HOME", str(tmp_path))
    options = "--evaluator supernet --dataset digits --epochs 1 --channels 1 --cells 1 --fraction 0.2"
    with pytest.raises(SystemExit) as end:
        main(["search", "gdas", *options.split(), "--out", str(tmp_path / "run")])
    assert end.value.code == 0
    assert len(builds) == 1


def test_the_first_question_begins_a_run_of_seed_0(builds):
    asked, begun = tiny(), tiny()
    assert asked.describe()["evaluator"] == "supernet"
    assert not builds
    begun.begin(0, range(1), Budget())
    codes = random_codes(asked.space, 1)
    one, other = (each.evaluate(codes) for each in (asked, begun))
    np.testing.assert_array_equal(one.accuracy, other.accuracy)
    assert asked.ledger.queries[0] == 1
    assert len(builds) == 2
