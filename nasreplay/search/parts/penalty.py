"""SNAS's resource penalty: what size, multiply-adds and traffic of the cells weigh, and its gradient.

For every edge of every cell r = Σ_j c_j g(X_j) of its three expected resources X, with g linear or logarithmic; their
sum over the cells of a kind is divided by a norm (Xie et al., SNAS, ICLR 2019, section 2.4; forms and constants of
the released code). Shapes: N mixtures, n replicas, E rows, O operations, M cells of a kind with e rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nasreplay.spaces.costs.expected import CellKind, WholeNetwork
from nasreplay.spaces.costs.resources import RESOURCES

TERMS = ("all", *RESOURCES)
FORMS = ("log", "linear")
NORMS = ("original", "cells")
METHODS = ("reparametrization", "discrete", "policy-gradient", "policy-gradient-released", "none")
LINEAR = 0.43 * np.array([2.0, 1 / 4000, 1 / 100])
"""Published factors of size, multiply-adds and traffic in the linear form of all three."""
WEIGHTS = {
    ("policy-gradient", "linear"): 1e-5,
    ("policy-gradient", "log"): 1e-4,
    ("policy-gradient-released", "linear"): 1e-5,
    ("policy-gradient-released", "log"): 1e-4,
    ("reparametrization", "linear"): 1e-5,
    ("reparametrization", "log"): 1e-2,
    ("discrete", "linear"): 1e-4,
    ("discrete", "log"): 1e-2,
}
"""Published weight of the penalty for each method and form."""


class Edges(NamedTuple):
    """The penalty under some mixtures."""

    sums: np.ndarray
    """float64 [N, K]: of each kind of cells, over its cells and edges."""
    total: np.ndarray
    """float64 [N]: normed and weighed."""
    each: np.ndarray
    """float64 [N, E]: what each row adds to the total; of a network that is no sum over rows, all of it."""
    gradient: np.ndarray
    """float64 [N, E, O]: of the total with respect to the mixtures."""


@dataclass(frozen=True)
class Penalty:
    """How resources become one number."""

    form: str = "log"
    """log: the mean logarithm, of at least 1; linear: the published sum."""
    terms: str = "all"
    """Which of the three count."""
    norm: str = "original"
    """original: sums over normal cells are divided by 6, over reduction cells by 2, elsewhere by their number; cells:
    all by their number."""
    ratio: float = 1.0
    """Weight of a second kind of cells, the reduction cells."""
    baseline: bool = False
    """Whether the average over all edges and operations of the cell is subtracted first."""

    def __call__(self, kinds: Sequence[CellKind | WholeNetwork], weights: np.ndarray) -> Edges:
        """The penalty of mixtures [N, E, O] and its gradient."""
        sums, total, gradient = [], np.zeros(len(weights)), np.zeros(weights.shape)
        each = np.zeros(weights.shape[:2])
        for place, kind in enumerate(kinds):
            measured = kind.measure(weights)
            value, slope = self._of_edges(measured.values)
            if self.baseline:
                value = value - self._of_edges(kind.average)[0]
            factor = (self.ratio if place else 1.0) / (kind.cells if self.norm == "cells" else kind.divisor)
            own = value.sum(axis=1)
            each[:, kind.rows] = factor * own
            sums.append(own.sum(axis=1))
            total = total + factor * sums[-1]
            gradient += measured.pull(factor * slope)
        return Edges(np.stack(sums, axis=-1), total, each, gradient)

    def _of_edges(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Penalty [...] of resources [..., 3], and its gradient [..., 3]."""
        one = np.array([name == self.terms for name in RESOURCES], dtype=np.float64)
        if self.form == "linear":
            factors = LINEAR if self.terms == "all" else one
            return (factors * values).sum(axis=-1), np.broadcast_to(factors, values.shape)
        factors = np.full(3, 1 / 3) if self.terms == "all" else one
        floored = np.maximum(values, 1.0)
        return (factors * np.log(floored)).sum(axis=-1), np.where(values >= 1, factors / floored, 0.0)
