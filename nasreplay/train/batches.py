"""Batches of images, ready for a network: shuffled, augmented, normalized, and exactly repeatable.

Every random number is taken from a counter-based stream at a position that follows from the epoch and the item's
position in it, so (epoch, taken) is the whole state, and an item is augmented alike whatever the batch size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from nasreplay.errors import BadSetting
from nasreplay.seeds import Stream
from nasreplay.train.augment import DRAWS, Augment
from nasreplay.train.distributed import ProcessGroup
from nasreplay.train.images.catalogue import ImageSet


class Batch(NamedTuple):
    """images: float32 [B, 3, H, W], normalized; labels: int64 [B]."""

    images: Tensor
    labels: Tensor

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


class BatchPair(Sequence[Batch]):
    """What one step of a search sees: a batch for the weights, and one as large for the architecture.

    Each is made when it is first asked for: many steps use only one of them.
    """

    def __init__(self, *makers: Callable[[], Batch]):
        self._makers = [cache(make) for make in makers]

    def __len__(self) -> int:
        return len(self._makers)

    def __getitem__(self, index):
        return self._makers[index]()

    def to(self, dtype: torch.dtype) -> BatchPair:
        """The images in another precision."""
        return BatchPair(*(lambda make=make: make().to(dtype) for make in self._makers))

    weights = property(itemgetter(0))
    arch = property(itemgetter(1))


class StoredImages:
    """An image set on a device, in the memory order of its batches."""

    def __init__(self, images: ImageSet, device: str | torch.device = "cpu", channels_last: bool = False):
        pixels = images.images.to(device)
        self.pixels = pixels.permute(0, 2, 3, 1).contiguous()[:, None] if channels_last else pixels[..., None]
        self.labels = images.labels.to(device)
        self.channels_last = channels_last
        mean, std = (torch.tensor(values, dtype=torch.float64) for values in (images.mean, images.std))
        shape = self.pixels.shape[1:]  # [P, H, W, K]
        spread = (1, 1, 1, -1) if channels_last else (-1, 1, 1, 1)
        self.scale = (1 / std).view(spread).expand(shape).reshape(1, -1).float().to(device)
        self.shift = (mean / std).view(spread).expand(shape).reshape(1, -1).float().to(device)

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, rows: Tensor, augment: Augment | None, uniform: np.ndarray | None = None) -> Batch:
        """The images of rows int64 [B]; with `augment`, changed by the numbers uniform [B, DRAWS]."""
        pixels = self.pixels.index_select(0, rows)
        labels = self.labels.index_select(0, rows)
        if augment is None or uniform is None:
            return Batch(self._image(self._normal(pixels)), labels)
        normal = self._normal(augment.pixels(pixels, uniform))
        return Batch(self._image(augment.cut(normal, uniform)), labels)

    def _normal(self, pixels: Tensor) -> Tensor:
        flat = pixels.view(len(pixels), -1).to(torch.float32)
        return flat.mul_(self.scale).sub_(self.shift).view(pixels.shape)

    def _image(self, pixels: Tensor) -> Tensor:
        return pixels[:, 0].permute(0, 3, 1, 2) if self.channels_last else pixels[..., 0]


def in_order(
    images: ImageSet,
    size: int,
    device: str | torch.device = "cpu",
    channels_last: bool = False,
    group: ProcessGroup | None = None,
) -> Iterator[Batch]:
    """The batches of an evaluation: every image once, in order, as it is; the last batch may be short.

    The processes of a group take turns.
    """
    where, group = torch.device(device), group or ProcessGroup()
    for start in range(group.rank * size, len(images), group.world_size * size):
        part = slice(start, start + size)
        few = StoredImages(_part(images, part), where, channels_last)
        yield few.batch(torch.arange(len(few), device=where), None)


def _part(images: ImageSet, part: slice) -> ImageSet:
    about = (images.classes, images.mean, images.std, images.padding, images.flip)
    return ImageSet(images.images[part], images.labels[part], *about)


class Epochs:
    """Where an endless sequence of shuffled epochs stands: `epoch`, and `taken` items of it.

    draws: random numbers per item besides its position in the shuffled order. given: items of the last batch, in all
    processes.
    """

    def __init__(self, items: int, size: int, stream: Stream, draws: int, division: Division | None = None):
        if size < 1:
            raise BadSetting(f"a batch of {size} images: it must hold at least 1")
        self.items, self.size, self.stream, self.draws = items, size, stream, draws
        self.division = division or Division()
        self.epoch, self.taken, self.given = 0, 0, 0
        self._order: tuple[int, np.ndarray] | None = None

    def __len__(self) -> int:
        return -(-self.items // self.size)

    def next_items(self) -> tuple[np.ndarray, np.ndarray]:
        """(items int64 [B], uniform float64 [B, draws]) of this process's part of the next batch.

        A finished epoch gives way to the next.
        """
        start = self.epoch * self.items * (1 + self.draws)
        if self._order is None or self._order[0] != self.epoch:
            self._order = self.epoch, self._at(start).permutation(self.items)[0]
        rows = self._order[1][self.taken : self.taken + self.size]
        own = self.division.own_slice(len(rows))
        rows, first = rows[own], self.taken + own.start
        numbers = self._at(start + self.items + first * self.draws).uniform(len(rows) * self.draws)
        self.advance()
        return rows, numbers.reshape(len(rows), self.draws)

    def advance(self) -> None:
        """Count a batch as taken."""
        self.given = min(self.size, self.items - self.taken)
        self.taken += self.given
        if self.taken == self.items:
            self.epoch, self.taken = self.epoch + 1, 0

    def _at(self, position: int):
        self.stream.position[:] = position
        return self.stream.at()


class Batches:
    """Endless shuffled batches of an image set; iterating gives the rest of the current epoch.

    augment: True for the set's own training transform, False for none, or an Augment. stream: one replica's, for this
    object alone, usually Stream(seed, "data"). The last batch of an epoch may be short. division: among processes.
    """

    def __init__(
        self,
        image_set: ImageSet,
        size: int,
        stream: Stream,
        augment: Augment | bool = True,
        device: str | torch.device = "cpu",
        channels_last: bool = False,
        division: Division | None = None,
    ):
        self.stored = StoredImages(image_set, device, channels_last)
        self.augment = _chosen(augment, image_set)
        self._position = Epochs(len(image_set), size, stream, DRAWS, division)

    def __len__(self) -> int:
        """Batches per epoch."""
        return len(self._position)

    @property
    def items(self) -> int:
        """Images per epoch."""
        return self._position.items

    @property
    def epoch(self) -> int:
        """Epochs completed."""
        return self._position.epoch

    @property
    def given(self) -> int:
        """Images of the last batch, in all processes."""
        return self._position.given

    def next(self) -> Batch:
        """The next batch; after the last of an epoch, the first of the next."""
        rows, uniform = self._position.next_items()
        return self.stored.batch(torch.from_numpy(rows).to(self.stored.labels.device), self.augment, uniform)

    def __iter__(self) -> Iterator[Batch]:
        epoch = self.epoch
        while self.epoch == epoch:
            yield self.next()

    def state_dict(self) -> dict[str, int]:
        """How far it came."""
        return {"epoch": self._position.epoch, "taken": self._position.taken}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Continue from there."""
        self._position.epoch, self._position.taken = int(state["epoch"]), int(state["taken"])


