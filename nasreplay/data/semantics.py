"""The only place that knows which split of which stored data set a request means.

A request names a data set (`cifar10`) and a split (`valid`); the numbers stand under a stored data set
(`cifar10-valid`) and an evaluation set (`x-valid`), as the card of the data set says (`data.cards`). Documentation
and tests read the same table. Standard library only, so that asking what a number means costs nothing.

A table may hold custom data sets (`my-images`): it says itself what they are (`CustomDataset`, by name), and the
functions here take that as their last argument. `valid` and `test` of such a data set are its own `x-valid` and
`x-test`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from nasreplay.data.cards import CARDS, Facts
from nasreplay.errors import NotMeasured, UnknownName, shortened

SPLITS = ("train", "valid", "test", "valtest")


class Meaning(NamedTuple):
    """What an accuracy is."""

    stored: str
    """The stored data set that has it."""
    set: str
    """Evaluation set, or "train"."""
    images: int | None
    """Number of images that it averages; None where a table does not say it of a custom data set."""
    trained_on: int | None
    """Number of images that the networks were trained on; None as above."""
    sentence: str
    """The meaning in words."""


class CustomSplit(NamedTuple):
    """What a table says of an evaluation set of a custom data set."""

    images: int | None = None
    """Number of its images; None = not stated."""
    sentence: str | None = None
    """What its accuracy is, in words; None = not stated."""


class CustomDataset(NamedTuple):
    """What a table says of a data set that no benchmark has."""

    facts: Facts | None
    """Classes, pixels and training images; None = not stated."""
    sets: Mapping[str, CustomSplit]
    """Evaluation sets by name."""


NO_CUSTOM: Mapping[str, CustomDataset] = {}
UNSTATED = CustomDataset(None, {})

_HELD = {name: card for name, card in CARDS.items() if card.sets}
FACTS = {name: card.facts for name, card in _HELD.items()}
"""Stored data set of a benchmark → its facts, in the published order."""
ALIASES = {name: card.aliases for name, card in _HELD.items()}
SEARCHED = tuple(name for name, card in _HELD.items() if card.searched)
"""The data sets on which searches are compared."""
DATASETS = (*SEARCHED, *(name for name in _HELD if name not in SEARCHED))
"""What users may ask for, in the order of the documentation."""

CUSTOM_SPLITS = {"train": "train", "valid": "x-valid", "test": "x-test"}  # of every custom data set
_CUSTOM_SETS = {"x-valid": "validation", "x-test": "test"}


def dataset_named(name: str, custom: Mapping[str, CustomDataset] = NO_CUSTOM) -> str:
    """The data set that a name or alias means, whatever its case. Raises UnknownName."""
    if not isinstance(name, str):
        raise UnknownName.among((*custom, *DATASETS), "unknown data set", name)
    if name in custom:
        return name
    for dataset, aliases in (*ALIASES.items(), *((each, ()) for each in custom)):
        if name.lower() in (dataset.lower(), *aliases):
            return dataset
    raise UnknownName.among((*custom, *DATASETS), "unknown data set", name)


def facts(dataset: str, custom: Mapping[str, CustomDataset] = NO_CUSTOM) -> Facts:
    """Classes, image side and training images; raises NotMeasured where a table does not say them."""
    dataset = dataset_named(dataset, custom)
    found = custom[dataset].facts if dataset in custom else FACTS[dataset]
    if found is None:
        raise NotMeasured(f"the table does not say how many classes and pixels {dataset} has")
    return found


def meaning(dataset: str, split: str = "valid", custom: Mapping[str, CustomDataset] = NO_CUSTOM) -> Meaning:
    """What the accuracy of a data set (or alias) on a split is; raises UnknownName, NotMeasured if nobody has it."""
    dataset = dataset_named(dataset, custom)
    if split not in SPLITS:
        raise UnknownName.among(SPLITS, "unknown split", split)
    if dataset in custom and split in CUSTOM_SPLITS:
        return stored_meaning(dataset, CUSTOM_SPLITS[split], custom)
    if dataset not in CARDS or split not in CARDS[dataset].splits:
        known = ", ".join(s for d, s in requests(custom) if d == dataset)
        raise NotMeasured(f"no benchmark holds {split} of {dataset}; it has {known}")
    return stored_meaning(*CARDS[dataset].splits[split])


def stored_meaning(
    stored: str, evaluation_set: str, custom: Mapping[str, CustomDataset] = NO_CUSTOM
) -> Meaning:
    """What the accuracy of a stored data set on one of its evaluation sets is; raises UnknownName."""
    if stored not in FACTS and stored not in custom:
        raise UnknownName.among((*custom, *FACTS), "unknown stored data set", stored)
    if evaluation_set not in sets_of(stored, custom):
        known = ", ".join(sets_of(stored, custom))
        raise UnknownName(f"unknown evaluation set {shortened(evaluation_set)} of {stored}; known: {known}")
    if stored in custom:
        return _custom_meaning(stored, evaluation_set, custom[stored])
    card, trained = CARDS[stored], FACTS[stored].training_images
    if evaluation_set == "train":
        return Meaning(stored, "train", trained, trained, _running(f"{trained:,} ", stored))
    images, which, training = card.sets[evaluation_set]
    sentence = f"accuracy on {which} after training on {training or card.training} (read from {stored})"
    return Meaning(stored, evaluation_set, images, trained, sentence)


def _custom_meaning(stored: str, evaluation_set: str, about: CustomDataset) -> Meaning:
    trained = about.facts.training_images if about.facts else None
    training = f"{trained:,} " if trained else ""
    images, sentence = about.sets.get(evaluation_set, CustomSplit())
    if sentence is not None:
        which = _CUSTOM_SETS.get(evaluation_set, "training")  # readers put it before every sentence
        sentence = f"{sentence.removeprefix(f'{which} ')} (read from {stored})"
    elif evaluation_set == "train":
        sentence = _running(training, stored)
    else:
        which = f"{f'{images:,} ' if images else ''}{_CUSTOM_SETS[evaluation_set]} images"
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


def sets_of(stored: str, custom: Mapping[str, CustomDataset] = NO_CUSTOM) -> tuple[str, ...]:
    """The evaluation sets that a stored data set may have, `train` included."""
    if stored in custom:
        return tuple(CUSTOM_SPLITS.values())
    return ("train", *(CARDS[stored].sets if stored in _HELD else ()))


def requests(custom: Mapping[str, CustomDataset] = NO_CUSTOM) -> list[tuple[str, str]]:
    """Every (data set, split) that has a meaning, in the order of the documentation, custom ones last."""
    known = [(name, split) for name in DATASETS for split in SPLITS if split in CARDS[name].splits]
    return [*known, *((dataset, split) for dataset in custom for split in CUSTOM_SPLITS)]
