"""What the tests of `tabulate` fill tables from: a table with gaps, and a stand-in for an evaluator with weights."""

from pathlib import Path
from typing import Any

import numpy as np

from nasreplay.data.pack import Pack, write_pack
from nasreplay.data.semantics import CustomDataset, CustomSplit, Facts
from nasreplay.evaluate.base import Answers, EvaluatorBase
from nasreplay.evaluate.protocol import MEAN, Fidelity
from nasreplay.spaces import SIZE, TOPOLOGY

SOME = TOPOLOGY.from_flat(np.arange(0, TOPOLOGY.size, 7))  # 2,233 cells
FEW = SIZE.from_flat(np.arange(40))


def write(path: Path, **change: np.ndarray) -> Pack:
    """Two trials of pixels with gaps in the second, one of cifar10, tests of both; a whole clock."""
    draw = np.random.default_rng(0)
    two = draw.uniform(10, 90, (TOPOLOGY.size, 2))
    two[draw.random(TOPOLOGY.size) < 0.2, 1] = np.nan
    columns = {
        "pixels/12/seeds": np.array([777, 888]),
        "pixels/12/seconds_per_epoch": draw.uniform(1, 9, TOPOLOGY.size),
        "pixels/12/x-valid/accuracy": two,
        "pixels/12/x-test/accuracy": two / 2,
        "cifar10-valid/200/seeds": np.array([777]),
        "cifar10-valid/200/seconds_per_epoch": draw.uniform(1, 9, TOPOLOGY.size),
        "cifar10-valid/200/x-valid/accuracy": two[:, :1] + 5,
        "cifar10-valid/200/x-valid/eval_seconds": draw.uniform(1, 2, TOPOLOGY.size),
        "cifar10/200/seeds": np.array([777]),
        "cifar10/200/ori-test/accuracy": two[:, :1] / 3,
    } | change
    epochs = {"pixels/12": 12, "cifar10-valid/200": 200, "cifar10/200": 200}
    custom = {"pixels": CustomDataset(Facts(10, 8, 1_437), {"x-valid": CustomSplit(180)})}
    about = {"title": "two trials", "source": "a test", "licence": "CC0", "epochs": epochs}
    return write_pack(path, TOPOLOGY, columns, **about, custom_datasets=custom)


class Live(EvaluatorBase):
    """Stands for an evaluator with weights: one replica, no trials, its own words; ends after `left` answers."""

    space, dataset = SIZE, "my-images"

    def __init__(self, left: float = np.inf, **told: Any):
        self.left, self.asked, self.told = left, 0, told

    def ladder(self) -> tuple[Fidelity, ...]:
        return Fidelity("12", 2), Fidelity("shared", 1)

    def answer(
        self, codes: np.ndarray, at: Fidelity, trial: int | str | None, replica: np.ndarray
    ) -> Answers:
        assert trial is None
        self.left -= len(codes)
        self.asked += len(codes)
        if self.left < 0:
            raise RuntimeError("the power is gone")
        accuracy = codes.sum(axis=1) / 7
        return Answers(accuracy, np.full(len(codes), MEAN), accuracy / 9)

    def describe(self) -> dict[str, Any]:
        said = {"evaluator": "supernet", "dataset": "my-images", "valid": "accuracy with shared weights"}
        return {**said, "threads": 2, "device": "cpu", **self.told}


class LiveTested(Live):
    """One that knows the test accuracies of what it answers."""

    def test_accuracy(
        self, codes: np.ndarray, *, at: Fidelity | None = None, trial: int | str | None = None
    ) -> np.ndarray | None:
        return None if at and at.recipe == "12" else codes.sum(axis=1) / 8


def live(*arguments: Any, **told: Any) -> Any:
    return Live(*arguments, **told)
