"""Everything that one query says about its architectures, as arrays; the views of the command line read it.

Shapes: N architectures asked about, A of the space.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from nasreplay.data import facts, semantics
from nasreplay.data.facts import Measured, Numbers
from nasreplay.data.pack import Pack
from nasreplay.spaces import Space
from nasreplay.spaces.base import MEMO_LIMIT
from nasreplay.spaces.read import MANY


class DatasetFacts(NamedTuple):
    """What is known on one data set."""

    parameters: np.ndarray  # int64 [N], exact; float64 of NaN = classes of a custom data set not stated
    flops: np.ndarray  # likewise, multiply-accumulates of one image
    latency: np.ndarray  # float64 [N], seconds per batch; NaN = not measured
    accuracies: list[tuple[Measured, Numbers]]  # most asked for first; empty without a table


class Sheet(NamedTuple):
    """The facts of N architectures of one space, out of one table (None: costs only)."""

    space: Space
    flat: np.ndarray  # int64 [N]
    official: np.ndarray  # int32 [A], official index of each flat index
    equivalent: np.ndarray | None  # int64 [N], how many other cells are equivalent; None = not in the table
    pack: Pack | None
    datasets: dict[str, DatasetFacts]
    text: Callable[[int], str]  # official text of a flat index


def fill(space: Space, flat: np.ndarray, pack: Pack | None, measured: dict[str, list[Measured]]) -> Sheet:
    """The facts of architectures with flat indices [N]; `measured` per data set as from `facts.held`.

    Raises NotMeasured if one of them lacks the chosen trial.
    """
    known = {
        name: DatasetFacts(
            *facts.costs(space, flat, name, pack.custom if pack else semantics.NO_CUSTOM),
            facts.latency(pack, accuracies)[flat] if pack else np.full(len(flat), np.nan),
            [(each, each.numbers(flat)) for each in accuracies],
        )
        for name, accuracies in measured.items()
    }
    official = pack.column("official_index") if pack else space.flat_to_official
    return Sheet(space, flat, official, _equivalent(pack, flat), pack, known, _texts(space, len(flat)))


def _texts(space: Space, count: int) -> Callable[[int], str]:
    if count >= MANY and space.size <= MEMO_LIMIT:
        return list(space.texts).__getitem__
    return lambda flat: str(space.at(int(flat)))


def _equivalent(pack: Pack | None, flat: np.ndarray) -> np.ndarray | None:
    if pack is None or not pack.has("unique_class"):
        return None
    classes = pack.column("unique_class")
    return np.bincount(classes)[classes[flat]] - 1
