"""A searcher's settings are those that were given, and for the rest those of the evaluator that it meets."""

import pickle
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest

from nasreplay import load_table, search
from nasreplay.errors import BadSetting, UnknownName
from nasreplay.replay.plan import searchers_of
from nasreplay.search.base import Question, SamplingSearcher
from nasreplay.search.searchers.gradient import GDAS
from nasreplay.spaces import SIZE, TOPOLOGY
from tests.support.stand_in import StandIn


class Live(StandIn):
    """A table that passes for a supernet."""

    preset = "live"


def on_table(searcher, **budget):
    table = load_table("cifar10")
    return search.run(searcher, table, search.Budget(**budget) if budget else None, seed=0)


def in_force(searcher, evaluations=3):
    """The settings that the header of a run on a table records."""
    header = on_table(searcher, evaluations=evaluations, epochs=1).settings["searcher"]
    return {name: value for name, value in header.items() if name not in ("name", "source")}


@pytest.mark.parametrize("name", search.SEARCHERS)
def test_an_object_made_of_nothing_is_the_one_made_by_name(name):
    assert in_force(search.SEARCHERS[name]()) == in_force(search.make(name))


def test_settings_may_be_keywords_of_make():
    assert search.make("rea", population=3).settings() == search.make("rea", {"population": 3}).settings()
    with pytest.raises(UnknownName, match=r"pop.*population"):
        search.make("rea", pop=3)


def test_it_finds_the_same():
    one, other = on_table(search.GDAS(), epochs=300), on_table(search.make("gdas"), epochs=300)
    assert np.array_equal(one.incumbent, other.incumbent)


def test_what_was_given_stays_even_where_it_is_the_default():
    default = GDAS.epochs
    assert in_force(search.GDAS(epochs=default))["epochs"] == default
    assert in_force(search.GDAS(default))["epochs"] == default
    assert in_force(search.make("gdas", {"epochs": default}))["epochs"] == default
    assert in_force(search.GDAS(epochs=7)) == in_force(search.make("gdas")) | {"epochs": 7}
    assert in_force(replace(search.GDAS(), epochs=7)) == in_force(search.GDAS(epochs=7))
    assigned = search.GDAS()
    assigned.epochs = 7
    assert in_force(assigned) == in_force(search.GDAS(epochs=7))


def test_a_preset_that_was_asked_for_stays():
    for preset in ("published", "live"):
        made = search.make("gdas", preset=preset)
        assert in_force(made)["learning_rate"] == GDAS.learning_rate == made.settings()["learning_rate"]


def test_every_evaluator_settles_it_anew():
    searcher, live = search.GDAS(tau_max=5.0), Live()
    search.run(searcher, live, search.Budget(epochs=1), seed=0)
    assert searcher.settings() == search.make("gdas", {"tau_max": 5.0}, preset="live").settings()
    on_table(searcher, epochs=1)
    assert searcher.settings() == search.make("gdas", {"tau_max": 5.0}, preset="table").settings()


def test_a_replay_takes_objects_as_it_takes_names():
    assert searchers_of([search.GDAS()], "plain")[0].settings() == search.make("gdas").settings()


def test_copies_and_pickles_know_what_was_given():
    made = search.GDAS(epochs=GDAS.epochs)
    for again in (deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert in_force(again) == in_force(made)


@dataclass
class Hops(SamplingSearcher):
    """A searcher of somebody else's, with defaults of its own for tables."""

    hops: int = 3
    strength: float | None = None

    name: ClassVar[str] = "hops"
    source: ClassVar[str] = "a test"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"table": {"hops": 9, "strength": 0.5}}

    def ask(self, live):
        return Question(self.space.sample(self.draws(live.rows)), live.rows)


def test_a_searcher_of_others_brings_its_own_defaults():
    assert in_force(Hops()) == {"hops": 9, "strength": 0.5}
    assert in_force(Hops(hops=3)) == {"hops": 3, "strength": 0.5}
    live = Hops()
    search.run(live, Live(), search.Budget(evaluations=2), seed=0)
    assert live.settings() == {"hops": 3, "strength": None}


@pytest.mark.parametrize(("preset", "error"), [({"hop": 9}, UnknownName), ({"hops": "many"}, BadSetting)])
def test_defaults_that_fit_no_setting_are_refused(monkeypatch, preset, error):
    monkeypatch.setattr(Hops, "presets", {"table": preset})
    with pytest.raises(error, match="hops"):
        on_table(Hops(), evaluations=2)


@pytest.mark.parametrize("name", search.SEARCHERS)
def test_a_searcher_made_for_widths_says_so_elsewhere(name):
    kind = search.SEARCHERS[name]
    assert bool(kind().remark(TOPOLOGY)) == (kind.home == "size")
    assert kind().remark(SIZE) == ""


class Renamed(search.GDAS):
    name = "renamed"


@dataclass
class Longer(search.GDAS):
    name: ClassVar[str] = "longer"
    epochs: int = 70
    extra: int = 3


class WithInit(search.GDAS):
    name = "with-init"

    def __init__(self, mine=2, **settings):
        super().__init__(**settings)
        self.mine = mine


@pytest.mark.parametrize(
    "kind", [search.GDAS, search.ENAS, search.SNAS, search.DartsV1, search.SETN, search.TAS]
)
def test_a_class_has_the_defaults_of_the_one_it_is_derived_from(kind):
    derived = type("Derived", (kind,), {"name": "derived"})
    assert derived.preset("table") == kind.preset("table") != {}


def test_a_derived_class_has_the_settings_of_its_base_but_its_own_defaults():
    usual = in_force(search.GDAS())
    assert in_force(Renamed()) == in_force(WithInit()) == in_force(WithInit(5)) == usual
    assert in_force(Longer()) == usual | {"epochs": 70, "extra": 3}
    assert in_force(WithInit(mine=5, epochs=7)) == usual | {"epochs": 7}
    assert WithInit(4).mine == 4


@pytest.mark.parametrize("evaluations", [63, 64, 128])
def test_a_search_may_end_at_any_step(evaluations):
    result = search.run("random", StandIn(), search.Budget(evaluations=evaluations), seed=0)
    assert result.finished
    assert result.evaluations.tolist() == [evaluations]
