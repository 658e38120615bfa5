"""A space and a searcher of one's own: decisions with different words and numbers of options, through everything."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import nasreplay
from nasreplay import search
from nasreplay.evaluate.table.load import load_table
from nasreplay.evaluate.tabulate import tabulate
from nasreplay.jobs.comparison import replay
from nasreplay.jobs.conversion import convert
from nasreplay.search.searchers.random import RandomSearch
from nasreplay.spaces import Space, register_space
from nasreplay.testing import check_evaluator, check_searcher, check_space, synthetic_table


class Kitchen(Space):
    """Four decisions with 3, 2, 5 and 1 options, some of them shared, and costs in closed form."""

    name = "kitchen"
    options = (("fry", "cook", "bake"), ("salt", "pepper"), ("5", "10", "salt", "bake", "fry"), ("serve",))

    def parameters(self, codes, classes):
        return 100 * np.asarray(codes, dtype=np.int64).sum(axis=1) + classes

    def flops(self, codes, classes, resolution):
        return resolution**2 * np.asarray(codes, dtype=np.int64)[:, 2]


KITCHEN = Kitchen()


@dataclass
class Twice(RandomSearch):
    """Random search by another name."""

    name: ClassVar[str] = "twice"
    source: ClassVar[str] = "these tests"
    beside: ClassVar[tuple[str, ...]] = ("rea",)


@pytest.fixture(scope="module", autouse=True)
def registered():
    """When these tests run, not when they are collected: others are parametrized by what is registered."""
    register_space(KITCHEN)
    search.register_searcher(Twice)


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    return tabulate(
        synthetic_table(KITCHEN, trial="mean"), None, tmp_path_factory.mktemp("own") / "own.h5"
    ).path


def test_it_keeps_the_contract():
    check_space(KITCHEN)


@pytest.mark.parametrize("preset", ["table", "published"])
@pytest.mark.parametrize("gradient", ["exact", "sampled"])
@pytest.mark.parametrize("name", search.SEARCHERS)
def test_every_searcher_learns_numbers(name, gradient, preset):
    few = {"updates": 2, "samples": 3} if name == "enas" else {}
    few |= {"hidden": 4} if hasattr(search.SEARCHERS[name], "hidden") else {}
    searcher: Any = search.make(name, few, preset=preset)
    if searcher.epochs:
        searcher = replace(searcher, epochs=25)
    table = synthetic_table(KITCHEN, gradient=gradient)
    if not searcher.needs <= table.abilities:
        pytest.skip("one-hot rows have no sampled slope")
    result = search.run(searcher, table, search.Budget(evaluations=40), seed=1, replicas=3)
    KITCHEN.check_codes(result.from_flat(result.found_flat))
    assert not np.isnan(getattr(searcher.state, "logits", np.zeros(1))).any()


@pytest.mark.slow
def test_it_is_replayed_in_two_processes_as_in_one(pack, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2])  # workers import this module,
    monkeypatch.delattr("__main__.__file__", raising=False)  # and not pytest's
    settings = {"table": str(pack), "replicas": 4, "evaluations": 8, "seed": 3}
    names = "twice", "gdas"
    two = replay(*names, **settings, jobs=2, out=tmp_path / "two")
    one = replay(*names, **settings, jobs=1, out=tmp_path / "one")
    assert {row.searcher for row in two.rows} == {*names, "rea"}
    found = [{r.searcher: r.found_flat.tolist() for r in done.comparison.results} for done in (one, two)]
    assert found[0] == found[1]


def test_it_is_tabulated_queried_and_converted(pack, tmp_path):
    again = nasreplay.tabulate(tmp_path / "again.h5", table=str(pack), dataset="synthetic", trial="mean")
    assert again.space is KITCHEN
    some = KITCHEN.all_codes[:9]
    first, second = (load_table("synthetic", table=str(path), trial="mean") for path in (pack, again.path))
    assert np.array_equal(first.report(some).valid, second.report(some).valid)
    told = nasreplay.query("bake/salt/5/serve", table=str(pack))
    assert told.architectures == ["bake/salt/5/serve"]
    assert told.datasets["synthetic"].accuracies[0].accuracy == first.report(KITCHEN.codes(told.index)).valid
    (line,) = convert("bake/salt/5/serve")
    assert json.loads(line) == {"space": "kitchen", "index": 20, "string": "bake/salt/5/serve"}
    assert convert("20", to="string", space="kitchen") == ["bake/salt/5/serve"]


def test_searchers_and_evaluators_of_ones_own_keep_their_contracts():
    check_searcher(Twice(), synthetic_table(KITCHEN))
    check_evaluator(synthetic_table(KITCHEN))
