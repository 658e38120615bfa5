"""SLNAS: a controller in two stages proposes cells, shared weights learn on them, and their accuracy trains it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nasreplay.config import one_of, positive, within
from nasreplay.evaluate.protocol import Evaluations, Evaluator, Fidelity
from nasreplay.search.base import Live, Question, on_batch, register_searcher
from nasreplay.search.parts.policies import block_of
from nasreplay.search.searchers.slnas import ranger
from nasreplay.search.searchers.slnas.shared_epochs import LIVE_ONLY, REWARDED, SOURCE, SharedEpochs
from nasreplay.search.searchers.slnas.two_stage import TwoStage
from nasreplay.spaces.base import Space


@register_searcher
@dataclass
class SLNAS(SharedEpochs):
    """REINFORCE on a controller that draws the inputs of all nodes, then all operations given these.

    The reward is the accuracy on a mini-batch in percent, plus entropy_weight times both entropies; the baseline is
    the first reward, and moves toward each one before it is subtracted; the loss is the sum of both stages' negative
    log-probabilities times what remains. See `two_stage` for the controller, whose log-probability of the operations
    is a mean, as released.
    On shared weights every weight step trains a fresh sample, the first one the architecture that takes most memory,
    where the space names one; an epoch ends with controller_steps updates and valid_samples further samples. The
    release leaves the choice to its user. Ours: after the last epoch the best of final_samples samples on the reward
    images is the answer (among equals the one of fewer parameters, then the first); beside it, the decoding by the
    largest probability at every draw. On a table each step is an update, and the answer is the best seen; where a
    space lets no node choose its inputs, there is stage 2 only.
    Deviation: the valid_samples are compared on the same validation images instead of a batch each.
    """

    epochs: int = 150  # pyright: ignore[reportIncompatibleVariableOverride]
    """Epochs of a search on shared weights."""
    controller_steps: int = 150
    """Controller updates at the end of an epoch, each by one sample on one batch."""
    valid_samples: int = 20
    """Further samples at the end of an epoch, whose mean accuracy is recorded; the best is the epoch's answer."""
    final_samples: int = 100
    """Samples tried after the last epoch."""
    final_images: int = 2000
    """Most images that these are tried on; 0: all that judge."""
    hidden: int = 256
    """Width of both LSTMs."""
    controller_lr: float = 3.5e-5
    """Learning rate of Ranger on the controller's parameters. Default: that for CIFAR; image folders: 3.5e-4."""
    entropy_weight: float = 1e-4
    """Weight of both entropies in the reward."""
    bl_dec: float = 0.95
    """Decay of the baseline."""
    distinct_inputs: bool = False
    """Give each input of each kind of cell a start token of its own; as released inputs 0 and 1 cannot be told apart,
    nor the two kinds of cells."""
    carry: str = "exchanged"
    """How stage 2 goes on from cell to cell: exchanged, hidden and cell state by mistake, as released; straight."""
    op_term: str = "mean"
    """What a cell's operations add to log-probability and entropy: their mean, as released, or their sum."""

    learns: ClassVar[bool] = True
    recipe: ClassVar[str] = "SLNAS-SEARCH"
    listed: ClassVar[int] = 11
    live_only: ClassVar[frozenset[str]] = LIVE_ONLY | {"controller_steps"}
    name: ClassVar[str] = "slnas"
    source: ClassVar[str] = SOURCE

    def __post_init__(self):
        positive(
            self, "epochs", "controller_steps", "valid_samples", "final_samples", "hidden", "controller_lr"
        )
        within(self, 0.0, 1.0, "bl_dec")
        within(self, 0.0, 1e9, "entropy_weight", "final_images")
        one_of(self, "carry", ("exchanged", "straight"))
        one_of(self, "op_term", ("mean", "sum"))

    def begin(self, space: Space, ladder: tuple[Fidelity, ...], seed: int, replicas: range) -> None:
        """A fresh controller."""
        super().begin(space, ladder, seed, replicas)
        options = (self.distinct_inputs, self.carry, self.op_term)
        self._policy = TwoStage(space, self.hidden, block_of(ladder), *options)
        state, count = self.state, len(replicas)
        state.logits = self._policy.initial(self.stream.at())
        ranger.start(state)
        state.baseline = np.full(count, np.nan)
        state.reward = np.full(count, np.nan)  # mean of the last updates
        state.argmax = np.zeros((count, space.decisions), dtype=np.int8)
        self.start_epochs(count)

    def sample(self, rows: np.ndarray, count: int) -> np.ndarray:
        """int8 [n, count, D]: samples of each controller, each from its own start state; that of the last is kept."""
        found, policy, draws = [], self._policy, self.draws(rows)
        for _ in range(count):
            self.state.logits[rows, policy.parameters :] = policy.starts(draws)
            found.append(policy.sample(self.state.logits[rows], policy.open(len(rows)), draws))
        return np.stack(found, axis=1)

    def ask(self, live: Live) -> Question:
        """One sample of each controller."""
        return Question(self.sample(live.rows, 1)[:, 0], live.rows, on_batch(self.ladder))

    def tell(self, answers: Evaluations, live: Live) -> None:
        """One step of the controller on the sample that it was asked for last."""
        state, rows, policy = self.state, answers.replica, self._policy
        parameters, allowed = state.logits[rows], policy.open(len(rows))
        entropy, gradient = policy.steepest(parameters, allowed, answers.codes)
        reward = answers.accuracy + self.entropy_weight * entropy
        before = np.where(np.isnan(state.baseline[rows]), reward, state.baseline[rows])
        state.baseline[rows] = before - (1 - self.bl_dec) * (before - reward)
        gradient *= (reward - state.baseline[rows]).astype(gradient.dtype)[:, None]
        ranger.Ranger(self.controller_lr).step(state, rows, gradient)
        if live.epochs:
            self.tell_samples(rows, answers.codes, reward, REWARDED)

    def step(self, evaluator: Evaluator, live: Live) -> None:
        """One weight step on a sample; without weights ask, evaluate, tell."""
        self.sampled = []
        if "weights" not in evaluator.abilities:
            return super().step(evaluator, live)
        evaluator.begin_step()
        self.train(evaluator, live.rows, self.sample(live.rows, 1)[:, 0])
        return None

    def end_epoch(self, evaluator: Evaluator, live: Live) -> None:
        """Train the controller, validate it, and choose after the last epoch, where there are weights."""
        if "weights" not in evaluator.abilities:
            return
        state, rows, rewards = self.state, live.rows, []
        for _ in range(self.controller_steps):
            evaluator.begin_step(learns=False)
            answers = self._answers(evaluator, live)
            if len(answers.codes) < len(rows):  # the budget is over
                return
            self.tell(answers, live)
            rewards.append(answers.accuracy)
        state.reward[rows] = np.mean(rewards, axis=0)
        if last := live.epoch + 1 == live.epochs:
            evaluator.begin_choice(self.final_images)
        self.validate(evaluator, rows, self.sample(rows, self.valid_samples))
        if last:
            self.choose(evaluator, rows, self.sample(rows, self.final_samples))
            state.argmax[rows] = self._policy.greedy(state.logits[rows])

    def epoch_facts(self, epoch: int, epochs: int) -> dict[str, float]:
        """Mean reward of the epoch's updates, baseline, and mean accuracy of the validated samples, percent."""
        return self.known(reward=self.state.reward, baseline=self.state.baseline)

    def other_answers(self) -> dict[str, np.ndarray]:
        """The decoding by the largest probability at every draw."""
        return {"argmax_arch": self.state.argmax[0]}

    def derive(self, samples: int) -> np.ndarray:
        """int8 [R, samples, D]: samples of the final controllers."""
        return self.sample(np.arange(len(self.state.logits)), samples)
