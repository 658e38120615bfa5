"""Rows of texts as columns: aligned for a terminal, as a Markdown table, or as CSV.

`align` has one letter per column, `l` (left) or `r` (right); columns beyond its end stand left.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Rows = Sequence[Sequence[str]]  # equally long; the headings, if any, are the first row


def aligned(rows: Rows, align: str = "") -> list[str]:
    """One line per row: columns as wide as their widest cell, two spaces between, none at the end."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    pads = [str.rjust if letter == "r" else str.ljust for letter in align.ljust(len(widths), "l")]
    return [
        "  ".join(pad(cell, width) for pad, cell, width in zip(pads, row, widths, strict=True)).rstrip()
        for row in rows
    ]


def hanging(rows: Rows, width: int) -> list[str]:
    """One paragraph per row of label and text: the texts are wrapped beside the labels, to lines of `width`."""
    from textwrap import wrap

    side = max(len(label) for label, _ in rows) + 2
    room = max(width - side, 20)
    lines = []
    for label, text in rows:
        first, *more = wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]
        lines += [f"{label:<{side}}{first}".rstrip(), *(" " * side + line for line in more)]
    return lines


def markdown(rows: Rows, align: str = "") -> list[str]:
    """The lines of a Markdown table; bars inside of cells are escaped."""
    head, *body = rows
    rule = ["---:" if letter == "r" else "---" for letter in align.ljust(len(head), "l")]
    escaped = ([cell.replace("|", r"\|") for cell in row] for row in (head, rule, *body))
    return [f"| {' | '.join(row)} |" for row in escaped]


def csv_text(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Lines of comma-separated values, headings first; numbers read back exactly, None is an empty cell."""
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()
