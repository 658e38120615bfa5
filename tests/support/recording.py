"""Recorded runs on a synthetic table, for the tests of what is recorded."""

from pathlib import Path

import numpy as np

from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.protocol import Fidelity
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.evaluate.table.fidelity import FidelityTable
from nasreplay.runs.record import RunFolder, read_events
from nasreplay.runs.result import ARRAYS
from nasreplay.search import SEARCHERS, SamplingSearcher, default_comparison, make, run
from nasreplay.spaces import TOPOLOGY
from nasreplay.testing import synthetic_table

SAMPLING = [name for name in default_comparison() if issubclass(SEARCHERS[name], SamplingSearcher)]


def three_rungs() -> TableEvaluator:
    draw = np.random.default_rng(0)
    levels = [
        FidelityTable(
            Fidelity("200", epoch),
            draw.uniform(10, 90, (TOPOLOGY.size, 2)),
            np.full(TOPOLOGY.size, 9.0 * epoch),
        )
        for epoch in (10, 30, 90)
    ]
    return TableEvaluator(TOPOLOGY, levels, dataset="rungs")


def record(folder: Path, name="rea", table=None, *, resume=False, every=1e9, seed=7, changes=None, **budget):
    recorder = RunFolder(folder, {"command": "a test"}, resume=resume, save_every_s=every)
    budget = Budget(**budget or {"evaluations": 60})
    return run(make(name, changes), table or synthetic_table(), budget, seed=seed, recorder=recorder)


def assert_equal(one, other) -> None:
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def without_wall(folder: Path) -> list[dict]:
    return [{k: v for k, v in event.items() if k != "wall_s"} for event in read_events(folder)]


def checkpoints(folder: Path) -> list[Path]:
    """All that is there, in the order in which it was written."""
    return sorted((folder / "checkpoint").iterdir())
