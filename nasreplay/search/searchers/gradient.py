"""DARTS and GDAS, and with SNAS (`snas`) one search by gradients of the architecture logits, with three samplers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nasreplay.config import positive, within
from nasreplay.errors import BadSetting
from nasreplay.evaluate.protocol import Evaluator, Fidelity, Mixture, Slope
from nasreplay.search.base import Live, Searcher, register_searcher
from nasreplay.search.parts import adam, resource_facts, samplers
from nasreplay.search.parts.constraint import Constrained
from nasreplay.search.parts.samplers import Sample
from nasreplay.spaces.base import Space


@dataclass
class GradientSearch(Constrained, Searcher):
    """Adam on one table of logits [E, O], fed with an evaluator's slope; the answer is the argmax per edge.

    What operations cost may weigh on it (`parts.constraint`), and a named cost may be bounded: then the answer is the
    best within the bound that exact slopes have told of, or else the most probable one.

    Field defaults are the published live values, of NAS-Bench-201's scripts unless a subclass says otherwise; the
    defaults on tables stand in configs/algos/NAME-table.config.
    """

    epochs: int = 50  # pyright: ignore[reportIncompatibleVariableOverride]
    """Epochs of the search."""
    learning_rate: float = 3e-4
    """Learning rate of Adam on the logits."""
    betas: tuple[float, float] = (0.5, 0.999)
    """Decay rates of Adam's two moments."""
    eps: float = 1e-8
    """Term that Adam adds to the denominator. Default: PyTorch's."""
    weight_decay: float = 1e-3
    """L2 penalty that Adam adds to the gradient of the logits."""
    gradient_clip: float = 0.0
    """Largest norm of a replica's logit gradient; 0: none."""
    logit_mean: float = 0.0
    """Mean of the first logits, which are normal."""
    logit_std: float = 1e-3
    """Standard deviation of the first logits."""

    learns: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"slope"})
    listed: ClassVar[int] = 7
    last: ClassVar[Sample | None] = None
    """The sample of the last step."""
    bilevel: ClassVar[bool] = True
    """Whether weights and logits have batches of their own; else one backward pass serves both."""
    fixed: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("logit_mean", "logit_std"), "its logits are its parent's"
    )
    """What a fork takes over from its parent as it is, and why."""

    def __post_init__(self):
        positive(self, "epochs", "learning_rate", "eps")
        within(self, 0.0, 1e9, "weight_decay", "gradient_clip", "logit_std")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise BadSetting(f"{self.name}.betas are {self.betas}: both must be in [0, 1)")
        self.check_constraint()

    def check(self, evaluator: Evaluator) -> None:
        """Raise LacksCapability, UnknownName or BadSetting for costs that this evaluator does not know."""
        self.constrain(evaluator.costs(), evaluator.space)

    def begin(self, space: Space, ladder: tuple[Fidelity, ...], seed: int, replicas: range) -> None:
        """Nearly equal logits."""
        super().begin(space, ladder, seed, replicas)
        self.state.logits = samplers.initial_logits(space, self.stream.at(), self.logit_mean, self.logit_std)
        adam.start(self.state)
        self.state.loss = np.full(len(replicas), np.nan)
        if self.constrained:
            self.state.penalty = np.full(len(replicas), np.nan)
        if self.cost:
            self.state.best_loss = np.full(len(replicas), np.inf)
            self.state.best_codes = np.zeros((len(replicas), space.decisions), dtype=np.int8)

    def temperature(self, epoch: int, epochs: int) -> float:
        """Temperature of the sampler in this epoch."""
        return 1.0

    def epoch_facts(self, epoch: int, epochs: int) -> dict[str, float]:
        """Temperature of the sampler; expected resources of the cells, the weighed penalty, the bounded cost."""
        facts = {"temperature": self.temperature(epoch, epochs)}
        if self.constraint:
            facts |= self.constraint.facts(self.state.logits[0])
        return facts

    def step_facts(self) -> dict[str, float]:
        """The scalars of the released SNAS on resources, and what costs added to the loss."""
        if not (self.constraint and self.last):
            return {}
        facts = resource_facts.sampled(self.constraint.costs.kinds, self.state.logits[0], self.last)
        return {**facts, **({"penalty": float(self.state.penalty[0])} if self.constrained else {})}

    def sample(self, rows: np.ndarray, temperature: float) -> Sample:
        """A mixture for some replicas."""
        return samplers.relaxed(self.state.logits[rows], self.draws(rows), temperature)

    def trained(self, rows: np.ndarray, temperature: float) -> Mixture:
        """The mixture at which the shared weights learn."""
        return self.sample(rows, temperature).mixture

    def step(self, evaluator: Evaluator, live: Live) -> None:
        """One step on the weights and one on the logits, in the published order."""
        temperature = self.temperature(live.epoch, live.epochs)
        self.constrain(evaluator.costs(), evaluator.space)
        # a table has none: no need to draw a mixture for them
        trains = self.bilevel and "weights" in evaluator.abilities
        evaluator.begin_step()
        if not self.bilevel:
            sample = self.sample(live.rows, temperature)
            asking = np.tile(live.rows, len(sample.mixture.weights) // len(live.rows))
            slope = evaluator.learn(sample.mixture, need_slope=True, replica=asking)
            assert slope is not None
        else:
            if trains and self.slope_order == 1:
                evaluator.learn(self.trained(live.rows, temperature), replica=live.rows)
            sample = self.sample(live.rows, temperature)
            slope = evaluator.slope(sample.mixture, order=self.slope_order, replica=live.rows)
        self.state.loss[live.rows] = slope.loss.reshape(-1, len(live.rows)).mean(axis=0)
        self.descend(live.rows, sample, slope)
        if trains and self.slope_order == 2:
            evaluator.learn(self.trained(live.rows, temperature), replica=live.rows)
        if self.cost and slope.exact:
            self.look(evaluator, live.rows)

    def descend(self, rows: np.ndarray, sample: Sample, slope: Slope) -> None:
        """One step of Adam on the logits of some replicas, against the slope at their sample, and what costs add."""
        gradient = sample.vjp(slope)
        if self.constraint and self.constrained:
            pull = self.constraint.pull(self.state.logits[rows], sample, lambda: self.draws(rows))
            self.state.penalty[rows] = pull.value
            gradient = gradient + pull.gradient
        self.last = sample  # pyright: ignore[reportAttributeAccessIssue]
        descent = adam.Adam(self.learning_rate, self.betas, self.eps, self.weight_decay, self.gradient_clip)
        descent.step(self.state, rows, gradient)

    def look(self, evaluator: Evaluator, rows: np.ndarray) -> None:
        """Keep the best architecture within the bound that exact slopes tell of at a few drawn ones."""
        bound = self.constraint and self.constraint.bound
        assert bound
        loss, codes = bound.look(
            evaluator, self.state.logits[rows], rows, self.draws(rows), self.state.best_codes[rows]
        )
        better = loss < self.state.best_loss[rows]
        self.state.best_loss[rows[better]], self.state.best_codes[rows[better]] = loss[better], codes[better]

    def incumbent(self) -> np.ndarray:
        """The largest logit of every edge, `none` included; under a bound the best that was told of within it."""
        if not (self.constraint and self.constraint.bound):
            return self.space.derive(self.state.logits)
        told = np.isfinite(self.state.best_loss)
        codes = self.state.best_codes.copy()
        if not told.all():
            codes[~told] = self.constraint.bound.within(self.state.logits[~told])
        return codes


@register_searcher
@dataclass
class DartsV1(GradientSearch):
    """First-order DARTS: the softmax of the logits mixes all operations."""

    name: ClassVar[str] = "darts-v1"
    source: ClassVar[str] = "Liu et al., DARTS, ICLR 2019, section 2.3 with ξ = 0; settings of NAS-Bench-201"
    recipe: ClassVar[str] = "DARTS"
    compared: ClassVar[bool] = True


@register_searcher
@dataclass
class DartsV2(GradientSearch):
    """Second-order DARTS: the logits' gradient looks one weight step ahead. On a table it equals DARTS-V1."""

    name: ClassVar[str] = "darts-v2"
    source: ClassVar[str] = "Liu et al., DARTS, ICLR 2019, equations 7 and 8; settings of NAS-Bench-201"
    recipe: ClassVar[str] = "DARTS"
    slope_order: ClassVar[int] = 2


@dataclass
class Annealed(GradientSearch):
    """A search whose sampler grows cold: the temperature falls linearly over the epochs."""

    tau_max: float = 10.0
    """Temperature of the sampler in the first epoch."""
    tau_min: float = 0.1
    """Temperature of the sampler in the last epoch."""

    def __post_init__(self):
        super().__post_init__()
        positive(self, "tau_max", "tau_min")

    def temperature(self, epoch: int, epochs: int) -> float:
        """Temperature that falls linearly from tau_max in the first to tau_min in the last epoch."""
        return self.tau_max - (self.tau_max - self.tau_min) * epoch / max(epochs - 1, 1)


@register_searcher
@dataclass
class GDAS(Annealed):
    """GDAS: one sampled operation per edge, straight-through Gumbel-softmax."""

    epochs: int = 250
    """Epochs of the search. Default: NAS-Bench-201's."""
    scalars: bool = True
    """Whether operations that were not drawn get a gradient, on NAS-Bench-201 by scalars of their node, as released;
    False is gdas_v1."""

    name: ClassVar[str] = "gdas"
    source: ClassVar[str] = "Dong & Yang, GDAS, CVPR 2019, equations 4 to 6; settings of NAS-Bench-201"
    needs: ClassVar[frozenset[str]] = frozenset({"slope", "one-hot slope"})
    recipe: ClassVar[str] = "GDAS"
    compared: ClassVar[bool] = True

    def sample(self, rows: np.ndarray, temperature: float) -> Sample:
        """A one-hot mixture."""
        return samplers.straight_through(self.state.logits[rows], self.draws(rows), temperature, self.scalars)
