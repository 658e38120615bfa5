"""Hyperband: brackets of successive halving, from many configurations trained briefly to few trained fully."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nasreplay.config import one_of, within
from nasreplay.evaluate.protocol import Evaluations, Evaluator, Fidelity
from nasreplay.search.base import BATCH, Live, Question, SamplingSearcher, register_searcher
from nasreplay.spaces.base import Space


@register_searcher
@dataclass
class Hyperband(SamplingSearcher):
    """Successive halving in brackets of fidelities, all replicas in lockstep, one evaluation a step.

    The most accurate configurations of a rung are promoted to the next one. Rungs are the evaluator's fidelities of
    growing training (a supernet's mini-batch is none). With three of them the brackets are 9→3→1, 3→1 and 3
    configurations, over and over; with one fidelity it is random search.
    Deviations: at most three rungs, of measured epochs; a promoted configuration pays its whole
    training again, as in the published scripts of NATS-Bench.
    """

    eta: int = 3
    """1/eta of a rung's configurations are promoted. Default: the paper's."""
    answer_from: str = "any"
    """Rungs that its answer comes from: any (the most accurate of all, as NATS-Bench scores it) or top (hpbandster's
    incumbent)."""

    name: ClassVar[str] = "hyperband"
    rungs: ClassVar[int] = 3
    on_one_rung: ClassVar[str] = "random search"
    listed: ClassVar[int] = 5
    source: ClassVar[str] = "Li et al., Hyperband, JMLR 2018, algorithm 1"

    def __post_init__(self):
        within(self, 2, 1000, "eta")
        one_of(self, "answer_from", ("any", "top"))

    def tells_steps(self, evaluator: Evaluator) -> bool:
        """Whether its answer may be another than the most accurate that it was told."""
        return self.answer_from == "top"

    def begin(self, space: Space, ladder: tuple[Fidelity, ...], seed: int, replicas: range) -> None:
        """The first bracket starts at the cheapest rung."""
        ladder = tuple(at for at in ladder if at.recipe != BATCH)
        super().begin(space, ladder, seed, replicas)
        count = len(replicas)
        # bracket, rung, place in the rung; alike for all live
        self.state.at = np.zeros((count, 3), dtype=np.int64)
        widest = max(self._width(b, b) for b in range(len(ladder)))
        self.state.rung_codes = np.zeros((count, widest, space.decisions), dtype=np.int8)
        self.state.rung_accuracy = np.zeros((count, widest))

    def _width(self, bracket: int, rung: int) -> int:
        """Configurations on a rung of a bracket (n_i of the paper)."""
        first = bracket % len(self.ladder)
        halvings = len(self.ladder) - 1 - first
        start = len(self.ladder) // (halvings + 1) * self.eta**halvings
        return max(start // self.eta ** (rung - first), 1)

    def propose(self, rows: np.ndarray) -> np.ndarray:
        """int8 [n, D]: new configurations for a bracket's first rung; uniform."""
        return self.space.sample(self.draws(rows))

    def ask(self, live: Live) -> Question:
        """A new proposal on a bracket's first rung, a promoted configuration on the others."""
        bracket, rung, place = self.state.at[live.rows[0]].tolist()
        if rung == bracket % len(self.ladder):
            codes = self.propose(live.rows)
        else:
            codes = self.state.rung_codes[live.rows, place]
        return Question(codes, live.rows, self.ladder[rung])

    def _keep_best(self, answers: Evaluations) -> None:
        lower = self.state.at[answers.replica[:1], 1] + 1 < len(self.ladder)
        if self.answer_from == "top" and lower.any():
            # below every accuracy of the highest rung: the answer until there is one
            answers = answers._replace(accuracy=answers.accuracy - 101)
        super()._keep_best(answers)

    def tell(self, answers: Evaluations, live: Live) -> None:
        """Fill the rung; at its end promote its best."""
        state, rows = self.state, answers.replica
        if not len(rows):
            return
        bracket, rung, place = state.at[rows[0]].tolist()
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
