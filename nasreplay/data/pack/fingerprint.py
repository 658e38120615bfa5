"""The checksums that a pack lists of its columns, and their sum."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

import numpy as np

from nasreplay.data import custom_dataset, semantics
from nasreplay.data.pack import layout
from nasreplay.data.semantics import CustomDataset
from nasreplay.spaces import Space


def custom_names(columns: Iterable[str]) -> list[str]:
    """The stored data sets that no benchmark has."""
    return sorted({path.split("/")[0] for path in columns if "/" in path} - semantics.FACTS.keys())


def digest_of(values: np.ndarray) -> str:
    """The sha256 that a pack lists for a column."""
    return hashlib.sha256(values.data).hexdigest()


def fingerprint_of(
    space: Space,
    listed: str,
    epochs: Mapping[str, int],
    sets: Mapping[str, tuple[str, ...]],
    custom: Mapping[str, CustomDataset],
) -> str:
    """The sha256 of all contents, whatever title, source and license."""
    parts = [layout.FORMAT, space.name, listed]
    parts += [f"{recipe} {epochs[recipe]} epochs" for recipe in sorted(epochs)]
    parts += [f"{recipe} {', '.join(sets[recipe])}" for recipe in sorted(sets)]
    stated = {
        stored: custom_dataset.to_json(about)
        for stored, about in custom.items()
        if about != semantics.UNSTATED
    }
    parts += [json.dumps(stated, sort_keys=True)] if stated else []
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
