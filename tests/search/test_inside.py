"""Searches on a table with gaps stay inside what was measured, whatever they are, and say how much that is."""

import json
from pathlib import Path

import numpy as np
import pytest

from nasreplay import search
from nasreplay.errors import NotMeasured
from nasreplay.evaluate.protocol import Fidelity
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.evaluate.table.fidelity import FidelityTable
from nasreplay.evaluate.table.load import load_table
from nasreplay.evaluate.tabulate import tabulate
from nasreplay.jobs import comparison as jobs
from nasreplay.jobs.comparison import replay
from nasreplay.jobs.searches import search as recorded_search
from nasreplay.jobs.searches.table_search import TableFound
from nasreplay.search.inside import Measured, inside
from nasreplay.seeds import Stream
from nasreplay.spaces import TOPOLOGY
from nasreplay.testing import check_searcher, synthetic_table

SAMPLING = [
    name for name, kind in search.SEARCHERS.items() if "slope" not in kind.needs and kind.home == "topology"
]


def with_gaps(share: float, trials: int = 2) -> TableEvaluator:
    """The made-up table, of which only a share was measured."""
    whole = synthetic_table(TOPOLOGY, trials).levels[0]
    there = Stream(1, "there").at().uniform(TOPOLOGY.size)[0] < share
    accuracy = np.where(there[:, None], whole.accuracy, np.nan)
    level = FidelityTable(Fidelity("200", 200), accuracy, whole.seconds, [777, 888][:trials])
    return TableEvaluator(TOPOLOGY, [level], dataset="synthetic")


@pytest.mark.parametrize("share", [0.004, 0.5, 0.999])
@pytest.mark.parametrize("name", SAMPLING)
def test_every_searcher_asks_and_answers_inside(name, share):
    table = with_gaps(share)
    few = {"hidden": 4} if hasattr(search.SEARCHERS[name], "hidden") else {}
    result = search.run(search.make(name, few), table, search.Budget(evaluations=40), seed=2, replicas=4)
    assert result.finished
    among = table.levels[0].trials.count > 0
    assert among[result.evaluated_flat[result.evaluated_flat >= 0]].all()
    assert among[result.incumbent_flat[result.incumbent_flat >= 0]].all()
    assert np.isfinite(table.final.mean_flat[result.found_flat]).all()
    assert result.settings["measured"] == [among.sum(), TOPOLOGY.size]


@pytest.mark.parametrize("name", ["random", "rea", "local-search", "reinforce", "bohb"])
def test_the_contract_holds_there_as_well(name):
    check_searcher(search.make(name), with_gaps(0.01))


def test_random_search_is_uniform_over_the_measured():
    table = with_gaps(0.002)
    result = search.run(search.make("random"), table, search.Budget(evaluations=300), seed=0, replicas=100)
    known = np.flatnonzero(table.levels[0].trials.count)
    counts = np.bincount(result.evaluated_flat.ravel(), minlength=TOPOLOGY.size)[known]
    expected = result.evaluated_flat.size / len(known)
    chi = ((counts - expected) ** 2 / expected).sum()
    assert chi < len(known) + 5 * np.sqrt(2 * len(known))


def test_a_child_is_uniform_among_the_parents_neighbors():
    part, parent = inside(with_gaps(0.01)), 3
    assert isinstance(part, Measured)
    (around,) = part.neighbors(part.known[parent : parent + 1])
    parents = np.repeat(part.known[parent : parent + 1], 4800, axis=0)
    children = part.flat(part.mutate(parents, Stream(0, "children", range(4800)).at()))
    near = part.flat(around)
    assert len(np.unique(near)) == 24
    counts = np.bincount(children, minlength=TOPOLOGY.size)[near]
    direct = (around != part.known[parent]).sum(axis=1) == 1  # the published mutation finds these as well
    assert counts.sum() == 4800
    assert np.abs(counts[~direct] - 200).max() < 5 * np.sqrt(200)


