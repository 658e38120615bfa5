"""The published protocols on real and on made-up tables."""

import numpy as np
import pytest

from nasreplay.data.pack import write_pack
from nasreplay.data.pack.curves import BLOCK, form_of, packed
from nasreplay.data.pack.writer import Curves
from nasreplay.errors import BadSetting, UnknownName
from nasreplay.evaluate.protocol import Fidelity
from nasreplay.evaluate.table.load import load_table
from nasreplay.replay.comparing import compare
from nasreplay.replay.plan import Plan, searchers_of
from nasreplay.replay.protocols import PROTOCOLS
from nasreplay.replay.tables import Tables, notes
from nasreplay.runs.report import published_rows
from nasreplay.runs.report.rows import rows as rows_of
from nasreplay.search import SEARCHERS, make
from nasreplay.spaces import SIZE, TOPOLOGY

DATASETS = ("cifar10", "cifar100", "ImageNet16-120")
# means of 500 runs on the same tables, simulated before this package was written (docs/sources/nats-bench.md)
RECORDED = {
    ("nats", "random"): ((91.09, 93.88), (71.47, 71.57), (45.03, 45.28)),
    ("nats", "rea"): ((91.32, 94.09), (72.29, 72.24), (45.69, 45.77)),
    ("nats", "reinforce"): ((91.14, 93.91), (71.85, 71.91), (45.29, 45.55)),
    ("nb201", "random"): ((90.98, 93.77), (71.12, 71.24), (44.68, 44.80)),
    ("nb201", "rea"): ((91.14, 93.92), (71.74, 71.86), (45.05, 45.37)),
}
BAND = {"cifar10": 0.08, "cifar100": 0.25, "ImageNet16-120": 0.25}  # 300 replicas here


def quiet(done: int, total: int, what: str) -> None:
    """No progress."""


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["nats", "nb201"])
def test_published_protocols_agree_with_the_recorded_simulation(real_pack, tmp_path, protocol):
    names = [name for which, name in RECORDED if which == protocol]
    plan = Plan(
        searchers=searchers_of(names, protocol),
        datasets=DATASETS,
        protocol=protocol,
        table=str(real_pack.path),
        trial="mean",
        replicas=300,
        seed=4,
    )
    comparison = compare(plan, tmp_path, tell=quiet)
    rows = {(row.searcher, row.dataset): row for row in rows_of(comparison)}
    for name in names:
        for dataset, (valid, test) in zip(DATASETS, RECORDED[protocol, name], strict=True):
            row = rows[name, dataset]
            assert row.validation_accuracy_mean == pytest.approx(valid, abs=BAND[dataset])
            assert row.test_accuracy_mean == pytest.approx(test, abs=BAND[dataset])
    cells = published_rows.beside(comparison, list(rows.values()))
    known = {"nats": names, "nb201": ["random"]}[protocol]  # REA's row could not be checked
    assert [cell[:3] for cell in cells] == [
        (dataset, name, split) for dataset in DATASETS for name in known for split in ("valid", "test")
    ]
    for cell in cells:
        difference = float(cell.ours.split()[0]) - float(cell.published.split()[0])
        assert float(cell.difference) == pytest.approx(difference, abs=0.011)
        band = {"nats": 0.15, "nb201": 0.2}[protocol] if cell.dataset == "cifar10" else 0.5
        assert abs(difference) < band
        assert cell.checked == "simulated again"
    assert ("left out" in " ".join(published_rows.footnotes(comparison))) == (protocol == "nb201")
    if protocol == "nb201":  # one search on cifar10, read on all data sets, never beyond its budget
        of = {dataset: comparison.of(dataset) for dataset in DATASETS}
        for one, other in zip(of["cifar10"], of["cifar100"], strict=True):
            np.testing.assert_array_equal(one.found_flat, other.found_flat)
            assert one.final_clock.max() <= 12_000
        assert "searched on cifar10" in notes(Tables(plan))[0]


