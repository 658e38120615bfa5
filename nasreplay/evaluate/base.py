"""What all evaluators share: the run that `begin` starts, the frame around every question, and refusals.

An evaluator is a subclass that names itself and its space, and says what it offers (`ladder`), what it answers
(`answer`), what a report reads (`report`), and what its answers depend on (`describe`). The rest has a default:

    class Pixels(EvaluatorBase):
        kind, dataset, space = "pixels", "photographs", SPACE

        def ladder(self):
            return (Fidelity("pixels", 1),)

        def answer(self, codes, at, trial, replica):
            return Answers(self.count(codes), np.full(len(codes), MEAN), np.zeros(len(codes)))

        def report(self, codes):
            return Report(self.count(codes), None, {"valid": "percent of bright pixels"})
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np

from nasreplay.errors import LacksCapability, NotMeasured
from nasreplay.evaluate.ledger import Budget, Ledger
from nasreplay.evaluate.protocol import Evaluations, Fidelity, Mixture, Report, Slope
from nasreplay.spaces.base import Space
from nasreplay.spaces.costs.expected import Costs


class _Begun:
    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, evaluator: EvaluatorBase | None, owner: type) -> Any:
        if evaluator is None:
            raise AttributeError(f"{owner.__name__}.{self.name} belongs to a run")
        evaluator.begin(0, range(1), Budget())
        return vars(evaluator)[self.name]


def begun() -> Any:
    """An attribute that `begin` sets. Who reads it before any run gets a run of seed 0, one replica, no budget.

    Once a run has begun, the instance's own attribute is found first: this costs nothing then.
    """
    return _Begun()


class Answers(NamedTuple):
    """What an evaluator answers to N questions, before they are charged."""

    accuracy: np.ndarray
    """float64 [N], percent, of the validation split."""
    trial: np.ndarray
    """int [N], seed of the training run that answered; MEAN for the average."""
    seconds: np.ndarray
    """float64 [N], simulated cost of each answer."""


class EvaluatorBase:
    """Half of every evaluator; see `protocol.Evaluator` for what the members mean."""

    kind: ClassVar[str]
    """Name in run headers and messages."""
    preset: ClassVar[str] = "table"
    """Which defaults of searchers hold on it: "table", or "live" where networks are trained."""
    several: ClassVar[bool] = True
    """Whether it serves several replicas at once."""
    abilities: frozenset[str] = frozenset({"evaluate", "clock"})
    steps_per_epoch: int = 1
    mixed_cells: int = 0

    make_costs: Callable[[], Costs] = Costs
    """Makes the costs of its architectures; none by default."""

    space: Space
    dataset: str
    ledger: Ledger = begun()

    def __repr__(self) -> str:
        return f"<{self.kind} evaluator of {self.dataset}, {self.space.name} space>"

    @property
    def missing(self) -> int:
        """0: every architecture can be asked for."""
        return 0

    @property
    def held_out_steps(self) -> int:
        """Steps of a pass over the images of the architecture; without such, `steps_per_epoch`."""
        return self.steps_per_epoch

    def begin(self, seed: int, replicas: range, budget: Budget) -> None:
        """Start a run with fresh clocks. Raises LacksCapability for more replicas than it serves."""
        if len(replicas) != 1 and not self.several:
            raise LacksCapability(f"{self.kind} serves one replica, asked for {len(replicas)}")
        self.ledger = Ledger(len(replicas), budget)

    def ladder(self) -> tuple[Fidelity, ...]:
        """Fidelities on offer, cheapest first."""
        raise TypeError(f"{type(self).__name__} has no ladder")

    def fidelity(self, at: Fidelity | None) -> Fidelity:
        """A fidelity of the ladder, the highest one for None. Raises NotMeasured."""
        ladder = self.ladder()
        if at is not None and at not in ladder:
            raise NotMeasured(f"{self.dataset}: {at} is not on offer: {'; '.join(map(str, ladder))}")
        return ladder[-1] if at is None else at

    def evaluate(
        self,
        codes: np.ndarray,
        *,
        at: Fidelity | None = None,
        trial: int | str | None = None,
        replica: np.ndarray | None = None,
    ) -> Evaluations:
        """Check, answer, charge, and tell the ledger's listener; see the protocol."""
        at, codes = self.fidelity(at), self.space.check_codes(codes)
        replica = self.ledger.rows(replica, len(codes))
        accuracy, trials, seconds = self.answer(codes, at, trial, replica)
        clock, answered = self.ledger.charge(replica, seconds)
        answers = Evaluations(replica, codes, accuracy, trials, seconds, clock, answered, at)
        if self.ledger.listener:
            self.ledger.listener(answers)
        return answers

    def answer(
        self, codes: np.ndarray, at: Fidelity, trial: int | str | None, replica: np.ndarray
    ) -> Answers:
        """The answers to codes int8 [N, D], asked by replica rows [N]; `trial` None follows the setting."""
        raise TypeError(f"{type(self).__name__} has no answer")

    def slope(
        self, mixture: Mixture, *, split: str = "valid", order: int = 1, replica: np.ndarray | None = None
    ) -> Slope:
        """Refuse with LacksCapability."""
        raise LacksCapability(f"{self.kind} has no slope: use a table or a supernet")

    def costs(self) -> Costs:
        """What `make_costs` makes, once."""
        return self._costs

    @cached_property
    def _costs(self) -> Costs:
        return self.make_costs()

    def begin_step(self, *, learns: bool = True) -> None:
        """Begin a step: a no-op, as there are no batches without shared weights."""

    def learn(
        self, mixture: Mixture, *, need_slope: bool = False, replica: np.ndarray | None = None
    ) -> Slope | None:
        """Return `slope` if it is needed; without shared weights there is nothing to learn."""
        return self.slope(mixture, replica=replica) if need_slope else None

    def at_epoch(self, epoch: int, epochs: int) -> None:
        """Set the schedules of an epoch: a no-op, as there are none."""

    def begin_choice(self, most: int = 0) -> None:
        """Go on as before: accuracies are always measured on the same images."""

    def check_samples(self, samples: int) -> None:
        """Accept any number of rows."""

    def answerable(
        self, codes: np.ndarray, *, at: Fidelity | None = None, trial: int | str | None = None
    ) -> np.ndarray:
        """bool [N]: all of codes [N, D]."""
        return np.ones(len(codes), dtype=bool)

    def report(self, codes: np.ndarray) -> Report:
        """Final validation and test numbers of codes [N, D]."""
        raise TypeError(f"{type(self).__name__} has no report")

    def test_accuracy(
        self, codes: np.ndarray, *, at: Fidelity | None = None, trial: int | str | None = None
    ) -> np.ndarray | None:
        """None: no test accuracies belong to the answers."""
        return None

    def watch(self, mixture: Mixture, *, replica: np.ndarray | None = None) -> None:
        """No statistics move without a network."""

    def shared_accuracy(self, codes: np.ndarray) -> np.ndarray | None:
        """None: there are no shared weights."""
        return None

    def epoch_metrics(self) -> dict[str, float]:
        """Measurements of the training in this epoch: none without shared weights."""
        return {}

    def step_metrics(self) -> dict[str, float]:
        """Measurements of the training in the last step: none without shared weights."""
        return {}

    def describe(self) -> dict[str, Any]:
        """Kind, space, data set and the fidelities on offer."""
        return {
            "evaluator": self.kind,
            "space": self.space.name,
            "dataset": self.dataset,
            "ladder": [list(at) for at in self.ladder()],
        }

    def state_dict(self) -> dict[str, Any]:
        """The clocks."""
        return {"ledger": self.ledger.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from saved clocks."""
        self.ledger.load_state_dict(state["ledger"])
