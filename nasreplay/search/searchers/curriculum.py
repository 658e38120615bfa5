"""Curriculum search: a policy that may use one operation more in every stage, and its fixed-space baseline."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from nasreplay.config import one_of, positive, within
from nasreplay.errors import BadSetting, shortened
from nasreplay.evaluate.protocol import Evaluations, Evaluator, Fidelity
from nasreplay.search.base import Live, Question, SamplingSearcher, on_batch, register_searcher
from nasreplay.search.parts import adam
from nasreplay.search.parts.candidates import answer_best
from nasreplay.search.parts.policies import LogitsPolicy, LSTMPolicy, Vocabulary, block_of
from nasreplay.search.parts.samplers import vertex
from nasreplay.spaces.base import Space

POLICIES = {"logits": LogitsPolicy, "lstm": LSTMPolicy}
ROUNDING = 1e-9  # equal steps must not miss the end of a stage or of its warm-up by a rounding error
BASES = ("nor_conv_3x3", "sep_conv_3x3")  # published: sep_conv_3x3
SHARES = ("equal", "log_size", "size")


@register_searcher
@dataclass
class Curriculum(SamplingSearcher):
    """REINFORCE in a space that grows: stage k may use the first start_ops + k·grow_by operations.

    The reward is accuracy/100. Field defaults are the published live values; the defaults on tables stand in
    configs/algos/curriculum-table.config.
    On shared weights the reward is the accuracy on the current mini-batch, and the search ends after live_epochs
    (5 stages of 20 + 40 epochs; Budget.epochs ends it sooner). Every step trains the weights on one sample of the
    policy and the policy on another; a warm-up, or a single open operation, trains only the weights. The answer is
    the best of derive_samples policy samples at the end of each epoch, not the best reward; on a table it is the best
    seen.
    The space grows in the decisions among all operations, the longest list of options. In the NASNet spaces the
    inputs of nodes are decided, too; all of them are open from the start, so that even a single open operation trains
    the policy. live_epochs is 480 there (8 stages).
    Deviations: on a cell of fixed topology six operation decisions and no node decisions; one policy for both cells;
    one hidden layer of `hidden` units; live, weights and policy take turns by steps, not by epochs, and the last
    epoch's derivation is the answer (published: three repetitions, left to the operator). On cells of fixed topology
    any benefit is a matter of the growth order: compare with curriculum-fixed.
    """

    order: str = "shuffle"
    """Growth order of the operations: shuffle (base_op first, the others permuted anew for every replica), random
    (all permuted), listed, or all names joined by commas."""
    base_op: str = ""
    """The operation that a shuffle begins with; empty: nor_conv_3x3 or sep_conv_3x3 (published) where it exists."""
    start_ops: int = 1
    """Operations that are open in the first stage."""
    grow_by: int = 1
    """Operations that every further stage opens."""
    stage_share: str = "equal"
    """How the budget is divided over stages: equal, or in proportion to log_size or size of the open space."""
    warmup: float = 1 / 3
    """Fraction of each stage drawn uniformly without training the policy: 20 of 60 epochs."""
    policy: str = "lstm"
    """Policy: lstm (published), or logits, a table of independent logits."""
    hidden: int = 128
    """Width of the LSTM. Default: the authors' code."""
    learning_rate: float = 3e-4
    """Learning rate of Adam on the policy's parameters."""
    weight_decay: float = 5e-4
    """L2 penalty that Adam adds to the policy's gradient."""
    entropy: float = 0.005
    """Weight of the policy's entropy (nats) in its loss."""
    gamma: float = 0.99
    """Decay of the baseline, a moving average of the rewards that is updated before the advantage is formed."""
    gradient_clip: float = 5.0
    """Largest norm of the policy's gradient; 0: none."""
    live_epochs: int = 300
    """Epochs of a search on shared weights; 5 stages of 60."""
    derive_samples: int = 10
    """Policy samples tried at the end of each epoch on shared weights."""

    learns: ClassVar[bool] = True
    recipe: ClassVar[str] = "CURRICULUM"
    compared: ClassVar[bool] = True
    beside: ClassVar[tuple[str, ...]] = ("curriculum-fixed", "random")
    listed: ClassVar[int] = 6
    name: ClassVar[str] = "curriculum"
    source: ClassVar[str] = "Guo et al., Breaking the Curse of Space Explosion, ICML 2020, sections 3 and 4"

    def __post_init__(self):
        positive(self, "start_ops", "grow_by", "hidden", "learning_rate", "live_epochs", "derive_samples")
        within(self, 0.0, 1.0, "warmup", "gamma")
        within(self, 0.0, 1e9, "weight_decay", "entropy", "gradient_clip")
        one_of(self, "policy", tuple(POLICIES))
        one_of(self, "stage_share", SHARES)

    def epochs_on(self, evaluator: Evaluator) -> int | None:
        """`live_epochs` where there are weights to train; a budget ends it on a table."""
        return self.live_epochs if "weights" in evaluator.abilities else None

    def begin(self, space: Space, ladder: tuple[Fidelity, ...], seed: int, replicas: range) -> None:
        """A fresh policy over all operations, and every replica's growth order."""
        super().begin(space, ladder, seed, replicas)
        self._words = Vocabulary(space)
        operations = self._words.operations
        if self.start_ops > len(operations):
            raise BadSetting(
                f"{self.name}.start_ops is {self.start_ops}: the space has {len(operations)} operations"
            )
        self._policy = POLICIES[self.policy](space, self.hidden, block_of(ladder))
        self.state.logits = self._policy.initial(self.stream.at())
        adam.start(self.state)
        self.state.turn = np.argsort(
            self._orders(operations, len(replicas)), axis=1
        )  # [R, O]: when each op opens
        self.state.baseline = np.full(len(replicas), np.nan)
        self._bounds, self._enabled = self._stages(len(operations))

    def _orders(self, operations: tuple[str, ...], replicas: int) -> np.ndarray:
        """int64 [R, O]: operation codes in order of growth."""
        listed = np.tile(np.arange(len(operations)), (replicas, 1))
        if self.order == "listed":
            return listed
        if self.order == "random":
            return self.stream.at().permutation(len(operations))
        if self.order == "shuffle":
            usual = [name for name in BASES if name in operations]
            base = self.base_op or (*usual, operations[0])[0]
            if base not in operations:
                raise BadSetting(
                    f"{self.name}.base_op is {shortened(base)}; operations: {', '.join(operations)}"
                )
            others = np.delete(np.arange(len(operations)), operations.index(base))
            rest = others[self.stream.at().permutation(len(others))]
            return np.column_stack([np.full(replicas, operations.index(base)), rest])
        names = self.order.split(",")
        if sorted(names) != sorted(operations):
            raise BadSetting(
                f"{self.name}.order is {shortened(self.order)}: shuffle, random, listed, or all of "
                f"{','.join(operations)}"
            )
        return np.tile([operations.index(name) for name in names], (replicas, 1))

    def _first(self, operations: int) -> int:
        """Operations that are open in the first stage."""
        return self.start_ops

    def _stages(self, operations: int) -> tuple[np.ndarray, np.ndarray]:
        """Progress at which each stage ends (float64 [S]), and operations enabled in it (int64 [S])."""
        first = self._first(operations)
        stages = 1 + -(-(operations - first) // self.grow_by)
        enabled = np.minimum(first + self.grow_by * np.arange(stages), operations)
        growing = self._words.growing
        log_size = growing.sum() * np.log(enabled) + np.log(self._words.mask[~growing].sum(axis=1)).sum()
        self._one = log_size == 0
        share = {"equal": np.ones(stages), "log_size": log_size, "size": np.exp(log_size)}[self.stage_share]
        return np.cumsum(share) / share.sum(), enabled

    def _stage(self, live: Live) -> np.ndarray:
        return np.searchsorted(self._bounds[:-1], live.progress + ROUNDING, side="right")

    def allowed(self, rows: np.ndarray, enabled: np.ndarray) -> np.ndarray:
        """bool [n, D, V]: the words open to each decision of each replica; all of those that don't grow."""
        open_ = np.repeat(self._words.mask[None], len(rows), axis=0)
        among = self.state.turn[rows] < enabled[:, None]
        open_[:, self._words.growing, : among.shape[1]] &= among[:, None]
        return open_

    def _warming(self, live: Live) -> np.ndarray:
        stage = self._stage(live)
        start = np.concatenate([[0.0], self._bounds[:-1]])[stage]
        return live.progress - start + ROUNDING < self.warmup * (self._bounds[stage] - start)

    def step(self, evaluator: Evaluator, live: Live) -> None:
        """Ask, evaluate, tell; where there are weights, train them first."""
        if "weights" not in evaluator.abilities:
            return super().step(evaluator, live)
        evaluator.begin_step()
        codes = self.ask(live).codes
        evaluator.learn(vertex(self.space, codes), replica=live.rows)
        unanswered = np.isneginf(self.state.best_accuracy[live.rows])
        self.state.best_codes[live.rows[unanswered]] = codes[unanswered]
        learning = ~self._warming(live) & ~self._one[self._stage(live)]
        if learning.any():
            live = live._replace(rows=live.rows[learning], progress=live.progress[learning])
            self.tell(self._answers(evaluator, live), live)
        return None

    def end_epoch(self, evaluator: Evaluator, live: Live) -> None:
        """Make the best of derive_samples policy samples the answer, if there are shared weights."""
        if "weights" in evaluator.abilities:
            allowed = self.allowed(live.rows, self._enabled[self._stage(live)])
            codes = [self.sample(live.rows, allowed) for _ in range(self.derive_samples)]
            answer_best(self.state, evaluator, live.rows, np.stack(codes, axis=1))

    def ask(self, live: Live) -> Question:
        """One architecture from each policy, or a uniform one while a stage warms up."""
        allowed = self.allowed(live.rows, self._enabled[self._stage(live)])
        codes = self.sample(live.rows, allowed)
        if self.warmup:
            uniform = allowed / allowed.sum(axis=-1, keepdims=True)
            drawn = self._words.codes(self.draws(live.rows).categorical(uniform))
            codes = np.where(self._warming(live)[:, None], drawn, codes)
        return Question(codes, live.rows, on_batch(self.ladder))

    def sample(self, rows: np.ndarray, allowed: np.ndarray) -> np.ndarray:
        """int8 [n, D]: one architecture from each policy inside the allowed words [n, D, V]."""
        return self._words.codes(self._policy.sample(self.state.logits[rows], allowed, self.draws(rows)))

    def tell(self, answers: Evaluations, live: Live) -> None:
        """Update the baseline, then one Adam step on −log-probability × advantage − entropy bonus."""
        state, rows = self.state, answers.replica
        reward = answers.accuracy / 100
        old = state.baseline[rows]
        state.baseline[rows] = np.where(np.isnan(old), reward, self.gamma * old + (1 - self.gamma) * reward)
        training = np.isin(live.rows, rows) & ~self._warming(live)
        chosen = training[np.searchsorted(live.rows, rows)]
        rows, codes = rows[chosen], answers.codes[chosen]
        advantage = reward[chosen] - state.baseline[rows]
        allowed = self.allowed(rows, self._enabled[self._stage(live)][training])
        words = self._words.words(codes)
        gradient = self._policy.gradient(state.logits[rows], allowed, words, advantage, self.entropy)
        descent = adam.Adam(self.learning_rate, weight_decay=self.weight_decay, clip=self.gradient_clip)
        descent.step(state, rows, gradient)

    def derive(self, samples: int) -> np.ndarray:
        """int8 [R, samples, D]: architectures of the final policies (the published derivation tries 10)."""
        rows = np.arange(len(self.state.logits))
        every = np.repeat(self._words.mask[None], len(rows), axis=0)
        return np.stack([self.sample(rows, every) for _ in range(samples)], axis=1)


@register_searcher
@dataclass
class CurriculumFixed(Curriculum):
    """The curriculum's baseline: the same policy and budget with every operation open from the start."""

    order: str = field(init=False, default="listed")
    """Fixed: every operation is open."""
    base_op: str = field(init=False, default="")
    """Fixed: no operation comes first."""
    start_ops: int = field(init=False, default=1)
    """Fixed: has no effect."""
    grow_by: int = field(init=False, default=1)
    """Fixed: has no effect."""
    stage_share: str = field(init=False, default="equal")
    """Fixed: there is one stage."""

    beside: ClassVar[tuple[str, ...]] = ()
    name: ClassVar[str] = "curriculum-fixed"
    source: ClassVar[str] = (
        "Guo et al., Breaking the Curse of Space Explosion, ICML 2020, section 5 (fixed space)"
    )

    def _first(self, operations: int) -> int:
        """Every operation, from the first stage on."""
        return operations
