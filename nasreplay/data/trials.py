"""The trials of a measurement: which of them each architecture has, and which one, or their mean, a question means.

Shapes: N architectures asked about (flat indices [N]), A of the space, T trials. A trial is a seed, or
"mean" or "drawn".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from nasreplay.errors import BadSetting, NotMeasured, shortened

MEAN, DRAWN = "mean", "drawn"
AVERAGED = -1  # the "seed" of a column that its source had already averaged over unknown trials
NOT_KNOWN = "averaged by its source, the trials are not known"


class Trials:
    """The trials of A architectures; their numbers are arrays [A, T] whose columns are `seeds`."""

    def __init__(
        self,
        seeds: Sequence[int] | np.ndarray,
        present: np.ndarray,
        where: str,
        name: Callable[[int], object] = "architecture {}".format,
    ):
        self.seeds = np.asarray(seeds, dtype=np.int64)
        """int64 [T]: the seed of each trial, AVERAGED for an average made by the source."""
        self.present = present
        """bool [A, T]: which trials each architecture has."""
        self.where = where
        """What errors say of the place, such as "of cifar10 at recipe 200"."""
        self.name = name
        """Flat index → what errors call the architecture."""

    @cached_property
    def count(self) -> np.ndarray:
        """int64 [A]: how many trials each architecture has."""
        return self.present.sum(axis=1)

    @cached_property
    def complete(self) -> bool:
        """Whether every architecture has a trial."""
        return bool((self.count > 0).all())

    @cached_property
    def _whole(self) -> bool:
        return bool(self.present.all())

    @cached_property
    def _order(self) -> np.ndarray:
        """int64 [A, T]: columns of the trials that an architecture has, then those that it has not."""
        return np.argsort(~self.present, axis=1, kind="stable")

    def seeds_of(self, flat: int) -> list[int]:
        """The seeds of the trials that one architecture has."""
        return self.seeds[self.present[flat]].tolist()

    def column(self, seed: int | str) -> int:
        """The column of a seed; raises NotMeasured, which lists the seeds."""
        found = np.flatnonzero(self.seeds == seed)
        if not len(found) or seed == AVERAGED:
            raise NotMeasured(
                f"no trial {shortened(seed)} {self.where}; trials: {_listed(self.seeds.tolist())}"
            )
        return int(found[0])

    def columns(
        self, flat: np.ndarray, trial: int | str, uniform: Callable[[], np.ndarray] | None = None
    ) -> np.ndarray | None:
        """int64 [N]: the column of the trial meant for each architecture; None for the mean.

        "drawn" takes one of the architecture's trials by `uniform()`, [N] in [0, 1). Raises NotMeasured for a seed
        that an architecture does not have, BadSetting for a drawn trial without `uniform`.
        """
        if trial == MEAN:
            return None
        if trial == DRAWN:
            if uniform is None:
                raise BadSetting(
                    "a drawn trial needs the random numbers of a search: ask for 'mean' or a seed"
                )
            rank = (uniform() * self.count.take(flat)).astype(np.int64)
            return rank if self._whole else picked(self._order, flat, rank)
        column = self.column(trial)
        self._refuse(flat, self.present[flat, column], f"trial {trial}")
        return np.full(len(flat), column)

    def require(self, flat: np.ndarray) -> None:
        """Raise NotMeasured if one of the architectures has no trial at all."""
        if not self.complete:
            self._refuse(flat, self.count.take(flat) > 0, "any trial")

    def has(self, flat: np.ndarray, trial: int | str) -> np.ndarray:
        """bool [N]: which architectures have the trial, or for "mean" and "drawn" any trial."""
        return self.count[flat] > 0 if isinstance(trial, str) else self.present[flat, self.column(trial)]

    def numbers(self, values: np.ndarray, trial: int | str) -> np.ndarray:
        """float64 [A]: of values [A, T] those of a seed, else the mean over the trials whose number is finite."""
        return trial_mean(values) if isinstance(trial, str) else values[:, self.column(trial)]

    def _refuse(self, flat: np.ndarray, there: np.ndarray, what: str) -> None:
        if not there.all():
            first = int(flat[there.argmin()])
            known = _listed(self.seeds_of(first))
            raise NotMeasured(f"{self.name(first)} was not measured in {what} {self.where}; trials: {known}")


def mean_words(seeds: Sequence[int] | np.ndarray) -> str:
    """What the mean over the trials of these seeds is, in words."""
    return NOT_KNOWN if AVERAGED in seeds else "mean over trials"


def picked(values: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """values[rows, columns] of an array [M, T], in half the time."""
    starts = np.multiply(rows, values.shape[1], dtype=np.int64)  # flat indices may be of 2 bytes
    return values.ravel().take(starts + columns)


def trial_mean(values: np.ndarray, there: np.ndarray | None = None) -> np.ndarray:
    """float64 [N]: the mean over trials of numbers [N, T], summed left to right as the official API does.

    `there`: bool [N, T], which trials an architecture has; by default those whose number is finite. NaN where it has
    none. One that lacks its number, or whose loss became infinite, makes the mean so: a trial is neither made up nor
    left out.
    """
    there = np.isfinite(values) if there is None else there
    total = np.zeros(len(values))
    for trial in range(values.shape[1]):
        total += np.where(there[:, trial], values[:, trial], 0.0)
    count = there.sum(axis=1)
    return np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)


def _listed(seeds: Sequence[int]) -> str:
    if not seeds:
        return "none"
    known = [f"{seed}, " for seed in seeds if seed != AVERAGED]
    return f"{''.join(known)}or 'mean'" if known else "'mean' only"
