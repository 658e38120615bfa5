"""A CSV file as columns of texts and numbers, with errors that name the row and the column."""

from __future__ import annotations

import csv
import gzip
import zlib
from pathlib import Path

import numpy as np

from nasreplay.errors import BadInput, UnknownName

MISSING = ("", "nan")


class CsvTable:
    """The columns of a CSV file. Row 0 of an array is row 2 of the file, below the header."""

    def __init__(self, file: Path, columns: dict[str, tuple[str, ...]]):
        self.file, self.columns = file, columns

    def texts(self, column: str) -> tuple[str, ...]:
        """The cells of a column; raises UnknownName, which lists the columns."""
        if column not in self.columns:
            raise UnknownName(f"{self.file}: no column {column!r}; it has {', '.join(self.columns)}")
        return self.columns[column]

    def numbers(self, column: str) -> np.ndarray:
        """The cells as float64 [rows], empty ones as NaN; raises BadInput for any other text."""
        values = np.empty(len(self.texts(column)))
        for row, text in enumerate(self.texts(column)):
            try:
                values[row] = float("nan" if text.strip().lower() in MISSING else text)
            except ValueError:
                raise BadInput(f"{self.place(row, column)}: {text!r} is not a number") from None
        return values

    def place(self, row: int, column: str) -> str:
        """How errors call a cell; `row` counts from 0."""
        return f"{self.file}, row {row + 2}, column {column!r}"


def read_csv(file: Path) -> CsvTable:
    """The table of a .csv or .csv.gz file with a header line; raises BadInput."""
    opened = gzip.open if file.suffix == ".gz" else open
    try:
        with opened(file, "rt", encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.reader(stream))
    except (gzip.BadGzipFile, EOFError, zlib.error) as problem:
        raise BadInput(f"{file}: not a whole gzip file ({problem}); get it again") from problem
    except OSError as problem:
        raise BadInput(f"{file}: cannot be read: {problem.strerror or problem}") from problem
    except UnicodeDecodeError as problem:
        raise BadInput(f"{file}: not UTF-8 text (byte {problem.start}); save it as UTF-8") from problem
    except csv.Error as problem:
        raise BadInput(f"{file}: not a CSV file: {problem}") from problem
    while rows and not rows[-1]:
        rows.pop()
    if len(rows) < 2:
        raise BadInput(f"{file}: needs a header and at least one row, has {len(rows)} lines")
    header = [name.strip() for name in rows[0]]
    repeated = [name for name in header if header.count(name) > 1]
    if repeated:
        raise BadInput(f"{file}: the column {repeated[0]!r} stands twice in the header; rename one")
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            raise BadInput(f"{file}, row {number}: {len(row)} cells, the header has {len(header)}")
    return CsvTable(file, dict(zip(header, zip(*rows[1:], strict=True), strict=True)))
