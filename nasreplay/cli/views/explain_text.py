"""What `nasreplay explain` prints: the parts of a regret and what each of them means, at most 80 columns wide."""

from __future__ import annotations

from collections.abc import Iterator

from nasreplay.cli.views.fold import fold
from nasreplay.files.columns import aligned
from nasreplay.jobs.explanation import Explained
from nasreplay.runs.attribution.attribution import Part

WIDE = 80
NAME = 40  # columns of a part's name


def explain_text(found: Explained) -> list[str]:
    """The lines."""
    return [part for line in _lines(found) for part in (fold(line, WIDE))]


def _lines(found: Explained) -> Iterator[str]:
    attribution = found.attribution
    yield f"{found.searcher} on {found.dataset}, seed {found.seed}: {found.found}"
    yield (
        f"regret {attribution.whole:.2f} points: {found.best - attribution.whole:.2f} % against the best of the "
        f"table, {found.best:.2f} %"
    )
    yield f"({found.meaning})"
    yield ""
    rows = [["part", "points", f"{attribution.level:.0%} interval", "regret so far"]]
    so_far = 0.0
    for number, part in enumerate(attribution.parts, 1):
        so_far += part.points
        first, *more = fold(f"{number} {part.name}", NAME)
        rows += [[first, f"{part.points:+.2f}", _interval(part), f"{so_far:.2f}"]]
        rows += [[line, "", "", ""] for line in more]
    rows.append(["sum", f"{so_far:+.2f}", "", ""])
    yield from (line.rstrip() for line in aligned(rows, "lrrr"))
    yield ""
    for number, part in enumerate(attribution.parts, 1):
        yield f"{number}  {'; '.join(part.exchanged)}."
        yield from (f"   joined: {reason}." for reason in part.joined)
        yield from (f"   {remark}." for remark in part.remarks)
    yield ""
    searches = "one search" if found.seeds == 1 else f"{found.seeds} searches"
    yield f"{found.replicas} replicas on tables, {searches} on frozen weights; the run is one."
    yield from (f"note: {note}." for note in found.notes)


def _interval(part: Part) -> str:
    return "–" if part.interval is None else f"{part.interval[0]:+.2f} to {part.interval[1]:+.2f}"
