"""Our rows beside the rows that a publication printed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nasreplay.runs.store import Comparison

SUPPORT = {
    "M": "M remembered from the publication",
    "M?": "M? remembered with little confidence: for orientation only",
    "R": "R found reprinted elsewhere",
    "S": "S agrees with a re-simulation on the real tables",
}
HEADINGS = ("data set", "searcher", "split", "ours", "published", "diff.", "support")


def beside(comparison: Comparison, rows: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """The cells of HEADINGS, in percent (mean ± std) and points; empty where the protocol has no published rows.

    rows: those of `report.rows`.
    """
    ours = {(row["dataset"], row["searcher"]): row for row in rows}
    lines = []
    for printed in comparison.settings.get("printed", ()):
        row = ours.get((printed["dataset"], printed["searcher"]))
        if row is None:
            continue
        for name, split in (("valid", "validation"), ("test", "test")):
            mean, std = row[f"{split}_accuracy_mean"], row[f"{split}_accuracy_std"]
            if mean is None:
                continue
            lines.append(
                (
                    printed["dataset"],
                    printed["searcher"],
                    name,
                    f"{mean:.2f} ± {std:.2f}",
                    f"{printed[name]:.2f} ± {printed[f'{name}_std']:.2f}",
                    f"{mean - printed[name]:+.2f}",
                    printed["support"],
                )
            )
    return lines


def footnotes(comparison: Comparison) -> list[str]:
    """What the support codes mean, which rows are not known, and where this run departs from the publication."""
    rows, settings = comparison.settings.get("printed", ()), comparison.settings
    codes = {code for row in rows for code in row["support"].split(" ")[0].split("+")}
    known = ", ".join(text for code, text in SUPPORT.items() if code in codes)
    missing = [name for name in comparison.datasets if name not in {row["dataset"] for row in rows}]
    lines = [f"Support of a published row: {known}."]
    lines += [f"No published row is known of {', '.join(missing)}."] if missing else []
    if departures := settings.get("departures", ()):
        lines.append(f"Unlike the publication: {'; '.join(departures)}.")
    return lines
