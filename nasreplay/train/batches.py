"""Batches of images, ready for a network: shuffled, augmented, normalized, and exactly repeatable (see `epochs`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from operator import itemgetter

import numpy as np
import torch
from torch import Tensor

from nasreplay.seeds import Stream
from nasreplay.train.augment import DRAWS, Augment
from nasreplay.train.distributed import ProcessGroup
from nasreplay.train.epochs import Batch, Division, Epochs
from nasreplay.train.images.image_sources import ImageSet


class BatchPair(Sequence[Batch]):
    """One step of a search: a batch for the weights, one for the architecture, each made when first asked for."""

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
    """Every image once, in order, as it is, in batches of which the last may be short; processes take turns."""
    where, group = torch.device(device), group or ProcessGroup()
    for start in range(group.rank * size, len(images), group.world_size * size):
        part = replace(
            images, images=images.images[start : start + size], labels=images.labels[start : start + size]
        )
        few = StoredImages(part, where, channels_last)
        yield few.batch(torch.arange(len(few), device=where), None)


class Batches(Epochs[Batch]):
    """Shuffled batches of an image set.

    augment: True for the set's own training transform, False for none, or an Augment. stream: one replica's, for this
    object alone, usually Stream(seed, "data"). division: among processes. drop_last: see `Epochs`.
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
        drop_last: bool = False,
    ):
        self.stored = StoredImages(image_set, device, channels_last)
        self.augment = _chosen(augment, image_set)
        super().__init__(len(image_set), size, stream, DRAWS, division, drop_last)

    def next(self) -> Batch:
        """The next batch; after the last of an epoch, the first of the next."""
        rows, uniform = self.next_items()
        return self.stored.batch(torch.from_numpy(rows).to(self.stored.labels.device), self.augment, uniform)


class PairedBatches(Epochs[BatchPair]):
    """Batches of a search: an epoch of the weights part, each item beside an arch item drawn with replacement."""

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
        drop_last: bool = False,
    ):
        self.weights, self.arch = (StoredImages(part, device, channels_last) for part in (weights, arch))
        self.augment = _chosen(augment, weights)
        super().__init__(len(weights), size, stream, 1 + 2 * DRAWS, division, drop_last)

    def next(self) -> BatchPair:
        """The next pair of batches; after the last of an epoch, the first of the next."""
        rows, uniform = self.next_items()
        partners = (uniform[:, 0] * len(self.arch)).astype(np.int64)
        device = self.weights.labels.device
        first, second = (torch.from_numpy(which).to(device) for which in (rows, partners))
        return BatchPair(
            lambda: self.weights.batch(first, self.augment, uniform[:, 1 : 1 + DRAWS]),
            lambda: self.arch.batch(second, self.augment, uniform[:, 1 + DRAWS :]),
        )


def _chosen(augment: Augment | bool, images: ImageSet) -> Augment | None:
    if isinstance(augment, Augment):
        return augment
    return images.augment if augment else None
