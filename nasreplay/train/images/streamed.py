"""Large images, ImageNet's way: read from an image folder while training, by worker processes.

The folder has `train/CLASS/*` and `val/CLASS/*` (the layout of ILSVRC2012). Training images go through a random crop
of random size, a flip and a change of colors, as in the DARTS, GDAS and SNAS releases, and lighting noise where the
recipe has some; evaluated ones are scaled to 8/7 of the side and cropped at the center. A data set's card may say
otherwise (`Streaming`). What is done to an image follows from the seed, epoch and device, not from the number of
workers.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from nasreplay.data.cards import CARDS
from nasreplay.data.cards.base import Streaming
from nasreplay.errors import BadData, BadSetting
from nasreplay.files.text import harmless
from nasreplay.seeds import Stream
from nasreplay.train.device import Device
from nasreplay.train.distributed import process_group
from nasreplay.train.epochs import Batch, Division, Epochs
from nasreplay.train.images.find_images import locate
from nasreplay.train.images.image_folder import ImageFolder, Part
from nasreplay.train.images.pixels import open_rgb
from nasreplay.train.images.recorded_images import RecordedImages
from nasreplay.train.images.splits import spaced

WORKERS = 4
USUAL = Streaming()
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's channels
# the principal components of its colors, as columns, and what AlexNet's noise is scaled by along each
COLORS = ((-0.5675, 0.7192, 0.4009), (-0.5808, -0.0045, -0.8140), (-0.5836, -0.6948, 0.4203))
SPREADS = (0.2175, 0.0188, 0.0045)


@dataclass(frozen=True, eq=False)
class StreamedSet:
    """One part of an image folder, read while training."""

    files: list[str]
    """Paths of the images."""
    labels: np.ndarray
    """Classes of the images, int64 [N]."""
    classes: int
    """Number of classes."""
    how: Streaming = USUAL
    """Sizes and changes of the images."""
    workers: int = WORKERS
    """Processes that read the images."""
    lighting: float = 0.0
    """Standard deviation of the color noise of training images (`lit`); 0: none."""

    def __len__(self) -> int:
        return len(self.files)

    def fraction(self, part: float) -> StreamedSet:
        """A part of the images, evenly spaced, as in `ImageSet.fraction`."""
        return self.take(spaced(part, len(self)))

    def take(self, rows: np.ndarray) -> StreamedSet:
        """The images of these indices, in this order."""
        return replace(self, files=[self.files[row] for row in rows], labels=self.labels[rows])

    def loader(self, order: Any, seed: bool) -> DataLoader:
        """Batches of the rows that `order` lists; with seed, of (row, seed of its changes) pairs."""
        images = _Images(self, _training(self.how, self.lighting) if seed else _plain(self.how))
        return DataLoader(
            images, batch_sampler=order, num_workers=self.workers, generator=torch.Generator().manual_seed(0)
        )

    def in_order(self, size: int, device: Device) -> Iterator[Batch]:
        """Every image once, in order, for an evaluation; the processes of the device's process group take turns."""
        rows = [
            [(row, None) for row in range(start, min(start + size, len(self)))]
            for start in range(device.group.rank * size, len(self), device.group.world_size * size)
        ]
        for images, labels in _read(self.loader(rows, False)):
            yield _moved(images, labels, device)


class StreamedBatches(Epochs[Batch]):
    """Shuffled batches that are read from files."""

    def __init__(
        self, files: StreamedSet, size: int, stream: Stream, device: Device, division: Division | None = None
    ):
        super().__init__(len(files), size, stream, 1, division)
        self._ahead = Epochs(len(files), size, stream, 1, division)
        self.files, self.device = files, device

    def __iter__(self) -> Iterator[Batch]:
        """The rest of the current epoch; the workers read ahead of what was taken."""
        for images, labels in _read(self.files.loader(self._rest(), True)):
            self.advance()
            yield _moved(images, labels, self.device)

    def _rest(self) -> Iterator[list[tuple[int, int]]]:
        """The (row, seed) pairs of the batches that are left of the epoch."""
        ahead = self._ahead
        epoch, ahead.epoch, ahead.taken = self.epoch, self.epoch, self.taken
        while ahead.epoch == epoch:
            rows, numbers = ahead.next_items()
            yield list(zip(rows.tolist(), (numbers[:, 0] * 2**53).astype(np.int64).tolist(), strict=True))


