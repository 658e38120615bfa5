"""Curriculum search: a policy that may use one operation more in every stage, and its fixed-space baseline."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from nasreplay.config import one_of, positive, within
from nasreplay.evaluate.protocol import Evaluations, Evaluator, Fidelity
from nasreplay.search.base import Live, Question, on_batch, register_searcher
from nasreplay.search.parts import adam
from nasreplay.search.parts.candidates import answer_best
from nasreplay.search.parts.controllers import POLICIES, PUBLISHED, Shaping, policy_named
from nasreplay.search.parts.growing import ROUNDING, Growing
from nasreplay.search.parts.policies import block_of
from nasreplay.search.parts.samplers import vertex
from nasreplay.search.stages import Derivation, Stage
from nasreplay.spaces.base import Space

STAGE_EPOCHS = 60  # 20 of warm-up and 40


@register_searcher
@dataclass
class Curriculum(Growing):
    """REINFORCE in a space that grows: stage k may use the first start_ops + k·grow_by operations.

    The reward is accuracy/100. Field defaults are the published live values; the defaults on tables stand in
    configs/algos/curriculum-table.config.
    On shared weights the reward is the accuracy on a mini-batch, and the search ends after live_epochs (60 a stage:
    300 in 5 stages, 480 in 8; Budget.epochs divides fewer). In an epoch every step trains the weights on one sample
    of the policy; then the policy learns for one pass over the images held out from the weights, but not in a warm-up
    or while a single architecture is open. At the end of a stage derive_repeats times derive_samples samples are
    tried on all held-out images; the best is the answer, and the best of each repetition is kept. Other epochs try
    derive_samples on a few images. On a table the answer is the best seen.
    The space grows in the decisions among all operations, or by nodes of the cells. In the NASNet spaces the inputs
    of nodes are decided, too; all of them are open from the start, so that even a single operation trains the policy.
    Deviations: candidates are judged on held-out images (as released: on test images), without augmentation. On cells
    of fixed topology no nodes are decided, and any benefit is a matter of the order: compare with curriculum-fixed.
    """

    policy: str = PUBLISHED
    """Policy: published (controllers where nodes choose their inputs, else lstm), controllers (one for each cell,
    attention over nodes), lstm (one for all decisions), or logits, a table of independent logits."""
    hidden: int = 128
    """Width of the LSTM. Default: the authors' code."""
    head: str = "operations"
    """Number of operations that the policy can choose: operations, all that are open, or nodes, as released by
    mistake: only as many as a cell has nodes, those opened first."""
    temperature: float = 0.0
    """Number that divides the controllers' logits; 0: none (published)."""
    tanh_constant: float = 0.0
    """Bound of the controllers' logits, by tanh; 0: none (published)."""
    op_tanh_reduce: float = 0.0
    """Number that divides that bound where operations are chosen; 0: none (published)."""
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
    turns: str = "epochs"
    """Weights and policy take turns by epochs (published), or by steps: a policy step after every weight step."""
    train_on: str = "policy"
    """Architectures that the weights learn on after a warm-up: policy (its samples, published), or uniform."""
    live_epochs: int = 0
    """Epochs of a search on shared weights, divided into stages; 0: 60 a stage (published: 20 of warm-up and 40)."""
    derive_repeats: int = 3
    """Repetitions of the derivation at the end of a stage on shared weights, on all held-out images."""
    derive_samples: int = 10
    """Policy samples tried in each repetition, and at the end of other epochs."""
    tau_samples: int = 100
    """Open architectures whose shared-weight accuracies are compared with a table's at the end of a stage, if a table
    knows the data set; 0: none."""

    learns: ClassVar[bool] = True
    recipe: ClassVar[str] = "CURRICULUM"
    compared: ClassVar[bool] = True
    beside: ClassVar[tuple[str, ...]] = ("curriculum-fixed", "random")
    listed: ClassVar[int] = 6
    epochs_field: ClassVar[str] = "live_epochs"
    live_only: ClassVar[frozenset[str]] = frozenset(
        {"live_epochs", "turns", "train_on", "derive_repeats", "derive_samples", "tau_samples"}
    )
    name: ClassVar[str] = "curriculum"
    source: ClassVar[str] = "Guo et al., Breaking the Curse of Space Explosion, ICML 2020, sections 3 and 4"

    def __post_init__(self):
        super().__post_init__()
        positive(self, "hidden", "learning_rate", "derive_repeats", "derive_samples")
        within(self, 0.0, 1.0, "gamma")
        within(self, 0.0, 1e9, "weight_decay", "entropy", "gradient_clip", "live_epochs", "tau_samples")
        within(self, 0.0, 1e9, "temperature", "tanh_constant", "op_tanh_reduce")
        one_of(self, "policy", (PUBLISHED, *POLICIES))
        one_of(self, "head", ("operations", "nodes"))
        one_of(self, "turns", ("epochs", "steps"))
        one_of(self, "train_on", ("policy", "uniform"))

    def epochs_on(self, evaluator: Evaluator) -> int | None:
        """`live_epochs`, or 60 a stage, where there are weights to train; a budget ends it on a table."""
        if "weights" not in evaluator.abilities:
            return None
        return self.live_epochs or STAGE_EPOCHS * len(self.counts(evaluator.space))

    def begin(self, space: Space, ladder: tuple[Fidelity, ...], seed: int, replicas: range) -> None:
        """A fresh policy over all operations, and every replica's growth order."""
        super().begin(space, ladder, seed, replicas)
        state, count = self.state, len(replicas)
        shaping = Shaping(self.temperature, self.tanh_constant, self.op_tanh_reduce)
        self._policy = policy_named(self.policy, space, self.hidden, block_of(ladder), shaping)
        state.logits = self._policy.initial(self.stream.at())
        adam.start(state)
        state.baseline = np.full(count, np.nan)
        self.start_growth()
        self._heads = self.nodes_of(space, "head") if self.head == "nodes" else len(self._words.operations)
        state.over = np.zeros(count, dtype=np.int64)  # stages that have been derived
        state.derives = np.zeros(count, dtype=bool)  # whether the last step was the end of a stage
        repeats = self.derive_repeats if on_batch(ladder) else 0
        state.winners = np.zeros((count, repeats, space.decisions), dtype=np.int8)
        state.tried = np.full((count, repeats, self.derive_samples), np.nan)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state; those of 0.1.0 lack what stages are told by."""
        super().load_state_dict({**state, "state": vars(self.state) | state["state"]})

    def step(self, evaluator: Evaluator, live: Live) -> None:
        """Ask, evaluate, tell; where there are weights, train them first."""
        self.enter(live)
        self.state.derives[live.rows] = False
        if "weights" not in evaluator.abilities:
            return super().step(evaluator, live)
        evaluator.begin_step()
        codes = self._uniform(live) if self.train_on == "uniform" else self.ask(live).codes
        evaluator.learn(vertex(self.space, codes), replica=live.rows)
        unanswered = np.isneginf(self.state.best_accuracy[live.rows])
        self.state.best_codes[live.rows[unanswered]] = codes[unanswered]
        if self.turns == "steps":
            self._learn(evaluator, live)
        return None

    def _learn(self, evaluator: Evaluator, live: Live) -> bool:
        """One policy step on the current mini-batch, where the policy learns; whether it did."""
        learning = ~self.state.warms[live.rows] & ~self._one[self.state.stage[live.rows]]
        if not learning.any():
            return False
        live = live._replace(rows=live.rows[learning], progress=live.progress[learning])
        answers = self._answers(evaluator, live)
        self.tell(answers, live)
        return len(answers.codes) > 0

    def end_epoch(self, evaluator: Evaluator, live: Live) -> None:
        """Train the policy and derive an answer where there are shared weights; winners at a stage's end."""
        if "weights" not in evaluator.abilities:
            return
        for _ in range(evaluator.held_out_steps if self.turns == "epochs" else 0):
            evaluator.begin_step(learns=False)
            if not self._learn(evaluator, live):
                break
        after = np.maximum(live.progress, (live.epoch + 1) / max(live.epochs, 1))
        over = np.searchsorted(self._bounds, after + ROUNDING, side="right")
        ends = over > self.state.over[live.rows]
        self._derive(evaluator, live.rows[~ends], self.state.stage[live.rows[~ends]], 1)
        rows = live.rows[ends]
        if not len(rows):
            return
        evaluator.begin_choice()
        codes, accuracy = self._derive(evaluator, rows, over[ends] - 1, self.derive_repeats)
        best = accuracy.argmax(axis=2)
        self.state.winners[rows] = np.take_along_axis(codes, best[..., None, None], axis=2)[:, :, 0]
        self.state.tried[rows], self.state.over[rows] = accuracy, over[ends]
        self.state.stage[rows], self.state.derives[rows] = over[ends] - 1, np.isfinite(accuracy).all((1, 2))

    def _derive(
        self, evaluator: Evaluator, rows: np.ndarray, stage: np.ndarray, repeats: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Answer with the best of policy samples [n, K, S, D], and give them with their accuracies [n, K, S]."""
        allowed, count = self.reachable(rows, stage), repeats * self.derive_samples
        codes = np.stack([self.sample(rows, allowed) for _ in range(count)], axis=1)
        accuracy = answer_best(self.state, evaluator, rows, codes)
        shape = (len(rows), repeats, self.derive_samples)
        return codes.reshape(*shape, self.space.decisions), accuracy.reshape(shape)

    def stage(self) -> Stage | None:
        """The stage of the first replica, with what its end derived."""
        stage = super().stage()
        if not (stage and self.state.derives[0]):
            return stage
        return replace(stage, derived=self._derivation(np.array([stage.number - 1])))

    def _derivation(self, stage: np.ndarray) -> Derivation:
        winners, tried = self.state.winners[0], self.state.tried[0]
        words = self._words.words(winners)
        every = np.zeros(len(winners), dtype=np.int64)
        allowed = self.reachable(every, np.repeat(stage, len(every)))
        p = self._policy.chances(self.state.logits[every], allowed, words)
        log_p = np.log(np.where(p > 0, p, 1.0))
        return Derivation(
            winners=winners,
            accuracies=tried.max(axis=1),
            samples=tried.size,
            mean=float(tried.mean()),
            std=float(tried.std()),
            log_p=np.take_along_axis(log_p, words[..., None], axis=2)[..., 0],
            entropy=-(p * log_p).sum(axis=2),
            compared=self.tau_samples,
        )

    def epoch_facts(self, epoch: int, epochs: int) -> dict[str, float]:
        """The baseline, a fraction, once there is one."""
        baseline = float(self.state.baseline[0])
        return {"baseline": baseline} if np.isfinite(baseline) else {}

    def ask(self, live: Live) -> Question:
        """One architecture from each policy, or a uniform one while a stage warms up."""
        codes = self.sample(live.rows, self.reachable(live.rows, self.stage_of(live)))
        if self.warmup:
            codes = np.where(self.warming(live)[:, None], self._uniform(live), codes)
        return Question(codes, live.rows, on_batch(self.ladder))

    def _uniform(self, live: Live) -> np.ndarray:
        """int8 [n, D]: one architecture of each replica's open space, uniformly."""
        allowed = self.allowed(live.rows, self.stage_of(live))
        chances = allowed / allowed.sum(axis=-1, keepdims=True)
        return self._words.codes(self.draws(live.rows).categorical(chances))

    def reachable(self, rows: np.ndarray, stage: np.ndarray) -> np.ndarray:
        """bool [n, D, V]: the open words that the policy's head has outputs for."""
        allowed, turn = self.allowed(rows, stage), self.state.turn[rows]
        if self._heads < turn.shape[1]:
            few = allowed.copy()
            few[:, self._words.growing, : turn.shape[1]] &= (turn < self._heads)[:, None]
            return np.where(few.any(axis=2, keepdims=True), few, allowed)
        return allowed

    def sample(self, rows: np.ndarray, allowed: np.ndarray) -> np.ndarray:
        """int8 [n, D]: one architecture from each policy inside the allowed words [n, D, V]."""
        return self._words.codes(self._policy.sample(self.state.logits[rows], allowed, self.draws(rows)))

    def tell(self, answers: Evaluations, live: Live) -> None:
        """Update the baseline, then one Adam step on −log-probability × advantage − entropy bonus."""
        state, rows = self.state, answers.replica
        reward = answers.accuracy / 100
        old = state.baseline[rows]
        state.baseline[rows] = np.where(np.isnan(old), reward, self.gamma * old + (1 - self.gamma) * reward)
        training = np.isin(live.rows, rows) & ~self.warming(live)
        chosen = training[np.searchsorted(live.rows, rows)]
        rows, codes = rows[chosen], answers.codes[chosen]
        advantage = reward[chosen] - state.baseline[rows]
        allowed = self.reachable(rows, self.stage_of(live)[training])
        words = self._words.words(codes)
        gradient = self._policy.gradient(state.logits[rows], allowed, words, advantage, self.entropy)
        descent = adam.Adam(self.learning_rate, weight_decay=self.weight_decay, clip=self.gradient_clip)
        descent.step(state, rows, gradient)

    def derive(self, samples: int) -> np.ndarray:
        """int8 [R, samples, D]: architectures of the final policies (the published derivation tries 10)."""
        rows = np.arange(len(self.state.logits))
        every = self.reachable(rows, np.full(len(rows), len(self._counts) - 1))
        return np.stack([self.sample(rows, every) for _ in range(samples)], axis=1)


@register_searcher
@dataclass
class CurriculumFixed(Curriculum):
    """The curriculum's baseline: the same policy and budget with every operation open from the start.

    On shared weights it is one stage, of 60 epochs as published; as many epochs as the curriculum's (live_epochs, or
    --epochs) make a fair comparison.
    """

    order: str = field(init=False, default="listed")
    """Fixed: every operation is open."""
    base_op: str = field(init=False, default="")
    """Fixed: no operation comes first."""
    start_ops: int = field(init=False, default=1)
    """Fixed: has no effect."""
    grow_by: int = field(init=False, default=1)
    """Fixed: has no effect."""
    stages: str = field(init=False, default="")
    """Fixed: there is one stage."""
    grow: str = field(init=False, default="operations")
    """Fixed: has no effect."""
    stage_share: str = field(init=False, default="equal")
    """Fixed: there is one stage."""

    beside: ClassVar[tuple[str, ...]] = ()
    name: ClassVar[str] = "curriculum-fixed"
    source: ClassVar[str] = (
        "Guo et al., Breaking the Curse of Space Explosion, ICML 2020, section 5 (fixed space)"
    )

    def _first(self, most: int) -> int:
        """Every operation, from the first stage on."""
        return most