@pytest.fixture(scope="module")
def curved(tmp_path_factory):
    """A table whose every epoch is measured: recipe 12 of two data sets, recipe 200 of cifar10 alone."""
    draw, columns, forms, chunks = np.random.default_rng(2), {}, {}, []
    for recipe in ("cifar10-valid/12", "cifar10-valid/200", "cifar100/12"):
        epochs, path = int(recipe.split("/")[1]), f"{recipe}/x-valid/accuracy"
        ends = draw.uniform(20, 90, (TOPOLOGY.size, 1, 1))
        curve = ends * np.linspace(0.3, 1, epochs) + draw.normal(0, 0.1, (TOPOLOGY.size, 1, epochs))
        columns |= {f"{recipe}/seeds": [777], path: curve[:, :, -1]}
        columns |= {f"{recipe}/seconds_per_epoch": draw.uniform(5, 15, TOPOLOGY.size)}
        forms[path] = form_of("accuracy", None)
        for block, start in enumerate(range(0, TOPOLOGY.size, BLOCK)):
            chunks.append((path, block, 0, packed(curve[start : start + BLOCK, 0], forms[path])))
    epochs = {
        recipe: int(recipe.split("/")[1])
        for recipe in ("cifar10-valid/12", "cifar10-valid/200", "cifar100/12")
    }
    path = tmp_path_factory.mktemp("curved") / "curved.h5"
    return write_pack(
        path,
        TOPOLOGY,
        columns,
        epochs=epochs,
        curves=Curves(forms, chunks),
        title="made up",
        source="a test",
        licence="none",
    )


@pytest.mark.slow
def test_rungs_are_the_published_epochs(curved):
    def ladder(protocol: str, dataset: str, name: str) -> list[Fidelity]:
        plan = Plan(datasets=(dataset,), protocol=protocol, table=str(curved.path))
        return list(Tables(plan).seen_by(make(name), dataset).ladder())

    assert ladder("nats", "cifar10", "bohb") == [("12", 1), ("12", 4), ("12", 12)]
    assert ladder("nats", "cifar100", "hyperband") == [("12", 1), ("12", 4), ("12", 12)]
    assert ladder("nb201", "cifar10", "bohb") == [("12", 12), ("12", 12), ("12", 12)]
    assert ladder("plain", "cifar10", "bohb") == [("200", 22), ("200", 66), ("200", 200)]
    assert ladder("nats", "cifar10", "rea") == [("12", 12)]


def test_a_rung_is_its_epoch_and_costs_its_epochs(curved):
    table = load_table("cifar10", table=curved, recipe="12", rungs=3)
    flat = np.array([5, 15_000])
    told = table.evaluate(TOPOLOGY.from_flat(flat), at=Fidelity("12", 4), replica=np.array([0, 0]))
    curve = curved.curve("cifar10-valid/12/x-valid/accuracy", flat)
    np.testing.assert_array_equal(told.accuracy, curve[:, 0, 3])
    np.testing.assert_allclose(told.seconds, 4 * curved.column("cifar10-valid/12/seconds_per_epoch")[flat])


def test_every_protocol_says_what_it_cannot_do(real_pack, tmp_path):
    with pytest.raises(UnknownName, match="plain, nats, nb201"):
        Plan(protocol="nas")
    columns = {"cifar10-valid/12/seeds": [777], "cifar10-valid/12/x-valid/accuracy": np.ones((SIZE.size, 1))}
    columns["cifar10-valid/12/seconds_per_epoch"] = np.ones(SIZE.size)
    pack = write_pack(
        tmp_path / "size.h5",
        SIZE,
        columns,
        epochs={"cifar10-valid/12": 12},
        title="made up",
        source="a test",
        licence="none",
    )
    with pytest.raises(BadSetting, match="no budget for cifar10 in the size space"):
        Tables(Plan(protocol="nb201", table=str(pack.path))).budget("cifar10")
    assert Tables(Plan(protocol="nats", table=str(pack.path))).budget("cifar10").simulated_s == 20_000


def test_only_checked_numbers_are_published():
    for protocol in PROTOCOLS.values():
        for row in protocol.published("topology", DATASETS, list(SEARCHERS)):
            assert row.checked in protocol.checks
            assert row.valid or row.test
        assert protocol.published("topology", DATASETS, ["bohb"]) == []
        assert protocol.published("size", DATASETS, list(SEARCHERS)) == []
    assert PROTOCOLS["nb201"].published("topology", ["cifar100"], ["rea", "reinforce"]) == [
        ("cifar100", "reinforce", None, (71.71, 1.09), "reprinted")
    ]
