"""A comparison on the terminal: numbers first, then the words, and three sentences on what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from nasreplay.files import columns
from nasreplay.runs.report import published_rows
from nasreplay.runs.report.cells import (
    CLOCK_COLUMN,
    HEADINGS,
    cells,
    footnotes,
    gaps,
    kept_columns,
    meanings,
    of_dataset,
    rank_lines,
    terms,
    title,
    with_unit,
)
from nasreplay.runs.report.conclusion import conclusion
from nasreplay.runs.report.rows import Row
from nasreplay.runs.result import Comparison

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

FIRST_TO_GO = ("wall s\nper 500", CLOCK_COLUMN, "95 %\ninterval", "evalu-\nations", "beats")
"""Columns that a narrow terminal lacks; summary.md has them all."""


def print_report(
    comparison: Comparison, rows: Sequence[Row], console: Console, folder: Path | None = None
) -> None:
    """A table per data set, mean ranks, the terms, and the conclusion. Numbers are never cut short."""

    def say(text: str, style: str = "") -> None:
        lines = wrap(text, console.width, break_long_words=False, break_on_hyphens=False)
        console.print("\n".join(lines), style=style, markup=False, highlight=False, soft_wrap=True)

    for dataset in comparison.datasets:
        mine = of_dataset(rows, dataset)
        say(title(mine), "bold")
        for line in gaps(mine):
            say(line, "bold")
        _print_table(console, mine)
        for line in footnotes(mine):
            say(line)
        say("")
    if lines := rank_lines(rows):
        say("Mean rank over the data sets", "bold")
        for rank, name in lines:
            say(f"{rank:>6}  {name}")
        say("")
    if beside := published_rows.beside(comparison, rows):
        say("Beside the published rows (accuracy %)", "bold")
        for line in columns.aligned([published_rows.HEADINGS, *beside]):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        for line in published_rows.footnotes(comparison):
            say(line)
        say("")
    for line in columns.hanging(words, console.width) if (words := _words(comparison, rows)) else ():
        console.print(line, style="dim", markup=False, highlight=False, soft_wrap=True)
    say("")
    for sentence in conclusion(comparison, rows, folder):
        say(sentence, "bold" if sentence.startswith(("Winner", "No ")) else "")


def _words(comparison: Comparison, rows: Sequence[Row]) -> list[tuple[str, str]]:
    """What the accuracies of every data set are, and the terms."""
    about = {dataset: meanings(comparison.tables[dataset]) for dataset in comparison.datasets}
    return [(dataset, "; ".join(texts)) for dataset, texts in about.items() if texts] + terms(
        comparison, rows
    )


def _print_table(console: Console, mine: Sequence[Row]) -> None:
    """Print the columns that fit; what stays is printed whole even where the terminal is narrower."""
    kept = kept_columns(mine)
    wide = console.options.update(max_width=1000)
    going = [heading for heading in FIRST_TO_GO if heading in kept]
    table = _table(mine, kept, plain=not console.is_terminal)
    while going and console.measure(table, options=wide).maximum > console.width:
        kept.remove(going.pop(0))
        table = _table(mine, kept, plain=not console.is_terminal)
    natural = console.measure(table, options=wide).maximum
    table.width = natural if natural > console.width else None
    console.print(table, crop=False)


def _table(mine: Sequence[Row], kept: list[str], plain: bool) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    line = "-" if plain else "─"  # plain text where no terminal draws it
    ruled = box.Box(f"    \n    \n {line * 2} \n    \n {line * 2} \n    \n    \n    \n")
    table = Table(box=ruled, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in HEADINGS:
        if heading in kept:
            left = heading == "searcher"
            shown, side = with_unit(heading, mine), "left" if left else "right"
            table.add_column(shown, justify=side, no_wrap=True, vertical="bottom")
    for k, row in enumerate(mine):
        style = "bold" if k == 0 and row.rank is not None else "dim" if row.apart else ""
        texts = cells(row, mine)
        last_ranked = row.rank is not None and k + 1 < len(mine) and mine[k + 1].rank is None
        table.add_row(
            *(Text(texts[heading]) for heading in HEADINGS if heading in kept),
            style=style,
            end_section=last_ranked,
        )
    return table
