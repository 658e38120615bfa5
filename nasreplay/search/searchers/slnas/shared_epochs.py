"""What both searches of SLNAS do on shared weights: train them on samples, validate others, and choose in the end."""

from __future__ import annotations

import numpy as np

from nasreplay.evaluate.protocol import Evaluator
from nasreplay.search.parts.candidates import answer_best
from nasreplay.search.parts.samplers import vertex
from nasreplay.search.samples import TellsSamples

SOURCE = (
    "Chen, Stage and Lite Search Technology in Convolutional Neural Network Architecture Search; "
    "github.com/Yee-Master/SLNAS"
)
TRAINED, REWARDED, VALIDATED = "share_weight", "controller", "infer"
"""Tags in the log of samples, as released."""
PARAMETERS = "params"
LIVE_ONLY = frozenset({"epochs", "valid_samples", "final_samples", "final_images"})
"""Their settings that mean nothing on a table."""


class SharedEpochs(TellsSamples):
    """A search whose epochs are passes over the training images, each followed by some work on the others."""

    final_images: int

    def epochs_on(self, evaluator: Evaluator) -> int | None:
        """`epochs` where there are weights to train; a budget ends it elsewhere."""
        return self.epochs if "weights" in evaluator.abilities else None

    def start_epochs(self, replicas: int) -> None:
        """Begin with nothing sampled and nothing validated."""
        self.start_samples(replicas)
        self.state.valid = np.full(replicas, np.nan)

    def train(self, evaluator: Evaluator, rows: np.ndarray, codes: np.ndarray) -> None:
        """One weight step on codes [n, D]; the very first one on what takes most memory, if that is known."""
        if not self.state.sampled.any() and self.space.heaviest:
            codes = np.tile(np.array(self.space.heaviest, dtype=np.int8), (len(rows), 1))
        evaluator.learn(vertex(self.space, codes), replica=rows)
        self.tell_samples(rows, codes, np.nan, TRAINED)
        unanswered = np.isneginf(self.state.best_accuracy[rows])
        self.state.best_codes[rows[unanswered]] = codes[unanswered]

    def validate(self, evaluator: Evaluator, rows: np.ndarray, codes: np.ndarray) -> None:
        """Validate codes [n, K, D]: their mean accuracy is kept, and the best is the epoch's answer."""
        accuracy = answer_best(self.state, evaluator, rows, codes)
        self.state.valid[rows] = accuracy.mean(axis=1)
        flat = codes.reshape(-1, codes.shape[2])
        self.tell_samples(np.repeat(rows, codes.shape[1]), flat, accuracy.reshape(-1), VALIDATED)

    def choose(self, evaluator: Evaluator, rows: np.ndarray, codes: np.ndarray) -> None:
        """Answer with the best of codes [n, K, D]; among equals the one of fewer parameters, then the first."""
        costs = evaluator.costs()
        if PARAMETERS in costs.named:
            size = costs.cost(PARAMETERS).of(codes.reshape(-1, codes.shape[2])).reshape(codes.shape[:2])
            # the first of equal accuracy is then the smallest
            order = np.argsort(size, axis=1, kind="stable")
            codes = np.take_along_axis(codes, order[..., None], axis=1)
        answer_best(self.state, evaluator, rows, codes)

    def known(self, **facts: np.ndarray) -> dict[str, float]:
        """Facts of the first replica that are known, and the mean accuracy of what was validated (percent)."""
        facts["sampled_accuracy"] = self.state.valid
        return {name: float(value[0]) for name, value in facts.items() if np.isfinite(value[0])}
