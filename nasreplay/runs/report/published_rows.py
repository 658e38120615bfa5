"""Our rows beside the rows that a publication printed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nasreplay.runs.report.rows import Row
from nasreplay.runs.result import Comparison

HEADINGS = ("data set", "searcher", "split", "ours", "published", "diff.", "checked")


class Beside(NamedTuple):
    """One accuracy of ours and of a publication, in the order of HEADINGS."""

    dataset: str
    searcher: str
    split: str
    """Split of the accuracy: valid or test."""
    ours: str
    """Our accuracy, percent, mean ± standard deviation."""
    published: str
    """The number in print, percent."""
    difference: str
    """Ours minus the published mean, percent points."""
    checked: str
    """How the published number was checked."""


def beside(comparison: Comparison, rows: Sequence[Row]) -> list[Beside]:
    """The published accuracies of a comparison beside ours; [] where its protocol has none."""
    ours = {(row.dataset, row.searcher): row for row in rows}
    lines = []
    for published in comparison.published:
        if row := ours.get((published.dataset, published.searcher)):
            valid = (row.validation_accuracy_mean, row.validation_accuracy_std)
            test = (row.test_accuracy_mean, row.test_accuracy_std)
            for split, theirs, (mean, std) in (
                ("valid", published.valid, valid),
                ("test", published.test, test),
            ):
                if theirs and mean is not None:
                    lines.append(
                        Beside(
                            row.dataset,
                            row.searcher,
                            split,
                            f"{mean:.2f} ± {std:.2f}",
                            f"{theirs[0]:.2f} ± {theirs[1]:.2f}",
                            f"{mean - theirs[0]:+.2f}",
                            published.checked,
                        )
                    )
    return lines


def footnotes(comparison: Comparison) -> list[str]:
    """Lines below a table: source of the published rows, rows left out, departures from the publication."""
    known = {(row.dataset, row.searcher) for row in comparison.published}
    lines = [f"Published: {comparison.checks}."]
    if any((one.dataset, one.searcher) not in known for one in comparison.results):
        lines.append("Rows that could not be checked are left out.")
    if departures := comparison.departures:
        lines.append(f"Unlike the publication: {'; '.join(departures)}.")
    return lines
