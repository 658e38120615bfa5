"""Sources of an opened table's numbers: a pack, an official archive folder, or records in memory.

Each answers for one official index with a `Place`: measurements, and the row of the architecture in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from nasreplay.compat.nats_bench.arguments import NotInTable
from nasreplay.compat.nats_bench.measurements import Measurements
from nasreplay.compat.nats_bench.single_row import Cell
from nasreplay.data.importers.nats.archive import Archive, content_of
from nasreplay.data.importers.nats.records import faults
from nasreplay.data.importers.nats.template import Reader, Record
from nasreplay.data.pack import Pack
from nasreplay.errors import BadInput
from nasreplay.spaces import Space

CELLS_KEPT = 256  # architectures of an archive folder; one has 0.2 MB


class Place(NamedTuple):
    """An architecture in a table."""

    measurements: Measurements
    """The table's answers."""
    flat: int
    """Row of the architecture in them."""


class Source:
    """What the API asks: here architectures as tables of their own. A subclass has `place`."""

    def __init__(self, space: Space):
        self.space = space
        self.loaded: set[int] = set()
        """The official indices answered for so far."""
        self.hps: list[str] = []
        """Their recipes."""

    def place(self, index: int) -> Place:
        """The place of an architecture; raises NotInTable."""
        raise NotInTable(f"architecture {index} is not among the {len(self.loaded)} that were given")

    def groups(self, indexes: Iterable[int]) -> Iterator[tuple[Measurements, np.ndarray]]:
        """The given architectures, in order, as rows of one table after another."""
        for index in indexes:
            yield self.place(index).measurements, np.array([0])

    def load_all(self) -> None:
        """Load all that there is; raises NotInTable if something is missing."""

    def _placed(self, record: Record, name: str) -> Place:
        if wrong := faults(record.structure, record.numbers[None])[0]:
            raise BadInput(f"{name}: {wrong}")
        if self.space.flat_by_text.get(record.text) != (flat := self.space.official_to_flat[record.number]):
            raise BadInput(
                f"{name}: says that architecture {record.number} is {record.text!r}, which it is not"
            )
        place = Place(Measurements(Cell(self.space, record), [int(flat)]), 0)
        self.hps = list(dict.fromkeys([*self.hps, *place.measurements.recipes(0)]))
        self.loaded.add(record.number)
        return place


class PackSource(Source):
    """A pack, whole."""

    def __init__(self, pack: Pack, fast_mode: bool):
        super().__init__(pack.space)
        self._measurements = Measurements(pack)
        self._flat = np.argsort(pack.column("official_index"))
        if not fast_mode:
            self.load_all()

    def place(self, index: int) -> Place:
        """The architecture's row of the pack; once one is loaded, `hps` are all recipes."""
        flat = int(self._flat[index])
        if index not in self.loaded:
            if not any(self._measurements.recipes(flat)):
                raise NotInTable(
                    f"architecture {index} is not in {self._measurements.table}: its file was not converted"
                )
            self.loaded.add(index)
            self.hps = self._recipes()
        return Place(self._measurements, flat)

    def groups(self, indexes: Iterable[int]) -> Iterator[tuple[Measurements, np.ndarray]]:
        """All at once."""
        if flat := [int(self._flat[index]) for index in indexes]:
            yield self._measurements, np.array(flat)

    def load_all(self) -> None:
        """Everything that was measured counts as loaded."""
        held = self._measurements.holdings
        trained = [self._measurements.trained(name, recipe) for name in held for recipe in held[name]]
        counts = [each.trials.count for each in trained]
        self.loaded |= set(np.flatnonzero(np.any(counts, axis=0)[self._flat]).tolist())
        self.hps = self._recipes() if self.loaded else []

    def _recipes(self) -> list[str]:
        held = self._measurements.holdings.values()
        return list(dict.fromkeys(recipe for recipes in held for recipe in recipes))


class FolderSource(Source):
    """An official archive folder: files are read when first asked for, and the latest are kept."""

    def __init__(self, archive: Archive):
        super().__init__(archive.space)
        self._archive, self._reader = archive, Reader()
        self.place = lru_cache(CELLS_KEPT)(self._read)

    def _read(self, index: int) -> Place:
        file = self._archive.files.get(index)
        if file is None:
            raise NotInTable(f"{self._archive.path}: has no file of architecture {index}")
        return self._placed(self._reader.read(content_of(file), str(file)), str(file))

    def load_all(self) -> None:
        """Read every file; raises NotInTable for the first that is missing."""
        for index in range(self.space.size):
            self.place(index)


class MemorySource(Source):
    """Records in memory, by official index."""

    def __init__(self, space: Space, records: Iterable[Record]):
        super().__init__(space)
        self._places = {
            record.number: self._placed(record, f"architecture {record.number}") for record in records
        }

    def place(self, index: int) -> Place:
        """The architecture's record."""
        return self._places[index] if index in self._places else super().place(index)
