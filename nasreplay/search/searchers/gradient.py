"""DARTS, GDAS and SNAS: one search by gradients of the architecture logits, with three samplers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nasreplay.config import one_of, positive, within
from nasreplay.errors import BadSetting
from nasreplay.evaluate.protocol import Evaluator, Fidelity, Mixture
from nasreplay.search.base import Live, Searcher
from nasreplay.search.parts import adam, samplers
from nasreplay.search.parts.samplers import Sample
from nasreplay.spaces.base import Space


@dataclass
class GradientSearch(Searcher):
    """Adam on one table of logits [E, O], fed with an evaluator's slope; the answer is the argmax per edge.

    epochs: of the search; learning_rate, betas, eps, weight_decay (L2 form): of Adam on the logits;
    gradient_clip: largest norm of a replica's logit gradient, 0 for none; logit_mean, logit_std: of the first logits,
    which are normal. Field defaults are the published live
    values; the defaults on tables stand in configs/algos/NAME-table.config.
    """

    epochs: int = 50  # pyright: ignore[reportIncompatibleVariableOverride]
    learning_rate: float = 3e-4
    betas: tuple[float, float] = (0.5, 0.999)
    eps: float = 1e-8
    weight_decay: float = 1e-3
    gradient_clip: float = 0.0
    logit_mean: float = 0.0
    logit_std: float = 1e-3

    learns: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"slope"})
    order: ClassVar[int] = 1
    bilevel: ClassVar[bool] = True

    def __post_init__(self):
        positive(self, "epochs", "learning_rate", "eps")
        within(self, 0.0, 1e9, "weight_decay", "gradient_clip", "logit_std")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise BadSetting(f"{self.name}.betas are {self.betas}: both must be in [0, 1)")

    def begin(self, space: Space, ladder: tuple[Fidelity, ...], seed: int, replicas: range) -> None:
        """Nearly equal logits."""
        super().begin(space, ladder, seed, replicas)
        self.state.logits = samplers.initial_logits(space, self.stream.at(), self.logit_mean, self.logit_std)
        adam.start(self.state)
        self.state.loss = np.full(len(replicas), np.nan)

    def temperature(self, epoch: int, epochs: int) -> float:
        """Of the sampler in this epoch."""
        return 1.0

    def sample(self, rows: np.ndarray, temperature: float) -> Sample:
        """A mixture for some replicas."""
        return samplers.relaxed(self.state.logits[rows], self.draws(rows), temperature)

    def trained(self, rows: np.ndarray, temperature: float) -> Mixture:
        """The mixture at which the shared weights learn."""
        return self.sample(rows, temperature).mixture

    def step(self, evaluator: Evaluator, live: Live) -> None:
        """One step on the weights and one on the logits, in the published order."""
        temperature = self.temperature(live.epoch, live.epochs)
        # a table has none: no need to draw a mixture for them
        trains = self.bilevel and "weights" in evaluator.abilities
        evaluator.begin_step()
        if not self.bilevel:
            sample = self.sample(live.rows, temperature)
            asking = np.tile(live.rows, len(sample.mixture.weights) // len(live.rows))
            slope = evaluator.learn(sample.mixture, need_slope=True, replica=asking)
            assert slope is not None
        else:
            if trains and self.order == 1:
                evaluator.learn(self.trained(live.rows, temperature), replica=live.rows)
            sample = self.sample(live.rows, temperature)
            slope = evaluator.slope(sample.mixture, order=self.order, replica=live.rows)
        self.state.loss[live.rows] = slope.loss.reshape(-1, len(live.rows)).mean(axis=0)
        adam.step(
            self.state,
            live.rows,
            sample.pull(slope),
            learning_rate=self.learning_rate,
            betas=self.betas,
            eps=self.eps,
            weight_decay=self.weight_decay,
            clip=self.gradient_clip,
        )
        if trains and self.order == 2:
            evaluator.learn(self.trained(live.rows, temperature), replica=live.rows)

    def incumbent(self) -> np.ndarray:
        """The largest logit of every edge, `none` included."""
        return self.space.derive(self.state.logits)


@dataclass
class DartsV1(GradientSearch):
    """First-order DARTS: the softmax of the logits mixes all operations."""

    name: ClassVar[str] = "darts-v1"
    source: ClassVar[str] = "Liu et al., DARTS, ICLR 2019, section 2.3 with ξ = 0; settings of NAS-Bench-201"


@dataclass
class DartsV2(GradientSearch):
    """Second-order DARTS: the logits' gradient looks one weight step ahead. On a table it equals DARTS-V1."""

    name: ClassVar[str] = "darts-v2"
    source: ClassVar[str] = "Liu et al., DARTS, ICLR 2019, equations 7 and 8; settings of NAS-Bench-201"
    order: ClassVar[int] = 2


