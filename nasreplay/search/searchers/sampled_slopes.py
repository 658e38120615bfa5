"""DARTS and SNAS without an oracle: the slope is estimated from evaluations that are charged like any other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nasreplay.config import positive, within
from nasreplay.evaluate.protocol import MEAN, Evaluator, Fidelity, Slope
from nasreplay.evaluate.table.sampled_gradient import draw, estimate
from nasreplay.search.base import Live, register_searcher
from nasreplay.search.parts import samplers
from nasreplay.search.parts.samplers import Sample
from nasreplay.search.searchers.gradient import GradientSearch
from nasreplay.spaces.base import Space


@dataclass
class SampledSlopes(GradientSearch):
    """A gradient search that pays for its slopes, needs nothing but evaluations, and ends by its budget.

    In each step it draws `looks` architectures from its mixture, asks for their accuracies, and descends the
    estimate of `evaluate.table.sampled_gradient` (score function, leave-one-out baseline). Deviations from the
    publications: there is no training of shared weights, so no second level, and the slope is sampled in place of
    back-propagated; the step size is ours, for a search has some tens of steps.
    """

    looks: int = 4
    """Evaluations of a step, each the others' baseline. Default: ours, best of 2, 4 and 6 there."""
    learning_rate: float = 0.5
    """Learning rate of Adam on the logits. Default: ours, best of 0.1, 0.2, 0.3, 0.5 and 1 on the embedded table."""
    weight_decay: float = 0.0
    """L2 penalty that Adam adds to the gradient of the logits. Default: none, as in the oracles on tables."""

    epochs: ClassVar[None] = None  # pyright: ignore[reportIncompatibleVariableOverride]
    learns: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"evaluate"})
    edgewise: ClassVar[bool] = True
    compared: ClassVar[bool] = True
    listed: ClassVar[int] = 5

    def __post_init__(self):
        positive(self, "learning_rate", "eps")
        within(self, 0.0, 1e9, "weight_decay", "gradient_clip", "logit_std")
        within(self, 2, 1000, "looks")
        self.check_constraint()

    def begin(self, space: Space, ladder: tuple[Fidelity, ...], seed: int, replicas: range) -> None:
        """Nearly equal logits; no loss is recorded, for a slope comes from answers that are."""
        super().begin(space, ladder, seed, replicas)
        del self.state.loss

    def mixed(self, live: Live) -> Sample:
        """The mixture from which the architectures of a step are drawn."""
        return self.sample(live.rows, 1.0)

    def step(self, evaluator: Evaluator, live: Live) -> None:
        """One estimate of the slope, and one step on the logits."""
        self.constrain(evaluator.costs(), evaluator.space)
        sample, rows = self.mixed(live), live.rows
        drawn = draw(sample.mixture, self.space.choices, self.looks, self.draws(rows))
        answers = evaluator.evaluate(drawn.reshape(-1, drawn.shape[-1]), replica=np.repeat(rows, self.looks))
        drawn = answers.codes.reshape(drawn.shape)  # on a table with gaps these are others
        loss = 1.0 - answers.accuracy / 100.0
        loss, gradient = estimate(sample.mixture.weights, drawn, loss, answers.answered)
        self.descend(rows, sample, Slope(loss, gradient, False, self.ladder[-1], MEAN))


@register_searcher
@dataclass
class DartsSampled(SampledSlopes):
    """First-order DARTS whose slopes are estimated from charged evaluations."""

    name: ClassVar[str] = "darts-sampled"
    source: ClassVar[str] = "Liu et al., DARTS, ICLR 2019, section 2.3; estimator of Kool et al. 2019"


@register_searcher
@dataclass
class SnasSampled(SampledSlopes):
    """SNAS on concrete samples that grow cold, whose slopes are estimated from charged evaluations.

    The temperature falls linearly with the spent share of the budget.
    """

    gradient_clip: float = 10.0
    """Largest norm of a replica's logit gradient; 0: none."""
    logit_mean: float = 1.0
    """Mean of the first logits, which are normal."""
    logit_std: float = 0.01
    """Standard deviation of the first logits."""
    temperature_start: float = 1.0
    """Temperature at the start."""
    temperature_end: float = 0.03
    """Temperature at the end of the budget."""

    name: ClassVar[str] = "snas-sampled"
    source: ClassVar[str] = "Xie et al., SNAS, ICLR 2019, sections 2.2 and 2.3; estimator of Kool et al. 2019"

    def __post_init__(self):
        super().__post_init__()
        positive(self, "temperature_start", "temperature_end")

    def mixed(self, live: Live) -> Sample:
        """A concrete sample at the temperature of the moment, one temperature for each replica."""
        fallen = live.progress * (self.temperature_start - self.temperature_end)
        temperature = (self.temperature_start - fallen)[:, None, None]
        return samplers.concrete(self.state.logits[live.rows], self.draws(live.rows), temperature)
