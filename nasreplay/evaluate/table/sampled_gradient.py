"""The honest slope of a table: a score-function estimate from a few charged look-ups.

k architectures are drawn from the mixture's rows and looked up like any other question. With v_i the loss of
draw i, the estimate of dL/dw[e, o] is the mean over i of (v_i − b_i) · 1[a_i,e = o] / w[e, o], where b_i is the mean
of the other draws (leave-one-out baseline; Kool, van Hoof & Welling, "Buy 4 REINFORCE samples, get a baseline
for free!", 2019). The baseline shifts a whole row, so the estimate is unbiased once it is pushed through a
softmax; by itself it is the gradient up to a constant per row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nasreplay.errors import LacksCapability
from nasreplay.evaluate.protocol import MEAN, Mixture, Slope

if TYPE_CHECKING:
    from nasreplay.evaluate.table import TableEvaluator


def sampled_slope(table: TableEvaluator, mixture: Mixture, replica: np.ndarray | None) -> Slope:
    """The estimate at interior mixtures, each draw charged as an evaluation; LacksCapability for one-hot rows."""
    weights = mixture.weights
    if not mixture.active.sum(axis=-1).min() > 1:
        raise LacksCapability(
            "a sampled slope needs mixtures with probability on several operations; one-hot rows (GDAS) draw "
            "always the same architecture: use gradient='exact', or DARTS or SNAS"
        )
    replica = table.ledger.rows(replica, len(weights))
    count, edges, _ = weights.shape
    k = table.samples
    every = np.broadcast_to(weights[:, None], (count, k, *weights.shape[1:]))
    drawn = table.streams["slope"].at(replica).categorical(every)
    answers = table.evaluate(drawn.reshape(-1, edges), replica=np.repeat(replica, k))
    answered = answers.answered.reshape(count, k)
    loss = np.where(answered, 1.0 - answers.accuracy.reshape(count, k) / 100.0, 0.0)
    number = answered.sum(axis=1, keepdims=True)
    others = (loss.sum(axis=1, keepdims=True) - loss) / np.maximum(number - 1, 1)
    # with fewer than two answers (a budget that just ended) there is no baseline and no estimate
    advantage = np.where(answered & (number > 1), loss - others, 0.0) / np.maximum(number, 1)
    chosen = drawn[..., None] == np.arange(weights.shape[-1])
    gradient = (advantage[:, :, None, None] * chosen).sum(axis=1)
    gradient = np.divide(gradient, weights, out=np.zeros_like(gradient), where=weights > 0)
    value = loss.sum(axis=1) / np.maximum(number[:, 0], 1)
    trial = MEAN if isinstance(table.trial, str) else table.trial
    return Slope(value, gradient, False, answers.at, trial)
