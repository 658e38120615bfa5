"""What a pack holds, with the exact meaning of every accuracy, as values for JSON."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from nasreplay.data import semantics
from nasreplay.data.pack import Pack
from nasreplay.data.trials import AVERAGED


class TableSummary(NamedTuple):
    """One line of `nasreplay data list`."""

    name: str
    """Name of the table on the command line."""
    space: str
    """Name of its space."""
    datasets: list[str]
    """Stored data sets."""
    recipes: list[str]
    """Training recipes."""
    bytes: int
    """Size of the file."""
    title: str
    """Title that the table gives itself."""
    path: str
    """The file."""


def summary(pack: Pack, name: str) -> TableSummary:
    """What a list says of a table; reads no column."""
    recipes = dict.fromkeys(recipe for stored in pack.datasets for recipe in pack.recipes(stored))
    size = pack.path.stat().st_size
    return TableSummary(
        name, pack.space.name, list(pack.datasets), list(recipes), size, pack.title, str(pack.path)
    )


def description(pack: Pack) -> dict[str, Any]:
    """Everything that `nasreplay data info` says."""
    return {
        "title": pack.title,
        "path": str(pack.path),
        "space": pack.space.name,
        "architectures": pack.space.size,
        "source": pack.source,
        "licence": pack.licence,
        "fingerprint": pack.fingerprint,
        "datasets": {stored: _stored(pack, stored) for stored in pack.datasets},
    }


def _stored(pack: Pack, stored: str) -> dict[str, Any]:
    facts = semantics.FACTS[stored] if stored in semantics.FACTS else pack.custom[stored].facts
    return {
        "facts": facts._asdict() if facts else None,
        "latency": pack.has(f"{stored}/latency"),
        "recipes": {
            recipe: {
                "epochs": epochs,
                "seconds_per_epoch": pack.has(f"{stored}/{recipe}/seconds_per_epoch"),
                "sets": {name: _set(pack, stored, recipe, name) for name in pack.sets(stored, recipe)},
            }
            for recipe, epochs in pack.recipes(stored).items()
        },
    }


def _set(pack: Pack, stored: str, recipe: str, name: str) -> dict[str, Any]:
    base = f"{stored}/{recipe}/{name}"
    measured = ~np.isnan(pack.column(f"{base}/accuracy"))
    trials, architectures = np.unique(measured.sum(axis=1), return_counts=True)
    seeds = pack.seeds(stored, recipe)[measured.any(axis=0)]
    return {
        "meaning": pack.meaning(stored, name).sentence,
        "seeds": seeds[seeds != AVERAGED].tolist(),
        "averaged_by_source": AVERAGED in seeds,
        "architectures_by_trials": dict(zip(trials.tolist(), architectures.tolist(), strict=True)),
        "loss": pack.has(f"{base}/loss"),
        "eval_seconds": pack.has(f"{base}/eval_seconds"),
        "every_epoch": f"{base}/accuracy" in pack.curves,
    }
