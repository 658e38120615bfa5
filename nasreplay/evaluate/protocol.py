"""What every evaluator offers and what crosses the boundary: read this page first.

Shapes: N questions of one call, each on behalf of a replica (an independent run of one searcher); R replicas
of the run; D decisions, E edges, O operations per edge. Accuracies are percent, times are seconds. Only plain
arrays cross the boundary, never an autograd graph: the searcher pushes a slope's gradient through its own
sampler (the chain rule), and everything with weights stays inside the evaluator.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from nasreplay.evaluate.ledger import Budget, Ledger
from nasreplay.spaces.base import Space
from nasreplay.spaces.costs.expected import Costs

MEAN = -1  # the trial number that stands for "average over the trials"


class Fidelity(NamedTuple):
    """How long a network was trained.

    Epoch 12 of recipe "200" is not the end of recipe "12": their learning rates differ.
    """

    recipe: str
    """Name of the training recipe."""
    epoch: int
    """Epoch of the recipe, counted from 1."""

    def __str__(self) -> str:
        return f"epoch {self.epoch} of recipe {self.recipe}"


class Mixture(NamedTuple):
    """A point between architectures; with a cell axis, [N, M, E, O], where a method draws anew in every cell."""

    weights: np.ndarray
    """float [N, E, O]: how much of each operation."""
    active: np.ndarray
    """bool [N, E, O]: what a supernet must compute: everything for DARTS and SNAS, one operation an edge for GDAS."""


class Evaluations(NamedTuple):
    """Answers to N questions; rows that came after a replica's budget was crossed have answered False."""

    replica: np.ndarray
    """int [N], row of the replica in this run."""
    codes: np.ndarray
    """int8 [N, D]."""
    accuracy: np.ndarray
    """float64 [N], percent, of the validation split."""
    trial: np.ndarray
    """int [N], seed of the training run that answered; MEAN for the average."""
    seconds: np.ndarray
    """float64 [N], simulated cost of each answer."""
    clock: np.ndarray
    """float64 [N], the replica's simulated seconds after each answer."""
    answered: np.ndarray
    """bool [N]: whether the question was answered within the budget."""
    at: Fidelity

    def only(self, chosen: np.ndarray) -> Evaluations:
        """The chosen rows (a mask or positions)."""
        return Evaluations(*(column[chosen] for column in self[:-1]), at=self.at)


class Slope(NamedTuple):
    """Value and gradient of the loss at a mixture."""

    loss: np.ndarray
    """float64 [N]: validation error or cross-entropy."""
    gradient: np.ndarray
    """float64 [N, E, O]: with respect to the mixture's weights."""
    exact: bool
    """Whether it is an oracle's, which reads the whole table."""
    at: Fidelity
    """The fidelity of the numbers that it was computed from."""
    trial: int
    """Their trial; MEAN for the average."""


class Report(NamedTuple):
    """Final numbers of N architectures; free of charge and out of reach of a searcher's step."""

    valid: np.ndarray
    """float64 [N], percent, mean over trials at full fidelity."""
    test: np.ndarray | None
    """float64 [N], percent; None where the evaluator has no test accuracy."""
    meaning: dict[str, str]
    """What "valid" and "test" are, in words."""


