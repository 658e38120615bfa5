"""One architecture of an official file or dictionary, read as a pack of a single row."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nasreplay.data import semantics
from nasreplay.data.importers.nats.conversion_parts import column_of
from nasreplay.data.importers.nats.template import Record
from nasreplay.data.semantics import CustomDataset
from nasreplay.errors import NotMeasured
from nasreplay.spaces import Space


class Cell:
    """The numbers of one record, offered as `Pack` does: row 0 is the architecture."""

    custom: Mapping[str, CustomDataset] = semantics.NO_CUSTOM

    def __init__(self, space: Space, record: Record):
        self.space, self._structure = space, record.structure
        found: dict[str, set[int]] = {}
        for slot in record.structure.slots:
            found.setdefault(_place(slot.path), set()).add(slot.seed)
        self._seeds = {place: sorted(seeds) for place, seeds in found.items()}
        self._rows: dict[str, np.ndarray] = {}
        for path, seed, start, stop in record.structure.slots:
            seeds = self._seeds[_place(path)]
            rows = self._rows.setdefault(column_of(path), np.full((len(seeds), stop - start), np.nan))
            rows[seeds.index(seed)] = record.numbers[start:stop]

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
        """Whether there is a column of this path."""
        return path in self._rows

    def column(self, path: str) -> np.ndarray:
        """float64 [1, T] at the last epoch, or seconds float64 [1]. Raises NotMeasured."""
        last = self._curve(path)[:, -1]
        if path.endswith(("/seconds_per_epoch", "/eval_seconds")):
            return last[np.argsort(np.isnan(last), kind="stable")][:1]  # of the first trial that knows it
        return last[None]

    def curve(self, path: str, flat: np.ndarray) -> np.ndarray:
        """float64 [N, T, E]: every epoch of a column."""
        return np.repeat(self._curve(path)[None], len(flat), axis=0)

    def at_epoch(self, path: str, epoch: int) -> np.ndarray:
        """float64 [1, T]: a column after `epoch` epochs."""
        return self._curve(path)[None, :, epoch - 1]

    def _curve(self, path: str) -> np.ndarray:
        if path not in self._rows:
            raise NotMeasured(f"no column {path!r}; it holds {', '.join(self._rows)}")
        return self._rows[path]


def _place(path: str) -> str:
    """`<stored>/<recipe>` of a path."""
    return "/".join(path.split("/", 2)[:2])
