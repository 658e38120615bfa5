"""Searches, one searcher and one replica with its full event log: on a table or live, by the evaluator's kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nasreplay import own
from nasreplay.errors import BadSetting
from nasreplay.jobs import rank_zero, silent
from nasreplay.jobs.evaluator_kinds import BUILT_IN, TableSettings, kind_of
from nasreplay.jobs.searches.task import SearchSettings, Show, Task, Tell
from nasreplay.live.evaluator_settings import LiveSettings
from nasreplay.runs.earlier import KEPT
from nasreplay.search import Searcher
from nasreplay.search.named import searcher_of
from nasreplay.seeds import root_seed
from nasreplay.settings import by_field, check_kind, chosen, list_settings

if TYPE_CHECKING:
    from nasreplay.evaluate.kinds import EvaluatorSettings
    from nasreplay.evaluate.protocol import Evaluator
    from nasreplay.jobs.searches.live_search import LiveFound
    from nasreplay.jobs.searches.own_search import OwnFound
    from nasreplay.jobs.searches.table_search import TableFound


def search(
    searcher: str | Searcher,
    evaluator: str | Evaluator = "table",
    *,
    tell: Tell = silent,
    show: Show | None = None,
    command: str = "",
    **values: Any,
) -> TableFound | LiveFound | OwnFound:
    """Run a searcher until its budget or its epochs end, and record everything that it did.

    searcher: a name, or an object with its settings; evaluator: a kind, "table", "supernet" or "scratch", or one of
    your own, `my.py:score` or an object; values: fields of `SearchSettings` and of the kind's settings
    (`TableSettings`, `SupernetSettings` and its networks, `ScratchSettings`, `FunctionSettings`). Returns a
    `TableFound`, a `LiveFound` or an `OwnFound`. Raises UnknownName or BadSetting for what cannot be, Interrupted
    after Ctrl-C.
    """
    check_kind("tell", tell, Callable)  # pyright: ignore[reportArgumentType]  # a class at run time
    asker, kind = searcher_of(searcher), kind_of(evaluator)
    if rank_zero.several() and not kind.processes:
        raise BadSetting(
            f"--evaluator {evaluator} works in one process; several train a supernet: --evaluator supernet"
        )
    values = by_field(values, f"a search with evaluator {evaluator!r}", SearchSettings, *kind.owners())
    settings = chosen(SearchSettings, values)
    seed = rank_zero.broadcast(lambda: _seed(settings))
    recorded = settings.recorded("options") or {}
    values |= {name: recorded[name] for name in recorded.keys() & set(KEPT) if values.get(name) is None}
    named = asker.name if isinstance(searcher, str) else asker
    task = Task(named, kind.of(values, asker), settings, seed, command)
    with own.blamed(type(asker)):
        return _searched(task, kind, tell, show)


list_settings(search, search, SearchSettings, *BUILT_IN)


def _searched(
    task: Task, kind: type[EvaluatorSettings], tell: Tell, show: Show | None
) -> TableFound | LiveFound | OwnFound:
    if not issubclass(kind, TableSettings | LiveSettings):
        from nasreplay.jobs.searches.own_search import search_own

        return search_own(task, tell, show)
    if kind.live:
        from nasreplay.jobs.searches.live_search import search_live

        return search_live(task, tell, show)
    from nasreplay.jobs.searches.table_search import search_table

    return search_table(task, tell)


def _seed(settings: SearchSettings) -> int:
    from nasreplay.runs.folder import read_header

    if settings.resume and settings.out and settings.seed == -1:
        return read_header(settings.out)["seed"]
    return root_seed(settings.seed)
