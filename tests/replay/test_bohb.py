"""BOHB beside hpbandster 0.7.4: densities, and what runs of both find (tests/golden/bohb.json says how)."""

import json
from pathlib import Path

import numpy as np
import pytest

from nasreplay import load_table
from nasreplay.evaluate.protocol import Fidelity
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.evaluate.table.fidelity import FidelityTable
from nasreplay.replay.comparing import compare
from nasreplay.replay.plan import Plan, searchers_of
from nasreplay.replay.tables import Tables
from nasreplay.runs.report.rows import rows as rows_of
from nasreplay.search import Budget, make, run
from nasreplay.search.parts.kde import Model

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "bohb.json").read_text())
RUNS = 400


def model(choices: list[int], kernels: str = "released") -> Model:
    return Model(np.array(choices), 4, 0.3, 0.15, kernels)


@pytest.mark.parametrize("case", GOLDEN["densities"])
def test_densities_are_those_of_the_original(case):
    points, candidates = (np.array(case[name], dtype=np.int8)[None] for name in ("points", "candidates"))
    width, wanted = np.array(case["bandwidth"])[None], [float(value) for value in case["density"]]
    released = model(case["choices"])
    np.testing.assert_allclose(released._bandwidth(points), width, rtol=1e-12)
    np.testing.assert_allclose(released.density(candidates, points, width)[0], wanted, rtol=1e-10)


def test_legal_kernels_are_positive_and_sum_to_one():
    legal, points = model([4, 3], "legal"), np.array([[[0, 0], [3, 0], [0, 2], [3, 2]]], dtype=np.int8)
    width = legal._bandwidth(points)
    assert (model([4, 3])._bandwidth(points) > width).all()  # 1.06 σ n^(−1/6) is beyond what is legal
    np.testing.assert_allclose(width, [[3 / 4, 2 / 3]])
    every = np.stack(np.meshgrid(range(4), range(3)), axis=-1).reshape(1, -1, 2)
    density = legal.density(every, points, width)
    assert (density > 0).all()
    assert density.sum() == pytest.approx(1)


def test_the_candidate_is_the_originals():
    inf, nan = np.inf, np.nan
    good = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, inf], [-1.0, 2.0, nan], [inf, nan, inf], [1.0, 2.0, 3.0]])
    bad = np.array([[1.0, 1.0, inf], [1.0, 1.0, 1.0], [1.0, nan, 1.0], [inf, 1.0, inf], [4.0, -1.0, 1e-32]])
    # infinite among the bad only: taken at once; among the good only: ratio 0; neither compares: none
    assert Model.best(good, bad).tolist() == [2, 2, 1, -1, 2]


def three_rungs() -> TableEvaluator:
    """The table of the golden's runs."""
    table = load_table("cifar100")
    final, index = table.final.mean_flat, np.arange(table.space.size)
    noise = (index * 7919 % 101 - 50) / 50
    values = {1: final * 0.6 + 6 * noise, 4: final * 0.9 + 1.5 * noise, 12: final}
    levels = [FidelityTable(Fidelity("12", e), values[e], e * final / 60) for e in values]
    return TableEvaluator(table.space, levels)


def equal_rungs() -> TableEvaluator:
    table = three_rungs()
    final = table.final.accuracy
    return TableEvaluator(table.space, [FidelityTable(Fidelity("12", 12), final, final / 60)] * 3)


def found(name: str, **changes) -> dict[str, np.ndarray]:
    """Final accuracies and numbers of evaluations of 400 replicas."""
    table = three_rungs() if name == "three rungs" else equal_rungs()
    budget = Budget(
        simulated_s=GOLDEN[name]["limit"], overshoot="keep" if name == "three rungs" else "discard"
    )
    result = run(make("bohb", changes), table, budget, seed=1, replicas=RUNS)
    accuracy = table.report(table.space.from_flat(result.found_flat)).valid
    return {"accuracy": accuracy, "evaluations": result.evaluations}


def distances(name: str, **changes) -> dict[str, float]:
    """How many standard errors the means of our runs and of the original's lie apart."""
    apart = {}
    for what, ours in found(name, **changes).items():
        mean, deviation = GOLDEN[name][what]
        error = np.sqrt(deviation**2 / GOLDEN[name]["runs"] + ours.var() / RUNS)
        apart[what] = abs(ours.mean() - mean) / error
    return apart


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "answer"),
    [("three rungs", "any"), ("equal rungs", "top")],
)
def test_runs_are_distributed_as_the_originals(name, answer):
    assert max(distances(name, answer_from=answer).values()) < 3
    assert max(distances(name, answer_from=answer, kernels="legal").values()) > 4


@pytest.mark.slow
def test_the_released_protocol_of_nas_bench_201(real_pack, tmp_path):
    """50 runs of the released loop with hpbandster on the same table found these, with 104.7 evaluations."""
    recorded = {"cifar10": (90.76, 0.44), "cifar100": (70.48, 1.3), "ImageNet16-120": (44.16, 1.4)}
    plan = Plan(
        searchers=searchers_of(["bohb"], "nb201"),
        datasets=tuple(recorded),
        protocol="nb201",
        table=str(real_pack.path),
        replicas=300,
        seed=4,
    )
    comparison = compare(plan, tmp_path, tell=lambda *_: None)
    for row in rows_of(comparison):
        mean, deviation = recorded[row.dataset]
        assert row.validation_accuracy_mean == pytest.approx(mean, abs=3 * deviation / np.sqrt(50))
    assert comparison.of("cifar10")[0].evaluations.mean() == pytest.approx(104.7, abs=1.5)
    assert [str(at) for at in Tables(plan).seen_by(make("bohb"), "cifar10").ladder()] == [
        "epoch 12 of recipe 12"
    ] * 3
