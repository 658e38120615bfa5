"""Readers of the published image files: CIFAR-10, CIFAR-100, ImageNet16-120, and scikit-learn's digits.

Checksums: torchvision's lists for CIFAR (https://www.cs.toronto.edu/~kriz/cifar.html), those of NATS-Bench for
ImageNet16 (the 16×16 images of arXiv 1707.08819).
"""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np

from nasreplay.errors import BadData
from nasreplay.train.images.cifar_pickles import pickled_images

Labelled = tuple[np.ndarray, np.ndarray]  # images uint8 [N, 3, H, W], labels int64 [N]


class Decoded(NamedTuple):
    """A data set as arrays; `valid` is None unless the source has a validation folder of its own."""

    train: Labelled
    valid: Labelled | None
    test: Labelled
    names: tuple[str, ...]  # of the classes


class Published(NamedTuple):
    """How a published data set is stored: files and md5 sums, and where to get it."""

    folder: str
    train: dict[str, str]
    test: dict[str, str]
    labels: str
    side: int
    classes: int
    address: str = ""
    archive_md5: str = ""


CIFAR10 = Published(
    "cifar-10-batches-py",
    {
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    },
    {"test_batch": "40351d587109b95175f43aff81a1287e"},
    "labels",
    32,
    10,
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    "c58f30108f718f92721af3b95e74349a",
)
CIFAR100 = Published(
    "cifar-100-python",
    {"train": "16019d7e3df5f24257cddd939b257f8d"},
    {"test": "f0ef6b0ae62326f3e7ffdfab6717acfc"},
    "fine_labels",
    32,
    100,
    "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
    "eb9058c3a382ffc7106e4002c42a8d85",
)
IMAGENET16 = Published(
    "ImageNet16",
    {
        "train_data_batch_1": "27846dcaa50de8e21a7d1a35f30f0e91",
        "train_data_batch_2": "c7254a054e0e795c69120a5727050e3f",
        "train_data_batch_3": "4333d3df2e5ffb114b05d2ffc19b1e87",
        "train_data_batch_4": "1620cdf193304f4a92677b695d70d10f",
        "train_data_batch_5": "348b3c2fdbb3940c4e9e834affd3b18d",
        "train_data_batch_6": "6e765307c242a1b3d7d5ef9139b48945",
        "train_data_batch_7": "564926d8cbf8fc4818ba23d2faac7564",
        "train_data_batch_8": "f4755871f718ccb653440b9dd0ebac66",
        "train_data_batch_9": "bb6dd660c38c58552125b1a92f86b5d4",
        "train_data_batch_10": "8f03f34ac4b42271a294f91bf480f29b",
    },
    {"val_data": "3410e3017fdaefba8d5073aaa65e4bd6"},
    "labels",
    16,
    120,
)
PUBLISHED = {"cifar10": CIFAR10, "cifar100": CIFAR100, "ImageNet16-120": IMAGENET16}


def read_published(folder: Path, about: Published) -> Decoded:
    """The arrays of a folder of published files, checked against their md5 sums; raises BadData or UnsafePickle.

    ImageNet16 keeps the images with labels 1 to 120, in file order, and counts them from 0.
    """
    train, test = (
        _joined([pickled_images(folder / name, md5, about.side, about.labels) for name, md5 in files.items()])
        for files in (about.train, about.test)
    )
    if about is IMAGENET16:
        train, test = _first_classes(train, about.classes), _first_classes(test, about.classes)
    for images, labels in (train, test):
        if not len(images) or not (labels.min() >= 0 and labels.max() < about.classes):
            raise BadData(f"{folder}: labels outside 0 to {about.classes - 1}; get the data set again")
    return Decoded(train, None, test, tuple(map(str, range(about.classes))))


def _joined(parts: list[Labelled]) -> Labelled:
    return np.concatenate([images for images, _ in parts]), np.concatenate([labels for _, labels in parts])


def _first_classes(part: Labelled, classes: int) -> Labelled:
    images, labels = part
    keep = (labels >= 1) & (labels <= classes)
    return images[keep], labels[keep] - 1


def read_digits() -> Decoded:
    """The 1,797 real handwritten digits (UCI) that scikit-learn carries, as grey 8×8 images in 3 channels.

    They keep their 8×8 pixels: two halvings leave 2×2, and a tiny network learns them in seconds. Ink 0..16 becomes
    0..255. The order is shuffled with seed 1021; the last 360 are the test set.
    """
    from sklearn.datasets import load_digits

    ink, labels = map(np.asarray, load_digits(return_X_y=True))
    grey = np.rint(ink.reshape(-1, 1, 8, 8) * (255 / 16)).astype(np.uint8)
    order = list(range(len(grey)))
    Random(1021).shuffle(order)
    images, labels = np.repeat(grey, 3, axis=1)[order], labels.astype(np.int64)[order]
    return Decoded((images[:-360], labels[:-360]), None, (images[-360:], labels[-360:]), tuple("0123456789"))
