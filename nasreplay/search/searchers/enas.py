"""ENAS: a controller samples architectures, shared weights train on them, their accuracy trains the controller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nasreplay.config import positive, within
from nasreplay.evaluate.protocol import Evaluator, Fidelity
from nasreplay.search.base import Live, Searcher, on_batch, register_searcher
from nasreplay.search.parts import adam
from nasreplay.search.parts.candidates import answer_best, answer_first
from nasreplay.search.parts.policies import ENASController, Vocabulary, block_of
from nasreplay.search.parts.samplers import vertex
from nasreplay.spaces.base import Space


@register_searcher
@dataclass
class ENAS(Searcher):
    """Weight steps on controller samples; at the end of each epoch the controller learns, then answers.

    The epoch's answer is the best of some controller samples. The reward is accuracy/100 + entropy · H, not detached;
    in an epoch the baseline is decay · (its value at the last epoch's last sample) + (1 − decay) · reward, in the
    first epoch the accuracy itself. Defaults are those of NAS-Bench-201's script.
    Deviations: rewards are measured with batch statistics unless the evaluator is told otherwise (--rewards running,
    as in the published script); candidates are compared on the same images instead of one batch each.
    """

    epochs: int = 250  # pyright: ignore[reportIncompatibleVariableOverride]
    """Epochs of the search."""
    updates: int = 50
    """Controller updates at the end of each epoch."""
    samples: int = 20
    """Architectures that an update averages over, each on a batch of its own."""
    candidates: int = 10
    """Controller samples tried after the updates."""
    final_candidates: int = 100
    """Controller samples tried after the last epoch's updates."""
    hidden: int = 32
    """Width of the controller."""
    learning_rate: float = 1e-3
    """Learning rate of Adam on the controller's parameters."""
    betas: tuple[float, float] = (0.0, 0.999)
    """Decay rates of Adam's two moments."""
    eps: float = 1e-3
    """Term that Adam adds to the denominator."""
    gradient_clip: float = 5.0
    """Largest norm of the controller's gradient; 0: none."""
    entropy: float = 1e-4
    """Weight of the entropy H (nats) in the reward."""
    decay: float = 0.99
    """Decay of the baseline, a moving average of the rewards."""

    learns: ClassVar[bool] = True
    recipe: ClassVar[str] = "ENAS"
    listed: ClassVar[int] = 9
    name: ClassVar[str] = "enas"
    edgewise: ClassVar[bool] = True
    source: ClassVar[str] = "Pham et al., ENAS, ICML 2018, section 2; settings of NAS-Bench-201"

    def __post_init__(self):
        positive(self, "epochs", "updates", "samples", "candidates", "final_candidates", "hidden")
        positive(self, "learning_rate")
        within(self, 0.0, 1.0, "decay")

    def begin(self, space: Space, ladder: tuple[Fidelity, ...], seed: int, replicas: range) -> None:
        """A fresh controller; its first sample is the first answer."""
        super().begin(space, ladder, seed, replicas)
        self._words = Vocabulary(space)
        self._controller = ENASController(space, self.hidden, block_of(ladder))
        self.state.logits = self._controller.initial(self.stream.at())
        adam.start(self.state)
        self.state.baseline = np.full(len(replicas), np.nan)
        answer_first(self.state, self._sample(np.arange(len(replicas)), 1)[:, 0])

    def _sample(self, rows: np.ndarray, samples: int) -> np.ndarray:
        """S controller samples of each replica, codes int8 [n, S, D]."""
        parameters, draws = self.state.logits[rows], self.draws(rows)
        return self._words.codes(self._controller.sample_many(parameters, self._open(rows), draws, samples))

    def _open(self, rows: np.ndarray) -> np.ndarray:
        return np.repeat(self._words.mask[None], len(rows), axis=0)

    def step(self, evaluator: Evaluator, live: Live) -> None:
        """One weight step on a controller sample."""
        if "weights" in evaluator.abilities:
            evaluator.begin_step()
            codes = self._sample(live.rows, 1)[:, 0]
            evaluator.learn(vertex(self.space, codes), replica=live.rows)

    def end_epoch(self, evaluator: Evaluator, live: Live) -> None:
        """Train the controller, then try some of its samples."""
        rows, before = live.rows, self.state.baseline.copy()
        for _ in range(self.updates):
            codes = self._sample(rows, self.samples)
            accuracy = self._accuracies(evaluator, rows, codes)
            told = np.isfinite(accuracy).all(axis=1)  # a replica whose budget is over drops out
            rows, codes, accuracy = rows[told], codes[told], accuracy[told]
            if not len(rows):
                return
            self.update(rows, codes, accuracy, before[rows])
        last = live.epoch + 1 == live.epochs
        codes = self._sample(rows, self.final_candidates if last else self.candidates)
        answer_best(self.state, evaluator, rows, codes)

    def _accuracies(self, evaluator: Evaluator, rows: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """float64 [n, S], fractions; NaN where a budget was over. A fresh batch for every sample."""
        accuracy, at = np.empty(codes.shape[:2]), on_batch(self.ladder)
        for sample in range(codes.shape[1]):
            evaluator.begin_step(learns=False)
            answers = evaluator.evaluate(codes[:, sample], at=at, replica=rows)
            accuracy[:, sample] = np.where(answers.answered, answers.accuracy / 100, np.nan)
        return accuracy

    def update(self, rows: np.ndarray, codes: np.ndarray, accuracy: np.ndarray, before: np.ndarray) -> None:
        """One Adam step on the mean over samples of −log-probability · (reward − baseline).

        codes: [n, S, D]; accuracy: [n, S], fractions; before: [n], the last epoch's baseline, NaN in the first one.
        """
        parameters, before = self.state.logits[rows], before[:, None]
        words = self._words.words(codes)
        log_p, uncertainty = self._controller.score(parameters, self._open(rows), words)
        reward = accuracy + self.entropy * uncertainty
        first = np.isnan(before)
        baseline = np.where(first, accuracy, before - (1 - self.decay) * (before - reward))
        # the product rule: the entropy inside the reward, and inside the baseline, has a gradient too
        bonus = log_p * self.entropy * np.where(first, 1.0, self.decay)
        gradient = self._controller.gradient(
            parameters, self._open(rows), words, (reward - baseline) / self.samples, bonus / self.samples
        )
        descent = adam.Adam(self.learning_rate, self.betas, self.eps, clip=self.gradient_clip)
        descent.step(self.state, rows, gradient)
        self.state.baseline[rows] = baseline[:, -1]

    def incumbent(self) -> np.ndarray:
        """The best candidate of the last epoch."""
        return self.state.best_codes
