"""Checking a pack number by number: what `nasreplay data verify` does."""

from __future__ import annotations

import numpy as np

from nasreplay.data import semantics
from nasreplay.data.pack import Pack, index_columns
from nasreplay.data.pack.layout import recipe_of
from nasreplay.data.pack.limits import unfounded
from nasreplay.data.trials import AVERAGED
from nasreplay.errors import BadPack


def verify(pack: Pack) -> list[str]:
    """One line per problem of a pack, none for a sound one. Reads every column and curve from the file again."""
    found: list[str] = []
    columns: dict[str, np.ndarray] = {}
    try:
        fresh = Pack.open(pack.path)  # recomputes the fingerprint from the sums of the columns
    except BadPack as problem:
        return [str(problem)]
    if fresh.fingerprint != pack.fingerprint:
        found.append(f"{pack.path}: replaced since it was opened; open it again")
    for path in fresh.columns:
        try:
            columns[path] = fresh.column(
                path
            )  # compares the column with its sum and the limits of its numbers
        except BadPack as problem:
            found.append(str(problem))
    found += [str(problem) for problem in fresh.curve_problems()]
    found += [
        f"column {name} is not that of the {pack.space.name} space"
        for name, expected in index_columns(fresh.space).items()
        if name in columns and not np.array_equal(columns[name], expected)
    ]
    for path in columns:
        if path.endswith("/accuracy"):
            found += _trial_problems(path, columns)
    for stored in fresh.datasets:  # accuracies of which nobody can say what they are
        known = semantics.sets_of(stored, fresh.custom)
        places = [(recipe, name) for recipe in fresh.recipes(stored) for name in fresh.sets(stored, recipe)]
        found += [
            f"{stored}/{recipe}/{name} has no meaning; known: {', '.join(known)}"
            for recipe, name in places
            if name not in known
        ]
    return found


def _trial_problems(path: str, columns: dict[str, np.ndarray]) -> list[str]:
    """A loss has its accuracy, and an average stands alone."""
    found = []
    measured = ~np.isnan(columns[path])
    loss = columns.get(path.replace("/accuracy", "/loss"))
    if loss is not None and unfounded(columns[path], loss).any():
        found.append(f"column {path}: some trials have a loss but no accuracy")
    seeds = columns.get(f"{recipe_of(path)}/seeds")
    if seeds is not None:
        averaged = measured[:, seeds == AVERAGED].any(axis=1)
        if (averaged & measured[:, seeds != AVERAGED].any(axis=1)).any():
            found.append(f"column {path}: an average stands beside single trials of the same architecture")
    return found
