"""One fidelity of a table: accuracies per trial, and what an evaluation costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from nasreplay.data.trials import Trials, mean_words, picked, trial_mean
from nasreplay.evaluate.protocol import MEAN, Fidelity


class FidelityTable:
    """What a table knows at one fidelity, for the A architectures of its space."""

    def __init__(
        self,
        at: Fidelity,
        accuracy: np.ndarray,
        seconds: np.ndarray | None = None,
        seeds: Sequence[int] | None = None,
        loss: np.ndarray | None = None,
        name: Callable[[int], object] = "architecture {}".format,
    ):
        self.at = at
        self.accuracy = accuracy.reshape(len(accuracy), -1)
        """float64 [A, T], percent; NaN where a trial is missing."""
        self.loss = loss
        """float64 [A, T], mean cross-entropy, or None."""
        seeds = range(self.accuracy.shape[1]) if seeds is None else seeds
        self.trials = Trials(seeds, np.isfinite(self.accuracy), f"at {at}", name)
        known = np.zeros(len(accuracy)) if seconds is None else seconds
        self.seconds = np.nan_to_num(known, nan=0.0)
        """float64 [A], cost of one evaluation: training to this epoch plus one validation pass; 0 where unknown."""
        # a clock needs the seconds of everything that can be asked
        self.timed = seconds is not None and bool(np.isfinite(known[self.trials.count > 0]).all())

    def __repr__(self) -> str:
        return f"<accuracies of {len(self.accuracy):,} architectures at {self.at}>"

    @cached_property
    def mean_flat(self) -> np.ndarray:
        """float64 [A]: accuracy averaged over the trials that exist; NaN where there is none."""
        return trial_mean(self.accuracy)

    @property
    def words(self) -> str:
        """What the mean is, in words."""
        return mean_words(self.trials.seeds)

    def read(
        self, flat: np.ndarray, trial: int | str, uniform: Callable[[], np.ndarray] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """(accuracy, seed) of flat indices [N]; `uniform()` gives uniforms [N] when the trial is drawn.

        Raises NotMeasured for a trial that an architecture lacks.
        """
        columns = self.trials.columns(flat, trial, uniform)
        self.trials.require(flat)
        if columns is None:
            return self.mean_flat.take(flat, mode="clip"), np.broadcast_to(MEAN, flat.shape)
        return picked(self.accuracy, flat, columns), self.trials.seeds.take(columns)
