"""SNAS: the search by gradients whose sampler is concrete, and DSNAS as one of its estimators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nasreplay.config import one_of, positive, within
from nasreplay.errors import BadSetting
from nasreplay.evaluate.protocol import Evaluator, Fidelity, Slope
from nasreplay.search.base import Live, register_searcher
from nasreplay.search.parts import edge_rewards, samplers
from nasreplay.search.parts.edge_rewards import EdgeRewards
from nasreplay.search.parts.samplers import Sample
from nasreplay.search.searchers.gradient import GradientSearch
from nasreplay.settings import setting
from nasreplay.spaces.base import Space

CREDIT = "dsnas"
ESTIMATORS = {
    "concrete": samplers.concrete,
    "exact": lambda logits, draws, temperature: samplers.relaxed(logits, draws, 1.0),
    "hard": samplers.hard,
    "score": samplers.concrete_score,
}


@register_searcher
@dataclass
class SNAS(GradientSearch):
    """SNAS: single-level search on concrete samples that grow cold.

    Defaults are those of the authors' code. Deviation: Adam on the logits also on one device, as in the authors'
    distributed mode (their single-device SGD hardly moves).
    """

    epochs: int = 150
    """Epochs of the search."""
    gradient_clip: float = 10.0
    """Largest norm of a replica's logit gradient; 0: none."""
    logit_mean: float = 1.0
    """Mean of the first logits, which are normal."""
    logit_std: float = 0.01
    """Standard deviation of the first logits."""
    temperature_start: float = 1.0
    """First temperature of a linear fall; the first epoch already takes one step, as published."""
    temperature_end: float = 0.03
    """Last temperature."""
    temperature_epochs: int = 0
    """The divisor of that fall; 0: the epochs of the search (the original fixes 150)."""
    estimator: str = "concrete"
    """Estimator: concrete (published), exact (softmax, no noise), hard (one architecture, score function), score (of
    the concrete density), dsnas (hard, and each edge has a reward of its own)."""
    samples: int = setting(1, most=1000)
    """Samples of a step, whose gradients are averaged; on shared weights each has a micro-batch of its own."""
    edge_reward_norm: str = "none"
    """Rewards of dsnas: none, mean_std (by running mean and deviation over the edges) or mean_0 (by deviation)."""
    proximal: float = 0.0
    """Clip of dsnas's ratio p(z)/p_before(z): below 1 − clip an edge is not pushed; 0: no clip. Released: 0.2."""
    entropy_loss: str = "none"
    """Entropy of the edges in the loss of dsnas: none, added, or released (its gradient times the edges' rewards)."""
    pretrain: int = setting(0, least=0)
    """First epochs in which shared weights learn on uniform single paths and the logits rest."""

    name: ClassVar[str] = "snas"
    source: ClassVar[str] = "Xie et al., SNAS, ICLR 2019, sections 2.2 and 2.3"
    recipe: ClassVar[str] = "SNAS"
    rule: ClassVar[str] = "none"
    dialect: ClassVar[str] = "snas"
    compared: ClassVar[bool] = True
    bilevel: ClassVar[bool] = False
    live_only: ClassVar[frozenset[str]] = frozenset({"pretrain"})

    def __post_init__(self):
        super().__post_init__()
        positive(self, "temperature_start", "temperature_end", "samples")
        one_of(self, "estimator", (*ESTIMATORS, CREDIT))
        one_of(self, "edge_reward_norm", edge_rewards.NORMS)
        one_of(self, "entropy_loss", edge_rewards.ENTROPIES)
        within(self, 0.0, 1 - 1e-9, "proximal")
        if self.estimator != CREDIT and self._rewards != EdgeRewards("none", 0.0, "none"):
            raise BadSetting(
                f"{self.name}.edge_reward_norm, proximal and entropy_loss are of {self.name}.estimator={CREDIT}: "
                f"leave them out with {self.estimator}"
            )
        if self.estimator in ("hard", CREDIT):
            self.needs = frozenset({"slope", "one-hot slope"})  # pyright: ignore[reportAttributeAccessIssue]

    def check(self, evaluator: Evaluator) -> None:
        """Raise what all gradient searches do, and BadSetting for samples that have no micro-batches."""
        super().check(evaluator)
        evaluator.check_samples(self.samples)

    def temperature(self, epoch: int, epochs: int) -> float:
        """T(e) = max(end, (1 − (e + 1)/E)(start − end) + end)."""
        rest = 1 - (epoch + 1) / (self.temperature_epochs or epochs)
        return max(
            self.temperature_end,
            rest * (self.temperature_start - self.temperature_end) + self.temperature_end,
        )

    def step(self, evaluator: Evaluator, live: Live) -> None:
        """One step on weights and logits, or on the weights alone in the first `pretrain` epochs."""
        if live.epoch >= self.pretrain:
            return super().step(evaluator, live)
        even = np.where(np.isfinite(self.state.logits[live.rows]), 0.0, -np.inf)
        evaluator.begin_step()
        drawn = [samplers.hard(even, self.draws(live.rows), 1.0) for _ in range(self.samples)]
        evaluator.learn(samplers.several(drawn).mixture, replica=np.tile(live.rows, self.samples))
        return None

    def sample(self, rows: np.ndarray, temperature: float) -> Sample:
        """A mixture by the chosen estimator; replica after replica for each of the samples."""
        drawn = [self._drawn(rows, temperature) for _ in range(self.samples)]
        return drawn[0] if self.samples == 1 else samplers.several(drawn)

    def _drawn(self, rows: np.ndarray, temperature: float) -> Sample:
        if self.estimator == CREDIT:
            return self._rewards.sample(self.state, rows, self.draws(rows))
        return ESTIMATORS[self.estimator](self.state.logits[rows], self.draws(rows), temperature)

    @property
    def _rewards(self) -> EdgeRewards:
        return EdgeRewards(self.edge_reward_norm, self.proximal, self.entropy_loss)

    def begin(self, space: Space, ladder: tuple[Fidelity, ...], seed: int, replicas: range) -> None:
        """Nearly equal logits; dsnas has seen no reward."""
        super().begin(space, ladder, seed, replicas)
        if self.estimator == CREDIT:
            self._rewards.start(self.state, len({row.cell for row in space.rows}))

    def step_facts(self) -> dict[str, float]:
        """Numbers of a gradient search, and the rewards of dsnas by their released names, `reward_normal_edge_0`."""
        facts = super().step_facts()
        if self.estimator == CREDIT:
            cells = [row.kind for row in self.space.rows]
            names = [f"reward_{cell}_edge_{cells[:row].count(cell)}" for row, cell in enumerate(cells)]
            facts |= zip(names, self.state.rewards[0].tolist(), strict=True)
        return facts

    def descend(self, rows: np.ndarray, sample: Sample, slope: Slope) -> None:
        """One step of Adam; dsnas compares with the logits before it in the next one."""
        before = self.state.logits[rows]
        super().descend(rows, sample, slope)
        if self.estimator == CREDIT:
            self.state.logits_before[rows] = before