class PairedBatches:
    """Batches of a search: an epoch goes over the weights part, each item beside a uniformly random arch-part item.

    Both get the training transform (or `augment`, as in Batches). The arch items are drawn with replacement.
    """

    def __init__(
        self,
        weights: ImageSet,
        arch: ImageSet,
        size: int,
        stream: Stream,
        augment: Augment | bool = True,
        device: str | torch.device = "cpu",
        channels_last: bool = False,
        division: Division | None = None,
    ):
        self.weights, self.arch = (StoredImages(part, device, channels_last) for part in (weights, arch))
        self.augment = _chosen(augment, weights)
        self._position = Epochs(len(weights), size, stream, 1 + 2 * DRAWS, division)

    __len__ = Batches.__len__
    items = Batches.items
    epoch = Batches.epoch
    given = Batches.given
    state_dict = Batches.state_dict
    load_state_dict = Batches.load_state_dict

    def next(self) -> BatchPair:
        """The next pair of batches; after the last of an epoch, the first of the next."""
        rows, uniform = self._position.next_items()
        partners = (uniform[:, 0] * len(self.arch)).astype(np.int64)
        device = self.weights.labels.device
        first, second = (torch.from_numpy(which).to(device) for which in (rows, partners))
        return BatchPair(
            lambda: self.weights.batch(first, self.augment, uniform[:, 1 : 1 + DRAWS]),
            lambda: self.arch.batch(second, self.augment, uniform[:, 1 + DRAWS :]),
        )

    def __iter__(self) -> Iterator[BatchPair]:
        epoch = self.epoch
        while self.epoch == epoch:
            yield self.next()


def _chosen(augment: Augment | bool, images: ImageSet) -> Augment | None:
    if isinstance(augment, Augment):
        return augment
    return images.augment if augment else None
