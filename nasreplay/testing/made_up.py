"""What the contracts ask with: a table, architectures and mixtures, all made up and the same every time."""

from __future__ import annotations

from typing import Any

import numpy as np

from nasreplay.evaluate.base import Answers, EvaluatorBase
from nasreplay.evaluate.protocol import MEAN, Fidelity, Mixture, Report
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.evaluate.table.fidelity import FidelityTable
from nasreplay.seeds import Stream
from nasreplay.spaces import TOPOLOGY, Space


def synthetic_table(space: Space = TOPOLOGY, trials: int = 3, **settings: Any) -> TableEvaluator:
    """A made-up table with an additive trend, interactions, trial noise and a missing trial here and there."""
    noise = Stream(7, f"synthetic/{space.name}").at()
    count = space.size
    effect = noise.normal(space.mask.size).reshape(space.mask.shape)
    trend = effect[np.arange(space.decisions), space.all_codes].sum(axis=1)
    pairs = np.sin(space.all_codes @ np.arange(1, space.decisions + 1))
    accuracy = (
        60 + 4 * trend[:, None] + 3 * pairs[:, None] + noise.normal(count * trials).reshape(count, trials)
    )
    if trials > 1:
        accuracy[noise.uniform(count)[0] < 0.4, -1] = np.nan
    seconds = 1000 + 200 * noise.uniform(count)[0] + 30 * space.all_codes.sum(axis=1)
    level = FidelityTable(Fidelity("200", 200), np.clip(accuracy, 1, 99), seconds, [777, 888, 999][:trials])
    return TableEvaluator(space, [level], dataset="synthetic", **settings)


def random_codes(space: Space, count: int, seed: int = 0) -> np.ndarray:
    """Uniform codes int8 [count, D]."""
    return space.sample(Stream(seed, "codes", range(count)).at())


def random_mixture(space: Space, count: int, seed: int = 0) -> Mixture:
    """Interior mixtures with every operation active."""
    raw = Stream(seed, "mixture", range(count)).at().uniform(space.mask.size) + 0.05
    weights = raw.reshape(count, *space.mask.shape) * space.mask
    return Mixture(weights / weights.sum(-1, keepdims=True), np.tile(space.mask, (count, 1, 1)))


class Formula(EvaluatorBase):
    """A made-up evaluator of any space, also of one too large for tables: a wave over the codes."""

    kind, dataset = "formula", "made up"

    def __init__(self, space: Space):
        self.space = space

    def ladder(self) -> tuple[Fidelity, ...]:
        """One fidelity."""
        return (Fidelity("formula", 1),)

    def answer(
        self, codes: np.ndarray, at: Fidelity, trial: int | str | None, replica: np.ndarray
    ) -> Answers:
        """Accuracies of 10 to 90 percent, a second each."""
        wave = np.sin(codes @ np.arange(1, self.space.decisions + 1))
        return Answers(50 + 40 * wave, np.full(len(codes), MEAN), np.ones(len(codes)))

    def report(self, codes: np.ndarray) -> Report:
        """Report the accuracies that `answer` gives."""
        accuracy = self.answer(codes, self.ladder()[0], None, np.zeros(len(codes))).accuracy
        return Report(accuracy, None, {"valid": "a wave over the codes"})
