"""Tables of every architecture with curves, as official archives convert to: rungs, all searchers, printed rows."""

import numpy as np
import pytest

from nasreplay import search
from nasreplay.data.pack import Pack
from nasreplay.evaluate.protocol import Fidelity
from nasreplay.replay.comparing import compare
from nasreplay.replay.plan import Plan, searchers_of
from nasreplay.replay.tables import Tables
from nasreplay.runs.report import published_rows
from nasreplay.runs.report.rows import rows as rows_of
from nasreplay.runs.report.summary import markdown
from nasreplay.spaces import SIZE, TOPOLOGY
from tests.support.full_tables import made_up

pytestmark = pytest.mark.slow

SECONDS = {
    "topology": {"cifar10": 20_000, "cifar100": 40_000, "ImageNet16-120": 120_000},
    "size": {"cifar10": 20_000, "cifar100": 40_000, "ImageNet16-120": 60_000},
}
TIMED = ("random", "local-search", "rea", "reinforce", "bohb", "hyperband")  # the published budget ends them


@pytest.fixture(scope="module")
def size(tmp_path_factory) -> Pack:
    return made_up(SIZE, tmp_path_factory.mktemp("full") / "size.h5")


@pytest.fixture(scope="module")
def topology(tmp_path_factory) -> Pack:
    return made_up(TOPOLOGY, tmp_path_factory.mktemp("full") / "topology.h5")


def nats(pack: Pack, name: str, dataset: str = "cifar10", **changes) -> Plan:
    """One searcher under the published protocol."""
    known = search.make(name).settings()
    short = {"epochs": 20, "updates": 1, "samples": 4, "candidates": 2, "final_candidates": 2}
    changes = {key: value for key, value in {**short, **changes}.items() if key in known}
    return Plan(
        searchers=(search.make(name, changes),),
        datasets=(dataset,),
        protocol="nats",
        table=str(pack.path),
        replicas=2,
    )


def ran(plan: Plan):
    searcher, dataset = plan.searcher(plan.names[0]), plan.datasets[0]
    tables = Tables(plan)
    budget = tables.budget(dataset)
    if searcher.name not in TIMED:
        budget = search.Budget(simulated_s=budget.simulated_s, evaluations=30)
    return search.run(searcher, tables.seen_by(searcher, dataset), budget, seed=1, replicas=2)


@pytest.mark.parametrize("name", search.SEARCHERS)
def test_every_searcher_runs_on_every_size(size, name):
    result = ran(nats(size, name))
    assert result.finished
    assert (result.found_flat >= 0).all()
    if name in TIMED:
        last = size.column("cifar10-valid/12/seconds_per_epoch").max() * 12.25
        assert (result.final_clock >= 20_000).all()
        assert (result.final_clock < 20_000 + last).all()


@pytest.mark.parametrize("dataset", SECONDS["size"])
def test_published_budgets_of_both_spaces(size, topology, dataset):
    for pack in (size, topology):
        tables = Tables(nats(pack, "rea", dataset))
        assert tables.budget(dataset).simulated_s == SECONDS[pack.space.name][dataset]


def test_the_published_mutation_of_sizes(size):
    """One position gets any of the eight widths; an eighth of the children are their parents."""
    plan = nats(size, "rea", population=1, tournament=1)
    result = ran(plan)
    cells = SIZE.from_flat(result.evaluated_flat[0][: int(result.evaluations[0])])
    changed = (cells[1:] != cells[:-1]).sum(axis=1)
    assert set(changed) == {0, 1}
    assert 0 < (changed == 0).mean() < 0.35


@pytest.mark.parametrize("name", ["bohb", "hyperband"])
@pytest.mark.parametrize("space", ["topology", "size"])
def test_rungs_of_measured_epochs(request, space, name):
    pack = request.getfixturevalue(space)
    for dataset in SECONDS[space]:
        table = Tables(nats(pack, name, dataset)).seen_by(search.make(name), dataset)
        assert table.ladder() == (Fidelity("12", 1), Fidelity("12", 4), Fidelity("12", 12))
        stored = table.levels[0]
        assert (stored.mean_flat <= table.levels[-1].mean_flat + 1e-9).all()  # a curve rises
    more, all_epochs = (ran(nats(pack, which)).evaluations.mean() for which in (name, "random"))
    assert more > 1.2 * all_epochs  # cheap rungs: more questions for the same seconds


@pytest.mark.parametrize("space", ["topology", "size"])
def test_the_rows_of_the_space_are_printed(request, space, tmp_path):
    pack = request.getfixturevalue(space)
    plan = Plan(searchers=searchers_of((), "nats"), protocol="nats", table=str(pack.path), replicas=3, seed=1)
    comparison = compare(plan, tmp_path, tell=lambda *_: None)
    rows = rows_of(comparison)
    cells = published_rows.beside(comparison, rows)
    known = (
        ("random", "rea", "reinforce") if space == "topology" else ()
    )  # no row of the size space was checked
    assert len(cells) == len(known) * 2 * 3
    means = {(row.dataset, row.searcher): row.validation_accuracy_mean for row in rows}
    for cell in cells:
        if cell.split == "valid":
            assert float(cell.ours.split()[0]) == pytest.approx(means[cell.dataset, cell.searcher], abs=0.006)
    text = markdown(comparison, rows)
    assert ("Beside the published rows" in text) == bool(known)
    assert ("Rows that could not be checked are left out." in text) == bool(known)


def test_the_same_seed_finds_the_same(size):
    one, other = ran(nats(size, "bohb")), ran(nats(size, "bohb"))
    np.testing.assert_array_equal(one.found_flat, other.found_flat)
    np.testing.assert_array_equal(one.observed, other.observed)
