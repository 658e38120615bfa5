"""One fidelity of a table: accuracies per trial, and what an evaluation costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from nasreplay.data.facts import trial_mean
from nasreplay.errors import BadSetting, NotMeasured
from nasreplay.evaluate.protocol import MEAN, Fidelity


class Level:
    """What a table knows at one fidelity.

    accuracy: float64 [A, T] percent, NaN where a trial is missing; seconds: float64 [A], cost of one evaluation
    (training to this epoch plus one validation pass); seeds: the T trials; loss: float64 [A, T] or None;
    name: flat index → what an error calls it.
    """

    def __init__(
        self,
        at: Fidelity,
        accuracy: np.ndarray,
        seconds: np.ndarray | None = None,
        seeds: Sequence[int] | None = None,
        loss: np.ndarray | None = None,
        name: Callable[[int], object] = "architecture {}".format,
    ):
        self.name = name
        self.at = at
        self.accuracy = accuracy.reshape(len(accuracy), -1)
        self.loss = loss
        known = np.zeros(len(accuracy)) if seconds is None else seconds
        self.seconds = np.nan_to_num(known, nan=0.0)
        trials = self.accuracy.shape[1]
        self.seeds = np.array(range(trials) if seeds is None else seeds, dtype=np.int64)
        # a clock needs the seconds of everything that can be asked
        self.timed = seconds is not None and bool(np.isfinite(known[self.trials > 0]).all())

    @cached_property
    def trials(self) -> np.ndarray:
        """int64 [A]: how many trials each architecture has."""
        return np.isfinite(self.accuracy).sum(axis=1)

    @cached_property
    def present(self) -> np.ndarray:
        """int64 [A, T]: columns of the trials that exist, first ones first."""
        return np.argsort(~np.isfinite(self.accuracy), axis=1, kind="stable")

    @cached_property
    def mean(self) -> np.ndarray:
        """float64 [A]: accuracy averaged over the trials that exist; NaN where there is none."""
        return trial_mean(self.accuracy)

    @cached_property
    def complete(self) -> bool:
        """Whether every architecture was measured."""
        return bool(np.all(self.trials > 0))

    def read(
        self, flat: np.ndarray, trial: int | str, uniform: Callable[[], np.ndarray] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """(accuracy, seed) of flat indices [N]; `uniform()` gives uniforms [N] when the trial is drawn."""
        if trial == "mean":
            accuracy, seed = self.mean.take(flat, mode="clip"), np.broadcast_to(MEAN, flat.shape)
        elif trial == "drawn":
            if uniform is None:
                raise BadSetting(
                    "a drawn trial needs the random numbers of a search: ask for 'mean' or a seed"
                )
            start = flat.astype(np.int64) * self.accuracy.shape[1]
            rank = (uniform() * self.trials.take(flat)).astype(np.int64)
            column = self.present.take(start + rank)  # of the flattened array: half the time of two indices
            accuracy, seed = self.accuracy.take(start + column), self.seeds.take(column)
        else:
            accuracy, seed = self.accuracy[flat, self.column(trial)], np.broadcast_to(trial, flat.shape)
        if not (self.complete and isinstance(trial, str)) and np.isnan(accuracy).any():
            which = int(flat[np.flatnonzero(np.isnan(accuracy))[0]])
            known = ", ".join(str(s) for s in self.seeds[np.isfinite(self.accuracy[which])]) or "none"
            what = "any trial" if isinstance(trial, str) else f"trial {trial}"
            raise NotMeasured(
                f"{self.name(which)} was not measured in {what} at {self.at}; trials it has: {known}"
            )
        return accuracy, seed

    def column(self, trial: int | str) -> int:
        """The column of a seed; raises NotMeasured, which lists the seeds."""
        found = np.flatnonzero(self.seeds == trial)
        if not len(found):
            known = ", ".join(map(str, self.seeds))
            raise NotMeasured(f"no trial {trial!r} at {self.at}; trials: {known}, or 'mean', or 'drawn'")
        return int(found[0])
