"""Regularized evolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nasreplay.config import positive
from nasreplay.evaluate.protocol import Evaluations, Fidelity
from nasreplay.search.base import Live, Question, SamplingSearcher, register_searcher
from nasreplay.settings import setting
from nasreplay.spaces.base import Space


@register_searcher
@dataclass
class REA(SamplingSearcher):
    """Ageing evolution: the best of a random tournament is mutated, the oldest member leaves.

    The mutation is the space's published one.
    """

    population: int = 10
    """Members kept. Default: NATS-Bench's."""
    tournament: int = setting(3, most=10_000)
    """Members compared, drawn with replacement: NATS-Bench's reading and number; the paper draws without."""

    name: ClassVar[str] = "rea"
    source: ClassVar[str] = "Real et al., AAAI 2019, algorithm 1; settings of NATS-Bench, TPAMI 2021"
    compared: ClassVar[bool] = True
    listed: ClassVar[int] = 3

    def __post_init__(self):
        positive(self, "population", "tournament")

    def begin(self, space: Space, ladder: tuple[Fidelity, ...], seed: int, replicas: range) -> None:
        """An empty population; a ring in which the next child replaces the oldest."""
        super().begin(space, ladder, seed, replicas)
        count = len(replicas)
        self.state.codes = np.zeros((count, self.population, space.decisions), dtype=np.int8)
        self.state.accuracy = np.zeros((count, self.population))
        self.state.born = np.zeros(count, dtype=np.int64)

    def ask(self, live: Live) -> Question:
        """Random architectures until the population is full, then mutated tournament winners."""
        rows = live.rows
        young = self.state.born[rows] < self.population
        codes = np.empty((len(rows), self.space.decisions), dtype=np.int8)
        if young.any():
            codes[young] = self.space.sample(self.draws(rows[young]))
        if not young.all():
            rows, draws = rows[~young], self.draws(rows[~young])
            entrants = draws.integers(self.population, self.tournament)
            winner = self.state.accuracy[rows[:, None], entrants].argmax(axis=1)
            parent = self.state.codes[rows, entrants[np.arange(len(rows)), winner]]
            codes[~young] = self.space.mutate(parent, draws)
        return Question(codes, live.rows)

    def tell(self, answers: Evaluations, live: Live) -> None:
        """The child joins, the oldest leaves."""
        rows, state = answers.replica, self.state
        place = state.born[rows] % self.population
        state.codes[rows, place] = answers.codes
        state.accuracy[rows, place] = answers.accuracy
        state.born[rows] += 1
