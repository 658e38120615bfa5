"""DSNAS: one drawn architecture, and for each edge a reward of its own in place of the loss of all.

The reward of an edge is the first-order term of the loss in its drawn operation, r_e = Σ_k z_ek · ∂L/∂z_ek, and the
gradient of its logits r_e · ∂ln p_e(z_e)/∂α_e. At a vertex of a table's multilinear extension every r_e is the loss
itself, so that this is `samplers.hard`. Shapes: n replicas, E edges, O operations, K kinds of cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from nasreplay.evaluate.protocol import Slope
from nasreplay.search.parts.samplers import Sample, hard, softmax_vjp
from nasreplay.seeds import Draws
from nasreplay.spaces.genotypes.derivation import softmax

NORMS = ("none", "mean_std", "mean_0")
ENTROPIES = ("none", "added", "released")
NEW = 0.9  # weight of a step's own mean and deviation in the running ones
SAME = 1e-9  # relative deviation up to which rewards are equal, as on a table
FLOOR = 1e-4  # of the probabilities in the entropy


@dataclass(frozen=True)
class EdgeRewards:
    """How rewards become a gradient."""

    norm: str
    """mean_std: (r − mean)/deviation, both running, over the edges of a kind of cell; mean_0: r/deviation; none."""
    clip: float
    """An edge gets no gradient where p(z)/p_before(z) is below 1 − clip, p_before that of a step ago; 0: no clip."""
    entropy: str
    """added: the entropy of all edges is part of the loss; released: it is multiplied by the rewards; none."""

    def start(self, state: SimpleNamespace, kinds: int) -> None:
        """Begin with nothing seen; `state` has logits [R, E, O]."""
        state.logits_before = state.logits.copy()
        state.rewards = np.zeros(state.logits.shape[:2])
        state.reward_mean = np.zeros((len(state.logits), kinds))
        state.reward_deviation = np.zeros((len(state.logits), kinds))

    def sample(self, state: SimpleNamespace, rows: np.ndarray, draws: Draws) -> Sample:
        """An architecture for each row of the state."""
        logits = state.logits[rows]
        soft, drawn = softmax(logits), hard(logits, draws, 1.0)
        chosen = drawn.mixture.active

        def vjp(slope: Slope) -> np.ndarray:
            state.rewards[rows] = self._normed((chosen * slope.gradient).sum(axis=-1), state, rows)
            reward = state.rewards[rows][..., None]
            pull = chosen - soft
            if self.clip:
                before = softmax(state.logits_before[rows])
                kept = (chosen * soft).sum(axis=-1) >= (1 - self.clip) * (chosen * before).sum(axis=-1)
                pull = pull * kept[..., None]
            if self.entropy == "none":
                return reward * pull
            inside = soft > FLOOR
            entropy = softmax_vjp(soft, 1.0, -(np.log(np.where(inside, soft, 1.0)) + 1) * inside)
            return reward * (pull + entropy) if self.entropy == "released" else reward * pull + entropy

        return drawn._replace(vjp=vjp)

    def _normed(self, reward: np.ndarray, state: SimpleNamespace, rows: np.ndarray) -> np.ndarray:
        """Rewards [n, E] after the running mean and deviation have taken them in; equal ones are not divided."""
        if self.norm == "none":
            return reward
        of_kind = reward.reshape(len(reward), state.reward_mean.shape[1], -1)
        for running, now in (
            (state.reward_mean, of_kind.mean(axis=-1)),
            (state.reward_deviation, of_kind.std(axis=-1, ddof=1)),
        ):
            running[rows] = (1 - NEW) * running[rows] + NEW * now
        mean, deviation = (each[rows][..., None] for each in (state.reward_mean, state.reward_deviation))
        centered = of_kind - (mean if self.norm == "mean_std" else 0.0)
        differ = deviation > SAME * abs(of_kind).max(axis=-1, keepdims=True)
        return (centered / np.where(differ, deviation, 1.0)).reshape(reward.shape)