def _read(loader: DataLoader) -> Iterator[tuple[Tensor, Tensor]]:
    try:
        yield from loader
    except BadData as problem:  # a worker's comes with its traceback
        told = str(problem).strip().splitlines()[-1]
        raise BadData(told.removeprefix("nasreplay.errors.BadData: ")) from None


class _Images(Dataset):
    def __init__(self, part: StreamedSet, change: Callable[[Any], Tensor]):
        self.part, self.change = part, change

    def __getitem__(self, item: tuple[int, int | None]) -> tuple[Tensor, int]:
        row, seed = item
        image = open_rgb(self.part.files[row])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed or 0)
            return self.change(image), int(self.part.labels[row])


def lit(image: Tensor, strength: float) -> Tensor:
    """An image [3, H, W] in [0, 1] with noise along the principal colors of ImageNet (AlexNet, NeurIPS 2012, 4.1)."""
    alpha = strength * torch.randn(3)
    return image + (torch.tensor(COLORS) @ (alpha * torch.tensor(SPREADS))).view(3, 1, 1)


def _training(how: Streaming, lighting: float) -> Callable[[Any], Tensor]:
    from torchvision.transforms import v2

    changes = v2.RandomResizedCrop(how.side, antialias=True), v2.RandomHorizontalFlip()
    numbers, normal = _numbers()[:-1], _numbers()[-1]
    light = [partial(lit, strength=lighting)] if lighting else []
    return v2.Compose([*changes, v2.ColorJitter(*how.jitter), *numbers, *light, normal])


def _plain(how: Streaming) -> Callable[[Any], Tensor]:
    from torchvision.transforms import v2

    scaled = how.side * how.scaled[0] // how.scaled[1]
    return v2.Compose([v2.Resize(scaled, antialias=True), v2.CenterCrop(how.side), *_numbers()])


def _numbers() -> list[Any]:
    from torchvision.transforms import v2

    return [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(list(MEAN), list(STD))]


def _moved(images: Tensor, labels: Tensor, device: Device) -> Batch:
    order = torch.channels_last if device.channels_last else torch.contiguous_format
    return Batch(images.to(device.name, memory_format=order), labels.to(device.name))


class StreamedSource(RecordedImages):
    """An image folder for ImageNet-style training, evaluated on its held-out parts; see also `ImageSource`."""

    def __init__(self, name: str, folder: Path, side: int | None = None, workers: int = WORKERS):
        listed, card = ImageFolder(folder), CARDS.get(name)
        how = (card.streaming if card else None) or USUAL
        how = how if side is None else how._replace(side=side)
        self.name = self.dataset = name
        self.folder, self.names, self.side, self.note = folder, listed.names, how.side, listed.note

        def whole(part: Part) -> StreamedSet:
            return StreamedSet(part.files, part.labels, self.classes, how, workers)

        self.train, self.all_test = whole(listed.train), whole(listed.test)
        self.given_valid = whole(listed.valid) if listed.valid else None
        counts = {"training": self.train, "validation": self.given_valid, "test": self.all_test}
        read = f"{self.counted(counts)}, streamed as {self.side} × {self.side} pixels from {folder}"
        self.about = harmless("; ".join((read, *listed.remarks)), 10_000)
        self.split = "the folder's own parts"
        self.fingerprint = self._digest()

    def _digest(self) -> str:
        """A digest of the names of all files and the side; their contents are not read."""
        digest = hashlib.blake2b(str(self.side).encode(), digest_size=16)
        for part in filter(None, (self.train, self.given_valid, self.all_test)):
            for file in part.files:
                digest.update(os.fsencode("/".join(Path(file).parts[-3:])) + b"|")
        return digest.hexdigest()


def load_files(
    name: str, data: Path | None, side: int | None = None, workers: int = WORKERS, fetch: bool = False
) -> StreamedSource:
    """The folder of a name or path, as `find_images` finds it. Raises BadData."""
    place = process_group().broadcast(lambda: locate(name, data, fetch))
    if place.folder is None or place.files:
        raise BadSetting(f"{place.name} is not read as ImageNet is: its images are no image folder")
    return StreamedSource(place.name, place.folder, side, workers)
