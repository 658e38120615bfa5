"""Custom data sets, which no benchmark has: what a table says of them, as JSON, attributes of a pack, and texts.

In a pack the group of such a stored data set has the attributes `classes`, `resolution` (pixels) and
`training_images`, where they are known, and `sets`: JSON {evaluation set: {images, sentence}}.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import h5py
import numpy as np

from nasreplay.data import semantics
from nasreplay.data.pack import layout
from nasreplay.data.semantics import CustomDataset, CustomSplit, Facts
from nasreplay.errors import BadInput, BadSetting, shortened
from nasreplay.files.hdf5 import Hdf5, put_text
from nasreplay.files.text import harmless
from nasreplay.files.typed import parse_json, typed

FORM = "NAME or NAME=classes:10,resolution:32,training_images:5000,x-valid:1000,x-test:1000"
MOST_IMAGES = 10**10
LARGEST = {"classes": 10**6, "resolution": 10**5, "training_images": MOST_IMAGES}
_WORDS = {"valid": "validation", "test": "test"}
SETS = tuple(semantics.CUSTOM_SPLITS.values())


def check_name(name: str) -> str:
    """The name, if a custom data set may be called so; raises BadSetting."""
    if not layout.is_name(name):
        raise BadSetting(
            f"a data set cannot be called {shortened(name)}: use letters, digits, dots, dashes and underscores"
        )
    for dataset, aliases in semantics.ALIASES.items():
        if name.lower() in (dataset.lower(), *aliases):
            raise BadSetting(
                f"a data set of your own cannot be called {shortened(name)}: that means {dataset}"
            )
    return name


def to_json(about: CustomDataset) -> dict[str, Any]:
    """A custom data set as JSON values; what is not stated is left out."""
    sets = {
        name: {key: value for key, value in each._asdict().items() if value is not None}
        for name, each in sorted(about.sets.items())
    }
    return (about.facts._asdict() if about.facts else {}) | {"sets": sets}


def from_json(values: Mapping[str, Any]) -> CustomDataset:
    """Inverse of `to_json`; raises BadInput for anything else."""
    numbers = {name: values[name] for name in Facts._fields if name in values}
    sets = typed(values.get("sets"), dict[str, CustomSplit], "the sets of a custom data set")
    unknown = {key for each in values["sets"].values() for key in each} - set(CustomSplit._fields)
    if unknown:
        raise BadInput(
            f"a set of a custom data set has images and sentence, not {harmless(', '.join(unknown))}"
        )
    return _checked(numbers, sets)


def read_again(about: CustomDataset) -> CustomDataset:
    """What a reader makes of it: sentences without control characters. Raises BadInput for what none would take."""
    return from_json(to_json(about))


def _checked(numbers: Mapping[str, Any], sets: Mapping[str, CustomSplit]) -> CustomDataset:
    if (numbers and numbers.keys() != LARGEST.keys()) or not sets.keys() <= set(SETS):
        raise BadInput(
            f"the facts of a custom data set are {', '.join(Facts._fields)} (all or none) and sets out of "
            f"{', '.join(SETS)}, each with images and sentence; found {', '.join([*numbers, *sets]) or 'none'}"
        )
    facts = typed(numbers, Facts, "the facts of a custom data set") if numbers else None
    limits = [(f"{name} of a custom data set", numbers[name], LARGEST[name]) for name in numbers]
    limits += [
        (f"the images of {name} in a custom data set", each.images, MOST_IMAGES)
        for name, each in sets.items()
    ]
    for name, number, most in limits:
        if number is not None and not 1 <= number <= most:
            raise BadInput(f"{name} are {number}, must be 1 to {most:,}")
    return CustomDataset(facts, sets)


def read(file: Hdf5, stored: str) -> CustomDataset:
    """What an open pack says of a stored data set."""
    numbers = {name: file.whole(stored, name) for name in Facts._fields if file.holds(stored, name)}
    sets = file.json(stored, "sets", dict[str, CustomSplit]) if file.holds(stored, "sets") else {}
    return _checked(numbers, sets)


def write(file: h5py.File, stored: str, about: CustomDataset) -> None:
    """Put the attributes on the group of a stored data set; nothing for one of which nothing is stated."""
    values = to_json(about)
    sets = values.pop("sets")
    for name, number in values.items():
        file[stored].attrs[name] = np.int64(number)
    if sets:
        put_text(file[stored], "sets", json.dumps(sets))


def own_words(source: str) -> dict[tuple[str, str], str]:
    """(stored data set, evaluation set) of a benchmark → what its accuracy is in a table that was tabulated.

    `source`: that of a pack; `nasreplay tabulate` leaves what the evaluator said of itself there. One that looked
    its answers up in a table of a benchmark has the benchmark's words.
    """
    try:
        job = parse_json(source, _Tabulated, "source")
        splits = semantics.CARDS[semantics.dataset_named(job.dataset)].splits
    except BadInput:
        return {}
    said = job.evaluator
    unsaid = f"accuracy as the evaluator {said.get('evaluator')} answered it"
    words = (
        said.get("words", {})
        if "fingerprint" in said
        else {split: said.get(split, unsaid) for split in _WORDS}
    )
    return {
        splits[split]: _plain(words[split], split) for split in _WORDS if split in words and split in splits
    }


class _Tabulated(NamedTuple):
    dataset: str
    evaluator: dict[str, Any]
    asked: dict[str, Any]


def _plain(words: object, split: str) -> str:
    """A sentence without its split, before which all stand, and without where it is read from, which is told anew."""
    return re.sub(r" \(read from [^()]*\)", "", harmless(str(words)).removeprefix(f"{_WORDS[split]} "))


def from_texts(facts: Iterable[str], sentences: Iterable[str] = ()) -> dict[str, CustomDataset]:
    """Custom data sets out of command-line texts: see FORM, and `NAME/SET=what its accuracy is`; BadSetting."""
    found: dict[str, dict[str, Any]] = {}
    for text in facts:
        name, _, listed = text.partition("=")
        found[check_name(name)] = _numbers(text, listed)
    for text in sentences:
        place, equals, sentence = text.partition("=")
        name, _, which = place.partition("/")
        if not (equals and sentence.strip() and name in found and which in SETS):
            known = ", ".join(f"{name}/{which}" for name in found for which in SETS) or "none without --own"
            raise BadSetting(f"--sentence {shortened(text)}: must be NAME/SET=WORDS; known NAME/SET: {known}")
        found[name]["sets"].setdefault(which, {})["sentence"] = sentence.strip()
    return {name: from_json(values) for name, values in found.items()}


def _numbers(text: str, listed: str) -> dict[str, Any]:
    values: dict[str, Any] = {"sets": {}}
    for item in filter(None, listed.split(",")):
        key, _, number = item.partition(":")
        whole = number.isascii() and number.isdecimal() and len(number) < 12
        if key not in (*Facts._fields, *SETS) or not (whole and int(number)):
            raise BadSetting(
                f"--own {shortened(text)}: {shortened(item)} is not understood; the form is {FORM}"
            )
        if key in SETS:
            values["sets"][key] = {"images": int(number)}
        else:
            values[key] = int(number)
    missing = [name for name in Facts._fields if name not in values]
    if missing and len(missing) < len(Facts._fields):
        raise BadSetting(f"--own {shortened(text)}: say {' and '.join(missing)} too; the form is {FORM}")
    return values