@runtime_checkable
class Evaluator(Protocol):
    """Answers for points of a space. Batched over replicas: a table serves any number, a live evaluator one.

    `base.EvaluatorBase` gives everything but `ladder`, `report` and the answers themselves a default.
    """

    space: Space
    """The space that it answers for."""
    ledger: Ledger
    """Clock, queries and budget of each replica; before any `begin`, those of one replica without a budget."""
    abilities: frozenset[str]
    """Some of "evaluate", "slope", "one-hot slope" (at one-hot mixtures, as GDAS asks for it), "clock" (answers
    cost simulated seconds) and "weights" (`learn` changes something). A searcher that needs more is refused."""
    steps_per_epoch: int
    """Steps between two calls of `at_epoch`: passes over the training images; a setting on a table."""

    @property
    def held_out_steps(self) -> int:
        """Steps of a pass over the images that the architecture learns from."""
        ...

    @property
    def mixed_cells(self) -> int:
        """M, where a mixture may have a cell axis [N, M, E, O]; else 0."""
        ...

    @property
    def missing(self) -> int:
        """Architectures that cannot be asked for; a search is refused unless it is 0."""
        ...

    def begin(self, seed: int, replicas: range, budget: Budget) -> None:
        """Start a run: fresh ledger, random streams and weights for these replica numbers.

        Constructors start nothing; the driver begins. Raises LacksCapability for more replicas than it serves.
        """
        ...

    def ladder(self) -> tuple[Fidelity, ...]:
        """Fidelities on offer, cheapest first."""
        ...

    def fidelity(self, at: Fidelity | None) -> Fidelity:
        """A fidelity of the ladder, the highest for None. Raises NotMeasured, which lists the others."""
        ...

    def evaluate(
        self,
        codes: np.ndarray,
        *,
        at: Fidelity | None = None,
        trial: int | str | None = None,
        replica: np.ndarray | None = None,
    ) -> Evaluations:
        """Validation accuracy of codes [N, D], charged to the replicas.

        `at` None is the highest fidelity; `trial` None follows the evaluator's setting; `replica` may be left
        out only when N equals the number of replicas. Raises BadArchitecture, BadSetting or NotMeasured (then nothing
        is charged).
        """
        ...

    def slope(
        self, mixture: Mixture, *, split: str = "valid", order: int = 1, replica: np.ndarray | None = None
    ) -> Slope:
        """Loss and its gradient with respect to the mixture's weights; order 2 is DARTS-V2's.

        `split` "train" asks on this step's training batch. Raises LacksCapability.
        """
        ...

    def costs(self) -> Costs:
        """What is known of the costs of architectures, with expected values and gradients; made once."""
        ...

    def begin_step(self, *, learns: bool = True) -> None:
        """Fix this step's training and validation batches; with learns False only another validation batch."""
        ...

    def learn(
        self, mixture: Mixture, *, need_slope: bool = False, replica: np.ndarray | None = None
    ) -> Slope | None:
        """One step on the shared weights; with need_slope the slope of the same batch. A table learns nothing."""
        ...

    def at_epoch(self, epoch: int, epochs: int) -> None:
        """Set the schedules of this epoch (counted from 0)."""
        ...

    def begin_choice(self, most: int = 0) -> None:
        """Until the next epoch accuracies choose an answer: a supernet takes all validation images or fewer."""
        ...

    def check_samples(self, samples: int) -> None:
        """Raise BadSetting unless mixtures may have so many rows a step for one replica."""
        ...

    def answerable(
        self, codes: np.ndarray, *, at: Fidelity | None = None, trial: int | str | None = None
    ) -> np.ndarray:
        """bool [N]: which codes [N, D] `evaluate` can answer. Raises NotMeasured for a trial that nothing has."""
        ...

    def report(self, codes: np.ndarray) -> Report:
        """Final validation and test numbers of codes [N, D]; free of charge, never asked for within a step."""
        ...

    def test_accuracy(
        self, codes: np.ndarray, *, at: Fidelity | None = None, trial: int | str | None = None
    ) -> np.ndarray | None:
        """float64 [N] percent: test accuracies that belong to `evaluate`'s answers; None where there are none."""
        ...

    def watch(self, mixture: Mixture, *, replica: np.ndarray | None = None) -> None:
        """A pass over this step's validation batch that moves running statistics and nothing else."""
        ...

    def shared_accuracy(self, codes: np.ndarray) -> np.ndarray | None:
        """float64 [N] percent: accuracies with the shared weights, free, for the record; None without such."""
        ...

    def epoch_metrics(self) -> dict[str, float]:
        """What was measured in this epoch so far, by name; nothing where nothing is learned."""
        ...

    def step_metrics(self) -> dict[str, float]:
        """What was measured in the last step, by name; nothing where nothing is learned."""
        ...

    def describe(self) -> dict[str, Any]:
        """What the run header records: kind, data, meaning, fingerprint, settings (JSON values)."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Everything with memory, as arrays and JSON values."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state."""
        ...
