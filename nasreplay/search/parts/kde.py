"""The model of BOHB: two kernel density estimates over categorical decisions, one of good and one of bad points.

Falkner et al., BOHB, ICML 2018, section 3.2 and algorithm 2; kernels of Aitchison & Aitken (1976) with the normal
reference bandwidth h = 1.06 σ n^(−1/(4 + D)): 1 − h where a point has the candidate's option, h/(c − 1) elsewhere.
Two rules of them:
released: those of hpbandster 0.7.4 with statsmodels. h has no upper bound, so that a kernel may be negative, and c is
the number of distinct options among the points: if it is 1, every other option has an infinite kernel.
legal: h is at most (c − 1)/c, where a kernel is flat, and c is the number of the decision's options.
All replicas hold the same number of points, so all are fitted at once.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from nasreplay.seeds import Draws

KERNELS = ("released", "legal")
FLOOR = 1e-32  # densities are compared by ratio; the original floors them here


class Model:
    """Points per rung and the proposal; the points live in a searcher's state.

    state.points: int8 [R, rungs, capacity, D]; state.values: float64 [R, rungs, capacity] accuracies, percent;
    state.count: int64 [R, rungs].
    """

    def __init__(
        self, choices: np.ndarray, candidates: int, min_bandwidth: float, top_fraction: float, kernels: str
    ):
        self.choices, self.candidates, self.legal = choices, candidates, kernels == "legal"
        self.min_bandwidth, self.top_fraction = min_bandwidth, top_fraction
        self.least = len(choices) + 1  # points that a density needs

    def begin(self, state: SimpleNamespace, replicas: int, rungs: int) -> None:
        """Begin without points."""
        state.points = np.zeros((replicas, rungs, 64, len(self.choices)), dtype=np.int8)
        state.values = np.zeros((replicas, rungs, 64))
        state.count = np.zeros((replicas, rungs), dtype=np.int64)

    def add(
        self, state: SimpleNamespace, rows: np.ndarray, rung: int, codes: np.ndarray, accuracy: np.ndarray
    ) -> None:
        """Add one point per row, unless a higher rung already has a model."""
        rows_at = state.count[rows]
        wanted = ~(rows_at[:, rung + 1 :] >= self._needed).any(axis=1)
        rows, codes, accuracy = rows[wanted], codes[wanted], accuracy[wanted]
        place = state.count[rows, rung]
        if place.max(initial=-1) >= state.values.shape[2]:
            state.points = np.concatenate([state.points, np.zeros_like(state.points)], axis=2)
            state.values = np.concatenate([state.values, np.zeros_like(state.values)], axis=2)
        state.points[rows, rung, place], state.values[rows, rung, place] = codes, accuracy
        state.count[rows, rung] += 1

    @property
    def _needed(self) -> int:
        """Points until both densities have more points than dimensions."""
        return 2 * self.least

    def propose(
        self, state: SimpleNamespace, rows: np.ndarray, uniform: np.ndarray, draws: Draws
    ) -> np.ndarray:
        """int8 [n, D]: the candidate with the best ratio of good to bad density.

        uniform: [n, D], what is proposed while there is no model, and where it can compare no candidates.
        """
        ready = np.flatnonzero(state.count[rows[0]] >= self._needed)
        if not len(ready):
            return uniform
        rung = ready[-1]
        count = int(state.count[rows[0], rung])
        points, values = state.points[rows, rung, :count], state.values[rows, rung, :count]
        order = np.argsort(-values, axis=1, kind="stable") + count * np.arange(len(rows))[:, None]
        points, values = points.reshape(-1, points.shape[2]), values.take(order)
        # kept in order, they are sorted fast the next time
        state.points[rows, rung, :count], state.values[rows, rung, :count] = points.take(order, 0), values
        points = points.take(order.T, 0).swapaxes(0, 1)  # outermost in memory, where sums over them are fast
        split = max(self.least, int(self.top_fraction * count))
        rest = max(self.least, int((1 - self.top_fraction) * count))
        good, bad = points[:, :split], points[:, split : split + rest]
        good_width, bad_width = self._bandwidth(good), self._bandwidth(bad)
        candidates = self._candidates(good, good_width, draws)
        best = self.best(self.density(candidates, good, good_width), self.density(candidates, bad, bad_width))
        found = candidates[np.arange(len(rows)), best]
        return np.where(best[:, None] < 0, uniform, found)

    @staticmethod
    def best(good: np.ndarray, bad: np.ndarray) -> np.ndarray:
        """int64 [n]: the place of the candidate of smallest bad by good density [n, K], −1 where none compares.

        As released, the first candidate that the good points make finite and the bad ones infinite ends the search.
        """
        with np.errstate(invalid="ignore"):
            ratio = np.fmax(bad, FLOOR) / np.maximum(good, FLOOR)
        ends = ~np.isfinite(ratio) & np.isfinite(good)
        smallest = np.where(np.isfinite(ratio), ratio, np.inf)
        found = np.where(ends.any(axis=1), ends.argmax(axis=1), smallest.argmin(axis=1))
        return np.where(ends.any(axis=1) | np.isfinite(smallest).any(axis=1), found, -1)

    def _bandwidth(self, points: np.ndarray) -> np.ndarray:
        """float64 [n, D]."""
        count, decisions = points.shape[1:]
        if decisions == 1:  # in other memory the order of the sum would depend on the other replicas
            points = np.ascontiguousarray(points)
        width = 1.06 * points.std(axis=1) * count ** (-1.0 / (4 + decisions))
        most = (self.choices - 1) / self.choices if self.legal else np.inf
        return np.clip(width, self.min_bandwidth, most)

    def _candidates(self, good: np.ndarray, width: np.ndarray, draws: Draws) -> np.ndarray:
        """int8 [n, K, D]: random good points, each decision kept with probability 1 − bandwidth, else uniform."""
        n, count, decisions = good.shape
        shape = (n, self.candidates, decisions)
        center = draws.integers(count, self.candidates)
        kept = np.take_along_axis(good, center[:, :, None], axis=1)
        keep = draws.uniform(shape[1] * decisions).reshape(shape) < 1 - width[:, None]
        other = draws.uniform(shape[1] * decisions).reshape(shape) * self.choices
        return np.where(keep, kept, other.astype(np.int8))

    def density(self, candidates: np.ndarray, points: np.ndarray, width: np.ndarray) -> np.ndarray:
        """float64 [n, K]: mean over points [n, P, D] of the product of the kernels of bandwidths [n, D]."""
        product, others = np.ones(()), self._others(points)
        with np.errstate(divide="ignore", invalid="ignore"):
            for first in range(0, len(self.choices), 8):
                some = slice(first, first + 8)
                product = product * _product(
                    candidates[..., some], points[..., some], width[:, some], others[:, some]
                )
            return product.mean(axis=2)

    def _others(self, points: np.ndarray) -> np.ndarray:
        """int64 [n, D]: the options among which a kernel shares its bandwidth: all but the point's own."""
        if self.legal:
            return np.broadcast_to(np.maximum(self.choices - 1, 1), (len(points), len(self.choices)))
        options = range(int(self.choices.max()))
        return np.sum([(points == option).any(axis=1) for option in options], axis=0) - 1


def _product(candidates: np.ndarray, points: np.ndarray, width: np.ndarray, others: np.ndarray) -> np.ndarray:
    """float64 [n, K, P]: the product of the kernels of at most 8 decisions, out of all that it can be."""
    found, agrees = np.ones((len(points), 1)), np.zeros((), dtype=np.uint8)
    for place in range(width.shape[1]):
        h, at = width[:, place, None], np.ascontiguousarray(points[..., place])
        found = np.concatenate([found * (h / others[:, place, None]), found * (1 - h)], axis=1)
        agrees = agrees | (candidates[..., place, None] == at[:, None]) * np.uint8(1 << place)
    first = np.arange(len(points))[:, None, None] * found.shape[1]
    return found.take(first + agrees)
