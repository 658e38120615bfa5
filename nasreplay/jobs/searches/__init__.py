"""Searches, one searcher and one replica with its full event log: on a table or live, by the evaluator's kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nasreplay.errors import BadSetting
from nasreplay.jobs import rank_zero, silent
from nasreplay.jobs.evaluator_kinds import EVALUATORS, TableSettings
from nasreplay.jobs.searches.task import SearchSettings, Show, Task, Tell
from nasreplay.live.evaluator_settings import LiveSettings
from nasreplay.search import make
from nasreplay.seeds import root_seed
from nasreplay.settings import chosen, refuse_unknown

if TYPE_CHECKING:
    from nasreplay.jobs.searches.live_search import LiveFound
    from nasreplay.jobs.searches.table_search import TableFound


def search(
    searcher: str,
    evaluator: str = "table",
    *,
    tell: Tell = silent,
    show: Show | None = None,
    command: str = "",
    **values: Any,
) -> TableFound | LiveFound:
    """Run a searcher until its budget or its epochs end, and record everything that it did.

    evaluator: a kind, "table", "supernet" or "scratch"; values: fields of `SearchSettings` and of the kind's
    settings (`TableSettings`, `SupernetSettings` and its networks, `ScratchSettings`). Returns a `TableFound` or a
    `LiveFound`. Raises UnknownName or BadSetting for what cannot be, Interrupted after Ctrl-C.
    """
    asker, kind = make(searcher), EVALUATORS.named(evaluator)
    if rank_zero.several() and not kind.processes:
        raise BadSetting(
            f"--evaluator {evaluator} works in one process; several train a supernet: --evaluator supernet"
        )
    if not issubclass(kind, TableSettings | LiveSettings):
        raise BadSetting(
            f"--evaluator {evaluator}: a search takes its table: "
            f"`nasreplay tabulate --evaluator {evaluator} --out PACK`, then --table PACK"
        )
    refuse_unknown(values, f"a search with evaluator {evaluator!r}", SearchSettings, *kind.owners())
    settings = chosen(SearchSettings, values)
    seed = rank_zero.broadcast(lambda: _seed(settings))
    task = Task(asker.name, kind.of(values, asker), settings, seed, command)
    if kind.live:
        from nasreplay.jobs.searches.live_search import search_live

        return search_live(task, tell, show)
    from nasreplay.jobs.searches.table_search import search_table

    return search_table(task)


def _seed(settings: SearchSettings) -> int:
    from nasreplay.runs.folder import read_header

    if settings.resume and settings.out and settings.seed == -1:
        return read_header(settings.out)["seed"]
    return root_seed(settings.seed)
