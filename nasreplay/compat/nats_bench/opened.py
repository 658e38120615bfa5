"""An opened table: what it is, its clock, and finding architectures in it, with the official names."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from nasreplay.compat.nats_bench.arguments import WrongType
from nasreplay.compat.nats_bench.opening import open_source
from nasreplay.data.importers.nats.archive import official_texts
from nasreplay.data.importers.nats.find_archive import default_folder
from nasreplay.data.pack import Pack
from nasreplay.errors import UnknownName
from nasreplay.spaces import Space


class Opened(ABC):
    """A table of one space, opened by `create`. Indices are the official ones."""

    space: Space
    search_space_name: str
    full_epochs_in_paper: int
    full_train_epochs: int

    def __init__(
        self,
        file_path_or_dict: str | Path | Pack | dict[str, Any] | None = None,
        fast_mode: bool = False,
        verbose: bool = True,
    ):
        self._source, self.filename, self.archive_dir = open_source(file_path_or_dict, self.space, fast_mode)
        self.fast_mode, self.verbose = fast_mode, verbose
        self._used_time: float = 0
        self._forget()
        if verbose:
            print(f"Create NATS-Bench ({self.search_space_name}) done: {self}")

    @abstractmethod
    def _forget(self) -> None:
        """Empty the memory of answers: the source has changed."""

    def __getitem__(self, index: int) -> str:
        return self.meta_archs[index]

    def __len__(self) -> int:
        return self.space.size

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({len(self._source.loaded)}/{len(self)} architectures, "
            f"fast_mode={self.fast_mode}, file={self.filename})"
        )

    # --- what is open ------------------------------------------------------------------------------

    @cached_property
    def meta_archs(self) -> list[str]:
        """The texts of all architectures."""
        return official_texts(self.space)

    @cached_property
    def archstr2index(self) -> dict[str, int]:
        """Text of an architecture → official index."""
        return {text: index for index, text in enumerate(self.meta_archs)}

    @property
    def is_topology(self) -> bool:
        """Whether this is the topology space."""
        return self.search_space_name == "topology"

    @property
    def is_size(self) -> bool:
        """Whether this is the size space."""
        return self.search_space_name == "size"

    @property
    def evaluated_indexes(self) -> set[int]:
        """Indices of the architectures loaded so far."""
        return self._source.loaded

    @property
    def avaliable_hps(self) -> list[str]:
        """The recipes seen so far (the official spelling)."""
        return list(self._source.hps)

    @property
    def used_time(self) -> float:
        """Seconds that `simulate_train_eval` has charged."""
        return self._used_time

    def reset_time(self) -> None:
        """Set the clock to 0."""
        self._used_time = 0

    def reset_fast_mode(self, fast_mode: bool) -> None:
        """Set `fast_mode`; what is open stays open."""
        self.fast_mode = fast_mode

    def reset_archive_dir(self, archive_dir: str | Path) -> None:
        """Read from another archive folder from now on."""
        self._source, _, self.archive_dir = open_source(Path(archive_dir), self.space, fast_mode=True)
        self._forget()

    def reload(self, archive_root: str | Path | None = None, index: int | None = None) -> None:
        """Read an architecture (None: all) again, from an archive folder (None: where the official API looks)."""
        self.reset_archive_dir(default_folder(self.space) if archive_root is None else archive_root)
        for each in range(len(self)) if index is None else [index]:
            self._source.place(each)

    # --- finding architectures ---------------------------------------------------------------------

    def arch(self, index: int) -> str:
        """The text of an architecture. ValueError outside 0 to n-1."""
        if not isinstance(index, int | np.integer):
            raise WrongType(f"{index!r} is no index of the {self.space.name} space: it is a whole number")
        if not 0 <= index < len(self):
            raise self.space.no_such_index(index)
        return self.meta_archs[index]

    def query_index_by_arch(self, arch: Any) -> int:
        """The index of a text, index or object with `tostr()`; -1 for none of the space. ValueError beyond n-1."""
        if isinstance(arch, str):
            return self.archstr2index.get(arch, -1)
        if isinstance(arch, int | np.integer):
            if not 0 <= arch < len(self):
                raise self.space.no_such_index(int(arch))
            return int(arch)
        return self.archstr2index.get(arch.tostr(), -1) if hasattr(arch, "tostr") else -1

    def random(self) -> int:
        """A uniform index, from the global `random.randint`."""
        return random.randint(0, len(self) - 1)

    def _index(self, arch: Any) -> int:
        index = self.query_index_by_arch(arch)
        if index >= 0:
            return index
        what = f"{arch!r} is no architecture of the {self.space.name} space"
        if isinstance(arch, str) or hasattr(arch, "tostr"):
            raise UnknownName(what)
        raise WrongType(f"{what}: it is an index, a text or an object with tostr()")
