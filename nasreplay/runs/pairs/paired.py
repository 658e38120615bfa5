"""Paired differences of live searches, epoch by epoch: a run and its forks, or runs of the same seeds.

Runs of one seed see the same batches and the same noise, so what they share cancels in their difference: over S seeds
its standard error is that of the S differences, not of two independent means. Shapes: S seeds, T epochs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nasreplay.settings import Json


class Measure(NamedTuple):
    """What is compared of an epoch."""

    name: str
    """What tables and figures call it."""
    field: str
    """The field of an epoch's event."""
    unit: str
    """Unit of the numbers and of their differences."""


MEASURES = (
    Measure("loss", "train_loss", "nats"),
    Measure("accuracy", "shared_accuracy", "points"),
    Measure("regret", "table_regret", "points"),
)


@dataclass(frozen=True)
class Against:
    """What differs between runs and the first ones, by seed."""

    name: str
    """What it is called: its folder."""
    folders: tuple[Path, ...]
    """The run folders, by seed."""
    changed: Mapping[str, tuple[str, str]]
    """Setting → its value in the first run, and here."""
    equal_until: int
    """Number of first epochs that are the same with every seed."""
    first: Mapping[str, np.ndarray]
    """Measure → float64 [S, T] of the first runs."""
    other: Mapping[str, np.ndarray]
    """Measure → float64 [S, T] of these."""

    @property
    def epochs(self) -> int:
        """T: epochs that all of them have."""
        return next(iter(self.first.values())).shape[1]

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The measures that both have in any epoch."""
        return tuple(one for one in MEASURES if np.isfinite(self.difference(one.name)).any())

    def difference(self, measure: str) -> np.ndarray:
        """float64 [S, T]: these runs minus the first ones."""
        return self.other[measure] - self.first[measure]

    def paired_error(self, measure: str) -> np.ndarray:
        """float64 [T]: standard error of the mean difference, of the pairs; NaN with one seed."""
        return np.sqrt(_variance(self.difference(measure)) / len(self.folders))

    def unpaired_error(self, measure: str) -> np.ndarray:
        """float64 [T]: standard error that the same difference would have of independent runs; NaN with one seed."""
        both = _variance(self.first[measure]) + _variance(self.other[measure])
        return np.sqrt(both / len(self.folders))

    def gain(self, measure: str) -> float:
        """How many times smaller the paired error is, by root mean squares over epochs that differ; NaN of none."""
        after = slice(self.equal_until, None)
        errors = (self.unpaired_error(measure)[after], self.paired_error(measure)[after])
        unpaired, paired = (
            np.sqrt(np.nanmean(error**2)) if np.isfinite(error).any() else np.nan for error in errors
        )
        return float(unpaired / paired) if paired else np.nan

    def plain(self) -> Json:
        """Everything as JSON values; numbers that are not known are null."""
        return {
            "name": self.name,
            "runs": [str(folder) for folder in self.folders],
            "changed": {name: list(values) for name, values in self.changed.items()},
            "equal_until": self.equal_until,
            **{one.name: self._plain(one.name) for one in self.measures},
        }

    def _plain(self, measure: str) -> Json:
        rows = {
            "first": self.first[measure].mean(axis=0),
            "difference": self.difference(measure).mean(axis=0),
            "paired_error": self.paired_error(measure),
            "unpaired_error": self.unpaired_error(measure),
        }
        known = {
            name: [value if np.isfinite(value) else None for value in row.tolist()]
            for name, row in rows.items()
        }
        gain = self.gain(measure)
        return {**known, "gain": gain if np.isfinite(gain) else None}


@dataclass(frozen=True)
class PairedRuns:
    """Live searches beside the first of them."""

    first: str
    """What the first is called."""
    seeds: tuple[int, ...]
    """Seeds of the pairs."""
    left_out: tuple[int, ...]
    """Seeds that some of them lack."""
    against: tuple[Against, ...]
    """All others."""

    def plain(self) -> Json:
        """Everything as JSON values."""
        return {
            "first": self.first,
            "seeds": list(self.seeds),
            "left_out": list(self.left_out),
            "against": [one.plain() for one in self.against],
        }


def _variance(values: np.ndarray) -> np.ndarray:
    """float64 [T]: unbiased variance over the seeds; NaN with one."""
    return values.var(axis=0, ddof=1) if len(values) > 1 else np.full(values.shape[1], np.nan)
