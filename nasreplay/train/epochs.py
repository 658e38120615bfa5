"""How shuffled epochs are walked in batches, and how processes divide every batch among them.

Every random number is taken from a counter-based stream at a position that follows from the epoch and the item's
position in it, so (epoch, taken) is the whole state, and an item is augmented alike whatever the batch size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from nasreplay.errors import BadSetting
from nasreplay.seeds import Stream
from nasreplay.train.distributed import ProcessGroup

T = TypeVar("T")


class Batch(NamedTuple):
    """Images that are ready for a network."""

    images: Tensor
    """float32 [B, 3, H, W], normalized."""
    labels: Tensor
    """int64 [B]: classes of the images."""

    def to(self, dtype: torch.dtype) -> Batch:
        """The images in another precision."""
        return self._replace(images=self.images.to(dtype))


@dataclass(frozen=True)
class Division:
    """How every mini-batch is divided, in order, into micro-batches, and which of them this process computes."""

    parts: int = 1
    """Micro-batches of a mini-batch."""
    own: range = range(1)
    """Numbers of this process's micro-batches."""

    @classmethod
    def of(cls, group: ProcessGroup, parts: int, size: int, items: int) -> Division:
        """The division of mini-batches of `size` out of `items` images; raises BadSetting where there is none."""
        if parts == group.world_size == 1:
            return cls()
        if parts % group.world_size:
            raise BadSetting(f"{parts} micro-batches for {group.world_size} processes: it must be a multiple")
        if size % parts:
            raise BadSetting(f"a batch of {size} images cannot be divided into {parts} equal micro-batches")
        if (least := items % size or size) < 2 * parts:  # a batch norm needs two
            raise BadSetting(
                f"the smallest batch of an epoch has {least} of {items:,} images, too few for {parts} micro-batches "
                "of at least 2: choose another --batch"
            )
        each = parts // group.world_size
        return cls(parts, range(group.rank * each, (group.rank + 1) * each))

    def own_slice(self, total: int) -> slice:
        """The images of a mini-batch of so many that belong to this process."""
        return slice(self._start(self.own.start, total), self._start(self.own.stop, total))

    def shares(self, batch: Batch, total: int) -> Iterator[tuple[int, Batch, float]]:
        """(number, micro-batch, its part of all images) of this process's part of a mini-batch of so many images."""
        if self.parts == 1:
            yield 0, batch, 1.0
            return
        offset = self.own_slice(total).start
        for number in self.own:
            start, stop = (self._start(each, total) for each in (number, number + 1))
            part = slice(start - offset, stop - offset)
            yield number, Batch(batch.images[part], batch.labels[part]), (stop - start) / total

    def _start(self, number: int, total: int) -> int:
        return number * total // self.parts


def batch_count(items: int, size: int, drop_last: bool = False) -> int:
    """How many batches an epoch has."""
    return items // size if drop_last and items > size else -(-items // size)


def check_pairs(items: int, size: int, drop_last: bool = False) -> None:
    """Raise BadSetting where a batch of an epoch has one image, as few as no batch norm of one pixel learns from."""
    if size == 1 or (items % size == 1 and not (drop_last and items > size)):
        raise BadSetting(
            f"a batch of one of the {items:,} images is too few for the batch norms: choose another --batch"
        )


class Epochs(Generic[T]):
    """Endless shuffled batches; iterating gives the rest of the current epoch, whose last batch may be short.

    `epoch` epochs are over, and `taken` items of the next. draws: random numbers per item besides its position in the
    shuffled order. drop_last: leave out a short last batch (unless it is the only one). given: items of the last
    batch, in all processes. A subclass has `next`.
    """

    def __init__(
        self,
        items: int,
        size: int,
        stream: Stream,
        draws: int,
        division: Division | None = None,
        drop_last: bool = False,
    ):
        if size < 1:
            raise BadSetting(f"a batch of {size} images: it must hold at least 1")
        self.items, self.size, self.stream, self.draws = items, size, stream, draws
        self.used = min(batch_count(items, size, drop_last) * size, items)
        self.division = division or Division()
        self.epoch, self.taken, self.given = 0, 0, 0
        self._order: tuple[int, np.ndarray] | None = None

    def __len__(self) -> int:
        """Batches per epoch."""
        return -(-self.used // self.size)

    def next_items(self) -> tuple[np.ndarray, np.ndarray]:
        """(items int64 [B], uniform float64 [B, draws]) of this process's part of the next batch, of any epoch."""
        start = self.epoch * self.items * (1 + self.draws)
        if self._order is None or self._order[0] != self.epoch:
            self._order = self.epoch, self._at(start).permutation(self.items)[0]
        rows = self._order[1][self.taken : min(self.taken + self.size, self.used)]
        own = self.division.own_slice(len(rows))
        rows, first = rows[own], self.taken + own.start
        numbers = self._at(start + self.items + first * self.draws).uniform(len(rows) * self.draws)
        self.advance()
        return rows, numbers.reshape(len(rows), self.draws)

    def advance(self) -> None:
        """Count a batch as taken."""
        self.given = min(self.size, self.used - self.taken)
        self.taken += self.given
        if self.taken == self.used:
            self.epoch, self.taken = self.epoch + 1, 0

    def _at(self, position: int):
        self.stream.position[:] = position
        return self.stream.at()

    def next(self) -> T:
        """The next batch; after the last of an epoch, the first of the next."""
        raise TypeError(f"{type(self).__name__} has no next")

    def __iter__(self) -> Iterator[T]:
        epoch = self.epoch
        while self.epoch == epoch:
            yield self.next()

    def state_dict(self) -> dict[str, int]:
        """Position in the epochs."""
        return {"epoch": self.epoch, "taken": self.taken}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Continue from a saved position."""
        self.epoch, self.taken = int(state["epoch"]), int(state["taken"])
