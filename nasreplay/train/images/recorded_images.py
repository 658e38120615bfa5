"""What a run records of its images, and how it finds them again."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from pathlib import Path

from nasreplay.data.cards import CARDS
from nasreplay.settings import Json


class RecordedImages:
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
