"""BOHB: Hyperband's brackets with configurations proposed by a pair of kernel density estimates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nasreplay.config import positive, within
from nasreplay.evaluate.protocol import Evaluations, Fidelity
from nasreplay.search.base import BATCH, Live, Question, SamplingSearcher
from nasreplay.search.kde import Model
from nasreplay.spaces.base import Space


@dataclass
class BOHB(SamplingSearcher):
    """All replicas advance through the same brackets in lockstep, one evaluation a step.

    eta: of successive halving; num_samples: candidates per proposal; min_bandwidth: smallest kernel bandwidth;
    top_fraction: share of points that count as good; random_fraction: share of proposals without the model.
    Rungs are the evaluator's fidelities of growing training (a supernet's mini-batch is none). With three of them the
    brackets are 9→3→1, 3→1 and 3 configurations; a table with one fidelity has one rung, so every configuration is a
    model proposal at full cost.
    Deviations: kernels keep their legal range (the original lets a bandwidth pass (c−1)/c, where the kernel of a
    category turns negative); the budget ends the run (the published script runs all brackets and applies the
    budget when scoring).
    """

    eta: int = 3
    num_samples: int = 4
    min_bandwidth: float = 0.3
    top_fraction: float = 0.15
    random_fraction: float = 0.0

    name: ClassVar[str] = "bohb"
    source: ClassVar[str] = (
        "Falkner et al., BOHB, ICML 2018, algorithms 1 and 2; settings of NATS-Bench, TPAMI 2021"
    )

    def __post_init__(self):
        positive(self, "num_samples", "min_bandwidth")
        within(self, 2, 1000, "eta")
        within(self, 0.0, 1.0, "random_fraction")
        within(self, 0.01, 0.5, "top_fraction")

    def begin(self, space: Space, ladder: tuple[Fidelity, ...], seed: int, replicas: range) -> None:
        """No points; the first bracket starts at the cheapest rung."""
        ladder = tuple(at for at in ladder if at.recipe != BATCH)
        super().begin(space, ladder, seed, replicas)
        count = len(replicas)
        self.model = Model(space.choices, self.num_samples, self.min_bandwidth, self.top_fraction)
        self.model.begin(self.state, count, len(ladder))
        self.state.at = np.zeros(
            (count, 3), dtype=np.int64
        )  # bracket, rung, place in the rung; alike for all live
        widest = max(self._width(b, b) for b in range(len(ladder)))
        self.state.rung_codes = np.zeros((count, widest, space.decisions), dtype=np.int8)
        self.state.rung_accuracy = np.zeros((count, widest))

    def _width(self, bracket: int, rung: int) -> int:
        """Configurations on a rung of a bracket (Hyperband's n_i, Li et al., JMLR 2018, algorithm 1)."""
        first = bracket % len(self.ladder)
        halvings = len(self.ladder) - 1 - first
        start = len(self.ladder) // (halvings + 1) * self.eta**halvings
        return max(start // self.eta ** (rung - first), 1)

    def ask(self, live: Live) -> Question:
        """A new proposal on a bracket's first rung, a promoted configuration on the others."""
        bracket, rung, place = self.state.at[live.rows[0]].tolist()
        if rung == bracket % len(self.ladder):
            codes = self._propose(live.rows)
        else:
            codes = self.state.rung_codes[live.rows, place]
        return Question(codes, live.rows, self.ladder[rung])

    def _propose(self, rows: np.ndarray) -> np.ndarray:
        draws = self.draws(rows)
        codes = self.space.sample(draws)
        guided = self.model.propose(self.state, rows, draws)
        chance = draws.uniform(1)[:, 0] >= self.random_fraction
        return codes if guided is None else np.where(chance[:, None], guided, codes)

    def tell(self, answers: Evaluations, live: Live) -> None:
        """Add the points to the model; at the end of a rung promote its best."""
        state, rows = self.state, answers.replica
        if not len(rows):
            return
        bracket, rung, place = state.at[rows[0]].tolist()
        self.model.add(state, rows, rung, answers.codes, answers.accuracy)
        state.rung_codes[rows, place], state.rung_accuracy[rows, place] = answers.codes, answers.accuracy
        width = self._width(bracket, rung)
        if place + 1 < width:
            state.at[rows] = bracket, rung, place + 1
        elif rung + 1 < len(self.ladder):
            keep = self._width(bracket, rung + 1)
            order = np.argsort(-state.rung_accuracy[rows, :width], axis=1, kind="stable")[:, :keep]
            state.rung_codes[rows, :keep] = state.rung_codes[rows[:, None], order]
            state.at[rows] = bracket, rung + 1, 0
        else:
            state.at[rows] = bracket + 1, (bracket + 1) % len(self.ladder), 0