def test_evolution_is_not_caught_where_little_was_measured():
    result = search.run("rea", with_gaps(0.0128), search.Budget(evaluations=250), seed=0, replicas=20)
    assert np.mean([len(set(asked)) for asked in result.evaluated_flat.tolist()]) > 100


def test_a_mutation_goes_elsewhere_where_it_can():
    part = inside(with_gaps(0.0005))
    assert isinstance(part, Measured)
    children = part.mutate(part.known, Stream(0, "children", range(len(part.known))).at())
    assert len(part.known) > 1
    assert (children != part.known).any(axis=1).all()


def test_nearest_is_nearest_and_the_same_in_any_company():
    part = inside(with_gaps(0.01))
    some = TOPOLOGY.all_codes[::97]
    found = part.nearest(some)
    known = np.unique(part.nearest(TOPOLOGY.all_codes), axis=0)
    best = (some[:, None] != known).sum(axis=2).min(axis=1)
    assert np.array_equal((some != found).sum(axis=1), best)
    assert np.array_equal(part.nearest(some[5:6])[0], found[5])


def test_neighbors_are_those_of_the_space_where_all_were_measured():
    whole, gaps = synthetic_table(TOPOLOGY, 1), with_gaps(0.9995)
    assert inside(whole) is TOPOLOGY
    part, missing = inside(gaps), np.flatnonzero(gaps.levels[0].trials.count == 0)
    some = TOPOLOGY.all_codes[::401]
    around, published = part.neighbors(some), TOPOLOGY.neighbors(some)
    for mine, theirs in zip(around, published, strict=True):
        assert np.isin(TOPOLOGY.flat(theirs), missing).any() or np.array_equal(mine, theirs)
        assert not np.isin(TOPOLOGY.flat(mine), missing).any()


@pytest.mark.parametrize("name", ["darts-v1", "gdas", "snas", "setn"])
def test_a_slope_needs_every_architecture(name):
    with pytest.raises(NotMeasured, match=f"{name} needs a slope, and so every architecture: .* of 15,625"):
        search.run(search.make(name), with_gaps(0.5), seed=0)


def test_nothing_measured_is_refused():
    with pytest.raises(NotMeasured, match="0 of 15,625 architectures were measured"):
        search.run(search.make("random"), with_gaps(0.0), search.Budget(evaluations=3), seed=0)


@pytest.fixture(scope="module")
def sampled(tmp_path_factory) -> Path:
    """A table of 60 architectures."""
    path = tmp_path_factory.mktemp("sampled") / "sampled.h5"
    tabulate(load_table("cifar10", trial="mean"), TOPOLOGY.all_codes[::261], path)
    return path


@pytest.mark.slow
def test_replay_leaves_out_slopes_and_says_how_much_there_is(sampled, tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "_write_report", lambda *_: None)
    done = replay(
        table=str(sampled), evaluations=10, replicas=2, datasets=("cifar10",), jobs=1, out=tmp_path / "run"
    )
    assert not {"darts-v1", "gdas"} & {row.searcher for row in done.rows}
    assert [row.searcher for row in done.rows]
    assert {(row.measured, row.architectures) for row in done.rows} == {(60, 15625)}
    assert "60 of 15,625 architectures measured (cifar10)" in done.comparison.settings["caveats"][0]
    best = np.nanmax(load_table("cifar10", table=sampled).final.mean_flat)
    assert {row.table_optimum for row in done.rows} == {best}
    assert all(0 <= (row.regret_mean or 0) < 50 for row in done.rows)
    header = json.loads((tmp_path / "run/run.json").read_text())
    assert "caveats" not in header
    again = replay(out=tmp_path / "run")
    assert again.comparison.tables["cifar10"].measured == 60


def test_one_search_says_so_as_well(sampled, tmp_path):
    found = recorded_search("rea", table=str(sampled), evaluations=15, seed=0, out=tmp_path / "one")
    assert isinstance(found, TableFound)
    assert found.of == 60
    assert "60 of 15,625 architectures measured; rank and regret are among these" in found.note
    assert found.regret >= 0
