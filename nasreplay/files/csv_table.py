"""A CSV file as columns of texts and numbers, with errors that name the line and the column."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nasreplay.errors import BadInput, UnknownName, listed, shortened
from nasreplay.files.text import harmless, place, read_text

MISSING = ("", "nan")
MOST_CELLS = 3_000_000
MOST_COLUMNS = 2_000
LONGEST_NUMBER = 100  # characters


class CsvTable(NamedTuple):
    """The columns of a CSV file."""

    file: Path
    columns: dict[str, tuple[str, ...]]
    """Cells [rows] of each column."""
    lines: list[int]
    """The line of the file at which each row ends, counted from 1."""

    def texts(self, column: str) -> tuple[str, ...]:
        """The cells of a column; raises UnknownName, which lists the columns."""
        if column not in self.columns:
            raise UnknownName(
                f"{self.file}: no column {shortened(column)}; it has {listed(map(harmless, self.columns))}"
            )
        return self.columns[column]

    def numbers(self, column: str) -> np.ndarray:
        """The cells as float64 [rows], empty ones as NaN; raises BadInput for any other text."""
        values = np.empty(len(self.lines))
        for row, text in enumerate(self.texts(column)):
            try:
                if not text.isascii() or "_" in text or len(text) > LONGEST_NUMBER:
                    raise ValueError
                values[row] = float("nan" if text.strip().lower() in MISSING else text)
            except ValueError:
                raise BadInput(f"{self.place(row, column)}: {text[:60]!r} is not a number") from None
        return values

    def place(self, row: int, column: str) -> str:
        """How errors call a cell; `row` counts from 0."""
        return f"{self.file}, line {self.lines[row]:,}, column {shortened(column)}"


def read_csv(file: Path, most: int) -> CsvTable:
    """The table of a .csv or .csv.gz file with a header line and at most so many rows; raises BadInput.

    Cells are separated by commas, or by the semicolons or tabs that the header has more of. Empty lines don't matter.
    """
    text = read_text(file)
    header = text.lstrip("\r\n").partition("\n")[0]
    reader = csv.reader(text.splitlines(keepends=True), delimiter=max(",;\t", key=header.count))
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for row in reader:
            if not row:
                continue
            if rows and len(row) != len(rows[0]):
                raise BadInput(
                    f"{place(file)}, line {reader.line_num:,}: {len(row)} cells, the header has {len(rows[0])}"
                )
            if len(row) > MOST_COLUMNS or len(rows) * len(row) > MOST_CELLS:
                raise BadInput(
                    f"{place(file)}: more than {MOST_CELLS:,} cells or {MOST_COLUMNS:,} columns; keep those that "
                    "are mapped"
                )
            if len(rows) > most:
                raise BadInput(
                    f"{place(file)}: more than {most:,} rows, one for each architecture of the space"
                )
            rows.append(row)
            lines.append(reader.line_num)
    except csv.Error as problem:
        raise BadInput(f"{place(file)}, line {reader.line_num:,}: not a CSV file: {problem}") from problem
    if len(rows) < 2:
        raise BadInput(f"{place(file)}: needs a header and at least one row, has {len(rows)} lines")
    names = [name.strip() for name in rows[0]]
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise BadInput(
            f"{place(file)}: the column {shortened(repeated[0])} stands twice in the header; rename one"
        )
    return CsvTable(file, dict(zip(names, zip(*rows[1:], strict=True), strict=True)), lines[1:])
