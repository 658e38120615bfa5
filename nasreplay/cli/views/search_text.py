"""What `nasreplay search` prints for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasreplay.cli.views.gap_text import total_rows
from nasreplay.evaluate.ledger import simulated_time
from nasreplay.files.columns import aligned
from nasreplay.jobs.searches.own_search import OwnFound
from nasreplay.jobs.searches.table_search import TableFound

if TYPE_CHECKING:
    from nasreplay.jobs.searches.live_search import LiveFound


def search_text(found: TableFound | LiveFound | OwnFound) -> str:
    """What was found, and where its record is."""
    if isinstance(found, OwnFound):
        return _own(found)
    return _on_table(found) if isinstance(found, TableFound) else _live(found)


def _on_table(found: TableFound) -> str:
    what = "oracle steps" if found.oracle else "evaluations"
    count = found.points if found.oracle else found.evaluations
    clock = f"{simulated_time(found.simulated_s)}, " if found.simulated_s else ""
    lines = [
        f"{found.searcher} on {found.dataset}, seed {found.seed}: {count:,} {what}, "
        f"{clock}{found.wall_s:.1f} s here",
        f"found    {found.found}  (index {found.official_index})",
        f"valid    {found.validation_accuracy:.2f} %, regret {found.regret:.2f}, "
        f"rank {found.rank:,} of {found.of:,}",
        f"         {found.meaning}",
    ]
    if found.test_accuracy is not None:
        lines += [f"test     {found.test_accuracy:.2f} %", f"         {found.test_meaning}"]
    if found.derived_validation_accuracy is not None:
        lines.append(
            f"derived  {found.derived_validation_accuracy:.2f} %, best of 10 samples of the final policy"
        )
    lines += [f"note     {found.note}"] if found.note else []
    return "\n".join([*lines, f"run      {found.folder}"])


def _own(found: OwnFound) -> str:
    at = "" if found.index is None else f"  (index {found.index})"
    clock = f", {simulated_time(found.simulated_s)}" if found.simulated_s else ""
    return "\n".join(
        [
            f"{found.searcher} on {found.dataset}, seed {found.seed}: {found.evaluations:,} evaluations{clock}, "
            f"{found.wall_s:,.1f} s here",
            f"found    {found.found}{at}",
            f"valid    {found.accuracy:.2f} %",
            f"         {found.meaning}",
            f"run      {found.folder}",
        ]
    )


def _live(found: LiveFound) -> str:
    at = "" if found.official_index is None else f"  (index {found.official_index})"
    rows = [("found", f"{found.found}{at}")]
    rows.append(("accuracy", f"{found.accuracy:.2f} %: {found.accuracy_meaning}"))
    if found.test_accuracy is not None:
        rows.append(("test", f"{found.test_accuracy:.2f} %: {found.test_meaning}"))
    rows += total_rows(found.gap) if found.gap else []
    if found.note:
        rows.append(("note", found.note))
    rows += found.final.rows() if found.final else []
    if found.checkpoint:
        rows.append(("checkpoint", str(found.checkpoint)))
    lines = aligned([*rows, ("run", str(found.folder))])
    spent = f"{found.points:,} steps" if found.evaluations is None else f"{found.evaluations:,} evaluations"
    head = f"{found.searcher} on {found.dataset}, seed {found.seed}: {spent}"
    return "\n".join([f"{head}, {found.wall_s:,.1f} s", *lines])
