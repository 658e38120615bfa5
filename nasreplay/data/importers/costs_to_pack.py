"""Costs of architectures, such as latencies on a device, from a CSV file into a copy of a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nasreplay.data.importers.csv_to_pack import (
    Imported,
    check_values,
    fill_column,
    flat_rows,
    left_out,
    parse_mappings,
)
from nasreplay.data.pack import Pack, write_pack
from nasreplay.data.pack.layout import recipe_of
from nasreplay.errors import BadSetting
from nasreplay.files.csv_table import read_csv

COMPUTED = ("official_index", "unique_class")


def add_costs(file: str | Path, onto: Pack, out: str | Path, mappings: Sequence[str]) -> Imported:
    """Write the pack `out`: the numbers of `onto`, and costs of the file as columns STORED/NAME.

    mappings: as for `csv_to_pack.import_csv`. Curves are left out, and told. Raises BadInput and its kinds.
    """
    space, file = onto.space, Path(file)
    table = read_csv(file, most=space.count())
    identity, mapped = parse_mappings(table, mappings, onto.custom)
    flat = flat_rows(table, *identity, space)
    columns: dict[str, Any] = {path: onto.column(path) for path in onto.columns if path not in COMPUTED}
    for entry in mapped:
        if entry.path.count("/") != 1:
            raise BadSetting(f"mapping to {entry.path}: with --onto columns are costs, STORED/NAME")
        values = table.numbers(entry.column) * (1.0 if entry.factor is None else entry.factor)
        check_values(table, entry, values)
        fill_column(columns, entry, flat, values, space.size)
    remarks = [left_out(table, {identity[0], *(entry.column for entry in mapped)})]
    remarks += ["curves are not copied: the new table has last epochs only"] if onto.curves else []
    recipes = dict.fromkeys(filter(None, map(recipe_of, columns)))
    epochs = {recipe: onto.recipes(recipe.split("/")[0])[recipe.split("/")[1]] for recipe in recipes}
    sets = {recipe: onto.sets(*recipe.split("/")) for recipe in recipes}
    pack = write_pack(
        out,
        space,
        columns,
        title=f"{onto.title}, with costs of {file.name}",
        source=onto.source,
        licence=onto.licence,
        epochs=epochs,
        custom_datasets=onto.custom,
        archive=onto.archive,
        sets={recipe: names for recipe, names in sets.items() if names},
    )
    return Imported(pack, len(flat), space.size - len(flat), tuple(filter(None, remarks)))
