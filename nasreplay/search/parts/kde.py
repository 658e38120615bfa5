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
        order = np.argsort(-values, axis=1, kind="stable")[:, :, None]
        split = max(self.least, int(self.top_fraction * count))
        rest = max(self.least, int((1 - self.top_fraction) * count))
        good = np.take_along_axis(points, order[:, :split], axis=1)
        bad = np.take_along_axis(points, order[:, split : split + rest], axis=1)
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
        product = np.ones((len(points), candidates.shape[1], points.shape[1]))
        with np.errstate(divide="ignore", invalid="ignore"):
            for first in range(0, len(self.choices), 8):
                product *= self._product(candidates, points, width, range(len(self.choices))[first:][:8])
            return product.mean(axis=2)

    def _product(
        self, candidates: np.ndarray, points: np.ndarray, width: np.ndarray, decisions: range
    ) -> np.ndarray:
        """float64 [n, K, P]: the product of the kernels of at most 8 decisions, out of all that it can be."""
        n, shape = len(points), (len(points), candidates.shape[1], points.shape[1])
        found, agrees = np.ones((n, 1)), np.zeros(shape, dtype=np.uint8)
        for place, decision in enumerate(decisions):
            h, at = width[:, decision, None], np.ascontiguousarray(points[:, :, decision])
            choices = int(self.choices[decision])
            others = max(choices - 1, 1) if self.legal else _distinct(at, choices)[:, None] - 1
            found = np.concatenate([found * (h / others), found * (1 - h)], axis=1)
            agrees |= (candidates[:, :, None, decision] == at[:, None]).view(np.uint8) << np.uint8(place)
        return np.take_along_axis(found, agrees.reshape(n, -1).astype(np.intp), axis=1).reshape(shape)


def _distinct(options: np.ndarray, choices: int) -> np.ndarray:
    """int64 [n]: how many different ones of `choices` options are in each row."""
    return sum((options == choice).any(axis=1).astype(np.int64) for choice in range(choices))  # pyright: ignore
