"""Lines for a terminal: long ones are folded at sensible places; into a pipe they go whole."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable

import click

WHOLE = 100_000
"""The width of what is no terminal."""

_PLACES = re.compile(
    r"(?<=\S)(?= (?!\d+\)))|(?=\+\|)"
)  # before words and rows of cells, not inside of ('op', 0)


def width(piped: bool = False) -> int:
    """Columns of the terminal; without one WHOLE, or those of $COLUMNS where `piped` asks for them."""
    if sys.stdout.isatty() or (piped and "COLUMNS" in os.environ):
        import shutil  # slow to import

        return shutil.get_terminal_size().columns
    return WHOLE


def show(lines: str | Iterable[str], piped: bool = False) -> None:
    """Print lines on stdout, folded to the terminal."""
    click.echo(folded(lines, width(piped)))


def folded(lines: str | Iterable[str], columns: int) -> str:
    """The lines, each at most as wide as so many columns, below each other."""
    every = lines.splitlines() if isinstance(lines, str) else lines
    return "\n".join(part for line in every for part in fold(line, columns))


def fold(line: str, columns: int) -> list[str]:
    """A line as several ones of at most so many columns, if its words are no longer; they hang under its last column.

    Places to break are spaces, the rows of a cell's text, and the operations of a genotype.
    """
    if len(line) <= columns:
        return [line]
    gaps = [gap.end() for gap in re.finditer(r"^ +|(?<=\S) {2,}", line) if gap.end() <= columns // 2]
    first, *rest = _PLACES.split(line)
    lines, indent = [first], " " * (gaps[-1] if gaps else 2)
    for part in rest:
        too_long = len(indent) + len(part.lstrip()) > columns  # a path, say: the terminal breaks it anywhere
        if len(lines[-1]) + len(part) <= columns or too_long:
            lines[-1] += part
        else:
            lines.append(indent + part.lstrip())
    return lines
