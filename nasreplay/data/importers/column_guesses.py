"""What the columns of a CSV file seem to be: units that are recognizably wrong, and a guess where nothing is said."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from nasreplay.errors import BadInput, BadSetting, shortened
from nasreplay.files.csv_table import CsvTable
from nasreplay.files.text import harmless

_MILLISECONDS = re.compile(r"(^|[_\s(])(ms|millis\w*)($|[_\s)])", re.IGNORECASE)
_TOTAL = re.compile(r"total|train(ing)?_?time|overall|whole", re.IGNORECASE)
_ERROR = re.compile(r"(^|[_\s])err(or)?s?($|[_\s])", re.IGNORECASE)
_ARCHITECTURE = re.compile(r"arch|string|struct|genotype|cell|\bnet|^key$|^index$|^idx$|^id$", re.IGNORECASE)
_ACCURACY = re.compile(r"acc|top.?1", re.IGNORECASE)
LARGEST_MILLIONS = {"params": 1e4, "flops": 1e6}
"""Costs in millions beyond which nobody means millions."""
LONGEST_BATCH = (
    10.0  # seconds of a batch in the middle of all: GPUs take hundredths, and no one waits that long
)
LONGEST_EPOCH = 1_000.0  # seconds of an epoch in the middle of all, above which it may be a whole training


def check_unit(column: str, path: str, values: np.ndarray, epochs: int) -> str:
    """A remark on numbers [rows] of a column that become `path`, or ""; raises BadInput where the unit is wrong."""
    known = values[~np.isnan(values)]
    name = path.rsplit("/", 1)[-1]
    if not known.size:
        return ""
    if name in ("accuracy", "top5"):
        if _ERROR.search(column) and not _ACCURACY.search(column):
            raise _wrong(column, path, "looks like errors, not accuracies in percent", "1")
        if 0 < known.max() <= 1:
            raise _wrong(column, path, "all numbers are at most 1, as fractions are; percent is meant", "100")
    elif known.max() > LARGEST_MILLIONS.get(name, np.inf):
        raise _wrong(column, path, f"{known.max():,.0f}, but the unit is millions", "1e-6")
    elif "latency" in name or "seconds" in name:
        slow = name == "latency" and np.median(known) > LONGEST_BATCH
        if slow or _MILLISECONDS.search(column):
            raise _wrong(column, path, "looks like milliseconds, but the unit is seconds", "0.001")
        if name == "seconds_per_epoch" and (_TOTAL.search(column) or np.median(known) > LONGEST_EPOCH):
            each = f"{column}*{1 / max(epochs, 1):.12g}={path}"
            return (
                f"column {shortened(column)} is taken for seconds of one epoch; if they are of all {epochs}: "
                f"--map {each!r}"
            )
    return ""


def _wrong(column: str, path: str, what: str, factor: str) -> BadInput:
    factors = f"--map '{column}*{factor}={path}'"
    also = "" if factor == "1" else f" (or '{column}*1={path}' if they are right as they are)"
    return BadInput(f"column {shortened(column)}: {what}: write {factors}{also}")


def unmapped(table: CsvTable, homeless: bool) -> BadSetting:
    """The error for a file of which nobody said what its columns are: lists them, with a guess.

    homeless: nobody said either where the table is to be written.
    """
    listed = harmless(", ".join(table.columns), 500)
    found = [f"--map {column}={kind}" for column, kind in _identity(table)]
    own = re.sub(r"[^A-Za-z0-9._-]", "-", Path(table.file.name.partition(".")[0]).name).strip("-._") or "mine"
    for column in table.columns:
        if _ACCURACY.search(column) and not found[1:]:
            part = "x-test" if "test" in column.lower() else "x-valid"
            try:
                fraction = np.nanmax(table.numbers(column)) <= 1
            except (BadInput, ValueError):
                continue
            found.append(f"--map '{column}{'*100' * bool(fraction)}={own}/200/{part}/accuracy' --own {own}")
    found += [f"--out {own}.h5"] if homeless else []
    also = ", and with --out which .h5 file to write" if homeless else ""
    guess = f"; maybe: {' '.join(found)}" if found else ""
    return BadSetting(f"{table.file}: say with --map what its columns are{also}: {listed}{guess}")


def _identity(table: CsvTable) -> list[tuple[str, str]]:
    """The column that seems to name the architectures, and how; none or one."""
    for column, cells in table.columns.items():
        first = cells[0].strip()
        if not _ARCHITECTURE.search(column):
            continue
        if not first.isdecimal():
            return [(column, "arch")]
        return [(column, "key" if all(len(cell.strip()) == 6 for cell in cells) else "index")]
    return []
