"""REINFORCE on independent categorical decisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nasreplay.config import positive, within
from nasreplay.evaluate.protocol import Evaluations, Fidelity
from nasreplay.search.base import Live, Question, SamplingSearcher, register_searcher
from nasreplay.search.parts import adam
from nasreplay.search.parts.samplers import initial_logits
from nasreplay.spaces.base import Space
from nasreplay.spaces.genotypes.derivation import softmax


@register_searcher
@dataclass
class Reinforce(SamplingSearcher):
    """REINFORCE: one sample a step, reward = accuracy in percent, no entropy term; it answers the best seen.

    The baseline is a bias-corrected average of the rewards that includes the current one, so that in step t the
    expected gradient is 1 − (1 − momentum)/(1 − momentum^t) times the true one (zero in the first step).
    """

    learning_rate: float = 0.01
    """Learning rate of Adam on the logits. Default: NATS-Bench's on the topology space."""
    momentum: float = 0.9
    """Decay of the reward average; 0 would cancel everything and is refused, -1: none. Default: NATS-Bench's."""

    name: ClassVar[str] = "reinforce"
    edgewise: ClassVar[bool] = True
    source: ClassVar[str] = "Williams 1992; settings of NATS-Bench, TPAMI 2021, section 5"
    compared: ClassVar[bool] = True
    listed: ClassVar[int] = 4

    def __post_init__(self):
        positive(self, "learning_rate")
        if self.momentum != -1:
            within(self, 1e-9, 1 - 1e-9, "momentum")

    def begin(self, space: Space, ladder: tuple[Fidelity, ...], seed: int, replicas: range) -> None:
        """Nearly uniform logits and an empty baseline."""
        super().begin(space, ladder, seed, replicas)
        self.state.logits = initial_logits(space, self.stream.at(), 0.0, 1e-3)
        adam.start(self.state)
        self.state.average = np.zeros((len(replicas), 2))  # of the reward, and of 1

    def ask(self, live: Live) -> Question:
        """One architecture from each policy."""
        codes = self.draws(live.rows).categorical(softmax(self.state.logits[live.rows]))
        return Question(codes, live.rows)

    def tell(self, answers: Evaluations, live: Live) -> None:
        """One Adam step on −log-probability × (reward − baseline)."""
        rows = answers.replica
        gradient = self.gradient(rows, answers.codes, answers.accuracy)
        adam.Adam(self.learning_rate).step(self.state, rows, gradient)

    def gradient(self, rows: np.ndarray, codes: np.ndarray, reward: np.ndarray) -> np.ndarray:
        """Gradient [n, E, O] of the loss for codes [n, D] and rewards [n]; updates the baseline first."""
        chosen = self.space.embed(codes)
        advantage = reward - self._baseline(rows, reward)
        return (softmax(self.state.logits[rows]) - chosen) * advantage[:, None, None]

    def _baseline(self, rows: np.ndarray, reward: np.ndarray) -> np.ndarray:
        if self.momentum == -1:
            return np.zeros_like(reward)
        average = self.state.average
        now = np.column_stack([reward, np.ones_like(reward)])
        average[rows] = self.momentum * average[rows] + (1 - self.momentum) * now
        return average[rows, 0] / average[rows, 1]
