"""Local search: climb to the best neighbor until there is none better, then start again elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nasreplay.evaluate.protocol import Evaluations, Fidelity
from nasreplay.search.base import Live, Question, SamplingSearcher, register_searcher
from nasreplay.spaces.base import Space


@register_searcher
@dataclass
class LocalSearch(SamplingSearcher):
    """Hill climbing: all one-edit neighbors are evaluated, the best is moved to if it is better, else a restart."""

    name: ClassVar[str] = "local-search"
    source: ClassVar[str] = "White et al., Exploring the loss landscape in NAS, UAI 2021, algorithm 1"
    compared: ClassVar[bool] = True
    listed: ClassVar[int] = 2

    def begin(self, space: Space, ladder: tuple[Fidelity, ...], seed: int, replicas: range) -> None:
        """Every replica stands nowhere yet."""
        super().begin(space, ladder, seed, replicas)
        count = len(replicas)
        around = int((space.choices - 1).sum())
        self.state.around = np.zeros((count, around, space.decisions), dtype=np.int8)
        self.state.next = np.full(count, around)  # which neighbor comes next; all done = restart
        self.state.here = np.full(count, -np.inf)
        self.state.best_near = np.full(count, -np.inf)
        self.state.best_place = np.zeros(count, dtype=np.int64)

    def ask(self, live: Live) -> Question:
        """The next neighbor, or a random start."""
        rows, state = live.rows, self.state
        starting = state.next[rows] == state.around.shape[1]
        codes = np.empty((len(rows), self.space.decisions), dtype=np.int8)
        if starting.any():
            codes[starting] = self.space.sample(self.draws(rows[starting]))
        walking = rows[~starting]
        codes[~starting] = state.around[walking, state.next[walking]]
        return Question(codes, rows)

    def tell(self, answers: Evaluations, live: Live) -> None:
        """Note the neighbor; after the last one, move or restart."""
        state, rows = self.state, answers.replica
        starting = state.next[rows] == state.around.shape[1]
        self._stand(rows[starting], answers.codes[starting], answers.accuracy[starting])
        rows, accuracy = rows[~starting], answers.accuracy[~starting]
        better = accuracy > state.best_near[rows]
        state.best_near[rows[better]] = accuracy[better]
        state.best_place[rows[better]] = state.next[rows[better]]
        state.next[rows] += 1
        done = rows[state.next[rows] == state.around.shape[1]]
        climbing = done[state.best_near[done] > state.here[done]]
        self._stand(climbing, state.around[climbing, state.best_place[climbing]], state.best_near[climbing])

    def _stand(self, rows: np.ndarray, codes: np.ndarray, accuracy: np.ndarray) -> None:
        state = self.state
        state.around[rows] = self.space.neighbors(codes)
        state.next[rows], state.here[rows], state.best_near[rows] = 0, accuracy, -np.inf
