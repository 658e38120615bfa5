"""Shuffled batches of images that are read from files, by workers that read ahead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from torch import Tensor

from nasreplay.seeds import Stream
from nasreplay.train.batches import BatchPair
from nasreplay.train.device import Device
from nasreplay.train.epochs import Batch, Division, Epochs
from nasreplay.train.images.streamed import Asked, StreamedSet, moved

Place = dict[str, int]
Pick = Callable[[np.ndarray, np.ndarray], Asked]


class ReadAhead:
    """Batches by their place in the epochs; while they follow each other, workers read those to come.

    part: the images. order: gives the items of the batches, and is used here alone. pick: (items, numbers) → the
    images of a batch.
    """

    def __init__(self, part: StreamedSet, order: Epochs[Batch], pick: Pick, device: Device):
        self.part, self.order, self.pick, self.device = part, order, pick, device
        self._next: Place | None = None
        self._read: Iterator[tuple[Tensor, Tensor]] = iter(())

    def batch(self, place: Place, following: Place) -> Batch:
        """The batch at a place; `following` is the place after it. Raises BadData."""
        if place != self._next:
            self.order.load_state_dict(place)
            self._read = self.part.read(self._asked())
        self._next = None  # whatever happens now
        images, labels = next(self._read)
        self._next = following
        return moved(images, labels, self.device)

    def _asked(self) -> Iterator[Asked]:
        while True:
            yield self.pick(*self.order.next_items())


class StreamedBatches(Epochs[Batch]):
    """Shuffled batches that are read from files."""

    def __init__(
        self,
        files: StreamedSet,
        size: int,
        stream: Stream,
        device: Device,
        division: Division | None = None,
        drop_last: bool = False,
    ):
        about = (len(files), size, stream, 1, division, drop_last)
        super().__init__(*about)
        self.ahead = ReadAhead(
            files, Epochs(*about), lambda rows, numbers: _asked(rows, numbers[:, 0]), device
        )

    def next(self) -> Batch:
        """The next batch; after the last of an epoch, the first of the next."""
        place = self.state_dict()
        self.advance()
        return self.ahead.batch(place, self.state_dict())


class StreamedPairs(Epochs[BatchPair]):
    """Batches of a search that are read from files: see `PairedBatches`. A half that nobody asks for is not read."""

    def __init__(
        self,
        weights: StreamedSet,
        arch: StreamedSet,
        size: int,
        stream: Stream,
        device: Device,
        division: Division | None = None,
        drop_last: bool = False,
    ):
        about = (len(weights), size, stream, 3, division, drop_last)
        super().__init__(*about)
        self.weights = ReadAhead(
            weights, Epochs(*about), lambda rows, numbers: _asked(rows, numbers[:, 1]), device
        )

        def partners(rows: np.ndarray, numbers: np.ndarray) -> Asked:
            return _asked((numbers[:, 0] * len(arch)).astype(np.int64), numbers[:, 2])

        self.arch = ReadAhead(arch, Epochs(*about), partners, device)

    def next(self) -> BatchPair:
        """The next pair of batches; after the last of an epoch, the first of the next."""
        place = self.state_dict()
        self.advance()
        following = self.state_dict()
        return BatchPair(*(partial(half.batch, place, following) for half in (self.weights, self.arch)))


def _asked(rows: np.ndarray, numbers: np.ndarray) -> Asked:
    """The (row, seed of its changes) pairs of a batch; numbers: in [0, 1)."""
    return list(zip(rows.tolist(), (numbers * 2**53).astype(np.int64).tolist(), strict=True))
