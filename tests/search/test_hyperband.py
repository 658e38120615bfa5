"""Hyperband's brackets on a table with three fidelities."""

from itertools import groupby, pairwise
from typing import cast

import numpy as np
import pytest

from nasreplay.evaluate.protocol import Fidelity
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.evaluate.table.fidelity import FidelityTable
from nasreplay.search import Budget, make, run
from nasreplay.search.driver import Recorder
from nasreplay.spaces import TOPOLOGY

EPOCHS = (1, 4, 12)


def table() -> TableEvaluator:
    noise = np.random.default_rng(5)
    final = noise.uniform(10, 90, TOPOLOGY.size)
    levels = [
        FidelityTable(
            Fidelity("12", epoch),
            final * epoch / (epoch + 1) + noise.normal(0, 4 / epoch, TOPOLOGY.size),
            np.full(TOPOLOGY.size, 10.0 * epoch),
        )
        for epoch in EPOCHS
    ]
    return TableEvaluator(TOPOLOGY, levels)


class Log:
    """Keeps what was asked."""

    def __init__(self):
        self.asked = []

    def start(self, header, searcher, evaluator) -> int:
        return 0

    def answers(self, answers) -> None:
        flat = TOPOLOGY.flat(answers.codes)
        self.asked += [
            (answers.at.epoch, int(f), float(a)) for f, a in zip(flat, answers.accuracy, strict=True)
        ]

    def step(self, *_: object) -> None: ...
    def end(self, *_: object) -> None: ...
    def close(self) -> None: ...


@pytest.mark.parametrize("name", ["hyperband", "bohb"])
def test_brackets_promote_the_most_accurate(name):
    log = Log()
    run(make(name), table(), Budget(evaluations=40), seed=1, recorder=cast(Recorder, log))
    rungs = [(epoch, [row[1:] for row in rows]) for epoch, rows in groupby(log.asked, lambda row: row[0])]
    assert [(epoch, len(rows)) for epoch, rows in rungs[:7]] == [
        (1, 9), (4, 3), (12, 1), (4, 3), (12, 4), (1, 9), (4, 3),
    ]  # fmt: skip  # the 4 at epoch 12 end the second bracket and are the third
    for (_, lower), (_, upper) in pairwise(rungs[:3]):
        best = sorted(lower, key=lambda row: -row[1])[: len(upper)]
        assert [flat for flat, _ in best] == [flat for flat, _ in upper]


def test_on_one_fidelity_it_is_random_search():
    levels = table().levels[-1:]
    result = run(make("hyperband"), TableEvaluator(TOPOLOGY, levels), Budget(evaluations=300), seed=2)
    random = run(make("random"), TableEvaluator(TOPOLOGY, levels), Budget(evaluations=300), seed=2)
    assert len(set(result.evaluated_flat[0].tolist())) == pytest.approx(
        len(set(random.evaluated_flat[0].tolist())), abs=8
    )


def test_cheap_rungs_find_more_than_random_search_for_the_same_seconds():
    def regret(name: str) -> float:
        evaluator = table()
        result = run(make(name), evaluator, Budget(simulated_s=6000), seed=3, replicas=50)
        return float(
            evaluator.optimum - evaluator.report(evaluator.space.from_flat(result.found_flat)).valid.mean()
        )

    assert regret("hyperband") < regret("random")
