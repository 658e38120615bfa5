"""Searchers on the real tables against recorded simulations and acceptance bands."""

import numpy as np
import pytest

from nasreplay import load_table, search
from nasreplay.replay.budgets import time_budget
from nasreplay.runs.report.statistics import score
from nasreplay.runs.result import TableFacts

# our own re-simulation recorded when the project began: validation, test, evaluations of 500 runs
RECORDED = {
    ("random", "cifar10"): (91.09, 93.88, 178),
    ("random", "cifar100"): (71.47, 71.57, 182),
    ("random", "ImageNet16-120"): (45.03, 45.28, 181),
    ("rea", "cifar10"): (91.32, 94.09, 165),
    ("rea", "cifar100"): (72.29, 72.24, 166),
    ("rea", "ImageNet16-120"): (45.69, 45.77, 163),
    ("reinforce", "cifar10"): (91.14, 93.91, 172),
    ("reinforce", "cifar100"): (71.85, 71.91, 175),
    ("reinforce", "ImageNet16-120"): (45.29, 45.55, 175),
}
BAND = {"cifar10": 0.05, "cifar100": 0.18, "ImageNet16-120": 0.18}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "dataset"), RECORDED)
def test_published_protocol_agrees_with_the_recorded_simulation(real_pack, name, dataset):
    table = load_table(dataset, table=real_pack, recipe="12", trial="mean")
    budget = time_budget(table)
    assert budget.factor == 1
    result = search.run(
        search.make(name), table, search.Budget(simulated_s=budget.seconds), seed=2021, replicas=500
    )
    truth = TableFacts(final_mean=table.final.mean_flat, test=table.test, budget_s=budget.seconds)
    valid, test, evaluations = RECORDED[name, dataset]
    assert abs(score(result, truth, budget.seconds, "published").mean() - valid) < BAND[dataset]
    assert abs(score(result, truth, budget.seconds, "published", "test").mean() - test) < BAND[dataset]
    assert abs(result.evaluations.mean() - evaluations) < 2


@pytest.mark.slow
@pytest.mark.parametrize("dataset", BAND)
@pytest.mark.parametrize("name", ["darts-v1", "gdas", "snas"])
def test_exact_slope_on_12_epochs_finds_good_200_epoch_cells(real_pack, name, dataset):
    table = load_table(dataset, table=real_pack, recipe="12", trial="mean")
    result = search.run(search.make(name), table, seed=0, replicas=20)
    assert result.oracle
    regret = table.optimum - table.report(table.space.from_flat(result.found_flat)).valid
    most = {"cifar10": 0.2, "cifar100": 0.3, "ImageNet16-120": 0.5}[dataset]
    assert regret.mean() <= most


@pytest.mark.parametrize(
    ("dataset", "best"), [("cifar10", 91.61), ("cifar100", 73.49), ("ImageNet16-120", 46.73)]
)
def test_embedded_optimum(dataset, best):
    table = load_table(dataset)
    cell = {"cifar10": 6111, "cifar100": 9930, "ImageNet16-120": 10676}[dataset]
    assert round(table.optimum, 2) == best
    assert table.space.flat_to_official[np.nanargmax(table.final.mean_flat)] == cell
    assert table.query(cell).accuracy == table.optimum


@pytest.mark.slow
@pytest.mark.parametrize("name", ["random", "rea", "reinforce", "bohb", "local-search"])
def test_sampling_searchers_beat_half_their_budget_of_random(name):
    table = load_table("cifar10")
    half = search.run(search.make("random"), table, search.Budget(evaluations=60), seed=1, replicas=300)
    full = search.run(search.make(name), table, search.Budget(evaluations=150), seed=1, replicas=300)
    weak, strong = (table.report(table.space.from_flat(r.found_flat)).valid for r in (half, full))
    assert strong.mean() > weak.mean() + 0.08
