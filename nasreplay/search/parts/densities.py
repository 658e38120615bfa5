"""Log densities of what samplers draw, and their gradients: what a policy gradient multiplies its reward with.

Shapes: n replicas, E edges, O operations; logits are padded by −inf.
"""

from __future__ import annotations

from math import lgamma
from typing import NamedTuple

import numpy as np

from nasreplay.spaces.genotypes.derivation import row_sums, softmax

CLAMP = 1e-4
"""What the released SNAS raises parts of its density to."""
RELEASED = 8
"""The number of operations in the released constant ln 7!."""


class Density(NamedTuple):
    """Logarithm of the density of a draw."""

    value: np.ndarray
    """float64 [n, E]: of each edge; edges are independent."""
    gradient: np.ndarray
    """float64 [n, E, O]: with respect to the logits."""


def categorical(logits: np.ndarray, chosen: np.ndarray) -> Density:
    """One-hot draws, bool [n, E, O], in proportion to the softmax of the logits."""
    p = softmax(logits)
    return Density(np.log(row_sums(p * chosen)[..., 0]), chosen - p)


def concrete(logits: np.ndarray, shaped: np.ndarray, temperature: float | np.ndarray) -> Density:
    """The concrete distribution at softmax(shaped) (Maddison et al. 2017, definition 1); the draw held fixed.

    ln q = ln (O−1)! + (O−1) ln T + Σ logits − (T+1) Σ ln z − O ln Σ exp(logits) z^−T.
    """
    # exp(logit_k) z_k^-T is proportional to exp(logit_k - T ln z_k); in logarithms nothing under- or overflows
    log_soft = shaped - shaped.max(axis=-1, keepdims=True)
    log_soft = log_soft - np.log(np.exp(log_soft).sum(axis=-1, keepdims=True))
    known = np.isfinite(logits)
    tilted = np.where(known, logits - temperature * log_soft, -np.inf)
    options = known.sum(axis=-1, keepdims=True)
    score = np.where(known, 1.0 - options * softmax(tilted), 0.0)
    most = tilted.max(axis=-1, keepdims=True)
    normal = most + np.log(np.exp(tilted - most).sum(axis=-1, keepdims=True))
    constant = np.array([lgamma(count) for count in range(1, logits.shape[-1] + 1)])[options - 1]
    own = np.where(known, logits - (temperature + 1) * log_soft, 0.0).sum(axis=-1, keepdims=True)
    value = constant + (options - 1) * np.log(temperature) + own - options * normal
    return Density(value[..., 0], score)


def released(logits: np.ndarray, soft: np.ndarray, temperature: float | np.ndarray) -> Density:
    """What SNAS was released with: ln 7! for any number of operations, clamps, and the draw not held fixed.

    The total derivative does not have the mean zero of a score: clamps aside it is (O z − 1)/T.
    """
    known, count = np.isfinite(logits), RELEASED
    kept = np.maximum(soft, CLAMP)
    moves = soft >= CLAMP
    terms = np.where(known, np.exp(logits) * kept**-temperature, 0.0)
    counted, raised = np.maximum(terms, CLAMP) * known, terms >= CLAMP
    total = counted.sum(axis=-1, keepdims=True)
    share = count * terms * raised / total
    own = np.where(known, logits - (temperature + 1) * np.log(kept), 0.0).sum(axis=-1, keepdims=True)
    value = lgamma(count) + (count - 1) * np.log(temperature) + own - count * np.log(total)
    of_soft = np.where(moves & known, (temperature * share - (temperature + 1)) / kept, 0.0)
    through = soft * (of_soft - row_sums(soft * of_soft)) / temperature
    return Density(value[..., 0], np.where(known, 1.0 - share, 0.0) + through)
