"""Curriculum on the embedded table against the recorded reference simulation (60 seeds each)."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasreplay import load_table, search
from nasreplay.spaces import TOPOLOGY

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "curriculum_table.json").read_text())
SIMULATION = GOLDEN["tabular_reference_simulation"]
ORDERS = {
    "base nor_conv_3x3 then random order": "shuffle",
    "fully random order": "random",
    "conv3,skip,conv1,avg,none": "nor_conv_3x3,skip_connect,nor_conv_1x1,avg_pool_3x3,none",
}
ROWS = [row for row in SIMULATION["rows"] if row["draws"] == 200 and row["start_ops"] in (1, 2, 5)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "row", ROWS, ids=lambda row: f"{ORDERS[row['order']]}-{row['start_ops']}-lr{row['lr']}"
)
def test_agrees_with_the_reference_simulation(row):
    table = load_table("cifar10", trial="mean")
    changes = {"order": ORDERS[row["order"]], "start_ops": row["start_ops"], "learning_rate": row["lr"]}
    searcher: Any = search.make("curriculum", changes)
    replicas = 240
    result = search.run(searcher, table, search.Budget(evaluations=row["draws"]), seed=11, replicas=replicas)
    best = table.report(TOPOLOGY.from_flat(result.found_flat)).valid
    derived = table.report(searcher.derive(10).reshape(-1, 6)).valid.reshape(replicas, 10).max(axis=1)
    for values, name in ((best, "best"), (derived, "derived")):
        error = np.hypot(row[f"{name}_std"] / np.sqrt(row["seeds"]), values.std() / np.sqrt(replicas))
        assert abs(values.mean() - row[f"{name}_mean"]) < 3 * error, name
    distinct = np.mean([len(np.unique(asked)) for asked in result.evaluated_flat])
    assert distinct == pytest.approx(row["unique_mean"], rel=0.02)


def test_ceilings_of_the_subspaces():
    for dataset, key in (("cifar10", "cifar10"), ("cifar100", "cifar100"), ("ImageNet16-120", "imagenet")):
        table = load_table(dataset)
        for entry in GOLDEN["subspaces"]:
            codes = [TOPOLOGY.options[0].index(op) for op in entry["ops"]]
            inside = np.isin(TOPOLOGY.all_codes, codes).all(axis=1)
            assert inside.sum() == entry["architectures"]
            values = np.where(inside, table.final.mean_flat, -np.inf)
            assert values.max() == pytest.approx(entry[key]["best"], abs=5e-5)
            assert TOPOLOGY.format(TOPOLOGY.from_flat([int(values.argmax())])[0]) == entry[key]["best_arch"]


def test_stages_open_one_operation_at_a_time():
    table = load_table("cifar10", trial="mean")
    searcher = search.make("curriculum", {"order": "listed", "start_ops": 1})
    result = search.run(searcher, table, search.Budget(evaluations=100), seed=0, replicas=30)
    newest = TOPOLOGY.all_codes[result.evaluated_flat].max(axis=2)  # [R, 100]: the latest operation used
    for stage in range(5):
        part = newest[:, 20 * stage : 20 * (stage + 1)]
        assert part.max() == stage
    assert (newest[:, :20] == 0).all()


def test_fixed_space_is_the_curriculum_that_starts_with_everything():
    table = load_table("cifar10", trial="mean")
    fixed: Any = search.make("curriculum-fixed")
    all_open = search.make("curriculum", {"order": "listed", "start_ops": 5})
    fixed.name = all_open.name  # the stream is named after the searcher
    budget = search.Budget(evaluations=80)
    one, other = (search.run(s, table, budget, seed=4, replicas=5) for s in (fixed, all_open))
    assert np.array_equal(one.evaluated_flat, other.evaluated_flat)


@pytest.mark.slow
def test_lstm_controller_learns():
    table = load_table("cifar10", trial="mean")
    changes = {"policy": "lstm", "learning_rate": 0.01, "hidden": 32}
    searcher = search.make("curriculum", {**changes, "order": ORDERS["conv3,skip,conv1,avg,none"]})
    result = search.run(searcher, table, search.Budget(evaluations=200), seed=0, replicas=16)
    early, late = (np.nanmean(result.observed[:, part]) for part in (slice(0, 50), slice(150, 200)))
    found = table.report(TOPOLOGY.from_flat(result.found_flat)).valid
    assert found.mean() > 91.4  # recorded rows of the LSTM controller: 91.56 to 91.58 with 500 draws
    assert late > early - 1  # four times as many operations are open, most of them worse
