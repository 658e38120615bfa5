"""Readers of published image files, as the data-set cards describe them, and of scikit-learn's digits."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np

from nasreplay.data.cards import CARDS
from nasreplay.data.cards.base import ImageFiles
from nasreplay.errors import BadData
from nasreplay.train.images.cifar_pickles import pickled_images

Labeled = tuple[np.ndarray, np.ndarray]
"""Images uint8 [N, 3, H, W] and labels int64 [N]."""


class Decoded(NamedTuple):
    """A data set as arrays."""

    train: Labeled
    """The training images."""
    valid: Labeled | None
    """The validation images; None unless the source has a validation folder of its own."""
    test: Labeled
    """The test images."""
    names: tuple[str, ...]
    """The names of the classes."""
    pixels: str = ""
    """The size of the images, in words, where they were scaled."""
    remarks: tuple[str, ...] = ()
    """What was left out or changed, in words."""
    note: str = ""
    """What is unusual of the parts, to be repeated in every output."""


PUBLISHED = {name: card.files for name, card in CARDS.items() if card.files}
"""Data set → its published image files."""


def read_published(folder: Path, about: ImageFiles) -> Decoded:
    """The arrays of published files, in their order, whose md5 sums are checked; raises BadData or UnsafePickle."""
    train, test = (
        _joined([pickled_images(folder / name, md5, about.side, about.labels) for name, md5 in files.items()])
        for files in (about.train, about.test)
    )
    if about.first_labels:
        train, test = _first_classes(train, about.classes), _first_classes(test, about.classes)
    for images, labels in (train, test):
        if not len(images) or not (labels.min() >= 0 and labels.max() < about.classes):
            raise BadData(f"{folder}: labels outside 0 to {about.classes - 1}; get the data set again")
    return Decoded(train, None, test, tuple(map(str, range(about.classes))))


def _joined(parts: list[Labeled]) -> Labeled:
    return np.concatenate([images for images, _ in parts]), np.concatenate([labels for _, labels in parts])


def _first_classes(part: Labeled, classes: int) -> Labeled:
    images, labels = part
    keep = (labels >= 1) & (labels <= classes)
    return images[keep], labels[keep] - 1


def read_digits() -> Decoded:
    """scikit-learn's 1,797 digits (UCI), gray 8×8 in 3 channels, ink as 0..255; seed 1021, last 360 for tests."""
    from sklearn.datasets import load_digits

    ink, labels = map(np.asarray, load_digits(return_X_y=True))
    gray = np.rint(ink.reshape(-1, 1, 8, 8) * (255 / 16)).astype(np.uint8)
    order = list(range(len(gray)))
    Random(1021).shuffle(order)
    images, labels = np.repeat(gray, 3, axis=1)[order], labels.astype(np.int64)[order]
    return Decoded((images[:-360], labels[:-360]), None, (images[-360:], labels[-360:]), tuple("0123456789"))
