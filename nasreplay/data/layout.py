"""The layout of a pack: which columns there may be, their types and their axes.

Shapes: A = architectures of the space in flat order, T = trials of a recipe. A column is named by its path:
`<stored data set>/<recipe>/<evaluation set>/accuracy`. Missing numbers are NaN.

| path                                  | axes | unit                                                   |
| ------------------------------------- | ---- | ------------------------------------------------------ |
| `official_index`                      | A    | index in the published order                           |
| `unique_class`                        | A    | first flat index of the class of equivalent cells      |
| `<stored>/latency`                    | A    | seconds per batch                                      |
| `<stored>/<recipe>/seeds`             | T    | seed of each trial; -1 = an average made by the source |
| `<stored>/<recipe>/seconds_per_epoch` | A    | seconds of training                                    |
| `<stored>/<recipe>/<set>/accuracy`    | A, T | percent, at the last epoch                             |
| `<stored>/<recipe>/<set>/loss`        | A, T | mean cross-entropy, at the last epoch                  |
| `<stored>/<recipe>/<set>/eval_seconds`| A    | seconds of one pass over the set                       |

The group of a recipe has the attribute `epochs`; that of a user's own data set says what it is (`data.own`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

FORMAT = "nasreplay-pack/1"
AVERAGED = -1  # the "seed" of a column that its source had already averaged over unknown trials

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_COLUMNS = (
    (re.compile("(official_index|unique_class)"), "<i4", "A"),
    (re.compile(f"({_NAME})/latency"), "<f8", "A"),
    (re.compile(f"({_NAME}/{_NAME})/seeds"), "<i4", "T"),
    (re.compile(f"({_NAME}/{_NAME})/seconds_per_epoch"), "<f8", "A"),
    (re.compile(f"({_NAME}/{_NAME})/{_NAME}/(accuracy|loss)"), "<f8", "AT"),
    (re.compile(f"({_NAME}/{_NAME})/{_NAME}/eval_seconds"), "<f8", "A"),
)


def is_name(text: str) -> bool:
    """Whether a stored data set, a recipe or an evaluation set may be called so."""
    return re.fullmatch(_NAME, text) is not None


class Shape(NamedTuple):
    """Size and numpy type text (`<f8`) of a stored array."""

    sizes: tuple[int, ...]
    dtype: str


def dtype_of(path: str) -> str | None:
    """The numpy type of the column with this path, or None when no column may be called so."""
    return next((dtype for pattern, dtype, _ in _COLUMNS if pattern.fullmatch(path)), None)


def recipe_of(path: str) -> str | None:
    """`<stored>/<recipe>` of a column that belongs to a recipe, else None."""
    return "/".join(path.split("/")[:2]) if path.count("/") >= 2 else None


def problems(shapes: Mapping[str, Shape], architectures: int, epochs: Mapping[str, int]) -> list[str]:
    """What is wrong with the columns of a pack, judged by names, types and sizes alone."""
    found = []
    for path, shape in shapes.items():
        found += _column_problems(path, shape, shapes, architectures)
        recipe = recipe_of(path)
        if recipe and not epochs.get(recipe, 0) >= 1:
            found.append(f"the recipe {recipe} has no number of epochs")
    if "official_index" not in shapes:
        found.append("the column official_index is missing")
    return list(dict.fromkeys(found))


def _column_problems(path: str, shape: Shape, shapes: Mapping[str, Shape], architectures: int) -> list[str]:
    for pattern, dtype, axes in _COLUMNS:
        match = pattern.fullmatch(path)
        if not match:
            continue
        if shape.dtype != dtype:
            return [f"column {path} has type {shape.dtype}, must be {dtype}"]
        trials = shapes.get(f"{match[1]}/seeds", Shape((0,), "<i4")).sizes
        wanted = {"A": (architectures,), "AT": (architectures, *trials), "T": shape.sizes[:1]}[axes]
        if shape.sizes != wanted or 0 in wanted:
            return [f"column {path} has shape {list(shape.sizes)}, must be {list(wanted)}"]
        return []
    return [f"unknown column {path!r}"]
