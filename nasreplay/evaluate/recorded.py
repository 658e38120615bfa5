"""A recorded run as an evaluator: it answers from the log and checks that it is asked the same things.

So a searcher can be re-driven without its table or training, on another machine, and a refactor can prove that it
changed nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nasreplay.errors import ReplayDiverged
from nasreplay.evaluate.base import Answers, EvaluatorBase, begun
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.protocol import Fidelity, Report
from nasreplay.spaces import space_named


class RecordedEvaluator(EvaluatorBase):
    """Answers the evaluations of one recorded run, in order.

    header, events: of the run (`nasreplay.runs.record`). Slopes are not in the log, so gradient searchers are
    refused. Raises ReplayDiverged at the first question that differs from the record.
    """

    kind, several = "recorded", False
    position: int = begun()
    """How many of the recorded evaluations were asked again."""

    def __init__(self, header: dict[str, Any], events: list[dict[str, Any]]):
        self.told = header["evaluator"]
        self.space, self.dataset = space_named(self.told["space"]), self.told["dataset"]
        self.events = [event for event in events if event["event"] == "evaluation"]

    def begin(self, seed: int, replicas: range, budget: Budget) -> None:
        """Start from the first event."""
        super().begin(seed, replicas, budget)
        self.position = 0

    def ladder(self) -> tuple[Fidelity, ...]:
        """The fidelities that the run was offered, cheapest first."""
        return tuple(Fidelity(recipe, epoch) for recipe, epoch in self.told["ladder"])

    def answer(
        self, codes: np.ndarray, at: Fidelity, trial: int | str | None, replica: np.ndarray
    ) -> Answers:
        """The recorded answers to the next questions."""
        events = [self._next(self.space.format(row), at) for row in codes.tolist()]
        return Answers(*(np.array([e[key] for e in events]) for key in ("accuracy", "trial", "seconds")))

    def _next(self, architecture: str, at: Fidelity) -> dict[str, Any]:
        number, got = self.position + 1, f"got {architecture}, {at}"
        if number > len(self.events):
            step = self.events[-1]["step"] if self.events else 0
            raise ReplayDiverged(
                f"evaluation {number} (after step {step}): expected the end of the record; {got}"
            )
        event = self.events[self.position]
        expected = (event["architecture"], Fidelity(event["recipe"], event["epoch"]))
        if expected != (architecture, at):
            raise ReplayDiverged(
                f"evaluation {number} (step {event['step']}): expected {expected[0]}, {expected[1]}; {got}"
            )
        self.position = number
        return event

    def report(self, codes: np.ndarray) -> Report:
        """What the run was told of codes [N, D], percent; NaN for what it never asked."""
        told = {event["architecture"]: event["accuracy"] for event in self.events}
        valid = [told.get(self.space.format(row), np.nan) for row in np.asarray(codes).tolist()]
        return Report(np.array(valid), None, {"valid": "the accuracy that the recorded run was told last"})

    def describe(self) -> dict[str, Any]:
        """The recorded evaluator, answering from its record."""
        return {**self.told, "evaluator": self.kind}

    def state_dict(self) -> dict[str, Any]:
        """Clocks and position in the log."""
        return {**super().state_dict(), "place": self.position}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a position in the log."""
        super().load_state_dict(state)
        self.position = state["place"]
