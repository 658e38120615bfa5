"""A space as far as a table has measured it: searches on a table with gaps stay inside.

- A uniform architecture is drawn among those that were measured.
- Neighbors are the measured architectures nearest to an architecture, as many as it has neighbors in the whole space;
  it is none of them itself.
- A mutation whose child was not measured becomes one of the parent's neighbors, drawn uniformly.
- Whatever else a searcher names, a question or what it would answer, stands for the measured architecture nearest to
  it, one of them by a fixed hash of the question where several are. It is told which one, and is charged for it.

Near is: few decisions differ. A policy or a model thus learns from what was looked up, but is not conditioned on it.
Shapes: K measured architectures, n or N others, D decisions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nasreplay.evaluate.protocol import Evaluator
from nasreplay.seeds import Draws
from nasreplay.spaces.base import Space

BLOCK = 2**24  # comparisons made at once


class Measured(Space):
    """The measured part of a space; `inside` makes one that is of the space's own class, too."""

    known: np.ndarray
    """int8 [K, D]: the measured architectures, in flat order."""
    among: np.ndarray
    """bool [A]: which architectures they are."""
    found: dict[bytes, np.ndarray]
    """Architecture → its neighbors, as far as they were asked for."""

    def sample(self, draws: Draws) -> np.ndarray:
        """One measured architecture per replica, uniformly."""
        return self.known[draws.integers(len(self.known), 1)[:, 0]]

    def mutate(self, codes: np.ndarray, draws: Draws) -> np.ndarray:
        """The space's mutation, and where that was not measured one of the parent's neighbors."""
        child, chance = super().mutate(codes, draws), draws.uniform(1)[:, 0]
        for row in np.flatnonzero(~self._has(child)):
            around = self._around(codes[row])
            child[row] = self.known[around[int(chance[row] * len(around))]]
        return child

    def neighbors(self, codes: np.ndarray) -> np.ndarray:
        """int8 [N, M, D] with the space's M: the nearest measured ones, over and over where these are fewer."""
        around = super().neighbors(codes)
        complete = self._has(around.reshape(-1, self.decisions)).reshape(around.shape[:2]).all(axis=1)
        for row in np.flatnonzero(~complete):
            around[row] = self.known[np.resize(self._around(codes[row]), around.shape[1])]
        return around

    def nearest(self, codes: np.ndarray) -> np.ndarray:
        """Codes [N, D] of measured architectures: themselves, or the nearest."""
        codes = self.check_codes(codes)
        outside = ~self._has(codes)
        if not outside.any():
            return codes
        found = np.array(codes, dtype=np.int8)
        asked = self.flat(found[outside]).astype(np.uint64)
        chance = ((asked + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(11)) * 2.0**-53
        found[outside] = self._near(found[outside], chance)
        return found

    def _has(self, codes: np.ndarray) -> np.ndarray:
        return self.among[self.flat(codes)]

    def _around(self, code: np.ndarray) -> np.ndarray:
        """int [m]: places in `known` of the nearest to an architecture [D] but itself, m <= M; kept once found."""
        key = bytes(np.asarray(code, dtype=np.int8))
        if key not in self.found:
            distance = self._distances(np.asarray(code)[None])[0]
            order = np.argsort(distance, kind="stable")
            others = order[distance[order] > 0][: (self.choices - 1).sum()]
            self.found[key] = others if len(others) else order
        return self.found[key]

    def _near(self, codes: np.ndarray, chance: np.ndarray) -> np.ndarray:
        """One of the nearest of each row, by chances [n] in [0, 1)."""
        found, size = np.empty_like(codes, dtype=np.int8), max(BLOCK // (len(self.known) * self.decisions), 1)
        for start in range(0, len(codes), size):
            part = slice(start, start + size)
            distance = self._distances(codes[part])
            nearest = distance == distance.min(axis=1, keepdims=True)
            place = (chance[part] * nearest.sum(axis=1)).astype(np.int64)
            found[part] = self.known[(nearest.cumsum(axis=1) > place[:, None]).argmax(axis=1)]
        return found

    def _distances(self, codes: np.ndarray) -> np.ndarray:
        """int8 [n, K]: in how many decisions they differ."""
        distance = np.zeros((len(codes), len(self.known)), dtype=np.int8)
        for decision in range(self.decisions):
            distance += codes[:, decision, None] != self.known[:, decision]
        return distance


def inside(evaluator: Evaluator) -> Space:
    """The evaluator's space as a search moves in it: the measured part, where something cannot be asked for."""
    space = evaluator.space
    if not evaluator.missing:
        return space
    among = np.all([evaluator.answerable(space.all_codes, at=at) for at in evaluator.ladder()], axis=0)
    kind: Any = type(f"Measured{type(space).__name__}", (Measured, type(space)), {})
    part = kind.__new__(kind)
    vars(part).update(vars(space), among=among, known=space.all_codes[among], found={})
    return part
