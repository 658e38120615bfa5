"""Large images, ImageNet's way: read from an image folder while training, by worker processes.

The folder has `train/CLASS/*` and `val/CLASS/*`, or another of the layouts of `image_folder`. What is done to an
image stands in `streaming.augmentations`; it follows from the seed, epoch and device, not from the number of workers.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from nasreplay.data.cards import CARDS
from nasreplay.data.cards.base import IMAGENET, Streaming
from nasreplay.errors import BadSetting
from nasreplay.files.text import harmless
from nasreplay.files.workers import cores
from nasreplay.train.device import Device
from nasreplay.train.distributed import process_group
from nasreplay.train.epochs import Batch
from nasreplay.train.images.find_images import locate
from nasreplay.train.images.image_folder import Part
from nasreplay.train.images.recorded_images import RecordedImages, SplitAsked
from nasreplay.train.images.split_list import image_listing
from nasreplay.train.images.splits import spaced
from nasreplay.train.images.streaming.augmentations import AUGMENTATIONS, USUAL, to_numbers
from nasreplay.train.images.streaming.pictures import Pictures, loaded
from nasreplay.train.recipe import Recipe

WORKERS = min(4, cores())
MEAN, STD = (tuple(round(one / 255, 3) for one in each) for each in IMAGENET)
MOST_HELD = 512 * 2**20
"""Bytes of evaluated images that are kept in memory; more are read again for every evaluation."""
Asked = list[tuple[int, int | None]]
"""The images of a batch: (row, seed of its changes), None for an evaluated one."""


@dataclass(frozen=True, eq=False)
class StreamedSet:
    """One part of an image folder, read while training."""

    pictures: Pictures
    """The images of the whole part."""
    rows: np.ndarray
    """Which of them belong to this set, int64 [N]."""
    labels: np.ndarray
    """Classes of the images, int64 [N]."""
    classes: int
    """Number of classes."""
    how: Streaming
    """Sizes and changes of the images."""
    workers: int = WORKERS
    """Processes that read the images."""
    augmentation: str = USUAL
    """What is done to them: a name of `AUGMENTATIONS`."""
    lighting: float = 0.0
    """Standard deviation of the color noise of training images (`augmentations.lit`); 0: none."""
    normalization: tuple[tuple[float, ...], tuple[float, ...]] = (MEAN, STD)
    """Mean and standard deviation of each channel, of images in [0, 1]."""

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def files(self) -> list[str]:
        """Paths of the images."""
        return [self.pictures.files[row] for row in self.rows]

    @property
    def side(self) -> int:
        """Side of the images that a network gets, in pixels."""
        return self.how.side

    def fraction(self, part: float) -> StreamedSet:
        """A part of the images, evenly spaced, as in `ImageSet.fraction`."""
        return self.take(spaced(part, len(self)))

    def take(self, rows: np.ndarray) -> StreamedSet:
        """The images of these indices, in this order."""
        return replace(self, rows=self.rows[rows], labels=self.labels[rows])

    def by(self, recipe: Recipe) -> StreamedSet:
        """The images with the changes and normalization of a recipe. Raises BadSetting for a cutout."""
        if recipe.cutout:
            raise BadSetting(f"cutout {recipe.cutout}: images read from files are not cut; set it to 0")
        normal = (recipe.mean, recipe.std) if recipe.mean else self.normalization
        asked = {"augmentation": recipe.augmentation, "lighting": recipe.lighting, "normalization": normal}
        same = all(getattr(self, name) == value for name, value in asked.items())
        return self if same else replace(self, **asked)

    def read(self, batches: Iterable[Asked]) -> Iterator[tuple[Tensor, Tensor]]:
        """(images, labels) of each batch that is asked for; with workers, some batches ahead. Raises BadData."""
        draws = torch.Generator().manual_seed(0)  # else the loader takes a number from the global one
        about = {"num_workers": self.workers, "generator": draws}
        return loaded(DataLoader(_Images(self), batch_sampler=batches, **about))

    def in_order(self, size: int, device: Device) -> Iterator[Batch]:
        """Every image once, in order, for an evaluation; the processes of the device's process group take turns."""
        from torchvision.transforms import v2

        group, numbers = device.group, v2.Compose(to_numbers(*self.normalization))
        batches: list[Asked] = [
            [(row, None) for row in range(start, min(start + size, len(self)))]
            for start in range(group.rank * size, len(self), group.world_size * size)
        ]
        found = self._evaluated.get(own := (size, group.rank, group.world_size))
        if found is None:
            found = self.read(batches)
            if sum(map(len, batches)) * 3 * self.side**2 <= MOST_HELD:
                # copied: what workers send takes a file descriptor each
                found = [(images.clone(), labels.clone()) for images, labels in found]
                self._evaluated[own] = found
        for images, labels in found:
            yield moved(numbers(images), labels, device)

    @cached_property
    def _evaluated(self) -> dict[tuple[int, int, int], list[tuple[Tensor, Tensor]]]:
        """Batches for evaluations (size, rank, processes), uint8, where they are few enough to be kept."""
        return {}


