"""Ranger over replicas: rectified Adam with look-ahead; each row has its own moments, slow copy and step count."""

from __future__ import annotations

from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

from nasreplay.search.parts import adam


def start(state: SimpleNamespace) -> None:
    """Add zero moments and slow weights for state.logits [R, P] to a searcher's state."""
    adam.start(state)
    state.slow = state.logits.copy()


class Ranger(NamedTuple):
    """Rectified Adam (Liu et al., ICLR 2020) as torch.optim.RAdam, decoupled decay, inside Lookahead.

    Lookahead (Zhang et al., NeurIPS 2019): every k steps slow weights, which start as the parameters, move a part
    alpha of the way to them, and the parameters become these. Settings:
    github.com/lessw2020/Ranger-Deep-Learning-Optimizer.
    """

    learning_rate: float
    """Size of a step."""
    betas: tuple[float, float] = (0.95, 0.999)
    """Decay rates of the two moments."""
    eps: float = 1e-5
    """Term that is added to the root of the second moment."""
    weight_decay: float = 0.0
    """Part of the parameters, times the learning rate, that a step takes away."""
    k: int = 6
    """Steps between two moves of the slow weights."""
    alpha: float = 0.5
    """Part of the way that they move."""
    threshold: float = 5.0
    """Length of the approximated moving average above which steps are rectified; before, they are of momentum."""

    def step(self, state: SimpleNamespace, rows: np.ndarray, gradient: np.ndarray) -> None:
        """Descend `gradient` [n, P] on state.logits[rows]. Raises FloatingPointError for what is no number."""
        beta1, beta2 = self.betas
        steps = state.steps[rows] + 1
        first = beta1 * state.first[rows] + (1 - beta1) * gradient
        second = beta2 * state.second[rows] + (1 - beta2) * gradient * gradient
        moved = state.logits[rows] * (1 - self.learning_rate * self.weight_decay)
        for row, step in enumerate(steps.tolist()):  # each alone: all in the parameters' own precision
            scale, adapted = self._scale(step)
            divisor = np.sqrt(second[row]) + self.eps if adapted else 1.0
            moved[row] -= self.learning_rate * scale * first[row] / divisor
            if step % self.k == 0:
                state.slow[rows[row]] += self.alpha * (moved[row] - state.slow[rows[row]])
                moved[row] = state.slow[rows[row]]
        if moved.size and not np.isfinite(moved.sum()):
            raise FloatingPointError("the parameters are not finite")
        state.logits[rows], state.steps[rows] = moved, steps
        state.first[rows], state.second[rows] = first, second

    def _scale(self, step: int) -> tuple[float, bool]:
        """What the first moment is multiplied by in a step, and whether it is divided by the second one's root."""
        beta1, beta2 = self.betas
        left1, left2 = 1 - beta1**step, 1 - beta2**step
        most = 2 / (1 - beta2) - 1
        length = most - 2 * step * beta2**step / left2
        if length <= self.threshold:
            return 1 / left1, False
        rectified = (length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length)
        return (rectified * left2) ** 0.5 / left1, True
