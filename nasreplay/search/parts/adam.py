"""Adam over replicas: each row has its own moments and step count, so finished rows stay as they are."""

from __future__ import annotations

from types import SimpleNamespace
from typing import NamedTuple

import numpy as np


def start(state: SimpleNamespace) -> None:
    """Add zero moments for state.logits [R, ...] to a searcher's state."""
    state.first, state.second = (np.zeros(state.logits.shape, state.logits.dtype) for _ in range(2))
    state.steps = np.zeros(len(state.logits), dtype=np.int64)


class Adam(NamedTuple):
    """Adam (Kingma & Ba, ICLR 2015, algorithm 1; decay in L2 form) with the arithmetic of torch.optim.Adam."""

    learning_rate: float
    """Size of a step."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Decay rates of the two moments."""
    eps: float = 1e-8
    """Term that is added to the denominator."""
    weight_decay: float = 0.0
    """L2 penalty that is added to the gradient."""
    clip: float = 0.0
    """Largest norm of a row's gradient; 0: none."""

    def step(self, state: SimpleNamespace, rows: np.ndarray, gradient: np.ndarray) -> None:
        """Descend `gradient` [n, ...] on state.logits[rows]. Raises FloatingPointError for what is no number."""
        logits = state.logits[rows]
        shape = (-1,) + (1,) * (logits.ndim - 1)
        if self.clip:
            gradient = gradient * np.minimum(1.0, self.clip / (_norm(gradient) + 1e-6)).reshape(shape)
        if self.weight_decay:
            decaying = np.where(np.isfinite(logits), logits, 0)  # padding stays where it is
            gradient = gradient + self.weight_decay * decaying
        beta1, beta2 = self.betas
        steps = state.steps[rows] + 1
        first = state.first[rows] + (gradient - state.first[rows]) * (1 - beta1)
        second = state.second[rows] * beta2 + (1 - beta2) * gradient * gradient
        correction1, correction2 = (_correction(beta, steps).reshape(shape) for beta in self.betas)
        denominator = np.sqrt(second) / np.sqrt(correction2) + self.eps
        moved = logits - (self.learning_rate / correction1) * first / denominator
        if moved.size and not np.isfinite(moved.max()):  # which NaN is, too; padding is -inf
            raise FloatingPointError("the logits are not finite")
        state.logits[rows] = moved
        state.first[rows], state.second[rows], state.steps[rows] = first, second, steps


def _correction(beta: float, steps: np.ndarray) -> np.ndarray:
    # powers of single numbers: a vectorized power may depend on how many are computed at once
    if (steps == steps[:1]).all():  # the usual case
        return np.full(len(steps), 1 - beta ** int(steps[0])) if len(steps) else np.zeros(0)
    distinct, place = np.unique(steps, return_inverse=True)
    return np.array([1 - beta ** int(t) for t in distinct])[place]


def _norm(gradient: np.ndarray) -> np.ndarray:
    squares = gradient * gradient
    while squares.ndim > 1:  # one axis after the other: the order of additions must not depend on the batch
        squares = squares.sum(axis=-1)
    return np.sqrt(squares)
