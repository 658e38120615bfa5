"""The honest slope of a table: a score-function estimate from a few charged look-ups.

k architectures are drawn from the mixture's rows and looked up like any other question. With v_i the loss of
draw i, the estimate of dL/dw[e, o] is the mean over i of (v_i − b_i) · 1[a_i,e = o] / w[e, o], where b_i is the mean
of the other draws (leave-one-out baseline; Kool, van Hoof & Welling, "Buy 4 REINFORCE samples, get a baseline
for free!", 2019). The baseline shifts a whole row, so the estimate is unbiased once it is pushed through a
softmax; by itself it is the gradient up to a constant per row.
"""

from __future__ import annotations

import numpy as np

from nasreplay.errors import LacksCapability
from nasreplay.evaluate.protocol import Mixture
from nasreplay.seeds import Draws


def draw(mixture: Mixture, choices: np.ndarray, count: int, draws: Draws) -> np.ndarray:
    """Codes [N, k, E]: k = `count` architectures of each mixture. Raises LacksCapability for one-hot rows.

    choices: [E], the operations that each edge has; an edge with one has nothing to draw.
    """
    weights = mixture.weights
    if (mixture.active.sum(axis=-1) < np.minimum(choices, 2)).any():
        raise LacksCapability(
            "a sampled slope needs mixtures with probability on several operations; one-hot rows (GDAS) draw "
            "always the same architecture: use gradient='exact', or DARTS or SNAS"
        )
    return draws.categorical(np.broadcast_to(weights[:, None], (len(weights), count, *weights.shape[1:])))


def estimate(
    weights: np.ndarray, drawn: np.ndarray, loss: np.ndarray, answered: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Loss [N] and gradient [N, E, O] at weights [N, E, O].

    drawn: codes [N, k, E]; loss, answered: [N·k], of their look-ups; those after the end of a budget don't count.
    """
    answered = answered.reshape(drawn.shape[:2])
    loss = np.where(answered, loss.reshape(answered.shape), 0.0)
    number = answered.sum(axis=1, keepdims=True)
    others = (loss.sum(axis=1, keepdims=True) - loss) / np.maximum(number - 1, 1)
    # with fewer than two answers (a budget that just ended) there is no baseline and no estimate
    advantage = np.where(answered & (number > 1), loss - others, 0.0) / np.maximum(number, 1)
    chosen = drawn[..., None] == np.arange(weights.shape[-1])
    gradient = (advantage[:, :, None, None] * chosen).sum(axis=1)
    gradient = np.divide(gradient, weights, out=np.zeros_like(gradient), where=weights > 0)
    return loss.sum(axis=1) / np.maximum(number[:, 0], 1), gradient
