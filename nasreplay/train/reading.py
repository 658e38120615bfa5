"""Batches of images, wherever they are: in memory, or in files that are read while a network trains."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from nasreplay.seeds import Stream
from nasreplay.train import batches
from nasreplay.train.augment import Augment
from nasreplay.train.batches import Batches, PairedBatches
from nasreplay.train.device import Device
from nasreplay.train.epochs import Batch, Division
from nasreplay.train.images.image_sources import ImageSet
from nasreplay.train.images.streamed import StreamedSet
from nasreplay.train.images.streaming.streamed_batches import StreamedBatches, StreamedPairs

Images = ImageSet | StreamedSet


class Order(NamedTuple):
    """How shuffled images come in batches."""

    size: int
    """Images of a batch, over all processes."""
    device: Device
    """Device of the batches."""
    division: Division | None = None
    """How processes divide each."""
    drop_last: bool = False
    """Whether a short last batch of an epoch is left out."""


def in_order(images: Images, size: int, device: Device) -> Iterator[Batch]:
    """Every image once, in order, as it is, in batches of which the last may be short; processes take turns."""
    if isinstance(images, StreamedSet):
        return images.in_order(size, device)
    return batches.in_order(images, size, device.name, device.channels_last, device.group)


def shuffled(
    images: Images, order: Order, stream: Stream, augment: Augment | bool = True
) -> Batches | StreamedBatches:
    """Shuffled batches with the training transform; augment: another one, of images in memory."""
    size, device, division, drop_last = order
    if isinstance(images, StreamedSet):
        return StreamedBatches(images, size, stream, device, division, drop_last)
    return Batches(images, size, stream, augment, device.name, device.channels_last, division, drop_last)


def paired(
    weights: Images, arch: Images, order: Order, stream: Stream, augment: Augment | bool = True
) -> PairedBatches | StreamedPairs:
    """Shuffled batches of one set, each beside one of the other, drawn with replacement; see `shuffled`."""
    size, device, division, drop_last = order
    if isinstance(weights, StreamedSet) and isinstance(arch, StreamedSet):
        return StreamedPairs(weights, arch, size, stream, device, division, drop_last)
    assert isinstance(weights, ImageSet)
    assert isinstance(arch, ImageSet)
    return PairedBatches(
        weights, arch, size, stream, augment, device.name, device.channels_last, division, drop_last
    )
