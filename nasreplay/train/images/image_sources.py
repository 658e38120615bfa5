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
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from nasreplay.data.cards import CARDS, DatasetCard
from nasreplay.errors import BadSetting, UnknownName
from nasreplay.files.text import harmless
from nasreplay.train.augment import Augment
from nasreplay.train.images.find_images import FoundImages, card_named, find
from nasreplay.train.images.published_files import PUBLISHED, Labeled
from nasreplay.train.images.recorded_images import RecordedImages
from nasreplay.train.images.splits import HALVES, SEED, official_halves, read_parts, seeded_parts, spaced

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

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def augment(self) -> Augment:
        """The benchmark's training transform: flip and crop, no cutout."""
        return Augment(self.padding, self.flip)

    def take(self, rows: np.ndarray) -> ImageSet:
        """The images of these indices, in this order."""
        chosen = torch.from_numpy(rows)
        return replace(self, images=self.images.index_select(0, chosen), labels=self.labels[chosen])

    def fraction(self, part: float) -> ImageSet:
        """Evenly spaced images, for reduced runs: at least one, all for 1."""
        rows = spaced(part, len(self))
        return self if len(rows) == len(self) else self.take(rows)


class SearchData(NamedTuple):
    """The parts of a weight-sharing search."""

    weights: ImageSet
    """Images that the weights learn."""
    arch: ImageSet
    """Images that the architecture learns, with the training transform, paired with the weights' at random."""
    valid: ImageSet
    """The architecture's images, for validation as they are."""
    test: ImageSet | None
    """Test images, for final reports only."""
    note: str
    """What is not official."""


