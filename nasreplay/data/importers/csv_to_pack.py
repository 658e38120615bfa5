"""A benchmark of your own, or any published one, from a CSV file to a pack.

Each mapping `COLUMN=TARGET` says what a column holds. Exactly one column names the architecture: TARGET is
`arch` (official text), `key` (six digits) or `index` (official index). Any other TARGET is a path of the
pack's layout, `cifar10-valid/12/x-valid/accuracy`, optionally with the seed of a trial behind it
(`…/accuracy/777`); without one the column is an average. `COLUMN*2=TARGET` multiplies. A column may be
mapped several times. Rows may be any part of the space in any order; what is not there stays NaN.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from shlex import quote
from typing import Any, NamedTuple

import h5py
import numpy as np

from nasreplay.data import semantics
from nasreplay.data.importers.column_guesses import check_unit, unmapped
from nasreplay.data.pack import Pack, layout, write_pack
from nasreplay.data.pack.limits import limits_of
from nasreplay.data.semantics import CustomDataset
from nasreplay.data.trials import AVERAGED
from nasreplay.errors import BadArchitecture, BadInput, BadSetting, UnknownName, choices, listed, shortened
from nasreplay.files.csv_table import CsvTable, read_csv
from nasreplay.files.text import harmless
from nasreplay.files.typed import read_json
from nasreplay.numerals import counted, real
from nasreplay.spaces import Space

FORMS = {"arch": "official text", "key": "six-digit key", "index": "official index"}
IDENTITIES = tuple(FORMS)
_SEEDED = re.compile(r"(.+)/(\d+)")


class Mapped(NamedTuple):
    """One mapping of numbers."""

    column: str
    """Column of the CSV file."""
    factor: float | None
    """Factor by which its numbers are multiplied; None where none is given."""
    path: str
    """Path of the pack column that they become."""
    seed: int
    """The trial, AVERAGED for an average made by the source."""


class Imported(NamedTuple):
    """What an import has done."""

    pack: Pack
    """The pack that was written."""
    rows: int
    """The rows that it was made from."""
    missing: int
    """Number of architectures without a value."""
    remarks: tuple[str, ...]
    """What may be wrong with units, and what was left out, a line each."""


def import_csv(
    file: str | Path,
    out: str | Path | None,
    mappings: Sequence[str],
    *,
    space: Space,
    title: str | None = None,
    source: str | None = None,
    licence: str = "not stated",
    epochs: Mapping[str, int] | None = None,
    custom: Mapping[str, CustomDataset] = semantics.NO_CUSTOM,
) -> Imported:
    """Write the pack `out` from a .csv or .csv.gz file; see the module for the form of `mappings`.

    `epochs` gives the number of epochs of recipes whose name is not a number, `custom` the data sets that no
    benchmark has (`nasreplay.data.custom_dataset`). A missing `out` is an error as missing mappings are, so that both
    are told at once. Raises BadInput and its kinds with the row and column at fault;
    nothing is written then.
    """
    file = Path(file)
    if not mappings:
        raise unmapped(read_csv(file, most=space.count()), out is None)
    if out is None:
        raise BadSetting("say with --out PACK which .h5 file to write")
    out = Path(out)
    if out.exists() and not (out.is_file() and h5py.is_hdf5(out)):
        raise BadInput(f"{out} exists and is no table: it would be overwritten; choose another --out")
    table = read_csv(file, most=space.count())  # refuses spaces that no table can hold
    identity, mapped = parse_mappings(table, mappings, custom)
    flat = flat_rows(table, *identity, space)
    columns = _seed_columns(mapped)
    found = _epochs([entry.path for entry in mapped], epochs or {})
    remarks = []
    for entry in mapped:
        values = table.numbers(entry.column) * (1.0 if entry.factor is None else entry.factor)
        if entry.factor is None:  # who gives a factor has thought of units
            count = found.get(str(layout.recipe_of(entry.path)), 1)
            remarks.append(check_unit(entry.column, entry.path, values, count))
        check_values(table, entry, values)
        fill_column(columns, entry, flat, values, space.size)
    remarks.append(left_out(table, {identity[0], *(entry.column for entry in mapped)}))
    pack = write_pack(
        out,
        space,
        columns,
        title=title or file.name,
        source=source or file.name,
        licence=licence,
        epochs=found,
        custom_datasets=custom,
    )
    return Imported(pack, len(flat), space.size - len(flat), tuple(filter(None, remarks)))


def read_map_file(file: str | Path) -> list[str]:
    """The mappings of a JSON file `{"COLUMN": "TARGET", "COLUMN*2": ["TARGET", "TARGET"], …}`."""
    content = read_json(file, dict[str, str | list[str]])
    targets = {name: [each] if isinstance(each, str) else each for name, each in content.items()}
    return [f"{column}={target}" for column, every in targets.items() for target in every]


# --- mappings --------------------------------------------------------------------------------------


def parse_mappings(
    table: CsvTable, mappings: Sequence[str], custom: Mapping[str, CustomDataset]
) -> tuple[tuple[str, str], list[Mapped]]:
    """(identity column, its kind) and the mappings of numbers."""
    identities, mapped = [], []
    for text in mappings:
        left, equals, target = text.rpartition("=")
        if not equals:
            raise BadSetting(f"mapping {shortened(text)}: must be COLUMN=TARGET or COLUMN*FACTOR=TARGET")
        if target in IDENTITIES:
            table.texts(left)
            identities.append((left, target))
        else:
            mapped.append(Mapped(*_factor(table, left, text), *_target(target, text, custom)))
    if len(identities) != 1:
        raise BadSetting(
            f"{len(identities)} columns name the architecture; map exactly one to {', '.join(IDENTITIES)}; "
            f"the file has {harmless(', '.join(table.columns), 500)}"
        )
    if not mapped:
        raise BadSetting("no column is mapped to a number such as cifar10-valid/12/x-valid/accuracy")
    _check_once(mapped)
    return identities[0], mapped


def _factor(table: CsvTable, left: str, text: str) -> tuple[str, float | None]:
    column, star, factor = left.rpartition("*")
    if left in table.columns or not star:
        table.texts(left)
        return left, None
    table.texts(column)
    try:
        number = real(factor)
    except ValueError as problem:
        raise BadSetting(f"mapping {shortened(text)}: the factor {shortened(factor)} {problem}") from None
    return column, number


def _target(target: str, text: str, custom: Mapping[str, CustomDataset]) -> tuple[str, int]:
    seeded = _SEEDED.fullmatch(target)
    if seeded and layout.per_trial(seeded[1]):
        path, seed = seeded[1], counted(seeded[2])
    else:
        path, seed = target, AVERAGED
    name = path.rsplit("/", 1)[-1]
    if "/" not in path or name == "seeds" or layout.dtype_of(path) is None or seed is None or seed >= 2**31:
        raise UnknownName(
            f"mapping {shortened(text)}: unknown target {shortened(target)}; known: {', '.join(IDENTITIES)}, "
            "STORED/latency or another cost, STORED/RECIPE/seconds_per_epoch, STORED/RECIPE/SET/accuracy, "
            "…/accuracy/SEED, …/loss, …/loss/SEED, …/eval_seconds, and STORED/RECIPE/ params, flops, latency"
        )
    parts = path.split("/")
    known = (*custom, *semantics.FACTS)
    if parts[0] not in known:
        raise UnknownName(
            f"mapping {shortened(text)}: unknown stored data set {shortened(parts[0])}{choices(parts[0], known)}; "
            f"for one of your own add --own {parts[0]}"
        )
    if len(parts) == 4:
        semantics.stored_meaning(parts[0], parts[2], custom)
    return path, seed


def _check_once(mapped: Sequence[Mapped]) -> None:
    seeds: dict[str, list[int]] = {}
    for entry in mapped:
        if entry.seed in seeds.setdefault(entry.path, []):
            raise BadSetting(
                f"two columns are mapped to {entry.path}; map one, or give each the seed of its trial"
            )
        seeds[entry.path].append(entry.seed)
    for path, found in seeds.items():
        if AVERAGED in found and len(found) > 1:
            raise BadSetting(f"{path} is mapped both as an average and trial by trial; map one of them")


def _epochs(paths: Sequence[str], given: Mapping[str, int]) -> dict[str, int]:
    found = {}
    for recipe in filter(None, map(layout.recipe_of, paths)):
        name = recipe.split("/")[1]
        count = given.get(name, counted(name) or 0)
        if count < 1:
            raise BadSetting(
                f"recipe {shortened(name)}: its number of epochs is not known; give --epochs {name}=N"
            )
        found[recipe] = count
    return found


# --- rows and numbers ------------------------------------------------------------------------------


def flat_rows(table: CsvTable, column: str, kind: str, space: Space) -> np.ndarray:
    """Flat index int64 of each row; every architecture at most once."""
    texts = table.texts(column)
    first: dict[int, int] = {}
    for row, text in enumerate(texts):
        try:
            flat = _flat(space, kind, text.strip())
        except BadArchitecture as problem:
            raise BadArchitecture(
                f"{table.place(row, column)}: {problem}{_meant(column, kind, text)}"
            ) from None
        if flat in first:
            before = table.lines[first[flat]]
            raise BadInput(f"{table.place(row, column)}: {shortened(text)} stands already in line {before:,}")
        first[flat] = row
    return np.fromiter(first, np.int64, len(first))


def _meant(column: str, kind: str, text: str) -> str:
    """The mapping of an identity column that seems to hold architectures in another form; "" if none does."""
    form = ("key" if len(text.strip()) == 6 else "index") if text.strip().isdecimal() else "arch"
    return (
        "" if form == kind else f"; if the column holds the {FORMS[form]}: --map {quote(f'{column}={form}')}"
    )


def left_out(table: CsvTable, used: set[str]) -> str:
    """A remark on columns of numbers that no mapping names, or ""."""
    found = []
    for column in table.columns:
        with suppress(BadInput):
            found += [column] if column not in used and np.isfinite(table.numbers(column)).any() else []
    return f"no --map names {listed(found)}: numbers that were left out" if found else ""


def _flat(space: Space, kind: str, text: str) -> int:
    if kind == "arch":
        return int(space.flat_of([text])[0])
    if kind == "index":
        official = counted(text)
        if official is None or official >= space.size:
            raise BadArchitecture(f"{shortened(text)} is not an official index from 0 to {space.size - 1}")
        return int(space.official_to_flat[official])
    parse_key = getattr(space, "parse_key", None)
    if parse_key is None:
        raise BadArchitecture(f"the {space.name} space has no keys; map a column to arch or index")
    return int(space.flat(np.array([parse_key(text)]))[0])


def check_values(table: CsvTable, entry: Mapped, values: np.ndarray) -> None:
    """Raise BadInput, with its place, for the first number that its column cannot hold."""
    limits = limits_of(entry.path)
    if limits and (bad := limits.outside(values)).any():
        row = int(bad.argmax())
        raise BadInput(
            f"{table.place(row, entry.column)}: {float(values[row])!r} for {entry.path}: {limits.otherwise}"
        )


def _seed_columns(mapped: Sequence[Mapped]) -> dict[str, Any]:
    """The seeds of every recipe that has numbers of single trials."""
    seeds: dict[str, set[int]] = {}
    for entry in mapped:
        if layout.per_trial(entry.path):
            seeds.setdefault(f"{layout.recipe_of(entry.path)}/seeds", set()).add(entry.seed)
    return {path: sorted(found) for path, found in seeds.items()}


def fill_column(
    columns: dict[str, Any], entry: Mapped, flat: np.ndarray, values: np.ndarray, size: int
) -> None:
    """Fill one of `columns`, by path, with the values of rows whose flat indices are given."""
    if not layout.per_trial(entry.path):
        columns[entry.path] = np.full(size, np.nan)
        columns[entry.path][flat] = values
        return
    seeds = columns[f"{layout.recipe_of(entry.path)}/seeds"]
    column = columns.setdefault(entry.path, np.full((size, len(seeds)), np.nan))
    column[flat, seeds.index(entry.seed)] = values
