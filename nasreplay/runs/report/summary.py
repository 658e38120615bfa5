"""A comparison as Markdown, for a paper trail: every number, every test, every setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nasreplay.files import columns
from nasreplay.files.text import harmless
from nasreplay.files.typed import LONGEST
from nasreplay.runs.report import published_rows
from nasreplay.runs.report.cells import (
    HEADINGS,
    cells,
    footnotes,
    gaps,
    kept_columns,
    meanings,
    of_dataset,
    one_line,
    rank_lines,
    ranked,
    terms,
    title,
    with_unit,
)
from nasreplay.runs.report.conclusion import conclusion
from nasreplay.runs.report.rows import SIGNIFICANT, Row
from nasreplay.runs.result import Comparison

MEANING_OF_SCORE = {
    "last": "Final accuracy of the architecture that each replica ended with.",
    "published": "Final accuracy at the budget, interpolated in time between the two recorded "
    "points nearest to it, as published for NATS-Bench.",
}
TEST = f"p < {SIGNIFICANT} (two-sided Mann–Whitney, Holm-corrected over the pairs)"
SAID = ("notes", "printed", "departures")
"""Settings that a report tells in words; "printed" is of older files."""


def markdown(comparison: Comparison, rows: Sequence[Row], figures: Sequence[str] = ()) -> str:
    """The report as Markdown, with the settings and the meaning of each number.

    figures: paths of pictures relative to where the text will lie; `overview.png` and `regret-<dataset>.png` are
    shown.
    """
    shown = {path.rsplit("/", 1)[-1]: path for path in figures}
    said = conclusion(comparison, rows)
    lines = ["# Comparison of searchers", *(line for sentence in said for line in ("", sentence))]
    lines += _picture("Regrets and ranks on all data sets", shown.get("overview.png"))
    if ranks := rank_lines(rows):
        lines += [
            "",
            "## Mean rank over the data sets",
            "",
            *columns.markdown([("rank", "searcher"), *ranks], "rl"),
        ]
    for dataset in comparison.datasets:
        picture = _picture(f"Mean regret on {dataset}", shown.get(f"regret-{dataset}.png"))
        lines += [*_dataset(comparison, of_dataset(rows, dataset)), *picture]
    if beside := published_rows.beside(comparison, rows):
        lines += ["", "## Beside the published rows (accuracy %)", ""]
        lines += columns.markdown([published_rows.HEADINGS, *beside])
        lines += ["", *published_rows.footnotes(comparison)]
    lines += ["", "## What the numbers mean", "", *(f"- {note}" for note in comparison.notes)]
    lines += [f"- score: {MEANING_OF_SCORE[comparison.score]}"]
    by_dataset = [of_dataset(rows, dataset) for dataset in comparison.datasets]
    meant = {
        one_line(with_unit(one, mine)): HEADINGS[one] for mine in by_dataset for one in kept_columns(mine)
    }
    lines += [f"- {heading}: {text}" for heading, text in meant.items()]
    lines += [f"- {term}: {text}" for term, text in terms(comparison, rows) if term not in HEADINGS]
    values = {name: value for name, value in comparison.settings.items() if name not in SAID}
    table = [(name, text) for name, text in _flat(values)]
    lines += ["", "## Settings", "", *columns.markdown([("setting", "value"), *table])]
    return "\n".join(lines) + "\n"


def _dataset(comparison: Comparison, mine: Sequence[Row]) -> list[str]:
    kept = kept_columns(mine)
    table = [[one_line(with_unit(heading, mine)) for heading in kept]]
    table += [[texts[heading] for heading in kept] for texts in (cells(row, mine) for row in mine)]
    aligned = "".join("l" if heading == "searcher" else "r" for heading in kept)
    lines = [
        "",
        f"## {title(mine)}",
        "",
        *(f"- {line}" for line in (*gaps(mine), *meanings(comparison.tables[mine[0].dataset]))),
    ]
    notes = [f"- {line}" for line in footnotes(mine)]
    lines += ["", *columns.markdown(table, aligned), *([""] if notes else []), *notes]
    if len(own := ranked(mine)) > 1:
        lines += ["", f"Beats at {TEST}:", ""]
        lines += [f"- **{row.searcher}**: {beats_in_words(row, own)}" for row in own]
    return lines


def _picture(what: str, path: str | None) -> list[str]:
    return ["", f"![{what}]({path})"] if path else []


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """A row for each setting; the settings of one searcher, and other innermost ones, share a row."""
    for name, value in values.items():
        if value is False or value in ([], ()):
            continue  # nothing was done or is to be said
        if isinstance(value, Mapping) and any(isinstance(one, Mapping) for one in value.values()):
            yield from _flat(value, f"{above}{name} ")
        else:
            yield harmless(f"{above}{name}"), harmless(_text(value), LONGEST)


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_text(one)}" for name, one in value.items()) or "no settings"
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return "–" if value in (None, "") else "yes" if value is True else f"{value}"


def beats_in_words(row: Row, ranked: Sequence[Row]) -> str:
    """The beaten searchers or, if shorter, the others, with the largest p; then the lower ranked that are not beaten.

    ranked: the rows of a data set that have a rank, best first; `row` is one of them.
    """
    names = [each.searcher for each in ranked]
    others = [name for name in names if name != row.searcher]
    beaten = [name for name in others if name in row.beats]
    spared = [name for name in others if name not in beaten]
    below = names[names.index(row.searcher) + 1 :]
    unclear = [f"{name} p = {_p(row, name)}" for name in below if name in spared]
    text = ", ".join(beaten) if len(beaten) <= len(spared) else f"all but {', '.join(spared)}"
    if not spared:
        text = "all others"
    text = f"{text} (p ≤ {_p(row, *beaten)})" if beaten else "none"
    return "; ".join([text, *unclear])


def _p(row: Row, *names: str) -> str:
    return f"{max(row.p[name] or 0.0 for name in names):.2g}"
