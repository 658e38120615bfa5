"""A recorded run as an evaluator: it answers from the log and checks that it is asked the same things.

So a searcher can be re-driven without its table or training, on another machine, and a refactor can prove that it
changed nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nasreplay.errors import LacksCapability, ReplayDiverged
from nasreplay.evaluate.ledger import Budget, Ledger
from nasreplay.evaluate.protocol import Evaluations, Fidelity, Mixture, Report, Slope
from nasreplay.spaces import space_named


class ReplayEvaluator:
    """Answers the evaluations of one recorded run, in order.

    header, events: of the run (`nasreplay.runs.record`). Slopes are not in the log, so gradient searchers are
    refused. Raises ReplayDiverged at the first question that differs from the record.
    """

    abilities = frozenset({"evaluate", "clock"})
    missing = 0
    steps_per_epoch = 1

    def __init__(self, header: dict[str, Any], events: list[dict[str, Any]]):
        self.header = header
        self.space = space_named(header["evaluator"]["space"])
        self.events = [event for event in events if event["event"] == "evaluation"]
        self.place = 0
        self.begin(0, range(1), Budget())

    def begin(self, seed: int, replicas: range, budget: Budget) -> None:
        """Start from the first event; a log has one replica."""
        if len(replicas) != 1:
            raise LacksCapability(f"a recorded run has one replica, asked for {len(replicas)}")
        self.ledger, self.place = Ledger(1, budget), 0

    def ladder(self) -> tuple[Fidelity, ...]:
        """The fidelities that the run was offered, cheapest first."""
        return tuple(Fidelity(recipe, epoch) for recipe, epoch in self.header["evaluator"]["ladder"])

    def evaluate(
        self,
        codes: np.ndarray,
        *,
        at: Fidelity | None = None,
        trial: int | str | None = None,
        replica: np.ndarray | None = None,
    ) -> Evaluations:
        """The recorded answers to the next questions."""
        codes = self.space.check_codes(codes)
        replica = self.ledger.rows(replica, len(codes))
        at = at or self.ladder()[-1]
        events = [self._next(self.space.format(row), at) for row in codes.tolist()]
        accuracy, seconds = (np.array([event[key] for event in events]) for key in ("accuracy", "seconds"))
        clock, answered = self.ledger.charge(replica, seconds)
        trials = np.array([event["trial"] for event in events])
        answers = Evaluations(replica, codes, accuracy, trials, seconds, clock, answered, at)
        if self.ledger.listener:
            self.ledger.listener(answers)
        return answers

    def _next(self, architecture: str, at: Fidelity) -> dict[str, Any]:
        if self.place == len(self.events):
            step = self.events[-1]["step"] if self.events else 0
            raise ReplayDiverged(
                f"evaluation {self.place + 1} (after step {step}): expected the end of the record; "
                f"got {architecture}, {at}"
            )
        event = self.events[self.place]
        expected = (event["architecture"], Fidelity(event["recipe"], event["epoch"]))
        if expected != (architecture, at):
            raise ReplayDiverged(
                f"evaluation {self.place + 1} (step {event['step']}): expected {expected[0]}, {expected[1]}; "
                f"got {architecture}, {at}"
            )
        self.place += 1
        return event

    def slope(
        self, mixture: Mixture, *, split: str = "valid", order: int = 1, replica: np.ndarray | None = None
    ) -> Slope:
        """Refused: slopes are not in a log."""
        raise LacksCapability("a recorded run answers no slopes; a table or a supernet does")

    def begin_step(self, *, learns: bool = True) -> None:
        """A log has no batches."""

    def learn(
        self, mixture: Mixture, *, need_slope: bool = False, replica: np.ndarray | None = None
    ) -> Slope | None:
        """A log learns nothing."""
        return self.slope(mixture) if need_slope else None

    def at_epoch(self, epoch: int, epochs: int) -> None:
        """A log has no schedules."""

    def report(self, codes: np.ndarray) -> Report:
        """What the run was told of codes [N, D], percent; NaN for what it never asked."""
        told = {event["architecture"]: event["accuracy"] for event in self.events}
        valid = [told.get(self.space.format(row), np.nan) for row in np.asarray(codes).tolist()]
        return Report(np.array(valid), None, {"valid": "the accuracy that the recorded run was told last"})

    def describe(self) -> dict[str, Any]:
        """The recorded evaluator, replayed."""
        return {**self.header["evaluator"], "evaluator": "replay"}

    def state_dict(self) -> dict[str, Any]:
        """Clock and place in the log."""
        return {"ledger": self.ledger.state_dict(), "place": self.place}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a place in the log."""
        self.ledger.load_state_dict(state["ledger"])
        self.place = state["place"]
