"""Image data sets by name, in the parts that searches and the benchmark's recipes use: read this page first.

>>> source = load("cifar10", data=Path("~/data").expanduser())
>>> source.search().weights        # what a supernet's weights learn from
>>> source.benchmark("cifar10-valid")   # what the benchmark trains and evaluates on

Known by name: cifar10, cifar100, ImageNet16-120 (published files or image folders), digits (scikit-learn's, nothing
to download), tiny-imagenet-200, food101, and any image folder by its path.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nasreplay.data.cards import CARDS
from nasreplay.errors import BadSetting
from nasreplay.files.text import harmless
from nasreplay.train.augment import Augment
from nasreplay.train.images.find_images import FoundImages, card_named, find
from nasreplay.train.images.published_files import Labeled
from nasreplay.train.images.recorded_images import RecordedImages, SplitAsked
from nasreplay.train.images.splits import spaced
from nasreplay.train.images.streaming.augmentations import USUAL
from nasreplay.train.recipe import Recipe

NORMAL = {name: card.normalization for name, card in CARDS.items() if card.normalization}


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Labeled images of one part of a data set, in memory."""

    images: Tensor
    """Pixels, uint8 [N, 3, H, W]."""
    labels: Tensor
    """Classes of the images, int64 [N], 0..classes-1."""
    classes: int
    """Number of classes."""
    mean: tuple[float, ...]
    """Mean of each channel, 0..255, for the normalization."""
    std: tuple[float, ...]
    """Standard deviation of each channel, 0..255."""
    padding: int
    """Zero pixels around an image before a random crop."""
    flip: bool = True
    """Whether mirror images belong to the same class."""
    cutout: int = 0
    """Side of the square that is cut out of training images, pixels; 0: none."""

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def side(self) -> int:
        """Side of an image, pixels."""
        return self.images.shape[-1]

    @property
    def augment(self) -> Augment:
        """The training transform: flip, crop, and cutout; the benchmark's has none."""
        return Augment(self.padding, self.flip, self.cutout)

    def take(self, rows: np.ndarray) -> ImageSet:
        """The images of these indices, in this order."""
        chosen = torch.from_numpy(rows)
        return replace(self, images=self.images.index_select(0, chosen), labels=self.labels[chosen])

    def fraction(self, part: float) -> ImageSet:
        """Evenly spaced images, for reduced runs: at least one, all for 1."""
        rows = spaced(part, len(self))
        return self if len(rows) == len(self) else self.take(rows)

    def by(self, recipe: Recipe) -> ImageSet:
        """The images with the cutout and normalization of a recipe. Raises BadSetting for changes of large images."""
        if recipe.lighting:
            raise BadSetting(
                f"lighting {recipe.lighting:g}: only images read from files are lit; set it to 0"
            )
        if recipe.augmentation != USUAL:
            raise BadSetting(
                f"augmentation {recipe.augmentation} of recipe {recipe.name}: only images that are read "
                "from files are changed so; give --side N, their side in pixels"
            )
        cut = replace(self, cutout=recipe.cutout)
        mean, std = (tuple(255 * one for one in values) for values in (recipe.mean, recipe.std))
        return replace(cut, mean=mean, std=std) if mean else cut


class ImageSource(RecordedImages[ImageSet]):
    """A data set in memory with its parts: `train`, `given_valid`, `all_test`."""

    def __init__(self, name: str, found: FoundImages, asked: SplitAsked = SplitAsked()):  # noqa: B008
        self.name, self.dataset, self.folder = name, found.place.name, found.place.folder
        kept, dataset = found.kept, found.place.name
        self.names = kept.decoded.names
        mean, std = NORMAL.get(dataset, (kept.mean, kept.std))
        flip = self.card is None or self.card.flip
        padding = kept.decoded.train[0].shape[-1] // 8
        if self.card and self.card.padding is not None:
            padding = self.card.padding

        def whole(part: Labeled) -> ImageSet:
            images, labels = map(torch.from_numpy, part)
            return ImageSet(images, labels, len(self.names), mean, std, padding, flip)

        self.train, self.all_test = whole(kept.decoded.train), whole(kept.decoded.test)
        self.given_valid = whole(kept.decoded.valid) if kept.decoded.valid else None
        self.about = self._about(found)
        self._divide(asked, found.official, kept.decoded.note)
        self.fingerprint = _digest(kept.fingerprint, *self._parts) + ("-test" if asked.valid_on_test else "")

    def _about(self, found: FoundImages) -> str:
        counts = {"training": self.train, "validation": self.given_valid, "test": self.all_test}
        decoded = found.kept.decoded
        pixels = decoded.pixels or f"{self.side} × {self.side} pixels"
        images = f"{self.counted(counts)}, {pixels}"
        if found.place.folder is None:
            return f"{images}, from {CARDS[self.dataset].package}"
        kind = "published files" if found.official else "image folder"
        return harmless(
            "; ".join((f"{images}, from the {kind} {found.place.folder}", *decoded.remarks)), 10_000
        )

    @property
    def cutout(self) -> int:
        """Side of the square that is cut out where genotypes' networks train, in pixels; 0: none."""
        return 0 if self.card and not self.card.cutout else self.side // 2

    @property
    def side(self) -> int:
        """Side of an image, pixels."""
        return self.train.side


def load(
    name: str,
    data: str | Path | None = None,
    split_file: Path | None = None,
    portion: float | None = None,
    fetch: bool = False,
    **asked: Any,
) -> ImageSource:
    """The data set of a name, or of an image folder's path: decoded on first use, from the cache afterwards.

    data: the folder to look in (see `find_images`); split_file, portion, asked: how they are divided, fields of
    `SplitAsked`; fetch: download published files that are not there. Raises BadData, UnsafePickle, BadSetting or
    BadOutput.
    """
    card = card_named(name)
    if card and not card.held:
        small = ", ".join(each.name for each in CARDS.values() if each.held)
        raise BadSetting(
            f"{card.name} is read from files while a network is trained, by nasreplay retrain or search (in Python "
            f"`streamed.load_files`). Held in memory are {small}, or the path of an image folder"
        )
    folder = None if data is None else Path(data).expanduser()
    found = find((card and card.images_of) or name, folder, fetch)
    return ImageSource(
        card.name if card else found.place.name, found, SplitAsked(split_file, portion, **asked)
    )


def _digest(fingerprint: str, *parts: np.ndarray) -> str:
    digest = hashlib.blake2b(fingerprint.encode(), digest_size=16)
    for part in parts:
        digest.update(part.tobytes() + b"|")
    return digest.hexdigest()
