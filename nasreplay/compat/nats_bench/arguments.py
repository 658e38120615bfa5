"""The arguments of the official calls, checked, and the errors of all of them.

An error is ours, and of the type that the official API raises in the same place; the others there are ValueErrors,
which every BadInput is. A value of a wrong type raises `WrongType` everywhere, where the official API raises whatever
its first use of the value happens to raise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nasreplay.errors import BadArchitecture, BadSetting, NotMeasured, UnknownName


class NoSuchKey(UnknownName, KeyError):
    """A data set or recipe that the table does not hold, where the official API indexes a dict."""

    __str__ = Exception.__str__  # KeyError would quote the text


class NotInTable(NotMeasured, AssertionError):
    """An architecture, or a file of one, that is not there."""


class BadStructure(BadArchitecture, AssertionError):
    """A text or list that is no cell structure."""


class NotAllowed(BadSetting, AssertionError):
    """A setting that does not fit the way the table was opened."""


class WrongType(BadSetting, TypeError):
    """An argument that is no index, epoch or number at all."""


def recipe_named(hp: Any) -> str:
    """The recipe that a number of epochs means: 12 is "12", 1 is "01"; of anything else its text."""
    if isinstance(hp, str):
        return hp
    return f"{hp:02d}" if _whole(hp) else str(hp)


def dataset_among(dataset: Any, held: Sequence[str]) -> str:
    """A data set that is one of these; KeyError and ValueError for others."""
    if not isinstance(dataset, str) or dataset not in held:
        raise NoSuchKey(f"no data set {dataset!r}: known are {', '.join(held)}")
    return dataset


def whole_epoch(iepoch: Any) -> None:
    """Raises WrongType for what is neither None nor a whole number."""
    if iepoch is not None and not _whole(iepoch):
        raise WrongType(f"iepoch={iepoch!r}: it is a whole number from 0, or None for the last one")


def epoch_of(iepoch: int | None, epochs: int) -> int:
    """How many epochs an official `iepoch` means; ValueError outside the recipe."""
    whole_epoch(iepoch)
    if iepoch is not None and not 0 <= iepoch < epochs:
        raise BadSetting(f"invalid iepoch={iepoch}: it is 0 to {epochs - 1}, or None for the last one")
    return epochs if iepoch is None else int(iepoch) + 1


def seed_of(seed: Any, seeds: Sequence[int]) -> int:
    """A seed that is one of these; ValueError for others, and for what is no seed."""
    if not _whole(seed):
        raise BadSetting(
            f"invalid value for is_random: {seed!r}; it is False, True or a seed of {list(seeds)}"
        )
    if seed not in seeds:
        raise NotMeasured(f"can not find random seed ({seed}) from {list(seeds)}")
    return int(seed)


def _whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