@dataclass
class Annealed(GradientSearch):
    """A search whose sampler grows cold.

    tau_max, tau_min: the temperature falls linearly over the epochs.
    """

    tau_max: float = 10.0
    tau_min: float = 0.1

    def __post_init__(self):
        super().__post_init__()
        positive(self, "tau_max", "tau_min")

    def temperature(self, epoch: int, epochs: int) -> float:
        """Linear from tau_max in the first to tau_min in the last epoch."""
        return self.tau_max - (self.tau_max - self.tau_min) * epoch / max(epochs - 1, 1)


@dataclass
class GDAS(Annealed):
    """One sampled operation per edge, straight-through Gumbel-softmax."""

    epochs: int = 250

    name: ClassVar[str] = "gdas"
    source: ClassVar[str] = "Dong & Yang, GDAS, CVPR 2019, equations 4 to 6; settings of NAS-Bench-201"
    needs: ClassVar[frozenset[str]] = frozenset({"slope", "one-hot slope"})

    def sample(self, rows: np.ndarray, temperature: float) -> Sample:
        """A one-hot mixture."""
        return samplers.straight_through(self.state.logits[rows], self.draws(rows), temperature)


ESTIMATORS = {
    "concrete": samplers.concrete,
    "exact": lambda logits, draws, temperature: samplers.relaxed(logits, draws, 1.0),
    "hard": samplers.hard,
    "score": samplers.concrete_score,
}


@dataclass
class SNAS(GradientSearch):
    """Single-level search on concrete samples that grow cold.

    temperature_start, temperature_end: falls linearly; the first epoch already takes one step, as published.
    temperature_epochs: the divisor of that fall; 0 = the epochs of the search (the original fixes 150).
    estimator: concrete (published), exact (softmax, no noise), hard (one architecture, score function) or
    score (score function of the concrete density). Deviation: Adam on the logits also on one device, as in the
    authors' distributed mode (their single-device SGD hardly moves).
    samples: drawn in a step, whose gradients are averaged. On shared weights each has a micro-batch of its own
    (their number must be the same); the authors' processes draw one each.
    """

    epochs: int = 150
    gradient_clip: float = 10.0
    logit_mean: float = 1.0
    logit_std: float = 0.01
    temperature_start: float = 1.0
    temperature_end: float = 0.03
    temperature_epochs: int = 0
    estimator: str = "concrete"
    samples: int = 1

    name: ClassVar[str] = "snas"
    source: ClassVar[str] = "Xie et al., SNAS, ICLR 2019, sections 2.2 and 2.3"
    bilevel: ClassVar[bool] = False

    def __post_init__(self):
        super().__post_init__()
        positive(self, "temperature_start", "temperature_end", "samples")
        one_of(self, "estimator", tuple(ESTIMATORS))
        if self.estimator == "hard":
            self.needs = frozenset({"slope", "one-hot slope"})  # pyright: ignore[reportAttributeAccessIssue]

    def temperature(self, epoch: int, epochs: int) -> float:
        """T(e) = max(end, (1 − (e + 1)/E)(start − end) + end)."""
        rest = 1 - (epoch + 1) / (self.temperature_epochs or epochs)
        return max(
            self.temperature_end,
            rest * (self.temperature_start - self.temperature_end) + self.temperature_end,
        )

    def sample(self, rows: np.ndarray, temperature: float) -> Sample:
        """A mixture by the chosen estimator; replica after replica for each of the samples."""
        estimator, logits = ESTIMATORS[self.estimator], self.state.logits[rows]
        drawn = [estimator(logits, self.draws(rows), temperature) for _ in range(self.samples)]
        return drawn[0] if self.samples == 1 else samplers.several(drawn)
