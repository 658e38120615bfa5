"""The only place that knows which split of which stored data set a request means.

A request names a data set (`cifar10`) and a split (`valid`); the numbers stand under a stored data set
(`cifar10-valid`) and an evaluation set (`x-valid`). Documentation and tests read the same table. Standard
library only, so that asking what a number means costs nothing.
"""

from __future__ import annotations

from typing import NamedTuple

from nasreplay.errors import NotMeasured, UnknownName

SPLITS = ("train", "valid", "test", "valtest")


class Facts(NamedTuple):
    """A stored data set: number of classes, image side in pixels, images that its networks are trained on."""

    classes: int
    resolution: int
    training_images: int


class Meaning(NamedTuple):
    """What an accuracy is: where it is stored, how many images it averages, what was trained on."""

    stored: str
    set: str
    images: int
    trained_on: int
    sentence: str


FACTS = {
    "cifar10-valid": Facts(10, 32, 25_000),
    "cifar10": Facts(10, 32, 50_000),
    "cifar100": Facts(100, 32, 50_000),
    "ImageNet16-120": Facts(120, 16, 151_700),
}

ALIASES = {
    "cifar10-valid": ("cifar10valid", "cifar-10-valid"),
    "cifar10": ("cifar-10", "c10"),
    "cifar100": ("cifar-100", "c100"),
    "ImageNet16-120": ("imagenet16", "imagenet-16-120", "in16"),
}

_TRAINING = {
    "cifar10-valid": "the other 25,000",
    "cifar10": "all 50,000 training images",
    "cifar100": "all 50,000 training images",
    "ImageNet16-120": "all 151,700 training images",
}

# (stored data set, evaluation set): images, which ones
_SETS = {
    ("cifar10-valid", "x-valid"): (25_000, "the 25,000 held-out training images"),
    ("cifar10-valid", "ori-test"): (10_000, "the 10,000 test images"),
    ("cifar10", "ori-test"): (10_000, "the 10,000 test images"),
    ("cifar100", "x-valid"): (5_000, "the validation half (5,000) of the test images"),
    ("cifar100", "x-test"): (5_000, "the test half (5,000) of the test images"),
    ("cifar100", "ori-test"): (10_000, "all 10,000 test images, validation and test half together"),
    ("ImageNet16-120", "x-valid"): (3_000, "the validation half (3,000) of the ImageNet validation images"),
    ("ImageNet16-120", "x-test"): (3_000, "the test half (3,000) of the ImageNet validation images"),
    ("ImageNet16-120", "ori-test"): (
        6_000,
        "all 6,000 ImageNet validation images, validation and test half together",
    ),
}

# (requested data set, split): (stored data set, evaluation set)
_REQUESTS = {
    ("cifar10", "train"): ("cifar10", "train"),
    ("cifar10", "valid"): ("cifar10-valid", "x-valid"),
    ("cifar10", "test"): ("cifar10", "ori-test"),
    ("cifar10-valid", "train"): ("cifar10-valid", "train"),
    ("cifar10-valid", "valid"): ("cifar10-valid", "x-valid"),
    ("cifar10-valid", "test"): ("cifar10-valid", "ori-test"),
    ("cifar100", "train"): ("cifar100", "train"),
    ("cifar100", "valid"): ("cifar100", "x-valid"),
    ("cifar100", "test"): ("cifar100", "x-test"),
    ("cifar100", "valtest"): ("cifar100", "ori-test"),
    ("ImageNet16-120", "train"): ("ImageNet16-120", "train"),
    ("ImageNet16-120", "valid"): ("ImageNet16-120", "x-valid"),
    ("ImageNet16-120", "test"): ("ImageNet16-120", "x-test"),
    ("ImageNet16-120", "valtest"): ("ImageNet16-120", "ori-test"),
}

DATASETS = ("cifar10", "cifar100", "ImageNet16-120", "cifar10-valid")


def dataset_named(name: str) -> str:
    """The data set that a name or alias means, whatever its case. Raises UnknownName."""
    for dataset, aliases in ALIASES.items():
        if name.lower() in (dataset.lower(), *aliases):
            return dataset
    raise UnknownName(f"unknown data set {name!r}; known: {', '.join(DATASETS)}")


def facts(dataset: str) -> Facts:
    """Classes, image side and training images of a data set or stored data set."""
    return FACTS[dataset_named(dataset)]


def meaning(dataset: str, split: str = "valid") -> Meaning:
    """What the accuracy of a data set (or alias) on a split is.

    Raises UnknownName for a name that does not exist, NotMeasured for a pair that no benchmark holds.
    """
    dataset = dataset_named(dataset)
    if split not in SPLITS:
        raise UnknownName(f"unknown split {split!r}; known: {', '.join(SPLITS)}")
    if (dataset, split) not in _REQUESTS:
        known = ", ".join(s for d, s in _REQUESTS if d == dataset)
        raise NotMeasured(f"no benchmark holds {split} of {dataset}; it has {known}")
    return stored_meaning(*_REQUESTS[dataset, split])


def stored_meaning(stored: str, evaluation_set: str) -> Meaning:
    """What the accuracy of a stored data set on one of its evaluation sets is; raises UnknownName."""
    if stored not in FACTS:
        raise UnknownName(f"unknown stored data set {stored!r}; known: {', '.join(FACTS)}")
    trained = FACTS[stored].training_images
    if evaluation_set == "train":
        sentence = f"running accuracy over the {trained:,} augmented training images during the epoch"
        return Meaning(stored, "train", trained, trained, f"{sentence} (read from {stored})")
    if (stored, evaluation_set) not in _SETS:
        raise UnknownName(
            f"unknown evaluation set {evaluation_set!r} of {stored}; known: {', '.join(sets_of(stored))}"
        )
    images, which = _SETS[stored, evaluation_set]
    training = _TRAINING[stored]
    if evaluation_set == "ori-test" and stored == "cifar10-valid":
        training = "25,000 of the 50,000 training images"
    sentence = f"accuracy on {which} after training on {training} (read from {stored})"
    return Meaning(stored, evaluation_set, images, trained, sentence)


def sets_of(stored: str) -> tuple[str, ...]:
    """The evaluation sets that a stored data set may have, `train` included."""
    return ("train", *(name for owner, name in _SETS if owner == stored))


def requests() -> list[tuple[str, str]]:
    """Every (data set, split) that has a meaning, in the order of the documentation."""
    return [(dataset, split) for dataset in DATASETS for split in SPLITS if (dataset, split) in _REQUESTS]


def table_rows() -> list[tuple[str, ...]]:
    """The documentation's table: a header, then one row of texts per request that has a meaning."""
    rows = [("data set", "split", "stored as", "set", "images", "trained on", "meaning")]
    for dataset, split in requests():
        what = meaning(dataset, split)
        numbers = f"{what.images:,}", f"{what.trained_on:,}"
        rows.append((dataset, split, what.stored, what.set, *numbers, what.sentence))
    return rows
