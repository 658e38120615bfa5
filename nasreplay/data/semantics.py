"""The only place that knows which split of which stored data set a request means.

A request names a data set (`cifar10`) and a split (`valid`); the numbers stand under a stored data set
(`cifar10-valid`) and an evaluation set (`x-valid`). Documentation and tests read the same table. Standard
library only, so that asking what a number means costs nothing.

A table may hold data sets of its user's own (`digits`): it says itself what they are (`Own`, by name), and the
functions here take that as their last argument. `valid` and `test` of such a data set are its own `x-valid` and
`x-test`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from nasreplay.errors import NotMeasured, UnknownName

SPLITS = ("train", "valid", "test", "valtest")


class Facts(NamedTuple):
    """A stored data set: number of classes, image side in pixels, images that its networks are trained on."""

    classes: int
    resolution: int
    training_images: int


class Meaning(NamedTuple):
    """What an accuracy is: where it is stored, how many images it averages, on how many was trained.

    The two numbers are None where a table does not say them of its own data set.
    """

    stored: str
    set: str
    images: int | None
    trained_on: int | None
    sentence: str


class OwnSet(NamedTuple):
    """What a table says of an evaluation set of its own data set: images, and what its accuracy is, in words."""

    images: int | None = None
    sentence: str | None = None


class Own(NamedTuple):
    """What a table says of a data set that no benchmark has: facts (None = not stated), and its sets by name."""

    facts: Facts | None
    sets: Mapping[str, OwnSet]


NONE: Mapping[str, Own] = {}  # no data sets but the benchmarks'
UNSTATED = Own(None, {})


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

OWN_SPLITS = {"train": "train", "valid": "x-valid", "test": "x-test"}  # of every own data set
_OWN_SETS = {"x-valid": "validation", "x-test": "test"}


def dataset_named(name: str, own: Mapping[str, Own] = NONE) -> str:
    """The data set that a name or alias means, whatever its case. Raises UnknownName."""
    if name in own:
        return name
    for dataset, aliases in (*ALIASES.items(), *((mine, ()) for mine in own)):
        if name.lower() in (dataset.lower(), *aliases):
            return dataset
    raise UnknownName(f"unknown data set {name!r}; known: {', '.join((*own, *DATASETS))}")


def facts(dataset: str, own: Mapping[str, Own] = NONE) -> Facts:
    """Classes, image side and training images; raises NotMeasured where a table does not say them."""
    dataset = dataset_named(dataset, own)
    found = own[dataset].facts if dataset in own else FACTS[dataset]
    if found is None:
        raise NotMeasured(f"the table does not say how many classes and pixels {dataset} has")
    return found


def meaning(dataset: str, split: str = "valid", own: Mapping[str, Own] = NONE) -> Meaning:
    """What the accuracy of a data set (or alias) on a split is.

    Raises UnknownName for a name that does not exist, NotMeasured for a pair that no benchmark holds.
    """
    dataset = dataset_named(dataset, own)
    if split not in SPLITS:
        raise UnknownName(f"unknown split {split!r}; known: {', '.join(SPLITS)}")
    if dataset in own and split in OWN_SPLITS:
        return stored_meaning(dataset, OWN_SPLITS[split], own)
    if (dataset, split) not in _REQUESTS:
        known = ", ".join(s for d, s in requests(own) if d == dataset)
        raise NotMeasured(f"no benchmark holds {split} of {dataset}; it has {known}")
    return stored_meaning(*_REQUESTS[dataset, split])


def stored_meaning(stored: str, evaluation_set: str, own: Mapping[str, Own] = NONE) -> Meaning:
    """What the accuracy of a stored data set on one of its evaluation sets is; raises UnknownName."""
    if stored not in FACTS and stored not in own:
        raise UnknownName(f"unknown stored data set {stored!r}; known: {', '.join((*own, *FACTS))}")
    if evaluation_set not in sets_of(stored, own):
        known = ", ".join(sets_of(stored, own))
        raise UnknownName(f"unknown evaluation set {evaluation_set!r} of {stored}; known: {known}")
    if stored in own:
        return _own_meaning(stored, evaluation_set, own[stored])
    trained = FACTS[stored].training_images
    if evaluation_set == "train":
        return Meaning(stored, "train", trained, trained, _running(f"{trained:,} ", stored))
    images, which = _SETS[stored, evaluation_set]
    training = _TRAINING[stored]
    if evaluation_set == "ori-test" and stored == "cifar10-valid":
        training = "25,000 of the 50,000 training images"
    sentence = f"accuracy on {which} after training on {training} (read from {stored})"
    return Meaning(stored, evaluation_set, images, trained, sentence)


def _own_meaning(stored: str, evaluation_set: str, about: Own) -> Meaning:
    trained = about.facts.training_images if about.facts else None
    training = f"{trained:,} " if trained else ""
    images, sentence = about.sets.get(evaluation_set, OwnSet())
    if sentence is not None:
        sentence = f"{sentence} (read from {stored})"
    elif evaluation_set == "train":
        sentence = _running(training, stored)
    else:
        which = f"{f'{images:,} ' if images else ''}{_OWN_SETS[evaluation_set]} images"
        sentence = (
            f"accuracy on the {which} after training on the {training}training images (read from {stored})"
        )
    return Meaning(
        stored, evaluation_set, trained if evaluation_set == "train" else images, trained, sentence
    )


def _running(training: str, stored: str) -> str:
    return (
        f"running accuracy over the {training}augmented training images during the epoch (read from {stored})"
    )


def sets_of(stored: str, own: Mapping[str, Own] = NONE) -> tuple[str, ...]:
    """The evaluation sets that a stored data set may have, `train` included."""
    if stored in own:
        return tuple(OWN_SPLITS.values())
    return ("train", *(name for owner, name in _SETS if owner == stored))


def requests(own: Mapping[str, Own] = NONE) -> list[tuple[str, str]]:
    """Every (data set, split) that has a meaning, in the order of the documentation, own ones behind."""
    known = [(dataset, split) for dataset in DATASETS for split in SPLITS if (dataset, split) in _REQUESTS]
    return [*known, *((dataset, split) for dataset in own for split in OWN_SPLITS)]


def table_rows() -> list[tuple[str, ...]]:
    """The documentation's table: a header, then one row of texts per request that has a meaning."""
    rows = [("data set", "split", "stored as", "set", "images", "trained on", "meaning")]
    for dataset, split in requests():
        what = meaning(dataset, split)
        numbers = f"{what.images:,}", f"{what.trained_on:,}"
        rows.append((dataset, split, what.stored, what.set, *numbers, what.sentence))
    return rows