class _Images(Dataset):
    """The images of a set as a worker makes them."""

    def __init__(self, part: StreamedSet):
        from torchvision.transforms import v2

        self.part, self.kind, how = part, AUGMENTATIONS[part.augmentation], part.how
        self.squares = self.kind.squares(how)
        self.pixels = part.pictures.pixels(self.squares, part.workers)
        lit = to_numbers(*part.normalization, part.lighting)
        self.training = v2.Compose([*self.kind.training(how), *lit])
        self.plain = v2.Compose([*self.kind.plain(how), v2.ToImage()])

    def __getitem__(self, item: tuple[int, int | None]) -> tuple[Tensor, int]:
        """The normalized numbers of a training image, or the uint8 pixels of an evaluated one; and its class."""
        (row, seed), label = item, int(self.part.labels[item[0]])
        place = int(self.part.rows[row])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed or 0)
            if seed is None:
                return self.plain(self.pixels.image(place, 0)).as_subclass(Tensor), label
            return self.training(self.pixels.image(place, self.kind.drawn_square())), label


def moved(images: Tensor, labels: Tensor, device: Device) -> Batch:
    """A batch on the device, in its memory format."""
    order = torch.channels_last if device.channels_last else torch.contiguous_format
    return Batch(images.to(device.name, memory_format=order), labels.to(device.name))


class StreamedSource(RecordedImages[StreamedSet]):
    """An image folder that is read while training, evaluated on its held-out parts; see also `ImageSource`."""

    def __init__(
        self,
        name: str,
        folder: Path,
        side: int | None = None,
        workers: int = WORKERS,
        cache: Path | None = None,
        asked: SplitAsked = SplitAsked(),  # noqa: B008
    ):
        listed, card = image_listing(folder), CARDS.get(name)
        how = (card.streaming if card else None) or Streaming()
        how = how if side is None else how._replace(side=side)
        self.name = self.dataset = name
        self.folder, self.names, self.side = folder, listed.names, how.side

        def whole(name: str, part: Part) -> StreamedSet:
            pictures = Pictures(part.files, f"{self.name}-{name}", cache)
            rows = np.arange(len(part.files))
            return StreamedSet(pictures, rows, part.labels, self.classes, how, workers)

        parts = {name: whole(name, part) for name, part in listed.parts.items()}
        self.train, self.given_valid, self.all_test = parts["train"], parts.get("valid"), parts["test"]
        counts = {"training": self.train, "validation": self.given_valid, "test": self.all_test}
        read = f"{self.counted(counts)}, streamed as {self.side} × {self.side} pixels from {folder}"
        self.about = harmless("; ".join((read, *listed.remarks)), 10_000)
        self._divide(asked, False, listed.note)
        portion = asked.usual if asked.portion is None else asked.portion
        self.fingerprint = self._digest() + ("" if portion == 0.5 else f"-{portion:g}")
        self.fingerprint += "-test" if asked.valid_on_test else ""

    def _digest(self) -> str:
        """A digest of the names of all files and the side; their contents are not read."""
        digest = hashlib.blake2b(str(self.side).encode(), digest_size=16)
        for part in filter(None, (self.train, self.given_valid, self.all_test)):
            for file in part.files:
                digest.update(os.fsencode("/".join(Path(file).parts[-3:])) + b"|")
        return digest.hexdigest()


def load_files(
    name: str,
    data: Path | None,
    side: int | None = None,
    workers: int = WORKERS,
    fetch: bool = False,
    cache: Path | None = None,
    asked: SplitAsked = SplitAsked(),  # noqa: B008
) -> StreamedSource:
    """The folder of a name or path, as `find_images` finds it. Raises BadData."""
    place = process_group().broadcast(lambda: locate(name, data, fetch))
    if place.folder is None or place.files:
        option = "" if side is None else "--side does not apply: "
        raise BadSetting(f"{option}{place.name} is not read as ImageNet is: its images are no image folder")
    return StreamedSource(place.name, place.folder, side, workers, cache, asked)
