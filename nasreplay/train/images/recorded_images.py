"""What sources of images have in common: their parts, what a run records of them, how it finds them again."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, Self, TypeVar

import numpy as np

from nasreplay.data.cards import CARDS, DatasetCard
from nasreplay.errors import BadSetting, UnknownName
from nasreplay.settings import Json
from nasreplay.train.images.published_files import PUBLISHED
from nasreplay.train.images.splits import HALVES, SEED, official_halves, read_parts, seeded_parts

if TYPE_CHECKING:
    from nasreplay.train.recipe import Recipe


class ImagePart(Protocol):
    """Labeled images of one part of a data set."""

    def __len__(self) -> int: ...

    @property
    def classes(self) -> int:
        """Number of classes."""
        ...

    def take(self, rows: np.ndarray) -> Self:
        """The images of these indices, in this order."""
        ...

    def fraction(self, part: float) -> Self:
        """Evenly spaced images, for reduced runs: at least one, all for 1."""
        ...

    def by(self, recipe: Recipe) -> Self:
        """The images with the changes and normalization of a recipe. Raises BadSetting."""
        ...


T = TypeVar("T", bound=ImagePart)


class SearchData(NamedTuple, Generic[T]):
    """The parts of a weight-sharing search."""

    weights: T
    """Images that the weights learn."""
    arch: T
    """Images that the architecture learns, with the training transform, paired with the weights' at random."""
    valid: T
    """The architecture's images, for validation as they are."""
    test: T | None
    """Test images, for final reports only."""
    note: str
    """What is not official."""


class SplitAsked(NamedTuple):
    """How images are divided."""

    split_file: Path | None = None
    """Published halves (see `splits`)."""
    portion: float | None = None
    """Part of the training images that weights learn from, where no part is published or given."""
    usual: float = 0.5
    """That part where none is asked for."""
    valid_on_test: bool = False
    """Whether searches learn from all training images and validate on the test images, as SNAS did."""
    seeded: bool = False
    """Whether halves of test images are drawn, as before they were shipped."""


class RecordedImages(Generic[T]):
    """Base of the sources of images."""

    name: str
    """Name of the built-in data set, or of one's own."""
    dataset: str
    """The data set that it is part of: cifar10 for cifar10-valid."""
    folder: Path | None
    """Folder of the files, absolute; None where a package carries them."""
    names: tuple[str, ...]
    """The classes."""
    fingerprint: str
    """A digest of images and parts, wherever they came from."""
    split: str
    """Whose parts these are."""
    about: str
    """What was read, left out and scaled, in a sentence, on one line."""
    note: str
    """What differs from the published data or splits, to be repeated in every output; "" when nothing does."""
    train: T
    """The training images."""
    given_valid: T | None
    """The validation images; None without a validation folder of its own."""
    all_test: T
    """The test images."""
    valid_on_test: bool
    """Whether searches validate on the test images."""
    _parts: tuple[np.ndarray, ...]
    """Indices of two parts: of the test set where `halves_test`, else of the training images."""

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.names)

    @property
    def where(self) -> Json:
        """The settings `dataset` and `data` that find these images again, from any working folder."""
        folder = str(self.folder) if self.folder else None
        named = self.dataset in CARDS
        return {"dataset": self.name, "data": folder} if named else {"dataset": folder, "data": None}

    def record(self) -> Json:
        """Folder, classes, fingerprint, and what was read in words."""
        return {
            "folder": str(self.folder) if self.folder else None,
            "classes": list(self.names),
            "fingerprint": self.fingerprint,
            "split": self.split,
            "about": self.about,
        }

    def counted(self, parts: Mapping[str, Sized | None]) -> str:
        """`1,437 training and 360 test images of 10 classes`."""
        *most, last = (f"{len(part):,} {name}" for name, part in parts.items() if part)
        return f"{', '.join(most)} and {last} images of {self.classes:,} classes"

    # --- the parts ---------------------------------------------------------------------------------

    @property
    def card(self) -> DatasetCard | None:
        """The card of a built-in data set."""
        return CARDS.get(self.dataset)

    @property
    def halves_test(self) -> bool:
        """Whether validation images are a half of the test set."""
        return self.card is not None and self.card.halves_test

    def _divide(self, asked: SplitAsked, official: bool, note: str) -> None:
        """Set the parts, `split` and `note`; official: whether these are the published images. Raises BadSetting."""
        self._parts, told = self._split(asked, official)
        told = "; ".join(filter(None, (told, note, self._unusual_classes())))
        self.note = f"{self.dataset}: {told}" if told else ""
        self.split = self.note or self._whose(asked.portion or asked.usual)
        self.valid_on_test = asked.valid_on_test
        if asked.valid_on_test:
            if asked.split_file or asked.portion is not None:
                raise BadSetting(
                    "--valid-on test holds out no training images: leave the options of the split out"
                )
            self.note = self.split = (
                f"{self.dataset}: validation images are the test images, so what is found has seen them; the "
                "architecture learns from the images of the weights"
            )

    def _unusual_classes(self) -> str:
        """What is wrong with the number of classes, if the data set is known to have another; "" for nothing."""
        known = self.card.facts.classes if self.card and not self.card.held else self.classes
        return (
            ""
            if known == self.classes
            else f"{self.classes:,} classes, where the published images have {known:,}"
        )

    def _whose(self, portion: float) -> str:
        """Whose parts these are, where nothing is unusual of them."""
        if self.given_valid:
            return "the folder's own parts"
        drawn = f"a part {portion:g} of the training images, seed {SEED}"
        return "official" if self.dataset in PUBLISHED else drawn

    def _split(self, asked: SplitAsked, official: bool) -> tuple[tuple[np.ndarray, ...], str]:
        """The index parts, and what is unusual of them."""
        of, count = ("test", len(self.all_test)) if self.halves_test else ("train-valid", len(self.train))
        file, portion = asked.split_file, asked.portion
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
            and official
            and not asked.seeded
            and (known := official_halves(self.dataset, count))
        ):
            parts, note = known, ""
        else:
            usual = 0.5 if self.halves_test else asked.usual
            parts = seeded_parts(count, usual if portion is None else portion)
            note = ""
            if self.halves_test:
                note = "the halves of the test images are not the official split (--split-file)"
            elif (portion is not None or usual != 0.5) and self.dataset in PUBLISHED:
                note = "the parts of the training images are not the official halves (--train-portion)"
        if self.dataset in PUBLISHED and not official:
            note = "images come from an image folder, so their order and split are not the official ones"
        return parts, note

    # made when first asked for: a part may be a copy of its images

    @cached_property
    def _halves(self) -> tuple[T, T]:
        whole = self.all_test if self.halves_test else self.train
        first, second = self._parts
        return whole.take(first), whole.take(second)

    def search(self) -> SearchData[T]:
        """The parts of a weight-sharing search; for cifar10 the halves of the training images."""
        if self.valid_on_test:
            return SearchData(self.train, self.train, self.all_test, self.all_test, self.note)
        if self.given_valid and not self.halves_test:
            return SearchData(self.train, self.given_valid, self.given_valid, self.all_test, self.note)
        first, second = self._halves
        if self.halves_test:
            return SearchData(self.train, first, first, second, self.note)
        return SearchData(first, second, second, self.all_test, self.note)

    def benchmark(self, dataset: str | None = None) -> tuple[T, dict[str, T]]:
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