class ImageSource(RecordedImages):
    """A data set with its parts: `train`, `given_valid` (None without a validation folder of its own), `all_test`.

    valid_on_test: searches learn from all training images and validate on the test images, as SNAS did. seeded:
    halves of test images are drawn, as before they were shipped.
    """

    def __init__(
        self,
        name: str,
        found: FoundImages,
        split_file: Path | None,
        portion: float | None,
        valid_on_test: bool = False,
        seeded: bool = False,
    ):
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
        self._parts, self.note = self._split(found, split_file, portion, seeded)
        self.split = self.note or self._whose(0.5 if portion is None else portion)
        self.fingerprint = _digest(kept.fingerprint, *self._parts)
        self.valid_on_test = valid_on_test
        if valid_on_test:
            if split_file or portion is not None:
                raise BadSetting(
                    "--valid-on test holds out no training images: leave the options of the split out"
                )
            self.note = (
                f"{dataset}: validation images are the test images, so what is found has seen them; the architecture "
                "learns from the images of the weights"
            )
            self.split = self.note
            self.fingerprint += "-test"

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

    def _whose(self, portion: float) -> str:
        """Whose parts these are, where nothing is unusual of them."""
        if self.given_valid:
            return "the folder's own parts"
        drawn = f"a part {portion:g} of the training images, seed {SEED}"
        return "official" if self.dataset in PUBLISHED else drawn

    def _split(
        self, found: FoundImages, file: Path | None, portion: float | None, seeded: bool
    ) -> tuple[tuple[np.ndarray, ...], str]:
        """Index parts (of the test set where `halves_test`, else of the training images), and the note."""
        of, count = ("test", len(self.all_test)) if self.halves_test else ("train-valid", len(self.train))
        if portion is not None and (self.halves_test or self.given_valid or file):
            own = "it has a validation folder of its own"
            why = own if self.given_valid else "its parts are published, or those of --split-file"
            raise BadSetting(f"--train-portion does not apply to {self.dataset}: {why}")
        if portion is not None and not 0 < portion < 1:
            raise BadSetting(f"--train-portion is {portion}: it must be between 0 and 1")
        if file is not None:
            if self.dataset not in PUBLISHED:
                raise BadSetting(f"--split-file does not apply to {self.dataset}: use --train-portion")
            names = HALVES if self.halves_test else ("train", "valid")
            parts, note = read_parts(file, f"{self.dataset}-{of}", names, count), ""
        elif (
            self.halves_test
            and found.official
            and not seeded
            and (known := official_halves(self.dataset, count))
        ):
            parts, note = known, ""
        else:
            parts = seeded_parts(count, 0.5 if portion is None else portion)
            note = ""
            if self.halves_test:
                note = "the halves of the test images are not the official split (--split-file)"
            elif portion is not None and self.dataset in PUBLISHED:
                note = "the parts of the training images are not the official halves (--train-portion)"
        if self.dataset in PUBLISHED and not found.official:
            note = "images come from an image folder, so their order and split are not the official ones"
        note = "; ".join(filter(None, (note, found.kept.decoded.note)))
        return parts, f"{self.dataset}: {note}" if note else ""

    @property
    def halves_test(self) -> bool:
        """Whether validation images are a half of the test set."""
        return self.card is not None and self.card.halves_test

    @property
    def card(self) -> DatasetCard | None:
        """The card of a built-in data set."""
        return CARDS.get(self.dataset)

    @property
    def cutout(self) -> int:
        """Side of the square that is cut out where genotypes' networks train, in pixels; 0: none."""
        return 0 if self.card and not self.card.cutout else self.side // 2

    @property
    def side(self) -> int:
        """Side of an image, pixels."""
        return self.train.images.shape[-1]

    # made when first asked for: a part is a copy of its images

    @cached_property
    def _halves(self) -> tuple[ImageSet, ImageSet]:
        whole = self.all_test if self.halves_test else self.train
        first, second = self._parts
        return whole.take(first), whole.take(second)

    def search(self) -> SearchData:
        """The parts of a weight-sharing search; for cifar10 the halves of the training images."""
        if self.valid_on_test:
            return SearchData(self.train, self.train, self.all_test, self.all_test, self.note)
        if self.given_valid and not self.halves_test:
            return SearchData(self.train, self.given_valid, self.given_valid, self.all_test, self.note)
        first, second = self._halves
        if self.halves_test:
            return SearchData(self.train, first, first, second, self.note)
        return SearchData(first, second, second, self.all_test, self.note)

    def benchmark(self, dataset: str | None = None) -> tuple[ImageSet, dict[str, ImageSet]]:
        """(training images, evaluation set → images) of one of the benchmark's trainings.

        `dataset`: cifar10-valid, cifar10 (which has no validation images), cifar100, ImageNet16-120, or the source's
        own name, also the default. Sets are called as in `nasreplay.data.semantics`: x-valid, x-test, ori-test.
        """
        dataset = self.name if dataset is None else dataset
        card = CARDS.get(dataset)
        if dataset not in (self.name, self.dataset) and not (card and card.images_of == self.dataset):
            raise UnknownName(f"{self.dataset} has no training called {dataset!r}")
        if card and card.sets and "x-valid" not in card.sets:  # all training images, none to validate on
            return self.train, {"ori-test": self.all_test}
        if self.halves_test:
            valid, test = self._halves
            return self.train, {"x-valid": valid, "x-test": test, "ori-test": self.all_test}
        parts = self.search()
        return parts.weights, {"x-valid": parts.valid, "ori-test": self.all_test}


def load(
    name: str,
    data: str | Path | None = None,
    split_file: str | Path | None = None,
    portion: float | None = None,
    valid_on_test: bool = False,
    fetch: bool = False,
    seeded: bool = False,
) -> ImageSource:
    """The data set of a name, or of an image folder's path: decoded on first use, from the cache afterwards.

    data: the folder to look in (see `find_images`); split_file: published halves (see `splits`); portion: part of the
    training images that weights learn from, where no part is published or given (default 0.5); valid_on_test, seeded:
    see `ImageSource`; fetch: download published files that are not there. Raises BadData, UnsafePickle, BadSetting
    or BadOutput.
    """
    card = card_named(name)
    if card and not card.held:
        small = ", ".join(each.name for each in CARDS.values() if each.held)
        raise BadSetting(
            f"{card.name} is read from files while a network is trained: for `nasreplay retrain` of genotypes only. "
            f"Here images are small: {small}, or the path of an image folder (scaled to at most 64 × 64)"
        )
    folder = None if data is None else Path(data).expanduser()
    file = None if split_file is None else Path(split_file).expanduser()
    found = find((card and card.images_of) or name, folder, fetch)
    return ImageSource(card.name if card else found.place.name, found, file, portion, valid_on_test, seeded)


def _digest(fingerprint: str, *parts: np.ndarray) -> str:
    digest = hashlib.blake2b(fingerprint.encode(), digest_size=16)
    for part in parts:
        digest.update(part.tobytes() + b"|")
    return digest.hexdigest()
