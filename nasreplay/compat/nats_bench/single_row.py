"""One architecture of an official file or dictionary, read as a table of a single row (`data.measurements.Table`)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nasreplay.data import semantics
from nasreplay.data.importers.nats.template import Record
from nasreplay.data.semantics import CustomDataset
from nasreplay.errors import NotMeasured
from nasreplay.spaces import Space


class Cell:
    """The numbers of one record. Row 0 is the architecture; paths and shapes are those of a pack."""

    custom: Mapping[str, CustomDataset] = semantics.NO_CUSTOM

    def __init__(self, space: Space, record: Record):
        self.space, self._structure = space, record.structure
        trials: dict[str, dict[int, np.ndarray]] = {}
        for slot in record.structure.slots:
            trials.setdefault(slot.path, {})[slot.seed] = record.numbers[slot.start : slot.stop]
        self._trials = trials
        self._columns: dict[str, np.ndarray] = {}
        self._seeds: dict[str, list[int]] = {}
        for path, numbers in trials.items():
            place = "/".join(path.split("/")[:2])
            self._seeds[place] = sorted({*self._seeds.get(place, ()), *numbers})

    @property
    def datasets(self) -> tuple[str, ...]:
        """Keys of the stored data sets, in the published order."""
        held = {place.split("/")[0] for place in self._structure.epochs}
        return tuple(name for name in semantics.FACTS if name in held)

    def recipes(self, stored: str) -> dict[str, int]:
        """Recipe name → epochs of a stored data set, in the order of the file."""
        epochs = self._structure.epochs.items()
        return {place.split("/")[1]: count for place, count in epochs if place.startswith(f"{stored}/")}

    def seeds(self, stored: str, recipe: str) -> np.ndarray:
        """int [T], ascending."""
        return np.array(self._seeds[f"{stored}/{recipe}"])

    def sets(self, stored: str, recipe: str) -> tuple[str, ...]:
        """The evaluation sets, in the order of the first trial."""
        return self._structure.sets[f"{stored}/{recipe}"]

    def has(self, path: str) -> bool:
        """Is there a column of this path."""
        return _source(path) in self._trials

    def column(self, path: str) -> np.ndarray:
        """float64 [1, T] at the last epoch, or seconds float64 [1]. Raises NotMeasured."""
        if path not in self._columns:
            self._columns[path] = self._column(path)
        return self._columns[path]

    def _column(self, path: str) -> np.ndarray:
        source = _source(path)
        last = self._rows(source)[:, -1]
        if not source.endswith("/seconds"):
            return last[None]
        return last[np.argsort(np.isnan(last), kind="stable")][:1]  # of the first trial that knows it

    def curve(self, path: str, flat: np.ndarray) -> np.ndarray:
        """float64 [N, T, E]: every epoch of a column."""
        return np.repeat(self._rows(path)[None], len(flat), axis=0)

    def at_epoch(self, path: str, epoch: int) -> np.ndarray:
        """float64 [1, T]: a column after `epoch` epochs."""
        return self._rows(path)[None, :, epoch - 1]

    def _rows(self, path: str) -> np.ndarray:
        """float64 [T, E], or [T, 1] of what has no epochs."""
        if path not in self._trials:
            raise NotMeasured(f"no column {path!r}; it holds {', '.join(self._trials)}")
        numbers = self._trials[path]
        missing = np.full(len(next(iter(numbers.values()))), np.nan)
        return np.stack([numbers.get(seed, missing) for seed in self._seeds["/".join(path.split("/")[:2])]])


def _source(path: str) -> str:
    """The path of a record's numbers that a pack's column is made of."""
    if path.endswith("/seconds_per_epoch"):
        return path.removesuffix("seconds_per_epoch") + "train/seconds"
    return path.removesuffix("eval_seconds") + "seconds" if path.endswith("/eval_seconds") else path
