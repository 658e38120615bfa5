"""A bound on the cost of what a search finds: a hinge on the expected cost, and answers that keep it."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from nasreplay.errors import BadSetting
from nasreplay.evaluate.protocol import Evaluator
from nasreplay.search.parts.samplers import softmax_vjp, vertex
from nasreplay.seeds import Draws
from nasreplay.spaces.base import MEMO_LIMIT, Space
from nasreplay.spaces.costs.expected import Cost
from nasreplay.spaces.genotypes.derivation import softmax

ROUNDING = 1 + 1e-12
LOOKS = 12
"""Architectures that a bounded search looks at in a step, where slopes are exact. Default: ours."""
NEAR = 4
"""So many of them are drawn from the logits and the best one so far, the others uniformly: where latencies have steps
the best one within the bound may be far from all that is likely. Default: ours."""
HALVINGS = 24
STEEPEST = 1e6  # of the prices that are tried


class Bound:
    """Cost ≤ limit, for all architectures that a search answers. Raises BadSetting if none is so cheap."""

    def __init__(self, space: Space, cost: Cost, name: str, limit: float, weight: float):
        self.space, self.cost, self.limit, self.weight = space, cost, limit, weight
        self._last: tuple[np.ndarray, np.ndarray] | None = None
        self.listed = space.indexed and space.size <= MEMO_LIMIT
        lowest = float(np.nanmin(self._of_all)) if self.listed else float(cost.of(self._cheapest)[0])
        if lowest > limit * ROUNDING:
            unit = f" {cost.unit}" * bool(cost.unit)
            raise BadSetting(
                f"--bound {limit:g}: no architecture has a {name} below {lowest:.6g}{unit} ({cost.source})"
            )

    def hinge(self, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """weight · max(0, expected cost / limit − 1) [n] under the softmax of the logits, and its gradient."""
        p = softmax(logits)
        expected, gradient = self.cost.expected(p)
        over = expected / self.limit - 1
        pull = np.where(over > 0, self.weight / self.limit, 0.0)
        return self.weight * np.maximum(over, 0.0), softmax_vjp(p, 1.0, pull[:, None, None] * gradient)

    def kept_by(self, codes: np.ndarray) -> np.ndarray:
        """bool [N]: whether codes [N, D] are cheap enough."""
        return self.cost.of(codes) <= self.limit * ROUNDING

    def within(self, logits: np.ndarray) -> np.ndarray:
        """int8 [n, D]: the answer of logits [n, E, O], and where it costs too much the most probable that does not.

        In spaces that cannot be listed each operation pays a price for its cost, the lowest that suffices.
        """
        if self._last is None or not np.array_equal(self._last[0], logits):  # asked several times a step
            codes = self.space.derive(logits)
            for row in np.flatnonzero(~self.kept_by(codes)):
                codes[row] = self._listed(logits[row]) if self.listed else self._priced(logits[row])
            self._last = logits.copy(), codes
        return self._last[1].copy()

    def look(
        self, evaluator: Evaluator, logits: np.ndarray, rows: np.ndarray, draws: Draws, best: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The lowest loss [n] within the bound that exact slopes tell of, and the architecture [n, D] that has it.

        Slopes are asked at a few architectures; each tells of all its neighbors, too. Some have edges of the best
        one [n, D] and edges that are drawn from the logits [n, E, O], each with a probability of ½.
        """
        uniform = self.space.mask / self.space.mask.sum(axis=1, keepdims=True)
        chances = np.repeat(np.broadcast_to(uniform, logits.shape)[:, None], LOOKS, axis=1)
        chances[:, :NEAR] = (softmax(logits) + self.space.embed(best))[:, None] / 2
        codes = draws.categorical(chances).reshape(len(rows) * LOOKS, -1)
        mixture = vertex(self.space, codes)
        slope = evaluator.slope(mixture, replica=np.repeat(rows, LOOKS))
        loss = _neighbors(slope.loss, slope.gradient, mixture.weights)
        cost = _neighbors(*self.cost.expected(mixture.weights), mixture.weights)
        kept = np.where((cost <= self.limit * ROUNDING) & self.space.mask, loss, np.inf).reshape(
            len(rows), -1
        )
        best = kept.argmin(axis=1)
        look, edge, option = np.unravel_index(best, (LOOKS, *self.space.mask.shape))
        found = codes.reshape(len(rows), LOOKS, -1)[np.arange(len(rows)), look]
        found[np.arange(len(rows)), edge] = option
        return kept[np.arange(len(rows)), best], found

    @cached_property
    def _of_all(self) -> np.ndarray:
        return self.cost.of(self.space.all_codes)

    @cached_property
    def _affordable(self) -> np.ndarray:
        return self.space.all_codes[self._of_all <= self.limit * ROUNDING]

    def _listed(self, logits: np.ndarray) -> np.ndarray:
        score = logits[np.arange(len(logits)), self._affordable].sum(axis=1)
        return self._affordable[score.argmax()]

    @cached_property
    def _prices(self) -> np.ndarray:
        """[E, O]: cost of each operation, the dearest 1."""
        uniform = self.space.mask / self.space.mask.sum(axis=1, keepdims=True)
        gradient = self.cost.expected(uniform[None])[1][0]
        return gradient / max(float(abs(gradient).max()), 1e-300)

    @cached_property
    def _cheapest(self) -> np.ndarray:
        return self.space.derive(-STEEPEST * self._prices[None])

    def _priced(self, logits: np.ndarray) -> np.ndarray:
        low, high, found = 1e-3, STEEPEST, self._cheapest[0]
        for _ in range(HALVINGS):
            price = float(np.sqrt(low * high))
            codes = self.space.derive((logits - price * self._prices)[None])
            if self.kept_by(codes)[0]:
                high, found = price, codes[0]
            else:
                low = price
        return found


def _neighbors(value: np.ndarray, gradient: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """[N, E, O]: a multilinear function at a vertex after one edit, by its value [N] and gradient there."""
    own = (weights * gradient).sum(axis=-1, keepdims=True)
    return value[:, None, None] + gradient - own
