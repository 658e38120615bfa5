"""The layout of a pack: which columns and curves there may be, their types and their axes.

Shapes: A = architectures of the space in flat order, T = trials of a recipe, E = its epochs. A column is named by
its path: `<stored data set>/<recipe>/<evaluation set>/accuracy`. Missing numbers are NaN.

| path                                       | axes    | unit                                                   |
| ------------------------------------------ | ------- | ------------------------------------------------------ |
| `official_index`                           | A       | index in the published order                           |
| `unique_class`                             | A       | first flat index of the class of equivalent cells      |
| `<stored>/latency`                         | A       | seconds per batch                                      |
| `<stored>/<cost>`                          | A       | any other cost, in a unit of its own                   |
| `<stored>/<recipe>/seeds`                  | T       | seed of each trial; -1 = an average made by the source |
| `<stored>/<recipe>/seconds_per_epoch`      | A       | seconds of training                                    |
| `<stored>/<recipe>/params`, `…/flops`      | A, T    | millions, as the source states them for each trial     |
| `<stored>/<recipe>/latency`                | A, T    | seconds per batch, the same                            |
| `<stored>/<recipe>/<set>/accuracy`         | A, T    | percent, at the last epoch                             |
| `<stored>/<recipe>/<set>/loss`             | A, T    | mean cross-entropy, at the last epoch                  |
| `<stored>/<recipe>/train/top5`             | A, T    | percent, at the last epoch                             |
| `<stored>/<recipe>/<set>/eval_seconds`     | A       | seconds of one pass over the set                       |
| `<stored>/<recipe>/<set>/accuracy_curve`   | A, T, E | coded, see `nasreplay.data.pack.curves`                     |
| `…/loss_curve`, `…/top5_curve`             | A, T, E | the same                                               |

The group of a recipe has the attribute `epochs` and may have `sets`, the order of its evaluation sets; that of a
custom data set says what it is (`data.custom_dataset`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from nasreplay.errors import BadPack
from nasreplay.files.hdf5 import Kind

FORMAT = "nasreplay-pack/1"
KIND = Kind(
    "pack",
    BadPack,
    way_out="get it from its source again, or delete it and build it again",
    missing="`nasreplay data list` shows the known tables",
)
MOST_TRIALS, MOST_EPOCHS = 1_000, 100_000  # of a recipe; what claims more is damaged
CURVE = "_curve"

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
_COLUMNS = (
    (re.compile("(official_index|unique_class)"), "<i4", "A"),
    (re.compile(f"({_NAME})/{_NAME}"), "<f8", "A"),
    (re.compile(f"({_NAME}/{_NAME})/seeds"), "<i4", "T"),
    (re.compile(f"({_NAME}/{_NAME})/seconds_per_epoch"), "<f8", "A"),
    (re.compile(f"({_NAME}/{_NAME})/(params|flops|latency)"), "<f8", "AT"),
    (re.compile(f"({_NAME}/{_NAME})/{_NAME}/(accuracy|loss)"), "<f8", "AT"),
    (re.compile(f"({_NAME}/{_NAME})/train/top5"), "<f8", "AT"),
    (re.compile(f"({_NAME}/{_NAME})/{_NAME}/eval_seconds"), "<f8", "A"),
    (re.compile(f"({_NAME}/{_NAME})/{_NAME}/(accuracy|loss|top5){CURVE}"), "<i4 or <i8", "ATE"),
)


def is_name(text: str) -> bool:
    """Whether a stored data set, a recipe or an evaluation set may be called so."""
    return re.fullmatch(_NAME, text) is not None


class Shape(NamedTuple):
    """What a stored array is."""

    sizes: tuple[int, ...]
    """Length of each axis."""
    dtype: str
    """NumPy's text of its type, such as `<f8`."""


def dtype_of(path: str) -> str | None:
    """The numpy type of the column with this path, or None when no column may be called so."""
    return next((dtype for pattern, dtype, axes in _columns(path) if axes != "ATE"), None)


def per_trial(path: str) -> bool:
    """Whether the column with this path has one number per trial."""
    return any(axes == "AT" for *_, axes in _columns(path))


def cost_columns(columns: Iterable[str], stored: str) -> dict[str, str]:
    """Name of a cost → its column, of those that a stored data set has."""
    parts = {path: path.split("/") for path in columns}
    found = {every[1]: path for path, every in parts.items() if every[0] == stored and len(every) == 2}
    of_recipes = sorted(
        path for path, every in parts.items() if every[0] == stored and every[2:] == ["latency"]
    )
    return found if "latency" in found or not of_recipes else {**found, "latency": of_recipes[-1]}


def recipe_of(path: str) -> str | None:
    """`<stored>/<recipe>` of a column that belongs to a recipe, else None."""
    return "/".join(path.split("/")[:2]) if path.count("/") >= 2 else None


def problems(shapes: Mapping[str, Shape], architectures: int, epochs: Mapping[str, int]) -> list[str]:
    """What is wrong with the columns and curves of a pack, judged by names, types and sizes alone."""
    found = []
    for path, shape in shapes.items():
        found += _column_problems(path, shape, shapes, architectures, epochs)
        recipe = recipe_of(path)
        if recipe and not 1 <= epochs.get(recipe, 0) <= MOST_EPOCHS:
            found.append(f"the recipe {recipe} has no number of epochs from 1 to {MOST_EPOCHS:,}")
    if "official_index" not in shapes:
        found.append("the column official_index is missing")
    return list(dict.fromkeys(found))


def _columns(path: str) -> list[tuple[re.Pattern[str], str, str]]:
    return [column for column in _COLUMNS if column[0].fullmatch(path)]


def _column_problems(
    path: str, shape: Shape, shapes: Mapping[str, Shape], architectures: int, epochs: Mapping[str, int]
) -> list[str]:
    for pattern, dtype, axes in _columns(path):
        if shape.dtype not in dtype.split(" or "):
            return [f"column {path} has type {shape.dtype}, must be {dtype}"]
        recipe = pattern.sub(r"\1", path)
        trials = shapes.get(f"{recipe}/seeds", Shape((0,), "<i4")).sizes
        wanted = {
            "A": (architectures,),
            "AT": (architectures, *trials),
            "ATE": (architectures, *trials, epochs.get(recipe, 0)),
            "T": shape.sizes[:1],
        }[axes]
        if shape.sizes != wanted or 0 in wanted or (axes == "T" and wanted[0] > MOST_TRIALS):
            return [f"column {path} has shape {list(shape.sizes)}, must be {list(wanted)}"]
        return []
    return [f"unknown column {path!r}"]
