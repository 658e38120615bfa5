"""Results put together: more replicas of one search, and comparisons of the same settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from nasreplay.errors import BadInput
from nasreplay.files.state import difference
from nasreplay.runs.result import ARRAYS, Comparison, Result
from nasreplay.settings import Json

AFTER_THE_END = {"incumbent_flat": -1, "clock": np.nan, "evaluated_flat": -1, "observed": np.nan, "trial": -1}
"""What stands in a row of an array [R, …] behind the replica's last point."""
GROWS = {"searchers", "datasets", "budgets", "replicas", "own", "oracles"}
"""Settings of a comparison that may differ from those of one that it is added to."""
CIRCUMSTANCES = {"command", "versions", "notes", "caveats", "departures", "interrupted", "score", "printed"}
"""Settings that decide no number."""


def replicas_of(result: Result) -> tuple[int, int]:
    """Numbers of its first replica, and of the one behind its last."""
    first, last = result.settings.get("replicas", (0, len(result.found_flat)))
    return first, last


def more_replicas(first: Result, more: Result) -> Result:
    """One search of the replicas of both, those of `more` follow; equal to the search of all of them at once."""
    arrays = {}
    for name in ARRAYS:
        one, other = getattr(first, name), getattr(more, name)
        if one.ndim == 2:
            width = max(one.shape[1], other.shape[1])
            one, other = (
                _widened(name, array, width, result) for array, result in ((one, first), (other, more))
            )
        arrays[name] = np.concatenate([one, other])
    settings = first.settings | {"replicas": [replicas_of(first)[0], replicas_of(more)[1]]}
    return replace(first, **arrays, wall_s=first.wall_s + more.wall_s, settings=settings)


def _widened(name: str, array: np.ndarray, width: int, result: Result) -> np.ndarray:
    behind = np.zeros((len(array), width - array.shape[1]), dtype=array.dtype)
    if name != "queries":
        behind[:] = AFTER_THE_END[name]
    elif not result.settings.get("epochs") and array.shape[1]:
        behind[:] = array[:, -1:]  # points are questions, and are counted on
    return np.concatenate([array, behind], axis=1)


def agreed(one: Json, other: Json) -> tuple[str, str, str] | None:
    """The first setting (name, value, other value) in which two comparisons differ so that they are not one.

    Searchers and data sets that only one of them has agree.
    """
    names = [name for name in one | other if name not in GROWS | CIRCUMSTANCES]
    shared = {name: (one.get(name), other.get(name)) for name in names}
    for group in ("searchers", "budgets", "own"):
        its, others = one.get(group, {}), other.get(group, {})
        shared |= {f"{group}.{name}": (its[name], others[name]) for name in its if name in others}
    found = (difference(*pair, name) for name, pair in shared.items())
    return next(filter(None, found), None)


def union(one: Json, other: Json) -> Json:
    """Settings of a comparison that has the searchers and data sets of both, those of `one` first."""
    both = {**other, **one}
    for group in ("searchers", "budgets", "own"):
        if group in both:
            both[group] = {**one.get(group, {}), **other.get(group, {})}
    both["datasets"] = [*dict.fromkeys([*one["datasets"], *other["datasets"]])]
    return both


def merged(comparisons: Sequence[Comparison], names: Sequence[object] = ()) -> Comparison:
    """One comparison of the searchers and data sets of all; where two have the same search, it is the same.

    names: what errors call them. Raises BadInput for settings that differ, by name, and for results that disagree.
    """
    names = names or [f"comparison {place}" for place in range(1, len(comparisons) + 1)]
    whole = comparisons[0]
    for one, name in zip(comparisons[1:], names[1:], strict=True):
        settings: tuple[Mapping, Mapping] = (whole.settings, one.settings)
        found = agreed(dict(settings[0]), dict(settings[1])) or difference(
            {"replicas": settings[0].get("replicas")}, {"replicas": settings[1].get("replicas")}
        )
        if found:
            raise BadInput(
                f"{names[0]} and {name} differ in {found[0]}, {found[1]} and {found[2]}: {_way_out(*found)}"
            )
        for result in one.results:
            _check_same(result, whole, f"{names[0]} and {name}")
        known = {(result.dataset, result.searcher) for result in whole.results}
        new = [result for result in one.results if (result.dataset, result.searcher) not in known]
        both = union(dict(settings[0]), dict(settings[1]))
        both["notes"] = [*dict.fromkeys([*whole.notes, *one.notes])]
        whole = replace(
            whole, results=[*whole.results, *new], tables={**whole.tables, **one.tables}, settings=both
        )
    order = {name: place for place, name in enumerate(whole.settings["searchers"])}
    places = {dataset: place for place, dataset in enumerate(whole.tables)}
    results = sorted(whole.results, key=lambda result: (places[result.dataset], order[result.searcher]))
    return replace(whole, results=results)


def _way_out(name: str, one: str, other: str) -> str:
    if name == "replicas":
        return "`nasreplay replay --out DIR --replicas N` adds replicas to the smaller one"
    if name == "seed":
        return "replicas of different seeds are different samples; replay one again with the other's --seed"
    return "they are not one comparison"


def _check_same(result: Result, whole: Comparison, names: str) -> None:
    for other in whole.of(result.dataset):
        if other.searcher == result.searcher:
            for name in ARRAYS:
                if not np.array_equal(
                    one := getattr(result, name), getattr(other, name), equal_nan=one.dtype.kind == "f"
                ):
                    raise BadInput(
                        f"{names}: {result.searcher} on {result.dataset} has different numbers ({name})"
                    )
