"""TAS, masking with Gumbel-softmax and masking with sampling: NATS-Bench's three searches among channel numbers.

All of them warm up alike: in the first part of the epochs only the weights learn, most of the time at full width.
Deviation of all three: stem and first cell, which share a row of logits, share the draw too (published: six draws).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nasreplay.config import positive, within
from nasreplay.errors import LacksCapability
from nasreplay.evaluate.protocol import Evaluations, Evaluator, Fidelity
from nasreplay.search.base import Live, Question, Searcher, on_batch, register_searcher
from nasreplay.search.parts import adam, samplers
from nasreplay.search.parts.samplers import Sample, vertex
from nasreplay.search.searchers.gradient import Annealed
from nasreplay.search.searchers.reinforce import Reinforce
from nasreplay.spaces.base import Space


@dataclass
class WarmUp(Searcher):
    """A search that begins with weight steps only.

    In epoch e of E every width is the widest with probability 1 − e/(E · warmup), else a uniform one; the logits stay
    as they are. A table has no weights: nothing happens there until the warm-up is over.
    """

    warmup: float = 0.0
    """Fraction of the epochs that it takes, 0 to below 1. Default: none; NATS-Bench's scripts are given 0.3."""

    listed: ClassVar[int] = 10
    learns: ClassVar[bool] = True
    home: ClassVar[str] = "size"
    widths: ClassVar[bool] = True

    def __post_init__(self):
        super().__post_init__()  # pyright: ignore[reportAttributeAccessIssue]
        within(self, 0.0, 1 - 1e-9, "warmup")

    def begin(self, space: Space, ladder: tuple[Fidelity, ...], seed: int, replicas: range) -> None:
        """Refuses a warm-up where no option is the widest."""
        if self.warmup and not space.widens:
            raise LacksCapability(
                f"{self.name}.warmup trains the widest network: only the {self.home} space has one, not {space.name}"
            )
        super().begin(space, ladder, seed, replicas)

    def warmed_up(self, live: Live) -> float:
        """How much of the warm-up lies behind, from 0 to 1."""
        return min(live.epoch / live.epochs / self.warmup, 1.0) if self.warmup else 1.0

    def step(self, evaluator: Evaluator, live: Live) -> None:
        """A weight step of the warm-up, or a step of the search."""
        if self.warmed_up(live) == 1:
            super().step(evaluator, live)
        elif "weights" in evaluator.abilities:
            evaluator.begin_step()
            evaluator.learn(vertex(self.space, self.warm_codes(live)), replica=live.rows)

    def warm_codes(self, live: Live) -> np.ndarray:
        """int8 [n, D]: the architectures of a warm-up step."""
        draws = self.draws(live.rows)
        uniform = self.space.sample(draws)
        full = draws.uniform(self.space.decisions) >= self.warmed_up(live)
        return np.where(full, self.space.choices - 1, uniform).astype(np.int8)


@register_searcher
@dataclass
class TAS(WarmUp, Annealed):
    """Two sampled widths a position, averaged channel-wise to the wider one and mixed by their noisy logits.

    On a supernet this needs a network that resizes (`WidthNetwork(resize=True)`); on a table, and on one that masks,
    the two widths are mixed as they are.
    """

    epochs: int = 100  # pyright: ignore[reportIncompatibleVariableOverride]
    """Epochs of the search. Default: NATS-Bench's."""

    name: ClassVar[str] = "tas"
    resizes: ClassVar[bool] = True
    source: ClassVar[str] = (
        "Dong & Yang, Network Pruning via Transformable Architecture Search, NeurIPS 2019, section 3.1; "
        "settings of NATS-Bench, TPAMI 2021"
    )

    def sample(self, rows: np.ndarray, temperature: float) -> Sample:
        """A mixture of two options a row."""
        return samplers.two_of(self.state.logits[rows], self.draws(rows), temperature)


@register_searcher
@dataclass
class MaskGumbel(WarmUp, Annealed):
    """A Gumbel-softmax sample of the widths mixes their channel masks."""

    epochs: int = 100  # pyright: ignore[reportIncompatibleVariableOverride]
    """Epochs of the search. Default: NATS-Bench's."""

    name: ClassVar[str] = "mask-gumbel"
    source: ClassVar[str] = (
        "Wan et al., FBNetV2, CVPR 2020, section 3.1; settings of NATS-Bench, TPAMI 2021 (masking + Gumbel-softmax)"
    )

    def sample(self, rows: np.ndarray, temperature: float) -> Sample:
        """A concrete sample."""
        return samplers.concrete(self.state.logits[rows], self.draws(rows), temperature)


@register_searcher
@dataclass
class MaskRL(WarmUp, Reinforce):
    """REINFORCE on shared weights: the reward is the accuracy (percent) of a sample on the current mini-batch.

    Every step trains the weights on one sample of the policy and the policy on another. The answer is the argmax
    of every position. Defaults are those of NATS-Bench's script.
    """

    epochs: int = 100  # pyright: ignore[reportIncompatibleVariableOverride]
    """Epochs of the search. Default: NATS-Bench's."""
    learning_rate: float = 3e-4
    """Learning rate of Adam on the logits."""
    momentum: float = 0.95
    """Decay of the reward average, as in REINFORCE."""
    betas: tuple[float, float] = (0.5, 0.999)
    """Decay rates of Adam's two moments."""
    eps: float = 1e-8
    """Term that Adam adds to the denominator. Default: PyTorch's."""
    weight_decay: float = 0.0
    """L2 penalty that Adam adds to the gradient of the logits."""

    compared: ClassVar[bool] = False
    name: ClassVar[str] = "mask-rl"
    source: ClassVar[str] = (
        "Bender et al., TuNAS, CVPR 2020, section 3; settings of NATS-Bench, TPAMI 2021 (masking + sampling)"
    )

    def __post_init__(self):
        super().__post_init__()
        positive(self, "epochs", "eps")
        within(self, 0.0, 1e9, "weight_decay")

    def step(self, evaluator: Evaluator, live: Live) -> None:
        """Train the shared weights, if there are any, then take the policy's step."""
        if self.warmed_up(live) == 1 and "weights" in evaluator.abilities:
            evaluator.begin_step()
            evaluator.learn(vertex(self.space, self.ask(live).codes), replica=live.rows)
        super().step(evaluator, live)

    def ask(self, live: Live) -> Question:
        """One architecture from each policy, on the mini-batch where there is one."""
        return super().ask(live)._replace(at=on_batch(self.ladder))

    def tell(self, answers: Evaluations, live: Live) -> None:
        """One Adam step on −log-probability × (reward − baseline)."""
        gradient = self.gradient(answers.replica, answers.codes, answers.accuracy)
        descent = adam.Adam(self.learning_rate, self.betas, self.eps, self.weight_decay)
        descent.step(self.state, answers.replica, gradient)

    def incumbent(self) -> np.ndarray:
        """The most probable option of every decision."""
        return self.space.derive(self.state.logits)
